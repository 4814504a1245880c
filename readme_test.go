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
	if len(blocks) < 3 {
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
	typo := strings.Replace(blocks[0][1], "socket:", "sokcet:", 1)
	dir := folder(t, map[string]string{"config.yaml": typo, "users.htpasswd": "", "users.groups": ""})
	_, doc := load(dir+"/config.yaml", nil)
	told := strings.ReplaceAll(doc.Faults()[0].String(), dir+"/", "")
	if want := regexp.MustCompile(`config.yaml:\d+: server.sokcet: .*`).FindString(string(page)); told != want {
		t.Errorf("told %q, README shows %q", told, want)
	}
}

// Every link in README leads somewhere.
func TestReadmeLinks(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Error(err)
		}
	}
}

// Every test that README names as a proof is there.
func TestReadmeProofs(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
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
	names := regexp.MustCompile("`(Test\\w+)(?:/(\\w+))?`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 8 {
		t.Fatalf("README names only %d tests", len(names))
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "func "+name[1]+"(") {
			t.Errorf("README names %s, which is not there", name[1])
		}
		if name[2] != "" {
			if _, err := os.Stat("testdata/" + name[2] + ".txt"); err != nil {
				t.Error(err)
			}
		}
	}
}
