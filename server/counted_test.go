package server

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/auth"
)

// put has s answer one request without a network.
func put(s *Server, method, path string, headers ...string) int {
	c := new(fasthttp.RequestCtx)
	c.Init(new(fasthttp.Request), &net.UnixAddr{Name: "@", Net: "unix"}, nil)
	c.Request.Header.SetMethod(method)
	c.Request.SetRequestURI(path)
	for i := 0; i < len(headers); i += 2 {
		c.Request.Header.Set(headers[i], headers[i+1])
	}
	s.app.Server().Handler(c)
	return c.Response.StatusCode()
}

// Every page is counted by its route, whatever the path, the method and the answer are.
func TestRequestsAreCountedByRoute(t *testing.T) {
	var log strings.Builder
	_, s := start(t, 4000, &log, aliceOnly)
	for _, row := range []struct{ method, path, line, count string }{
		{"GET", "/authenticate", `route="/authenticate",status_code="401"`, "1"},
		{"BREW", "/authenticate?realm=here", `method="other",route="/authenticate",status_code="401"`, "1"},
		{"GET", "/authenticate/nothere", `route="/authenticate/:policy",status_code="403"`, "1"},
		{"GET", "/authenticate/", `route="unmatched",status_code="404"`, "1"},
		{"GET", "/authenticate/a/b", `route="unmatched",status_code="404"`, "2"},
		{"GET", "/whoami", `route="/whoami",status_code="401"`, "1"},
		{"GET", "/providers", `route="/providers",status_code="200"`, "1"},
		{"GET", "/augmenters", `route="/augmenters",status_code="200"`, "1"},
		{"HEAD", "/health", `method="HEAD",route="/health",status_code="200"`, "1"},
		{"GET", "/ready", `method="GET",route="/ready",status_code="200"`, "1"},
		{"GET", "/.well-known/jwks.json", `route="/.well-known/jwks.json",status_code="404"`, "1"},
		{"GET", "/.well-known/openid-configuration", `route="/.well-known/openid-configuration",status_code="404"`, "1"},
		{"GET", "/", `route="/",status_code="200"`, "1"},
		{"GET", "/favicon.ico", `route="/favicon.ico",status_code="200"`, "1"},
		{"GET", "/static/logo.png", `route="/static/logo.png",status_code="200"`, "1"},
		{"POST", "/health", `method="POST",route="/health",status_code="405"`, "1"},
		{"GET", "/.env", `route="unmatched",status_code="404"`, "3"},
	} {
		put(s, row.method, row.path)
		if got := scrape(t, s); !strings.Contains(got, row.line+"} "+row.count+"\n") {
			_, got, _ = strings.Cut(got, "# TYPE authotron_http_requests_total counter")
			got, _, _ = strings.Cut(got, "#")
			t.Errorf("%s %s is not counted as %s:\n%s", row.method, row.path, row.line, got)
		}
	}
	for _, r := range s.app.GetRoutes(true) {
		if !strings.Contains(scrape(t, s), `route="`+r.Path+`"`) {
			t.Errorf("%s is a page that this test does not ask for", r.Path)
		}
	}
}

// What a client chooses makes no series: else whoever asks could fill Prometheus.
func TestTheNumberOfSeriesDoesNotGrowWithTraffic(t *testing.T) {
	var log strings.Builder
	users := func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Secret != "right" {
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: c.Username}, nil
	}
	_, s := start(t, 4000, &log, users)
	ask := func(n int) {
		name := fmt.Sprint("canary-", n)
		secret := map[bool]string{true: "right", false: name}[n%2 == 0]
		_, credential, _ := strings.Cut(basic(name, secret), ": ")
		method := []string{fiber.MethodGet, "BREW", fmt.Sprint("X", n)}[n%3]
		path := []string{"/authenticate", fmt.Sprint("/authenticate/p", n), fmt.Sprint("/p", n), fmt.Sprint("/authenticate?realm=r", n), "/whoami"}[n%5]
		put(s, method, path, "Authorization", credential, "X-Real-IP", fmt.Sprintf("192.0.%d.%d", n/250%250, n%250),
			"User-Agent", name, "X-Auth-Realm", []string{"here", name}[n/2%2], "X-Request-ID", name, "Host", name+".example.org")
	}
	for n := range 60 { // every kind of them
		ask(n)
	}
	before := strings.Count(scrape(t, s), "\n")
	if before < 100 {
		t.Fatalf("only %d lines", before)
	}
	for n := 60; n < 10_060; n++ {
		ask(n)
	}
	text := scrape(t, s)
	if after := strings.Count(text, "\n"); after != before {
		t.Errorf("%d lines, and before %d", after, before)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "canary") || strings.Contains(line, `"192.0.`) {
			t.Errorf("somebody is named: %s", line)
		}
	}
}
