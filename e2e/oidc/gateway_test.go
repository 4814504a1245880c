package oidc_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/e2e/canary"
	"gatehouse/e2e/rig"
)

// house is what stands before the providers of every config.yaml here.
const house = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
metrics: { enabled: false }
jwt: { iss: https://auth.example.org, exp: 1h, secret: 0123456789abcdef0123456789abcdef }
providers:
`

// A gateway is a running gatehouse, and its client.
type gateway struct {
	t      *testing.T
	log    *rig.Output
	client *http.Client

	mu    sync.Mutex // guards shown
	shown []string   // the tokens that it was shown
}

// open starts a gateway with these providers, lines of config.yaml. When t ends no token that it was shown may stand in
// its log.
func open(t *testing.T, providers string) *gateway {
	t.Helper()
	g := &gateway{t: t, log: new(rig.Output)}
	t.Cleanup(func() { canary.Check(t, "gatehouse's log", g.log.String(), g.shown) })
	real := rig.StartGateway(t, house+providers, nil, []string{clientSecret})
	g.log = real.Log
	transport := &http.Transport{
		MaxIdleConnsPerHost: 32,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", real.Socket)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	g.client = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	return g
}

// An answer is gatehouse's.
type answer struct {
	status      int
	user, roles string
	header      http.Header
	claims      map[string]any // of the token that goes out
}

// ask presents a token in a realm.
func (g *gateway) ask(realm, token string) answer {
	g.t.Helper()
	g.mu.Lock()
	if len(g.shown) < 50 {
		g.shown = append(g.shown, token)
	}
	g.mu.Unlock()
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("X-Auth-Realm", realm)
	response, err := g.client.Do(request)
	if err != nil {
		g.t.Errorf("%s: %v", realm, err)
		return answer{}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	a := answer{response.StatusCode, response.Header.Get("X-Auth-Username"), response.Header.Get("X-Auth-Roles"), response.Header, nil}
	if a.user != "" != (a.status == http.StatusOK) {
		g.t.Errorf("%s: status %d with the user %q", realm, a.status, a.user)
	}
	if a.status == http.StatusOK {
		a.claims = claimsOf(g.t, strings.TrimPrefix(a.header.Get("Authorization"), "Bearer "))
	}
	return a
}

// want wants a status.
func (g *gateway) want(name, realm, token string, status int) answer {
	g.t.Helper()
	a := g.ask(realm, token)
	if a.status != status {
		g.t.Errorf("%s: status %d and not %d; %v", name, a.status, status, a.header)
	}
	return a
}

// wantNobody wants a token of a key that is not there to let nobody in: it is a denial, or, before the keys may be looked
// at anew, no decision.
func (g *gateway) wantNobody(name, realm, token string) {
	g.t.Helper()
	if a := g.ask(realm, token); a.status != http.StatusUnauthorized && (a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "") {
		g.t.Errorf("%s: status %d; %v", name, a.status, a.header)
	}
}

// await asks with what token returns until the status is this one, which must be within the time. It returns how long
// that took.
func (g *gateway) await(name, realm string, token func() string, status int, within time.Duration) time.Duration {
	g.t.Helper()
	begin := time.Now()
	for {
		begun := time.Since(begin)
		a := g.ask(realm, token())
		if a.status == status {
			return time.Since(begin)
		}
		if begun > within {
			g.t.Errorf("%s: status %d after %s, and not %d", name, a.status, begun.Round(time.Millisecond), status)
			return begun
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// the returns what await asks with if that is always the same.
func the(token string) func() string { return func() string { return token } }

// claimsOf are the claims of a token.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}
