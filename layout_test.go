package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which room may import which. A new arrow is a decision: argue for it in its commit, and
// draw it in docs/architecture.md.
var arrows = map[string][]string{
	"gatehouse":  {"audit", "auth", "conf", "ecflowrc", "gate", "jwt", "lines", "metrics", "password", "provider", "role", "server", "systemd", "throttle", "watch"},
	"server":     {"audit", "auth", "conf", "gate", "jwt", "metrics"},
	"gate":       {"auth", "cache", "conf", "jwt", "role", "throttle"},
	"provider":   {"auth", "conf", "directory", "jwt", "metrics", "password", "queue", "strictjson", "watch"},
	"role":       {"auth", "conf", "directory", "queue"},
	"directory":  {"auth", "conf"},
	"jwt":        {"auth", "conf", "strictjson"},
	"password":   {"auth", "queue"},
	"auth":       {},
	"conf":       {},
	"metrics":    {},
	"ecflowrc":   {"auth"},
	"cache":      {},
	"throttle":   {},
	"queue":      {},
	"watch":      {},
	"strictjson": {},
	"audit":      {"lines"},
	"lines":      {},
	"systemd":    {},

	"scripts/sbom": {},
}

// owners says who alone may import a library.
var owners = map[string]string{
	"github.com/gofiber/fiber/v2":     "server",
	"github.com/valyala/fasthttp":     "server",
	"github.com/golang-jwt/jwt/v5":    "jwt",
	"gopkg.in/yaml.v3":                "conf",
	"github.com/alecthomas/kong":      "gatehouse",
	"github.com/fsnotify/fsnotify":    "watch",
	"github.com/go-crypt/crypt":       "password",
	"golang.org/x/crypto":             "password",
	"github.com/prometheus":           "metrics",
	"github.com/sony/gobreaker/v2":    "provider",
	"github.com/dlclark/regexp2":      "ecflowrc",
	"github.com/go-ldap/ldap/v3":      "directory",
	"github.com/go-asn1-ber/asn1-ber": "directory",
	"github.com/maypok86/otter/v2":    "cache",
	"github.com/coreos/go-systemd":    "systemd",
	"github.com/coreos/go-oidc":       "", // for a test of ours
	"math/rand":                       "",
	"net/http/httputil":               "",
	"encoding/gob":                    "",
	"github.com/go-crypt/crypt/crypt": "",
}

func TestNoRoomImportsWhatItMayNot(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "gatehouse/")
		if strings.HasPrefix(room, "e2e") || strings.HasPrefix(room, "examples") || strings.HasPrefix(room, "bench") || strings.HasPrefix(room, "scripts") {
			continue
		}
		allowed, known := arrows[room]
		if !known {
			t.Errorf("%s is a room without a line in the table of arrows", room)
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, "gatehouse/"); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s must not import %s", room, other)
			}
			for library, owner := range owners {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && room != owner {
					t.Errorf("%s must not import %s: that is %q's alone", room, imported, owner)
				}
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
