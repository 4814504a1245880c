package ldap_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "github.com/go-ldap/ldap/v3"

	"gatehouse/e2e/ldap"
	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.MainGateway(m)) }

const (
	password = "alice/7f3a+Rw="
	wrong    = "wrong/0b9c+Zx="
)

const config = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
logging: { level: trace }
auth: { timeout_in_ms: 1500 }
metrics: { enabled: false }
jwt: { iss: gatehouse, exp: 1h, secret: 0123456789abcdef0123456789abcdef }
providers:
  - name: directory
    type: ldap
    realm: people
    uri: %[1]s
    start_tls: true
    ca_file: ca.pem
    bind_dn: %[2]s
    ldap_password_file: gate.password
    search_base: ou=people,dc=example,dc=org
    group_base: ou=groups,dc=example,dc=org
    attributes: { email: mail }
    cache: 300ms
  - { name: local, type: plain, realm: local, users: [{ username: alice, password: "local-password" }] }
augmenters:
  - name: paths
    type: ldap
    realm: people
    uri: %[3]s
    ca_file: ca.pem
    bind_dn: %[2]s
    ldap_password_file: gate.password
    search_base: ou=people,dc=example,dc=org
    filters: [ou=groups]
    cache: 300ms
  - { name: ours, type: ldap, realm: local, uri: %[3]s, ca_file: ca.pem, search_base: "ou=people,dc=example,dc=org", optional: true }
policies:
  staff: { roles: [staff] }
`

// The whole way with a real directory: StartTLS and LDAPS, roles of both, a group that changes, an outage.
func TestGatehouseWithSlapd(t *testing.T) {
	d := ldap.Start(t, ldap.Setting{Certificate: true},
		ldap.Person("alice", password, "mail", "alice@example.org"), ldap.Person("bob", password),
		ldap.Group("staff", "alice"), ldap.Group("everybody", "alice", "bob"))
	ca, err := os.ReadFile(d.CA)
	if err != nil {
		t.Fatal(err)
	}
	g := rig.StartGateway(t, fmt.Sprintf(config, d.URI, ldap.Gate, d.TLS),
		map[string]string{"ca.pem": string(ca), "gate.password": ldap.GatePassword + "\n"}, []string{password, wrong, ldap.GatePassword})

	want := func(path, name, secret string, status int, user, roles string) {
		t.Helper()
		resp := get(t, g, path, name, secret)
		if resp.StatusCode != status || resp.Header.Get("X-Auth-Username") != user || resp.Header.Get("X-Auth-Roles") != roles {
			t.Errorf("%s, %s: got %d, %q, %q, want %d, %q, %q", path, name, resp.StatusCode, resp.Header.Get("X-Auth-Username"),
				resp.Header.Get("X-Auth-Roles"), status, user, roles)
		}
	}
	const alices = "staff,everybody,/groups/staff,/groups/everybody"
	want("/authenticate/staff", "alice", password, 200, "alice", alices)
	want("/authenticate", "ALICE", password, 200, "alice", alices)
	want("/authenticate", "bob", password, 200, "bob", "everybody,/groups/everybody")
	want("/authenticate/staff", "bob", password, 403, "", "")
	want("/authenticate", "alice", wrong, 401, "", "")
	want("/authenticate", "*", password, 401, "", "")
	want("/authenticate", "nobody", password, 401, "", "")
	// The augmenter of the other realm may search as nobody, which finds nothing to read: it is optional.
	want("/authenticate", "alice", "local-password", 200, "alice", "")

	// What is taken away is gone when the roles are as old as they may be.
	d.Change(t, func(c *client.Conn) error {
		return c.Del(client.NewDelRequest("cn=staff,ou=groups,"+ldap.Base, nil))
	})
	time.Sleep(400 * time.Millisecond)
	want("/authenticate/staff", "alice", password, 403, "", "")

	d.Stop()
	time.Sleep(400 * time.Millisecond)
	want("/authenticate", "bob", password, 503, "", "")
	want("/authenticate", "alice", wrong+"2", 503, "", "")
	want("/authenticate", "alice", "local-password", 200, "alice", "")
	if !strings.Contains(g.Log.String(), "without the roles of an optional augmenter") {
		t.Error("the log does not tell of the optional augmenter")
	}
	if matches, err := filepath.Glob(filepath.Join(filepath.Dir(g.Socket), "*.pem")); err != nil || len(matches) == 0 {
		t.Errorf("no certificates beside config.yaml: %v", err)
	}
}

func get(t *testing.T, g *rig.Gateway, path, name, secret string) *http.Response {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", g.Socket)
	}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gatehouse"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(name, secret)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}
