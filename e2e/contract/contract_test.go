// Package contract_test replays the wire contract of auth-o-tron 0.3.7, as it was read from its source, against the
// real gatehouse: each fact is a row of a table, which says that gatehouse does the same, or by which ID
// docs/migrate-from-auth-o-tron.md tells of the difference.
package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row is one fact of the contract.
type row struct {
	at      string // where the contract has it: a section, and a few characters that one of its sentences alone has; "" nowhere
	says    string // what gatehouse does
	differs string // same, or the ID of the difference
	holds   check
}

// same is in the place of an ID: what auth-o-tron does.
const same = ""

// A check fails t where gatehouse does not do what its row says.
type check func(t *testing.T, s *site)

// tables are all rows, by the test that replays them.
var tables = map[string][]row{
	"nginx": nginxRows, "routes": routeRows, "refusals": refusalRows, "parsing": parsingRows, "asking": askingRows, "tokens": tokenRows,
	"files": fileRows, "keys": keyRows, "sections": sectionRows, "variables": variableRows, "commands": commandRows,
	"remote": remoteRows, "verified": verifiedRows, "traded": tradedRows, "augmenters": augmenterRows, "ldap": directoryRows,
	"metrics": metricRows, "log": logRows,
}

func replay(t *testing.T, rows []row, s *site) {
	t.Helper()
	for _, r := range rows {
		name := r.says
		if r.differs != same {
			name = r.differs + " " + name
		}
		t.Run(name, func(t *testing.T) { r.holds(t, s) })
	}
}

// all is for a row that several checks hold.
func all(checks ...check) check {
	return func(t *testing.T, s *site) {
		for _, holds := range checks {
			holds(t, s)
		}
	}
}

// heldBy is for a row that a test elsewhere holds.
func heldBy(folder, test string) check {
	return func(t *testing.T, _ *site) {
		t.Helper()
		if !hasTest(t, filepath.Join("../..", folder), test) {
			t.Errorf("%s has no test %s that can fail", folder, test)
		}
	}
}

func hasTest(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == test {
				return canFail(f)
			}
		}
	}
	return false
}

// canFail reports whether a test does more than to skip: it fails itself, runs others, or hands its t on.
func canFail(test *ast.FuncDecl) (can bool) {
	called := func(n ast.Node) (name string, args []ast.Expr) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return "", nil
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok {
			name = f.Sel.Name
		}
		return name, call.Args
	}
	for _, s := range test.Body.List {
		if alone, ok := s.(*ast.ExprStmt); ok {
			if name, _ := called(alone.X); strings.HasPrefix(name, "Skip") {
				return false
			}
		}
	}
	ast.Inspect(test.Body, func(n ast.Node) bool {
		name, args := called(n)
		can = can || slices.Contains([]string{"Error", "Errorf", "Fatal", "Fatalf", "Run"}, name) ||
			slices.ContainsFunc(args, func(a ast.Expr) bool { t, ok := a.(*ast.Ident); return ok && t.Name == "t" })
		return true
	})
	return can
}

func TestATestThatCannotFailHoldsNothing(t *testing.T) {
	for body, want := range map[string]bool{
		``: false, `x := 1; _ = x`: false, `t.Log("fine")`: false, `t.Skip("later"); t.Error()`: false, `t.SkipNow(); check(t)`: false,
		`if none { t.Skip("there is none") }; t.Fatal()`: true, `check(t)`: true, `t.Run("a", f)`: true, `for range 2 { if x { t.Errorf("x") } }`: true,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func Test(t *testing.T) { "+body+" }", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := canFail(file.Decls[0].(*ast.FuncDecl)); got != want {
			t.Errorf("%q: got %t", body, got)
		}
	}
}

const migrationPage = "../../docs/migrate-from-auth-o-tron.md"

// An ID of the page stands in a table's first cell.
var pageID = regexp.MustCompile(`(?m)^\| *(M\d+)`)

// Nobody who moves is told less than the truth, or of a difference that is gone.
func TestEveryDifferenceStandsInTheMigrationPage(t *testing.T) {
	page, err := os.ReadFile(migrationPage)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, found := range pageID.FindAllStringSubmatch(string(page), -1) {
		if _, twice := told[found[1]]; twice {
			t.Errorf("%s stands in the page twice", found[1])
		}
		told[found[1]] = false
	}
	for _, rows := range tables {
		for _, r := range rows {
			if r.differs == same {
				continue
			}
			if _, ok := told[r.differs]; !ok {
				t.Errorf("the page does not tell of %s: %s", r.differs, r.says)
			}
			told[r.differs] = true
		}
	}
	for id, held := range told {
		if !held {
			t.Errorf("no row holds %s of the page", id)
		}
	}
}

// A row is found by its place, and read by its sentence.
func TestNoRowStandsTwice(t *testing.T) {
	seen := map[string]bool{}
	for name, rows := range tables {
		for _, r := range rows {
			if seen[r.says] {
				t.Errorf("%s: %q stands twice", name, r.says)
			}
			seen[r.says] = true
		}
	}
}

// The contract is not part of this repository: it is beside GATEHOUSE_CORPORA, where that is set.
func TestNoSentenceOfTheContractIsForgotten(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("GATEHOUSE_CORPORA"), "../research/contract.md"))
	if err != nil {
		t.Skipf("the contract is not here: %v", err)
	}
	sentences := sentencesOf(string(text))
	held := map[string]bool{}
	for _, rows := range tables {
		for _, r := range rows {
			section, words, said := strings.Cut(r.at, " ")
			if !said {
				continue
			}
			var found []string
			for _, s := range sentences[section] {
				if strings.Contains(s, words) {
					found = append(found, s)
					held[s] = true
				}
			}
			if len(found) != 1 {
				t.Errorf("%q is in %d sentences of %s, want 1: %q", words, len(found), section, r.says)
			}
		}
	}
	for section, list := range sentences {
		for _, s := range list {
			if !held[s] {
				t.Errorf("%s: no row holds %q", section, s)
			}
		}
	}
}

// sentencesOf takes the contract apart: rows of tables, and what ends in a period or a semicolon. What nginx decides
// is section 0; headings and heads of tables are left out.
func sentencesOf(text string) map[string][]string {
	heading, ends := regexp.MustCompile(`^### (\d\.\d) `), regexp.MustCompile(`[.;] `)
	sentences, section := map[string][]string{}, ""
	lines := strings.Split(strings.NewReplacer("`", "", "**", "").Replace(text), "\n")
	for i, line := range lines {
		switch found := heading.FindStringSubmatch(line); {
		case found != nil:
			section = found[1]
		case strings.HasPrefix(line, "What only nginx decides"):
			section = "0"
		}
		switch {
		case section == "", strings.HasPrefix(line, "#"), strings.Trim(line, "-| ") == "":
		case i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---"):
		case strings.HasPrefix(line, "|"):
			sentences[section] = append(sentences[section], line)
		default:
			sentences[section] = append(sentences[section], ends.Split(line, -1)...)
		}
	}
	return sentences
}
