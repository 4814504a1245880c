package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/metrics"
	"gatehouse/role"
	"gatehouse/throttle"
)

// start answers on loopback with one source for both schemes until the test ends.
func start(t *testing.T, maxHeader int, log io.Writer, answer auth.Func) (address string, s *Server) {
	t.Helper()
	return startWith(t, maxHeader, log, answer, func(*House) {})
}

// startWith is start with a house that change has made another.
func startWith(t *testing.T, maxHeader int, log io.Writer, answer auth.Func, change func(*House)) (address string, s *Server) {
	t.Helper()
	issuer, err := jwt.New(jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New("test")
	memory, err := gate.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	house := House{
		Listings: true, Log: zerolog.New(log), Readiness: func() Readiness { return Readiness{} },
		Gate: gate.New(gate.Config{
			Sources: []gate.Source{
				{Authenticator: answer, Name: "a", Type: "fake", Realm: "here", Scheme: auth.Basic, Forms: []auth.Form{auth.Password}, Cache: gate.UntilForgotten},
				{Authenticator: answer, Name: "b", Type: "fake", Realm: "here", Scheme: auth.Bearer, Forms: []auth.Form{auth.Opaque}, Cache: gate.UntilForgotten},
			},
			Memory: memory, Throttle: throttle.New(throttle.Config{}), Roles: role.New(nil), Issuer: issuer, Timeout: 5 * time.Second, MaxHeader: maxHeader - HeaderOverhead, Counts: m,
		}),
	}
	change(&house)
	s, err = New("test", m, house)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve([]net.Listener{l}) }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		if err := <-done; err != nil {
			t.Error(err)
		}
		memory.Close()
	})
	return l.Addr().String(), s
}

// A client keeps one connection and sends requests on it.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(request string) {
	if _, err := io.WriteString(c.conn, request); err != nil {
		c.t.Fatal(err)
	}
}

// get returns the status of a GET with these header lines.
func (c *client) get(path string, headers ...string) *http.Response {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: gatehouse\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n")
	return c.read()
}

// read returns the next answer, with its whole body.
func (c *client) read() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// C01: fiber's strings point into a buffer that the next request on the connection overwrites.
func TestAGoodLoginLetsNobodyElseIn(t *testing.T) {
	kept := map[string]auth.User{} // what a careless source would remember
	address, _ := start(t, 4000, io.Discard, func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Username == "alice" && c.Secret == "correct-horse-00000" || c.Secret == "goodtoken-0000000000" {
			kept[string(c.Secret)] = auth.User{Name: "alice"}
			return auth.User{Name: "alice"}, nil
		}
		if u, ok := kept[string(c.Secret)]; ok {
			return u, nil
		}
		return auth.User{}, auth.ErrDenied
	})
	good := []string{basic("alice", "correct-horse-00000"), "Authorization: Bearer goodtoken-0000000000"}
	clients := []*client{}
	for range 9 {
		clients = append(clients, dial(t, address))
	}
	for _, header := range good {
		for i := range 2500 {
			if i%100 == 0 {
				if got := clients[0].get("/authenticate", header).StatusCode; got != 200 {
					t.Fatalf("the good credential got %d", got)
				}
			}
			bad := []string{
				basic("alice", fmt.Sprintf("wrong-horse-%07d", i)),
				fmt.Sprintf("Authorization: Bearer bad-token-%010d", i),
			}
			for _, header := range bad {
				if got := clients[i%len(clients)].get("/authenticate", header).StatusCode; got != 401 {
					t.Fatalf("bad credential %d got %d", i, got)
				}
			}
		}
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

// C09: a panic is one 500, is counted, shows nothing of its value, and the process lives.
func TestAPanicIsOne500(t *testing.T) {
	var log bytes.Buffer
	address, s := start(t, 4000, &log, func(_ context.Context, c auth.Credential) (auth.User, error) {
		switch c.Secret {
		case "text":
			panic("canary-" + string(c.Secret))
		case "index":
			var none []int
			_ = none[len(c.Secret)]
		}
		return auth.User{Name: "alice"}, nil
	})
	for i, secret := range []string{"text", "index"} {
		response := dial(t, address).get("/authenticate", "Authorization: Bearer "+secret)
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 500 || len(body) != 0 || response.Header.Get("X-Auth-Username") != "" {
			t.Errorf("%s: %d %q %q, want a bare 500", secret, response.StatusCode, response.Header, body)
		}
		if got := scrape(t, s); !strings.Contains(got, fmt.Sprintf("gatehouse_panics_total %d\n", i+1)) {
			t.Errorf("%s: not counted", secret)
		}
	}
	if got := dial(t, address).get("/authenticate", "Authorization: Bearer fine").StatusCode; got != 200 {
		t.Errorf("after the panics: %d, want 200", got)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log shows a panic's value: %s", log.String())
	}
	if !strings.Contains(log.String(), "index out of range") {
		t.Errorf("the log does not show the runtime's own error: %s", log.String())
	}
}

func scrape(t *testing.T, s *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	NewMetrics(s.metrics).Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// Invariant 6, on the bytes that go over the wire: HeaderOverhead is enough, and not wasteful.
func TestTheHeaderBlockStaysUnderItsLimit(t *testing.T) {
	const limit = 1500
	largest := 0
	address, _ := start(t, limit, io.Discard, func(_ context.Context, c auth.Credential) (auth.User, error) {
		return auth.User{
			Name: "alice", Roles: []string{"r" + strings.Repeat("x", len(c.Secret)%100)},
			Attributes: map[string]string{"a": strings.Repeat("y", len(c.Secret))},
		}, nil
	})
	for n := 1; n < 1200; n += 7 {
		c := dial(t, address)
		c.send("GET /authenticate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + strings.Repeat("k", n) + "\r\n\r\n")
		raw, err := io.ReadAll(c.in)
		if err != nil {
			t.Fatal(err)
		}
		head, _, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
		if !ok || !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
			t.Fatalf("key of %d bytes: %.60q", n, raw)
		}
		largest = max(largest, len(head)+4)
	}
	if largest > limit || largest < limit-100 {
		t.Errorf("the largest header block has %d bytes, want at most %d and nearly that", largest, limit)
	}
}

// Nothing but Authorization, X-Auth-Realm, the query's realm and the path may decide.
func TestOtherHeadersDecideNothing(t *testing.T) {
	address, _ := start(t, 4000, io.Discard, func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Secret == "good" {
			return auth.User{Name: "alice"}, nil
		}
		return auth.User{}, auth.ErrDenied
	})
	for _, header := range []string{
		"User-Agent: kube-probe/1.29", "User-Agent: GoogleHC/1.0", "X-Original-URI: /health?x=/admin#/health",
		"X-Original-URI: http://[", "X-Forwarded-Uri: /health", "X-Forwarded-For: 127.0.0.1", "X-Original-Method: OPTIONS",
		"X-Auth-Username: root", "X-Auth-Roles: admin", "Connection: Authorization", "X-Rewrite-Url: /health",
		"X-HTTP-Method-Override: OPTIONS", "Cookie: session=1", "Proxy-Authorization: Bearer good", "Forwarded: for=127.0.0.1",
	} {
		for _, path := range []string{"/authenticate", "/whoami"} {
			if got := dial(t, address).get(path, header).StatusCode; got != 401 {
				t.Errorf("%s with %q: %d, want 401", path, header, got)
			}
		}
		if got := dial(t, address).get("/authenticate", header, "Authorization: Bearer good"); got.StatusCode != 200 ||
			got.Header.Get("X-Auth-Username") != "alice" || got.Header.Get("X-Auth-Roles") != "" {
			t.Errorf("%q with a good key: %d %q", header, got.StatusCode, got.Header)
		}
	}
}

// What nginx may forward is read; what is larger is refused without a 2xx, and no text of it comes back.
func TestLargeRequests(t *testing.T) {
	address, _ := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: "alice"}, nil
	})
	if got := dial(t, address).get("/authenticate", "Authorization: Bearer good", "Cookie: c="+strings.Repeat("c", 30_000)).StatusCode; got != 200 {
		t.Errorf("30 kB of cookies: %d, want 200", got)
	}
	response := dial(t, address).get("/authenticate", "Authorization: Bearer good", "Cookie: canary="+strings.Repeat("c", 50_000))
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != 431 || len(body) != 0 {
		t.Errorf("50 kB of cookies: %d %q, want a bare 431", response.StatusCode, body)
	}
	c := dial(t, address)
	c.send("POST /authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 5000))
	response, err := http.ReadResponse(c.in, nil)
	if err != nil || response.StatusCode != 400 {
		t.Errorf("a body of 5 kB: %v %v, want 400", response, err)
	}
}

// A stop answers what has begun, and refuses what has not.
func TestShutdownFinishesWhatHasBegun(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	address, s := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		close(begun)
		<-release
		return auth.User{Name: "alice"}, nil
	})
	answered := make(chan int)
	c := dial(t, address)
	go func() { answered <- c.get("/authenticate", "Authorization: Bearer slow").StatusCode }()
	<-begun
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	waitFor(t, "the listener to close", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(release)
	if got := <-answered; got != 200 {
		t.Errorf("the request that had begun got %d, want 200", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited 5 s for %s", what)
}

func TestStatusOfEachError(t *testing.T) {
	for _, row := range []struct {
		says   string
		err    error
		status int
		result string
	}{
		{"no credential", auth.ErrNone, 401, metrics.NoAuthHeader},
		{"a malformed header", auth.ErrMalformed, 401, metrics.InvalidHeader},
		{"a denial", fmt.Errorf("x: %w", auth.ErrDenied), 401, metrics.AllFailed},
		{"a known user who may not pass", fmt.Errorf("x: %w", &gate.Forbidden{Reason: gate.MissingRole}), 403, metrics.Forbidden},
		{"an outage", errors.New("timeout"), 503, metrics.NoDecision},
		{"not mine, which no gate returns", auth.ErrNotMine, 503, metrics.NoDecision},
	} {
		if got := outcomeOf(row.err); got.status != row.status || got.result != row.result {
			t.Errorf("%s: %d %s, want %d %s", row.says, got.status, got.result, row.status, row.result)
		}
	}
}
