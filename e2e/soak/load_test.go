package soak_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A load asks a gateway, and counts answers that may not be.
type load struct {
	t       *testing.T
	gateway *rig.Process
	http    http.Client
	mu      sync.Mutex // guards what follows
	answers map[string]int
	odd     map[string]int
}

func newLoad(t *testing.T, p *rig.Process) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &load{t: t, gateway: p, http: http.Client{Transport: transport, Timeout: 10 * time.Second}, answers: map[string]int{}, odd: map[string]int{}}
}

// ask wants one of these statuses.
func (l *load) ask(title, from, authorization string, want ...int) {
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
	if err != nil {
		l.t.Error(err)
		return
	}
	request.Header.Set("X-Real-IP", from)
	request.Header.Set("Authorization", authorization)
	outcome := ""
	response, err := l.http.Do(request)
	if err != nil {
		outcome = err.Error()
	} else {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if !slices.Contains(want, response.StatusCode) {
			outcome = response.Status
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[title]++
	if outcome != "" {
		l.odd[title+": "+outcome]++
	}
}

func (l *load) check() {
	l.t.Helper()
	for _, title := range slices.Sorted(maps.Keys(l.answers)) {
		l.t.Logf("%6d questions: %s", l.answers[title], title)
	}
	for what, n := range l.odd {
		l.t.Errorf("%d times: %s", n, what)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// anywhere is an address that hardly comes again.
func anywhere() string {
	return fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), rand.IntN(254)+1)
}

func (l *load) hits(int) {
	l.ask("a known user", "192.0.2.1", basic("alice", "wonderland"), 200)
	time.Sleep(2 * time.Millisecond)
}

func (l *load) newUsers(n int) {
	l.ask("a new key", anywhere(), fmt.Sprintf("Bearer good-%d-%d", n, rand.Uint64()), 200, 503) // 503: the service is down for a while
	time.Sleep(5 * time.Millisecond)
}

func (l *load) wrongPasswords(n int) {
	for _, from := range []string{anywhere(), "192.0.2.66"} {
		l.ask("a wrong password", from, basic([]string{"alice", "fiona", "nobody"}[n%3], fmt.Sprint(rand.Uint64())), 401, 403)
	}
	time.Sleep(20 * time.Millisecond)
}

func (l *load) junk(n int) {
	l.ask("a junk key", anywhere(), fmt.Sprintf("Bearer junk-%d", rand.Uint64()), 401, 503)
	l.ask("junk", anywhere(), strings.Repeat("x", n%3000), 401)
	time.Sleep(5 * time.Millisecond)
}

func (l *load) keys(int) {
	l.ask("a known key", "192.0.2.2", "Bearer good-kate", 200, 503)
	l.ask("the password file", "192.0.2.3", basic("fiona", "onthefile"), 200)
	time.Sleep(10 * time.Millisecond)
}

func (l *load) hung(int) {
	l.ask("a key on which the service hangs", anywhere(), fmt.Sprintf("Bearer hang-%d", rand.Uint64()), 503)
	l.ask("a key on which the service fails", anywhere(), fmt.Sprintf("Bearer fail-%d", rand.Uint64()), 503)
	time.Sleep(500 * time.Millisecond)
}

// rudeConnections opens connections and drops them: at once, in a request, before its answer.
func (l *load) rudeConnections(n int) {
	conn, err := net.Dial("unix", l.gateway.Socket)
	if err != nil {
		l.t.Error(err)
		return
	}
	const request = "GET /authenticate HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: Bearer hang-x\r\n\r\n"
	_, _ = io.WriteString(conn, request[:len(request)*(n%3)/2])
	_ = conn.Close()
	time.Sleep(20 * time.Millisecond)
}

// changes has the gateway reload each 10 s, and follow its password file; every third configuration is faulty.
func (l *load) changes(end time.Time, config func(n int) string) {
	for n := 0; time.Now().Before(end); n++ {
		text := config(n)
		if n%3 == 2 {
			text += "unknown: 1\n"
		}
		rig.Write(l.t, filepath.Join(l.gateway.Folder, "config.yaml"), strings.ReplaceAll(text, "{{folder}}", l.gateway.Folder))
		_ = l.gateway.Process.Signal(syscall.SIGHUP)
		users := filepath.Join(l.gateway.Folder, "users")
		old, err := os.ReadFile(users)
		if err != nil {
			l.t.Error(err)
			return
		}
		first, _, _ := strings.Cut(string(old), "\n")
		rig.Write(l.t, users+".new", fmt.Sprintf("%s\nuser%d:%s\n", first, n, strings.TrimPrefix(first, "fiona:")))
		if err := os.Rename(users+".new", users); err != nil {
			l.t.Error(err)
		}
		time.Sleep(min(10*time.Second, max(0, time.Until(end))))
	}
}

// moodyService knows keys, and is down for 5 s of each minute.
func moodyService(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		way, name, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "-")
		switch {
		case way == "hang":
			<-r.Context().Done()
		case way == "fail", time.Now().Unix()%60 < 5:
			w.WriteHeader(http.StatusBadGateway)
		case way == "good":
			_, _ = fmt.Fprintf(w, `{"uid": %q}`, name)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(s.Close)
	return s
}
