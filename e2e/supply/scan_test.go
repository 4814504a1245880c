package supply

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tool is the version of a program that the Makefile names.
func tool(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `\s*:=\s*(\S+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("the Makefile has no %s", name)
	}
	return string(m[1])
}

// Nothing that gatehouse calls has a known fault, by the database at hand.
func TestNoKnownVulnerabilityIsCalled(t *testing.T) {
	if _, err := os.Stat(filepath.Join(os.Getenv("GATEHOUSE_CORPORA"), "vulndb.tar.gz")); err != nil {
		t.Skip("SKIPPED: GATEHOUSE_CORPORA has no vulndb.tar.gz: nothing was looked up")
	}
	if out := string(run(t, "scripts/vulncheck", tool(t, "GOVULNCHECK"))); !strings.Contains(out, "affected by 0 vulnerabilities") {
		t.Error(out)
	}
}

// gosec tells what testdata/gosec.txt argues for, and nothing else. It takes a minute, so make check runs it.
func TestGosecFindsNothingNew(t *testing.T) {
	if os.Getenv("GATEHOUSE_GOSEC") == "" {
		t.Skip("SKIPPED: make check runs gosec")
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", tool(t, "GOSEC"), "-quiet", "-fmt", "json",
		"-exclude-dir", "bench", "-exclude-dir", "scripts", "-exclude-dir", "e2e", "-exclude-dir", "examples", "./...")
	cmd.Dir = root
	out, _ := cmd.Output() // 1 where it finds something
	var said struct {
		Issues []struct {
			Rule                string `json:"rule_id"`
			File, Line, Details string
		}
		Stats  struct{ Files, Lines, Nosec int }
		Errors map[string]json.RawMessage `json:"Golang errors"`
	}
	if err := json.Unmarshal(out, &said); err != nil || said.Stats.Files < 50 || len(said.Errors) > 0 {
		t.Fatalf("%v, %d files: %s", err, said.Stats.Files, out)
	}
	left := argued(t)
	for _, i := range said.Issues {
		place, _ := filepath.Abs(root)
		at := i.Rule + " " + strings.TrimPrefix(i.File, place+"/")
		if left[at]--; left[at] < 0 {
			t.Errorf("%s:%s: %s: mend it, or argue in testdata/gosec.txt", at, i.Line, i.Details)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(left)) {
		if left[at] > 0 {
			t.Errorf("gosec has %d fewer of %s than testdata/gosec.txt", left[at], at)
		}
	}
}

// argued is how often each finding of testdata/gosec.txt may be there: RULE FILE COUNT REASON a line.
func argued(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile("testdata/gosec.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var rule, file string
		var n int
		if _, err := fmt.Sscan(line, &rule, &file, &n); err != nil || len(strings.Fields(line)) < 4 {
			t.Fatalf("%q is not RULE FILE COUNT REASON", line)
		}
		list[rule+" "+file] = n
	}
	return list
}
