package http_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// What the gateway here accepts.
var (
	alice = basic("alice:wonderland")
	bob   = basic("bob:thebuilder")
	kate  = "Bearer kates-own-key"
)

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

const config = `
version: "3"
server: { host: 127.0.0.1, port: 0, socket: "{{folder}}/gatehouse.sock", trusted_proxies: [] }
logging: { level: info, format: json }
auth: { timeout_in_ms: 3000 }
metrics: { enabled: true, host: 127.0.0.1, port: 0 }
throttle: { enabled: false } # every refusal here would count
jwt: { iss: gatehouse, exp: 1h, secret: 0123456789abcdef0123456789abcdef }
providers:
  - name: users
    type: plain
    realm: local
    users:
      - { username: alice, password: wonderland, roles: [operators] }
      - { username: bob, password: thebuilder }
  - { name: keys, type: http, realm: portal, url: {{keys}}, user: login, cache: 60s }
policies:
  operators: { realm: local, roles: [operators] }
`

// A gateway is the real gatehouse, and where it listens.
type gateway struct {
	*rig.Gateway
	tcp     string
	metrics string
}

// endpoint is a way in.
type endpoint struct{ network, address string }

func (g *gateway) endpoints() []endpoint {
	return []endpoint{{"tcp", g.tcp}, {"unix", g.Socket}}
}

// start starts gatehouse on a port, a socket and a port for metrics until t ends. No password may then be in
// its log.
func start(t *testing.T) *gateway {
	t.Helper()
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != kate {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"login": "kate"}`))
	}))
	t.Cleanup(keys.Close)
	secrets := []string{"eyJ0eXAi", "wonderland", "thebuilder", "kates-own-key"}
	for _, authorization := range []string{alice, bob} {
		secrets = append(secrets, strings.TrimPrefix(authorization, "Basic "))
	}
	g := &gateway{Gateway: rig.StartGateway(t, strings.ReplaceAll(config, "{{keys}}", keys.URL), nil, secrets)}
	g.metrics = g.listens(t, "metrics listening")
	g.tcp = g.listens(t, "listening")
	return g
}

// listens returns the address on loopback that a line of the log with this message tells.
func (g *gateway) listens(t *testing.T, message string) string {
	t.Helper()
	line := regexp.MustCompile(`"address":"(127\.0\.0\.1:\d+)".*"message":"` + message + `"`)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if found := line.FindStringSubmatch(g.Log.String()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("no address in %s", g.Log)
	return ""
}
