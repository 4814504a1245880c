package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/provider"
)

// A saboteur fails the nth of what a transport does: a dial, a write, or a read, of headers and of bodies.
type saboteur struct {
	how   string
	mu    sync.Mutex // guards all below
	n     int        // 0: none
	done  int
	fired string // what failed
}

// turn reports whether this one is to fail.
func (s *saboteur) turn(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done++; s.done == s.n {
		s.fired = what
	}
	return s.done == s.n
}

// set says which is the next to fail, and returns what failed since the last time.
func (s *saboteur) set(n int) (fired string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fired = s.fired
	s.n, s.done, s.fired = n, 0, ""
	return fired
}

func (s *saboteur) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.turn("dial") {
		if s.how == "stall" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &sabotaged{Conn: c, of: s, closed: make(chan struct{})}, nil
}

// A sabotaged connection is good until the saboteur's turn comes.
type sabotaged struct {
	net.Conn
	of     *saboteur
	once   sync.Once
	closed chan struct{}
}

func (c *sabotaged) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// fail is how a write or read ends of which some bytes may have gone through.
func (c *sabotaged) fail() error {
	switch c.of.how {
	case "stall":
		<-c.closed
		return net.ErrClosed
	case "end":
		return io.EOF
	}
	return &net.OpError{Op: "read", Err: syscall.ECONNRESET}
}

func (c *sabotaged) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b) // first: a read that waits for the next answer is none of this question's
	if err != nil || !c.of.turn("read") {
		return n, err
	}
	if c.of.how == "half" {
		return n / 2, c.fail()
	}
	return 0, c.fail()
}

func (c *sabotaged) Write(b []byte) (int, error) {
	if !c.of.turn("write") {
		return c.Conn.Write(b)
	}
	if c.of.how == "half" {
		n, _ := c.Conn.Write(b[:len(b)/2])
		return n, c.fail()
	}
	return 0, c.fail()
}

// dripping says whose a key is in several pieces, so that there is much to fail.
func dripping(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization")+r.URL.RawQuery, "good") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"uid":"root"}`)
			return
		}
		for _, piece := range []string{`{"uid"`, `:"alice"`, `}`, "  "} {
			_, _ = io.WriteString(w, piece)
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const sabotagedConfig = `
version: "3"
server: { trusted_proxies: [] }
throttle: { enabled: false }
auth: { timeout_in_ms: %d }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: keys, type: http, realm: keys, url: %[2]s, user: uid, cache: 1m }
  - { name: ecmwf, type: ecmwf-api, realm: ecmwf, uri: %[2]s }
  - { name: file, type: htpasswd, realm: file, file: users, weak_hashes: true }
  - { name: plain, type: plain, realm: plain, users: [{ username: bob, password: builder }] }
`

// logins are the script: what each may end in where one thing fails, the first being the truth.
var logins = []struct {
	realm, authorization string
	statuses             []int
}{
	{"keys", "Bearer good-1-ROUND", []int{200, 503}},
	{"keys", "Bearer wrong-1-ROUND", []int{401, 503}},
	{"keys", "Bearer good-1-ROUND", []int{200, 503}},
	{"ecmwf", "Bearer good-2-ROUND", []int{200, 503}},
	{"ecmwf", "Bearer wrong-2-ROUND", []int{401, 503}},
	{"ecmwf", "Bearer good-2-ROUND", []int{200, 503}},
	{"file", "Basic " + base64.StdEncoding.EncodeToString([]byte("fiona:onfile")), []int{200}},
	{"file", "Basic " + base64.StdEncoding.EncodeToString([]byte("fiona:wrong")), []int{401}},
	{"plain", "Basic " + base64.StdEncoding.EncodeToString([]byte("bob:builder")), []int{200}},
	{"plain", "Basic " + base64.StdEncoding.EncodeToString([]byte("bob:wrong")), []int{401}},
}

// C03: whichever single dial, write or read of a call fails, and however, nobody is let in without a whole yes and
// nobody refused without a no. One login may fail by it; when it is over all is as before.
func TestTheNthOperationOfATransportFails(t *testing.T) {
	const timeout = 300 * time.Millisecond
	base := dripping(t)
	for _, how := range []string{"reset", "end", "half", "stall"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s, failed := &saboteur{how: how}, map[string]int{}
			address, transport := startSabotaged(t, fmt.Sprintf(sabotagedConfig, timeout.Milliseconds(), base), s)
			for n := 1; ; n++ {
				transport.CloseIdleConnections()
				s.set(n)
				undecided := playLogins(t, address, fmt.Sprint(n))
				what := s.set(0)
				if what == "" {
					break
				}
				if failed[what]++; undecided > 1 {
					t.Errorf("%d logins failed by one %s, operation %d", undecided, what, n)
				}
				if undecided := playLogins(t, address, fmt.Sprintf("%d-after", n)); undecided != 0 {
					t.Errorf("%d logins fail after the %s, operation %d", undecided, what, n)
				}
				if n > 200 {
					t.Fatal("there is no end")
				}
			}
			if failed["dial"] < 1 || failed["write"] < 2 || failed["read"] < 8 {
				t.Errorf("what failed: %v", failed)
			}
		})
	}
}

// playLogins plays the script with keys that nobody used before, and returns how many logins ended in no decision.
func playLogins(t *testing.T, address, round string) (failed int) {
	t.Helper()
	for _, l := range logins {
		got := exchange(t, address, "GET /authenticate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Auth-Realm: "+l.realm+
			"\r\nAuthorization: "+strings.ReplaceAll(l.authorization, "ROUND", round)+"\r\n\r\n", l.realm)
		if got.StatusCode == 503 {
			failed++
		}
		ok := false
		for _, want := range l.statuses {
			ok = ok || got.StatusCode == want
		}
		if user := got.Header.Get("X-Auth-Username"); !ok || (got.StatusCode == 200) != (user != "") || user == "root" {
			t.Errorf("operation %s: %s at %s got %d as %q, want one of %v", round, l.authorization, l.realm, got.StatusCode, user, l.statuses)
		}
	}
	return failed
}

// startSabotaged answers for a house with another way out.
func startSabotaged(t *testing.T, text string, s *saboteur) (address string, way *http.Transport) {
	t.Helper()
	dir := folder(t, map[string]string{"config.yaml": text, "users": "fiona:{PLAIN}onfile\n"})
	c, doc := load(filepath.Join(dir, "config.yaml"), os.Environ())
	if doc.Failed() {
		t.Fatal(doc.Faults())
	}
	transport := provider.NewTransport(nil)
	transport.DialContext = s.dial
	t.Cleanup(transport.CloseIdleConnections)
	return answer(t, zerolog.Nop(), c, &wayOut{transport: transport}), transport
}
