package supply

import (
	"encoding/json"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// lowest are versions before which something that gatehouse leans on was wrong. govulncheck does not know of most.
var lowest = map[string]string{
	"github.com/valyala/fasthttp":  "v1.73.0", // strict parsing of requests: 1.51, which fiber asks for, takes two Hosts
	"github.com/gofiber/fiber/v2":  "v2.52.15",
	"github.com/golang-jwt/jwt/v5": "v5.3.1",
	"golang.org/x/crypto":          "v0.45.0",
}

// A module is what go mod edit -json tells of go.mod.
type module struct {
	Go      string
	Require []struct{ Path, Version string }
	Replace []json.RawMessage
	Exclude []json.RawMessage
}

func TestVersionsAreNotTooOld(t *testing.T) {
	var m module
	if err := json.Unmarshal(run(t, "go", "mod", "edit", "-json"), &m); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range m.Require {
		if least, ok := lowest[r.Path]; ok {
			found++
			if older(r.Version, least) {
				t.Errorf("%s is %s, want at least %s", r.Path, r.Version, least)
			}
		}
	}
	if found != len(lowest) {
		t.Errorf("go.mod names %d of %d modules", found, len(lowest))
	}
	if len(m.Replace) > 0 || len(m.Exclude) > 0 {
		t.Error("go.mod replaces or excludes a module: what is built is not what it names")
	}
	if older(strings.TrimPrefix(runtime.Version(), "go"), m.Go) {
		t.Errorf("built by %s, go.mod wants %s", runtime.Version(), m.Go)
	}
}

// What is built from is what go.sum says: a module's text in the cache may have been changed.
func TestModulesAreThoseOfGoSum(t *testing.T) {
	if out := string(run(t, "go", "mod", "verify")); !strings.Contains(out, "all modules verified") {
		t.Error(out)
	}
}

func TestOlder(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"v1.51.0", "v1.73.0", true},
		{"v1.73.0", "v1.73.0", false},
		{"v1.100.0", "v1.73.0", false},
		{"v2.52.9", "v2.52.15", true},
		{"v5.3.1", "v5.3.1", false},
		{"1.26.8", "1.26.0", false},
		{"1.25", "1.26.0", true},
		{"v1.73.0-rc.1", "v1.73.0", true},
	} {
		if got := older(row.a, row.b); got != row.want {
			t.Errorf("%s is older than %s: %t", row.a, row.b, got)
		}
	}
}

// older compares versions by their numbers; what is before a release is older than it.
func older(a, b string) bool {
	aNumbers, aBefore := numbers(a)
	bNumbers, bBefore := numbers(b)
	for i := range aNumbers {
		if aNumbers[i] != bNumbers[i] {
			return aNumbers[i] < bNumbers[i]
		}
	}
	return aBefore && !bBefore
}

func numbers(version string) (list [3]int, before bool) {
	release, _, before := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	for i, part := range strings.SplitN(release, ".", 3) {
		list[i], _ = strconv.Atoi(part)
	}
	return list, before
}

// run runs a program in the project's folder and returns what it prints.
func run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}
