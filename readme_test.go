package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every config.yaml that README shows loads, as it stands or below a version line; the typo it shows reads
// as it says.
func TestReadmeConfigs(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 2 {
		t.Fatalf("only %d configs in README.md", len(blocks))
	}
	for _, block := range blocks {
		text := block[1]
		if !strings.Contains(text, "version:") {
			text = "version: \"3\"\nstate_dir: state\n" + text
		}
		dir := folder(t, map[string]string{"config.yaml": text, "users.htpasswd": "", "users.groups": "operators: alice bob\n"})
		if _, doc := load(dir+"/config.yaml", nil); len(doc.Faults()) != 0 {
			t.Errorf("%v\n%s", doc.Faults(), text)
		}
	}
	keys := regexp.MustCompile("`(jwt: \\{ iss: https.*? \\})`").FindStringSubmatch(string(page))
	if keys == nil {
		t.Fatal("README.md does not say how keys sign")
	}
	text := "version: \"3\"\nstate_dir: state\n" + keys[1] + "\n" + blocks[1][1]
	if _, doc := load(folder(t, map[string]string{"config.yaml": text})+"/config.yaml", nil); len(doc.Faults()) != 0 {
		t.Errorf("%v\n%s", doc.Faults(), text)
	}
	typo := strings.Replace(blocks[0][1], "socket:", "sokcet:", 1)
	dir := folder(t, map[string]string{"config.yaml": typo, "users.htpasswd": "", "users.groups": ""})
	_, doc := load(dir+"/config.yaml", nil)
	told := strings.ReplaceAll(doc.Faults()[0].String(), dir+"/", "")
	if want := regexp.MustCompile(`config.yaml:\d+: server.sokcet: .*`).FindString(string(page)); told != want {
		t.Errorf("told %q, README shows %q", told, want)
	}
}

// pages are those whose links and proofs are held.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	texts := map[string]string{}
	for _, name := range append(names, "README.md", "SECURITY.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// Every link of a page leads somewhere.
func TestLinksOfPages(t *testing.T) {
	for name, text := range pages(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), link[1])); err != nil && !strings.Contains(link[1], "://") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Each promise of README is held by a test that it names.
func TestPromisesOfReadme(t *testing.T) {
	_, rows, _ := strings.Cut(pages(t)["README.md"], "| promise | held by the test |\n|---|---|\n")
	promises := 0
	for row := range strings.Lines(rows) {
		if !strings.HasPrefix(row, "| ") {
			break
		}
		if promises++; !regexp.MustCompile("\\| `Test\\w+(/\\w+)?`(, `Test\\w+(/\\w+)?`)* \\|\n$").MatchString(row) {
			t.Errorf("no test holds %s", row)
		}
	}
	if promises < 10 {
		t.Errorf("%d promises", promises)
	}
}

// Every test that a page names as a proof is there.
func TestProofsOfPages(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{}
	for page, text := range pages(t) {
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)(?:/(\\w+))?`").FindAllStringSubmatch(text, -1) {
			named[page]++
			if !strings.Contains(tests.String(), "func "+name[1]+"(") {
				t.Errorf("%s names %s, which is not there", page, name[1])
			}
			if name[2] != "" {
				if _, err := os.Stat("testdata/" + name[2] + ".txt"); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
	for page, least := range map[string]int{"README.md": 20, "docs/threat-model.md": 20} {
		if named[page] < least {
			t.Errorf("%s names only %d tests", page, named[page])
		}
	}
}
