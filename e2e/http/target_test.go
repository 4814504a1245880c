package http_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// targets are what a request line may ask for with alice's password, and the status.
var targets = []struct {
	line   string
	status int
}{
	{"GET /authenticate", 200},
	{"GET /authenticate?x=http://y/@z", 200},
	{"GET /authenticate?realm=lo%63al", 200},
	{"GET /authenticate?%72ealm=portal", 401},
	{"GET /authenticate?realm=local&realm=portal", 401},
	{"GET /authenticate/operators", 200},
	{"GET http://gatehouse/authenticate", 200},
	{"GET https://other/authenticate/operators", 200},
	{"HEAD /authenticate", 200},
	{"OPTIONS /authenticate", 200},
	{"TRACE /authenticate", 200},
	{"PROPFIND /authenticate", 200},
	{"FROB /authenticate/operators", 200},
	{"GET /authenticate/%6fperators", 403},
	{"GET /authenticate/operators%2f", 403},
	{"GET /authenticate/..", 403},
	{"GET /AUTHENTICATE", 404},
	{"GET //authenticate", 404},
	{"GET /authenticate/", 404},
	{"GET /authenticate/../x", 404},
	{"GET /x/../authenticate", 404},
	{"GET /./authenticate", 404},
	{"GET /%61uthenticate", 404},
	{"GET /authenticate%2e", 404},
	{"GET /authenticate/%2e%2e/x", 404},
	{"GET /authenticate/operators/", 404},
	{"GET /authenticate;x=y", 404},
	{`GET /authenticate\x`, 404},
	{"FROB /authenticatex", 404},
	{"GET /metrics", 404},
	{"GET /healthz", 404},
	{"GET /readyz", 404},
	{"GET /debug/pprof/", 404},
	{"TRACE /", 405},
	{"POST /whoami", 405},
	{"GET /authenticate#x", 400},
	{"GET /authenticate#?realm=portal", 400},
	{"GET /authenticate?x=#&realm=portal", 400},
	{"GET http://a@b/authenticate", 400},
	{"GET x://gatehouse/authenticate", 400},
	{"GET gatehouse/authenticate", 400},
	{"GET *", 400},
	{"OPTIONS *", 400},
	{"CONNECT /authenticate", 400},
	{"CONNECT gatehouse:443", 400},
	{"PRI *", 400},
}

// C20: one path asks for a decision, in one spelling. A target that no proxy sends ends its connection.
func TestTargets(t *testing.T) {
	g := start(t)
	for _, e := range g.endpoints() {
		for _, row := range targets {
			w := dial(t, e)
			a := w.ask(t, row.line+" HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: "+alice+"\r\n\r\n")
			if a.status != row.status {
				t.Errorf("%s: %d, want %d", row.line, a.status, row.status)
			}
			assertIdentity(t, row.line, a, map[bool]string{true: "alice"}[row.status == 200])
			if open := w.isOpen(); open == (row.status == 400) {
				t.Errorf("%s: the connection is open: %t", row.line, open)
			}
		}
	}
	g.assertFewSeries(t)
}

// assertIdentity says where an answer has not all four headers of this user, or one where there is no user.
func assertIdentity(t *testing.T, what string, a answer, user string) {
	t.Helper()
	for _, name := range []string{"Authorization", "X-Auth-Username", "X-Auth-Realm", "X-Auth-Roles"} {
		if n := len(a.header.Values(name)); n > 1 || (n == 1) != (user != "") {
			t.Errorf("%s: %d times %s in a %d", what, n, name, a.status)
		}
	}
	if got := a.header.Get("X-Auth-Username"); got != user {
		t.Errorf("%s: is %q, want %q", what, got, user)
	}
}

// series are all that a request may be counted as, whatever it holds.
var series = regexp.MustCompile(`^auth_requests_total\{realm="(|local|portal|unknown)",result="[a-z_]+"\} \d+$`)

func (g *gateway) assertFewSeries(t *testing.T) {
	t.Helper()
	counted := 0
	for line := range strings.Lines(g.scrape(t)) {
		if strings.HasPrefix(line, "auth_requests_total{") {
			counted++
			if !series.MatchString(strings.TrimSpace(line)) {
				t.Errorf("counted as %s", line)
			}
		}
	}
	if counted == 0 || counted > 12 {
		t.Errorf("%d series of requests", counted)
	}
}

func (g *gateway) scrape(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + g.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each of these hides a whole request with a good login behind an odd one.
func TestNothingIsReadOutOfWhatWasRefused(t *testing.T) {
	hidden := get("/authenticate", "Authorization: "+alice)
	g := start(t)
	for name, head := range map[string]string{
		"a body of a known length":       fmt.Sprintf("POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"a body of a GET":                fmt.Sprintf("GET /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"a shorter body":                 "POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n.",
		"chunks that have ended":         "POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a chunk":                        fmt.Sprintf("POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", len(hidden)),
		"chunks and a length":            "POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"a body that is to be asked for": fmt.Sprintf("POST /authenticate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"a form":                         fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"CONNECT":                        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"a bare LF":                      "GET /authenticate HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
		"an LF alone at the end":         "GET /authenticate HTTP/1.1\r\nHost: x\r\n\n",
		"a folded line":                  "GET /authenticate HTTP/1.1\r\nHost: x\r\nX: y\r\n\tz\r\n\r\n",
		"another version":                "GET /authenticate HTTP/1.2\r\nHost: x\r\n\r\n",
		"HTTP/2":                         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"a request that is no HTTP":      "\x16\x03\x01\x02\x00\x01\r\n\r\n",
	} {
		for _, e := range g.endpoints() {
			w := dial(t, e)
			if a := w.ask(t, hidden); a.status != 200 {
				t.Fatalf("a good login before: %d", a.status)
			}
			if a := w.ask(t, head+hidden); a.status != 400 || a.body != "" || a.interim {
				t.Errorf("%s by %s: %s, want a bare 400", name, e.network, a.text())
			}
			if w.isOpen() {
				t.Errorf("%s by %s: the connection goes on", name, e.network)
			}
		}
	}
	if got := g.scrape(t); !strings.Contains(got, `auth_requests_total{realm="local",result="success"} 30`) {
		t.Errorf("of the hidden requests some were decided: %s", got)
	}
	if !strings.Contains(g.Log.String(), `"odd":"body"`) {
		t.Errorf("the log does not say why: %s", g.Log)
	}
}

// What was sent at once is answered in its order, each as itself.
func TestPipelinedRequestsAreAnsweredInTheirOrder(t *testing.T) {
	g := start(t)
	users := []string{"alice", "", "bob", "alice", ""}
	var all strings.Builder
	for _, user := range users {
		all.WriteString(get("/authenticate", "Authorization: "+map[string]string{"alice": alice, "bob": bob, "": basic("alice:x")}[user]))
	}
	for _, e := range g.endpoints() {
		w := dial(t, e)
		if _, err := io.WriteString(w, strings.Repeat(all.String(), 20)); err != nil {
			t.Fatal(err)
		}
		for i := range 20 * len(users) {
			a, err := w.read(http.MethodGet)
			if err != nil {
				t.Fatal(err)
			}
			assertIdentity(t, fmt.Sprint("request ", i), a, users[i%len(users)])
		}
	}
}
