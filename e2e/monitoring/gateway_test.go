package monitoring_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// config has a provider of every sort.
const config = `
version: "3"
server: { socket: {{folder}}/gatehouse.sock, trusted_proxies: [] }
audit: { file: "{{folder}}/audit.log" }
metrics: { port: 0 }
state_dir: {{folder}}/state
providers:
  - { name: local, type: plain, realm: local, users: [{ username: alice, password: canary-password }] }
  - { name: files, type: htpasswd, realm: files, file: users }
  - { name: portal, type: http, realm: portal, url: "{{service}}/portal", user: uid, cache: 1ms, stale_if_error: 1m }
  - { name: ecmwf, type: ecmwf-api, realm: ecmwf, uri: "{{service}}/ecmwf" }
  - { name: idp, type: jwt, realm: idp, cert_uri: "{{service}}/keys", issuer: idp, audience: [gatehouse] }
augmenters:
  - { name: staff, type: plain, realm: local, roles: { staff: [alice] } }
policies:
  staff: { roles: [staff] }
`

// users has bob with the password canary-password.
const users = "bob:$2y$04$c3VwZXItc2VjcmV0LXNhbO1pOhRcQ0k5Y1IQ0Jc8nSBqLAEqTzVsC\n"

// scrape is what a gatehouse shows that met all that it counts by a label.
func scrape(t *testing.T) string {
	t.Helper()
	var busy atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy.Load() {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"uid": "carol"}`)
	}))
	t.Cleanup(service.Close)
	g := rig.StartGateway(t, strings.ReplaceAll(config, "{{service}}", service.URL), map[string]string{"users": users}, []string{"canary"})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", g.Socket)
	}}}
	ask := func(want int, path, user, secret string) {
		t.Helper()
		r, _ := http.NewRequest(http.MethodGet, "http://gatehouse"+path, nil)
		switch {
		case user != "":
			r.SetBasicAuth(user, secret)
		case secret != "":
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		r.Header.Set("X-Real-IP", "192.0.2.7")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s %s: status %d, want %d\n%s", path, user, answer.StatusCode, want, g.Log)
		}
	}
	ask(503, "/authenticate", "", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln") // what /keys brings is no key set
	ask(200, "/authenticate/staff", "alice", "canary-password")
	ask(200, "/authenticate/staff", "alice", "canary-password")
	ask(401, "/authenticate", "alice", "canary-wrong")
	ask(401, "/authenticate", "", "")
	ask(200, "/authenticate?realm=ecmwf", "", "canary-key-1")
	ask(200, "/authenticate?realm=portal", "", "canary-key-1")
	ask(403, "/authenticate/staff", "", "canary-key-1")
	busy.Store(true)
	time.Sleep(5 * time.Millisecond) // portal's answer is over
	ask(200, "/authenticate?realm=portal", "", "canary-key-1")
	ask(503, "/authenticate?realm=portal", "", "canary-key-2")
	ask(503, "/authenticate?realm=portal", "", "canary-key-2")
	return get(t, metricsOf(t, g))
}

// metricsOf is where a gateway says that it shows its metrics.
func metricsOf(t *testing.T, g *rig.Gateway) string {
	t.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(g.Log.AwaitLine(t, 0, `"metrics listening"`)), &line); err != nil {
		t.Fatal(err)
	}
	return line.Address
}

func get(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
