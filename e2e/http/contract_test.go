package http_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// canary stands wherever a request can hold a text. No answer may show it.
const canary = "cAnArY"

// contractPaths are asked for by every method, and GET by every header.
var contractPaths = []string{
	"/authenticate", "/authenticate?realm=" + canary, "/authenticate?" + canary + "=1", "/authenticate/operators", "/authenticate/" + canary, "/whoami",
	"/whoami?x=" + canary, "/" + canary, "/" + canary + "?" + canary, "/metrics", "/healthz", "/readyz", "/..%2f" + canary, "/<" + canary + ">", "/favicon.png",
}

var contractMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "M-SEARCH", canary}

var contractHeaders = []string{
	"User-Agent: kube-probe/1.29", "User-Agent: GoogleHC/1.0", "User-Agent: ELB-HealthChecker/2.0", "User-Agent: " + canary,
	"Accept: text/html", "Accept: application/json;q=0", "Accept: */" + canary, "Accept-Encoding: gzip, br", "Accept-Language: " + canary,
	"Range: bytes=0-4", "Range: " + canary, "If-Range: " + canary, "If-Modified-Since: Sun, 22 Nov 2099 00:00:00 GMT", "If-None-Match: *", "If-Match: " + canary,
	"Expect: 100-continue", "Expect: " + canary, "Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
	"Upgrade: " + canary, "Connection: close", "Connection: keep-alive, Authorization, " + canary, "Cookie: " + canary + "=" + strings.Repeat("c", 30_000),
	"Cookie: " + canary + "=" + strings.Repeat("c", 60_000), "Authorization: Bearer " + canary + strings.Repeat("k", 8_000), "Authorization: Bearer " + strings.Repeat("k", 9_000),
	"Authorization: Bearer " + canary, "Authorization: Basic " + canary, "Authorization: " + canary, "Authorization: " + canary + " x", "Authorization: EmailKey " + canary + ":x",
	"Authorization: " + basic(canary+":x"), "Authorization: " + basic("alice:"+canary), "Authorization: Digest username=" + canary, "Authorization: Negotiate " + canary,
	"Proxy-Authorization: " + basic("alice:wonderland"), "X-Auth-Realm: " + canary, "X-Auth-Realm: \"" + canary, "X-Auth-Username: " + canary, "X-Auth-Roles: " + canary,
	"X-Forwarded-For: " + canary, "X-Forwarded-Host: " + canary, "X-Forwarded-Proto: " + canary, "Forwarded: for=" + canary, "X-Real-IP: " + canary, "X-Request-ID: " + canary,
	"X-Original-URI: /" + canary, "X-HTTP-Method-Override: " + canary, "Origin: https://" + canary, "Referer: https://" + canary, "Access-Control-Request-Method: " + canary,
	"Sec-Fetch-Mode: navigate", "Sec-WebSocket-Key: " + canary, "Traceparent: " + canary, "TE: trailers", "Trailer: " + canary, "Via: " + canary, "Max-Forwards: 0", canary + ": x",
}

// contract is every request, by its name.
func contract() map[string]string {
	list := map[string]string{}
	for _, path := range contractPaths {
		for _, method := range contractMethods {
			list[method+" "+path] = method + " " + path + " HTTP/1.1\r\nHost: " + canary + "\r\n\r\n"
		}
	}
	for _, path := range []string{"/authenticate", "/whoami", "/" + canary} {
		for n, header := range contractHeaders {
			list[fmt.Sprintf("%s with header %d: %.60s", path, n, header)] = get(path, header)
		}
	}
	return list
}

// C15: what no login stands behind gets one of these, says nothing of the request, and nothing of a user.
func TestTheContractOfStatuses(t *testing.T) {
	requests := contract()
	if len(requests) < 300 {
		t.Fatalf("%d requests, want 300", len(requests))
	}
	g := start(t)
	for _, e := range g.endpoints() {
		for name, request := range requests {
			w := dial(t, e)
			a := w.ask(t, request)
			statuses := []int{400, 401, 403, 431}
			if !strings.Contains(name, "/authenticate") {
				statuses = append(statuses, 404, 405)
			}
			if !slices.Contains(statuses, a.status) {
				t.Errorf("%s: %d", name, a.status)
			}
			assertBare(t, name, a)
			_ = w.Close()
		}
	}
	g.assertFewSeries(t)
}

// A login decides as it does without these headers.
func TestNoOtherHeaderChangesALogin(t *testing.T) {
	g := start(t)
	for _, e := range g.endpoints() {
		for _, header := range contractHeaders {
			if strings.HasPrefix(header, "Authorization") || strings.HasPrefix(header, "X-Auth-Realm") || len(header) > 40_000 {
				continue
			}
			a := dial(t, e).ask(t, get("/authenticate", "Authorization: "+alice, header))
			if a.status != 200 || a.body != "Authenticated successfully" || strings.Contains(a.text(), canary) {
				t.Errorf("%.60s: %s", header, a.text())
			}
			assertIdentity(t, header, a, "alice")
		}
	}
}

// bodies are all that stands in an answer to nobody.
var bodies = map[int][]string{
	400: {"", "Invalid http method"},
	401: {`{"error": "Unauthorized access"}`},
	403: {`{"error": "Forbidden"}`},
}

// challenges are what a 401 may tell: quoted realms of config.yaml.
var challenges = regexp.MustCompile(`^(Bearer|(Basic realm="local"|Bearer realm="portal")(, (Basic realm="local"|Bearer realm="portal"))*)$`)

// answerHeaders are those that an answer to nobody may have.
var answerHeaders = []string{"Date", "Content-Length", "Content-Type", "Cache-Control", "Connection", "Www-Authenticate", "X-Accel-Expires", "X-Auth-Reason", "Allow"}

// assertBare holds an answer to nobody against all that such a one may have.
func assertBare(t *testing.T, name string, a answer) {
	t.Helper()
	assertIdentity(t, name, a, "")
	for header, values := range a.header {
		if !slices.Contains(answerHeaders, header) || len(values) != 1 {
			t.Errorf("%s: %s %q in a %d", name, header, values, a.status)
		}
	}
	if told := a.header.Values("WWW-Authenticate"); (a.status == http.StatusUnauthorized) != (len(told) == 1) || len(told) == 1 && !challenges.MatchString(told[0]) {
		t.Errorf("%s: a %d with the challenge %q", name, a.status, told)
	}
	if a.body != "" && !slices.Contains(bodies[a.status], a.body) {
		t.Errorf("%s: a %d that says %q", name, a.status, a.body)
	}
	for _, word := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
		if strings.Contains(strings.ToLower(a.text()), strings.ToLower(word)) {
			t.Errorf("%s: comes back: %s", name, a.text())
		}
	}
}

// What is known of a user is said to that user.
func TestWhoamiTellsNobodyElse(t *testing.T) {
	g := start(t)
	for _, e := range g.endpoints() {
		w := dial(t, e)
		if a := w.ask(t, get("/whoami", "Authorization: "+alice)); a.status != 200 || !strings.Contains(a.body, `"username":"alice"`) {
			t.Errorf("alice: %s", a.text())
		}
		if a := w.ask(t, get("/whoami", "Authorization: "+bob)); a.status != 200 || !strings.Contains(a.body, `"username":"bob"`) {
			t.Errorf("bob on the same connection: %s", a.text())
		}
		a := w.ask(t, get("/whoami"))
		if a.status != 401 {
			t.Errorf("nobody on the same connection: %s", a.text())
		}
		assertBare(t, "nobody", a)
	}
}
