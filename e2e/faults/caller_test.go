package faults_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary is in every key and password here. None may come back or be told of.
const canary = "Canary7f3+a/x~"

// key is a key that nobody else uses. Services know it if kind has "good" in it.
func key(kind string, n int) string { return fmt.Sprintf("%s%s-%d==", canary, kind, n) }

// shows reports whether text holds the canary as it is, or as URLs, hex dumps or base64 of any offset write it.
func shows(text string) bool {
	if strings.Contains(text, canary[:9]) || strings.Contains(text, url.QueryEscape(canary)) {
		return true
	}
	dump := hex.EncodeToString([]byte(canary))
	if strings.Contains(text, dump) || strings.Contains(text, strings.ToUpper(dump)) {
		return true
	}
	for offset := range 3 {
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + canary))
		inner := b[4 : len(b)-4] // what no neighbour changes
		if offset == 0 {
			inner = b[:len(b)-4]
		}
		if strings.Contains(text, inner) || strings.Contains(text, strings.NewReplacer("+", "-", "/", "_").Replace(inner)) {
			return true
		}
	}
	return false
}

// A reply is gatehouse's answer.
type reply struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// A phone keeps connections to a gateway, of which each is used by one caller at a time.
type phone struct {
	socket string
	mu     sync.Mutex // guards idle
	idle   []*line
}

type line struct {
	conn net.Conn
	in   *bufio.Reader
}

func newPhone(t *testing.T, socket string) *phone {
	p := &phone{socket: socket}
	t.Cleanup(p.hangUp)
	return p
}

func (p *phone) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.idle {
		_ = l.conn.Close()
	}
	p.idle = nil
}

func (p *phone) line() (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		l := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return l, nil
	}
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		return nil, err
	}
	return &line{conn, bufio.NewReader(conn)}, nil
}

// ask presents an Authorization in a realm, "" for any. headers are more lines.
func (p *phone) ask(t *testing.T, realm, authorization string, headers ...string) reply {
	t.Helper()
	l, err := p.line()
	if err != nil {
		t.Error(err)
		return reply{}
	}
	request := "GET /authenticate HTTP/1.1\r\nHost: gatehouse\r\nAuthorization: " + authorization + "\r\n"
	if realm != "" {
		request += "X-Auth-Realm: " + realm + "\r\n"
	}
	for _, h := range headers {
		request += h + "\r\n"
	}
	begin := time.Now()
	_ = l.conn.SetDeadline(begin.Add(time.Minute))
	if _, err := io.WriteString(l.conn, request+"\r\n"); err != nil {
		t.Error(err)
		return reply{}
	}
	response, err := http.ReadResponse(l.in, nil)
	if err != nil {
		t.Errorf("%s: %v", realm, err)
		return reply{}
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%s: %v", realm, err)
	}
	r := reply{response.StatusCode, response.Header, string(body), time.Since(begin)}
	p.mu.Lock()
	p.idle = append(p.idle, l)
	p.mu.Unlock()
	r.check(t, realm)
	return r
}

// identity are the headers of a user.
var identity = []string{"Authorization", "X-Auth-Username", "X-Auth-Realm", "X-Auth-Roles"}

// check wants what every answer keeps to: nothing of a key, and a user with 200 only.
func (r reply) check(t *testing.T, realm string) {
	t.Helper()
	if all := fmt.Sprint(r.header) + r.body; shows(all) {
		t.Errorf("%s: the answer shows the key: %s", realm, all)
	}
	for _, h := range identity {
		if got := len(r.header.Values(h)); got != 1 && r.status == 200 || got != 0 && r.status != 200 {
			t.Errorf("%s: status %d with %d times %s", realm, r.status, got, h)
		}
	}
	switch r.status {
	case 200, 403:
	case 401:
		if len(r.header.Values("WWW-Authenticate")) != 1 {
			t.Errorf("%s: 401 with %q", realm, r.header)
		}
	case 503:
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without a Retry-After", realm)
		}
	default:
		t.Errorf("%s: status %d", realm, r.status)
	}
}

func bearer(key string) string { return "Bearer " + key }

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
