package supply

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A ban says who alone may import a package, and why nobody else.
type ban struct {
	path  string   // the package and all below it
	rooms []string // folders of the project that may; "_test.go" stands for tests everywhere
	why   string
}

var (
	tools = []string{"_test.go", "e2e", "bench", "scripts"}
	bans  = []ban{
		{"github.com/gofiber/fiber/v2/middleware", nil, "each had an advisory; none knows our rules (CVE-2026-44332 and others)"},
		{"github.com/gofiber/fiber/v2/log", nil, "there is one log"},
		{"github.com/go-crypt/crypt/crypt", nil, "it registers every decoder, plain text too"},
		{"math/rand", tools, "what can be guessed is no secret: crypto/rand"},
		{"crypto/md5", []string{"password", "_test.go"}, "old password files only"},
		{"crypto/sha1", []string{"password", "_test.go"}, "old password files only"},
		{"crypto/des", nil, "broken"},
		{"crypto/rc4", nil, "broken"},
		{"crypto/dsa", nil, "broken"},
		{"unsafe", []string{"auth", "_test.go"}, "its strings alias a request's memory: one room knows how long they live"},
		{"os/exec", tools, "gatehouse starts no program"},
		{"net/http/pprof", nil, "it registers itself, and shows memory"},
		{"expvar", nil, "it registers itself"},
		{"net/http/cgi", nil, "it starts programs"},
		{"text/template", nil, "it escapes nothing: html/template"},
		{"encoding/gob", nil, "it is not made for what others send"},
		{"net/rpc", nil, "it is not made for what others send"},
		{"plugin", nil, "it loads code"},
		{"C", nil, "the binary is static"},
	}
)

func TestNobodyImportsWhatIsBanned(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		place, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		for _, wrong := range bannedIn(t, place, text) {
			t.Error(wrong)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

func TestTheBanIsSeen(t *testing.T) {
	for _, row := range []struct {
		place, imported string
		wrong           bool
	}{
		{"provider/plain.go", "math/rand/v2", true},
		{"provider/plain_test.go", "math/rand/v2", false},
		{"server/server.go", "github.com/gofiber/fiber/v2/middleware/cache", true},
		{"server/server.go", "github.com/gofiber/fiber/v2", false},
		{"server/server.go", "unsafe", true},
		{"auth/parse.go", "unsafe", false},
		{"serve.go", "os/exec", true},
		{"scripts/mutants/tree.go", "os/exec", false},
		{"authority/parse.go", "unsafe", true},
		{"jwt/secret.go", "crypto/md5", true},
	} {
		got := bannedIn(t, row.place, []byte("package p\n\nimport \""+row.imported+"\"\n"))
		if (len(got) > 0) != row.wrong {
			t.Errorf("%s may import %s: %q", row.place, row.imported, got)
		}
	}
}

// bannedIn says what the file at place must not import.
func bannedIn(t *testing.T, place string, text []byte) (wrong []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), place, text, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range bans {
			if within(imported, b.path) && !slices.ContainsFunc(b.rooms, func(room string) bool {
				return within(place, room) || strings.HasSuffix(place, room)
			}) {
				wrong = append(wrong, place+" must not import "+imported+": "+b.why)
			}
		}
	}
	return wrong
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
