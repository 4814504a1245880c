package ecflow_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/ecflow"
	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// config is the ecFlow guide's system, with a password file beside.
const config = `
version: 1.0.0
logging: { level: debug, format: json }
auth: { timeout_in_ms: 3000 }
providers:
  - { name: ecmwf-api-provider, type: ecmwf-api, uri: "%s", realm: ecmwf }
  - name: plain-provider
    type: plain
    realm: local
    users: [{ username: alice, password: wonderland }, { username: bob, password: thebuilder }]
  - { name: file, type: htpasswd, realm: file, file: users.htpasswd }
store: { enabled: false }
services: []
jwt: { exp: 3600, iss: authotron-issuer, secret: authotron-secret-key, aud: authotron-audience }
include_legacy_headers: True
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
metrics: { port: 0 }
`

// A login is what a client's .ecflowapirc holds; the zero login is no file.
type login struct{ kind, name, secret string }

var (
	alice   = login{"basic", "alice", "wonderland"}
	bob     = login{"basic", "bob", "thebuilder"}
	dora    = login{"basic", "dora", "onthefile"} // of the password file; not on the whitelist
	byKey   = login{"bearer", "", "alices-api-key"}
	bobsKey = login{"bearer", "", "bobs-api-key"}
)

// entry is the login as the client reads it.
func (l login) entry() string {
	if l.kind == "bearer" {
		return fmt.Sprintf(`"type": "bearer", "api": {"url": "https://api.example.org/v1", "key": %q, "email": "a@example.org"}`, l.secret)
	}
	return fmt.Sprintf(`"type": "basic", "api": {"username": %q, "password": %q}`, l.name, l.secret)
}

// keyService is ECMWF's, for two keys.
func keyService(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		users := map[string]string{byKey.secret: "alice", bobsKey.secret: "bob"}
		user, ok := users[r.URL.Query().Get("token")]
		switch {
		case r.URL.Path != "/v1/who-am-i":
			w.WriteHeader(http.StatusInternalServerError)
		case !ok:
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, fmt.Sprintf(`{"uid": %q, "email": "%s@example.org"}`, user, user))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// A system is ecFlow's client and server with nginx and gatehouse between them.
type system struct {
	ecflow.Programs
	server *ecflow.Server
	front  *rig.Front
	folder string
}

func startSystem(t *testing.T) *system {
	t.Helper()
	s := &system{Programs: ecflow.Install(t), folder: rig.Folder(t)}
	s.server = s.Start(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(dora.secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{alice.secret, bob.secret, dora.secret, byKey.secret, bobsKey.secret, "eyJ0eXAi", "authotron-secret-key"}
	gateway := rig.StartGateway(t, fmt.Sprintf(config, keyService(t)), map[string]string{"users.htpasswd": "dora:" + string(hash) + "\n"}, secrets)
	s.front = rig.StartFront(t, rig.Site{Files: []string{"ecflow.conf"}, Gateway: gateway.Socket, Backend: s.server.Addr, Secrets: secrets})
	return s
}

// run runs the client over TLS, and returns whom the server took each of its requests for.
func (s *system) run(t *testing.T, l login, args ...string) (exit int, output string, who []string) {
	t.Helper()
	rc := ""
	if l != (login{}) {
		rc = filepath.Join(s.folder, "ecflowapirc")
		rig.Write(t, rc, fmt.Sprintf(`{"version": 1, "tokens": [{"server": "https://127\\.0\\.0\\.1:%s", %s}]}`, s.front.Port, l.entry()))
	}
	before := len(s.server.Identities())
	ctx, cancel := context.WithTimeout(t.Context(), 60e9)
	defer cancel()
	exit, output = s.Client(ctx, rc, append([]string{"--https", "--host", "127.0.0.1", "--port", s.front.Port}, args...)...)
	return exit, output, slices.Compact(s.server.Identities()[before:])
}

// The real client works through real nginx and gatehouse, as whom it logged in, and as nobody else.
func TestRealEcflow(t *testing.T) {
	s := startSystem(t)
	suite := filepath.Join(s.folder, "suite.def")
	rig.Write(t, suite, "suite gatehouse\n  family f\n    task t\n  endfamily\nendsuite\n")
	asAlice, asBob := []string{"SecuredUserX: alice"}, []string{"SecuredUserX: bob"}
	for _, test := range []struct {
		says    string
		login   login
		command []string
		refused string // what the client prints of its refusal; "" if it is let in
		who     []string
	}{
		{"alice pings by password", alice, []string{"--ping"}, "", nil},
		{"alice pings by key", byKey, []string{"--ping"}, "", nil},
		{"alice reads by password", alice, []string{"--stats"}, "", asAlice},
		{"alice reads by key", byKey, []string{"--stats"}, "", asAlice},
		{"alice loads by password", alice, []string{"--load=" + suite}, "", asAlice},
		{"alice loads by key", byKey, []string{"--load=" + suite, "force"}, "", asAlice},
		{"alice shuts down by password", alice, []string{"--shutdown=yes"}, "", asAlice},
		{"alice shuts down by key", byKey, []string{"--shutdown=yes"}, "", asAlice},
		{"bob, who may only read, reads by password", bob, []string{"--stats"}, "", asBob},
		{"bob reads by key", bobsKey, []string{"--stats"}, "", asBob},
		{"bob may not shut down", bob, []string{"--shutdown=yes"}, "Error", asBob},
		{"bob may not load by key", bobsKey, []string{"--load=" + suite, "force"}, "Error", asBob},
		{"dora is known, and not on the whitelist", dora, []string{"--stats"}, "Error", []string{"SecuredUserX: dora"}},
		{"a wrong password", login{"basic", "alice", "lookingglass"}, []string{"--stats"}, "(401)", nil},
		{"an unknown user", login{"basic", "nobody", "wonderland"}, []string{"--stats"}, "(401)", nil},
		{"a wrong key", login{"bearer", "", "nobodys-api-key"}, []string{"--stats"}, "(401)", nil},
		{"a wrong password, for a ping", login{"basic", "alice", "lookingglass"}, []string{"--ping"}, "(401)", nil},
		{"no credential", login{}, []string{"--stats"}, "(401)", nil},
		{"no credential, and the name in the body", login{}, []string{"--stats", "--user", "alice", "--password", "x"}, "(401)", nil},
		{"bob under alice's name in the body is still bob", bob, []string{"--shutdown=yes", "--user", "alice", "--password", "x"}, "Error", asBob},
	} {
		t.Run(test.says, func(t *testing.T) {
			connections := s.server.Connections()
			exit, output, who := s.run(t, test.login, test.command...)
			if (exit == 0) != (test.refused == "") || !strings.Contains(output, test.refused) {
				t.Errorf("exit %d, want refused %q\n%s", exit, test.refused, output)
			}
			if test.who != nil && !slices.Equal(who, test.who) {
				t.Errorf("the server took it for %q, want %q", who, test.who)
			}
			if reached := s.server.Connections() > connections; test.refused == "(401)" && reached {
				t.Error("the server was reached")
			}
		})
	}
	if exit, output, _ := s.run(t, alice, "--get_state=/gatehouse"); exit != 0 || !strings.Contains(output, "gatehouse") {
		t.Errorf("what was loaded is not there: exit %d\n%s", exit, output)
	}
}
