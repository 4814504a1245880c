package server

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/auth"
)

// C31: nobody keeps a connection by sending nothing, or by reading nothing.
func TestEveryWaitHasAnEnd(t *testing.T) {
	_, s := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{}, auth.ErrDenied
	})
	for name, d := range map[string]time.Duration{
		"read": s.app.Server().ReadTimeout, "write": s.app.Server().WriteTimeout, "idle": s.app.Server().IdleTimeout / 12,
	} {
		if d <= 0 || d > 5*time.Second {
			t.Errorf("%s: waits %s", name, d)
		}
	}
	if n := s.app.Server().Concurrency; n <= 0 || n > 64*1024 {
		t.Errorf("%d connections at once", n)
	}
}

// A route has one spelling: limits and metrics of a proxy may go by it.
func TestARouteHasOneSpelling(t *testing.T) {
	address, _ := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{}, auth.ErrDenied
	})
	c := dial(t, address)
	for path, want := range map[string]int{"/health": 200, "/HEALTH": 404, "/health/": 404, "/authenticate": 401, "/Authenticate": 404, "/authenticate/": 404} {
		if got := c.get(path).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

// C14: what is not sent here the client's own copy would stand for, at a proxy that takes only what is there.
func TestEveryYesBearsAllFourHeaders(t *testing.T) {
	address, _ := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: "alice"}, nil
	})
	r := dial(t, address).get("/authenticate", "Authorization: Bearer key")
	for _, name := range []string{fiber.HeaderAuthorization, headerUsername, headerRealm, headerRoles} {
		if len(r.Header[name]) != 1 {
			t.Errorf("%d: %s is there %d times", r.StatusCode, name, len(r.Header[name]))
		}
	}
}

// C09: what a handler had written before it panicked is not sent, and what it panicked with is not logged.
func TestAPanicLeavesNothingOfItsAnswer(t *testing.T) {
	var log bytes.Buffer
	_, s := start(t, 4000, &log, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{}, auth.ErrDenied
	})
	raw := new(fasthttp.RequestCtx)
	s.contain(func(c *fasthttp.RequestCtx) {
		c.Response.Header.Set(headerUsername, "alice")
		c.SetBodyString("half")
		panic("canary")
	})(raw)
	if r := &raw.Response; r.StatusCode() != 500 || len(r.Body()) != 0 || len(r.Header.Peek(headerUsername)) != 0 {
		t.Errorf("%d %s", r.StatusCode(), r)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("logged: %s", &log)
	}
}

// C14: two addresses of one client are a malformed request, and nobody's choice between them.
func TestTwoAddressesOfAClientAreMalformed(t *testing.T) {
	address, _ := startWith(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: "alice"}, nil
	}, func(h *House) {
		h.Clients = Config{ClientIPHeader: "X-Real-IP", TrustedProxies: []Network{Network(netip.MustParsePrefix("127.0.0.1/32"))}}.Clients()
	})
	c := dial(t, address)
	if got := c.get("/authenticate", "Authorization: Bearer key", "X-Real-IP: 192.0.2.7", "X-Real-IP: 192.0.2.8").StatusCode; got != 401 {
		t.Errorf("two: %d, want 401", got)
	}
	if got := c.get("/authenticate", "Authorization: Bearer key", "X-Real-IP: 192.0.2.7").StatusCode; got != 200 {
		t.Errorf("one: %d, want 200", got)
	}
}
