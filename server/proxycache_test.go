package server

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// nginx keeps an answer for up to a second longer than X-Accel-Expires says, whatever else it says. Basic is
// never kept.
func TestWhatTheProxyMayKeep(t *testing.T) {
	address, _ := startWith(t, 4000, io.Discard, func(_ context.Context, c auth.Credential) (auth.User, error) {
		switch c.Secret {
		case "right":
			return auth.User{Name: "alice"}, nil
		case "short":
			return auth.User{Name: "alice", Until: time.Now().Add(2 * time.Second)}, nil
		case "longer":
			return auth.User{Name: "alice", Until: time.Now().Truncate(time.Second).Add(4 * time.Second)}, nil
		case "nameless":
			return auth.User{}, nil
		case "down":
			return auth.User{}, io.ErrUnexpectedEOF
		}
		return auth.User{}, auth.ErrDenied
	}, func(h *House) { h.Gate.Sources[1].Cache, h.Gate.Sources[1].ProxyCache = time.Minute, true })
	for name, row := range map[string]struct {
		authorization string
		status        int
		want          string
	}{
		"a key of a provider that lets it": {"Authorization: Bearer right", 200, "4"},
		"a key that ends soon":             {"Authorization: Bearer short", 200, "0"},
		"a key that ends a bit later":      {"Authorization: Bearer longer", 200, "2"},
		"a password":                       {basic("alice", "right"), 200, "0"},
		"a wrong key":                      {"Authorization: Bearer wrong", 401, "0"},
		"a user without a name":            {"Authorization: Bearer nameless", 403, "0"},
		"an outage":                        {"Authorization: Bearer down", 503, "0"},
		"no credential":                    {"X-Nothing: here", 401, "0"},
	} {
		r := dial(t, address).get("/authenticate", row.authorization)
		if got := r.Header.Get("X-Accel-Expires"); r.StatusCode != row.status || got != row.want {
			t.Errorf("%s: %d and %q, want %d and %s", name, r.StatusCode, got, row.status, row.want)
		}
	}
	if r := dial(t, address).get("/whoami", "Authorization: Bearer right"); r.Header.Get("X-Accel-Expires") != "0" {
		t.Errorf("whoami: %q", r.Header)
	}
}

// nginx before 1.23 keeps nothing once it has read Cache-Control: no-store, if it has not read how long before.
func TestTheProxyReadsHowLongBeforeNoStore(t *testing.T) {
	address, _ := startWith(t, 4000, io.Discard, aliceOnly, func(h *House) {
		h.Gate.Sources[1].Cache, h.Gate.Sources[1].ProxyCache = gate.UntilForgotten, true
	})
	c := dial(t, address)
	c.send("GET /authenticate HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: Bearer right\r\n\r\n")
	text := make([]byte, 4096)
	n, err := c.in.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	expires, control := strings.Index(string(text[:n]), "X-Accel-Expires: 4\r\n"), strings.Index(string(text[:n]), "Cache-Control: no-store\r\n")
	if expires < 0 || control < expires {
		t.Errorf("%q", text[:n])
	}
}
