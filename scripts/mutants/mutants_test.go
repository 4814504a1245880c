package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const root = "../.."

// Every mutant still applies, is Go, and names tests that are there. make mutants shows the rest.
func TestEveryMutantApplies(t *testing.T) {
	all, err := ReadAll(filepath.Join(root, "testdata", "mutants"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all {
		if names[m.Name] {
			t.Errorf("%s: another mutant has the same name", m.Source)
		}
		names[m.Name] = true
		if !regexp.MustCompile(`^C\d\d( C\d\d)*$`).MatchString(m.Guards) {
			t.Errorf("%s guards %q, which is no number of a check", m.Source, m.Guards)
		}
		text, err := os.ReadFile(filepath.Join(root, m.File))
		if err != nil {
			t.Errorf("%s: %v", m.Source, err)
			continue
		}
		wrong, err := m.Apply(string(text))
		if err != nil {
			t.Errorf("%s: %s: %v", m.Source, m.Name, err)
			continue
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.File, wrong, 0); err != nil {
			t.Errorf("%s: %s: %v", m.Source, m.Name, err)
		}
	}
	for _, tests := range Baselines(all) {
		text := source(t, tests.Package)
		for _, name := range tests.Names {
			if !strings.Contains(text, "\nfunc "+name+"(") {
				t.Errorf("%s has no %s", tests.Package, name)
			}
		}
	}
}

// source is the text of a package's tests.
func source(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestParseRefuses(t *testing.T) {
	for says, text := range map[string]string{
		"no tests":               "mutant: a\nguards: C01\nfile: f\n-x\n",
		"nothing changed":        "mutant: a\nguards: C01\nfile: f\ntests: ./p T\n-x\n+x\n",
		"no old text":            "mutant: a\nguards: C01\nfile: f\ntests: ./p T\n+x\n",
		"no number":              "mutant: a\nfile: f\ntests: ./p T\n-x\n",
		"a line before":          "-x\nmutant: a\n",
		"an unknown key":         "mutant: a\nguard: C01\n",
		"a package without test": "mutant: a\ntests: ./p\n",
	} {
		if _, err := Parse("t", text); err == nil {
			t.Errorf("%s: no error", says)
		}
	}
}

// What comes of a mutant is told apart, in a project of three lines.
func TestVerdicts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module small\n\ngo 1.26\n",
		"p.go":      "package p\n\nfunc double(n int) int {\n\treturn 2 * n\n}\n\nfunc unused() {}\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) {\n\tif double(2) != 4 {\n\t\tt.Fatal()\n\t}\n\tt.Run(\"skips\", func(t *testing.T) { t.Skip() })\n}\n\nfunc TestSkips(t *testing.T) { t.Skip() }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "-C", dir, "init", "-q").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: %v: %s", err, out)
	}
	tree, err := CopyTree(t.Context(), dir, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	before, _ := os.ReadFile(filepath.Join(tree.dir, "p.go"))
	for _, row := range []struct {
		old, after, want string
		caught           bool
	}{
		{"2 * n", "3 * n", "caught by TestDouble", true},
		{"2 * n", "n + n", "SURVIVED", false},
		{"2 * n", "2 * m", "DOES NOT COMPILE", false},
		{"2 * m", "3 * n", "no longer applies", false},
		{"n", "m", "no longer applies", false},
		{"return 2 * n", "for {}", "TestDouble, which hangs", true},
		{"return 2 * n", "panic(n)", "caught by TestDouble", true},
	} {
		v := tree.Try(t.Context(), Mutant{File: "p.go", Old: row.old, New: row.after, Tests: []Tests{{".", []string{"TestDouble"}}}})
		if v.Caught != row.caught || !strings.Contains(v.String(), row.want) {
			t.Errorf("%q to %q: %s, want %s", row.old, row.after, v, row.want)
		}
		if after, _ := os.ReadFile(filepath.Join(tree.dir, "p.go")); !bytes.Equal(before, after) {
			t.Fatalf("%q is left changed", row.old)
		}
	}
	for name, want := range map[string]bool{"TestDouble": true, "TestSkips": false, "TestNowhere": false} {
		if wrong := tree.Baseline(t.Context(), Tests{".", []string{name}}); (wrong == "") != want {
			t.Errorf("baseline of %s: %q", name, wrong)
		}
	}
}
