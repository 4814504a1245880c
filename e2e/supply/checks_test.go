package supply

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every check has one row of docs/security-checks.md, in order, and every test that a row names is in its package.
func TestEveryCheckHasItsTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "security-checks.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (C\d\d) \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != 44 {
		t.Fatalf("%d rows, want 44", len(rows))
	}
	for i, row := range rows {
		if want := fmt.Sprintf("C%02d", i+1); row[1] != want {
			t.Errorf("row %d is %s, want %s", i+1, row[1], want)
		}
		for cell, text := range row[2:] {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: cell %d is empty", row[1], cell+2)
			}
		}
		for _, wrong := range missing(t, row[3]) {
			t.Errorf("%s names %s", row[1], wrong)
		}
	}
}

// missing returns the tests that a cell names and its packages do not have: PACKAGE: `TestA` `TestB`; PACKAGE: ….
func missing(t *testing.T, cell string) (wrong []string) {
	t.Helper()
	for part := range strings.SplitSeq(cell, ";") {
		room, names, _ := strings.Cut(strings.TrimSpace(part), ": ")
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(names, -1) {
			folder := room
			if room == "main" {
				folder = "."
			}
			if !strings.Contains(tests(t, folder), "\nfunc "+name[1]+"(") {
				wrong = append(wrong, room+": "+name[1])
			}
		}
	}
	return wrong
}

func TestAMissingTestIsSeen(t *testing.T) {
	if got := missing(t, "auth: `TestCheckName` `TestNowhere`; gate: `TestCheckName`; e2e/faults"); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// tests is the text of the tests in a folder of the project.
func tests(t *testing.T, folder string) string {
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
