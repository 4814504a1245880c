package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/role"
)

// Every key of the schema stands in docs/configuration.md.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := conf.Schema(defaults(), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collectKeys(schema, keys)
	if len(keys) < 40 {
		t.Fatalf("only %d keys found in the schema", len(keys))
	}
	for key := range keys {
		if strings.HasSuffix(key, "_file") && key != "group_file" { // every secret has this twin
			continue
		}
		if !strings.Contains(string(page), key) {
			t.Errorf("docs/configuration.md does not tell of %s", key)
		}
	}
}

func collectKeys(node any, keys map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			for key := range properties {
				keys[key] = true
			}
		}
		for _, child := range node {
			collectKeys(child, keys)
		}
	case []any:
		for _, child := range node {
			collectKeys(child, keys)
		}
	}
}

// Every list of providers that the page shows loads without an error or a warning, below a version line, with the secrets that it names.
func TestSamplesOfThePageLoad(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(providers:.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 4 {
		t.Fatalf("only %d samples", len(blocks))
	}
	for _, block := range blocks {
		files := map[string]string{"config.yaml": "version: \"3\"\nstate_dir: state\n" + block[1]}
		for _, named := range regexp.MustCompile(`_file: (\S+)`).FindAllStringSubmatch(block[1], -1) {
			files[named[1]] = "0123456789abcdef0123456789abcdef"
		}
		if _, doc := load(folder(t, files)+"/config.yaml", nil); len(doc.Faults()) != 0 {
			t.Errorf("%v\n%s", doc.Faults(), block[1])
		}
	}
}

// The example of a rewrite does what its comments say.
func TestTheExampleOfARewrite(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- test: rewrite -->\n```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("there is no example")
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	head := "version: \"3\"\njwt: { secret: 0123456789abcdef0123456789abcdef }\n" +
		"providers: [{ name: p, type: plain, realm: portal, users: [{ username: alice, password: one }] }]\n"
	if err := os.WriteFile(path, []byte(head+example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, doc := load(path, nil)
	if faults := doc.Faults(); len(faults) > 0 {
		t.Fatal(faults)
	}
	u := auth.User{Realm: "portal", Name: "alice", Roles: []string{"offline_access", "other", "realm:other"}}
	var want []string
	for _, told := range regexp.MustCompile(`# (\S+) +-> (\S+)`).FindAllStringSubmatch(example, -1) {
		u.Roles, want = append(u.Roles, told[1]), append(want, told[2])
	}
	got, _, err := role.New(c.Augmenters).Apply(t.Context(), u)
	if err != nil || len(want) != 3 || !slices.Equal(got.Roles, want) {
		t.Errorf("%q becomes %q, want %q, %v", u.Roles, got.Roles, want, err)
	}
}
