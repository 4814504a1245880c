package secrets_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gatehouse/e2e/rig"
)

// A client asks a gateway, each time from another address, and keeps what it is told.
type client struct {
	t       *testing.T
	sweep   *sweep
	gateway *rig.Process
	http    http.Client
	mu      sync.Mutex // guards what follows
	asked   int
	status  map[int]int // how often there was each
}

func newClient(s *sweep, p *rig.Process) *client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.Socket)
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &client{t: s.t, sweep: s, gateway: p, http: http.Client{Transport: transport}, status: map[int]int{}}
}

// ask puts one question, with an Authorization if it is not "".
func (c *client) ask(title, method, target, authorization string, edit func(*http.Request)) {
	c.t.Helper()
	request, err := http.NewRequest(method, "http://gatehouse"+target, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.asked++
	request.Header.Set("X-Real-IP", fmt.Sprintf("10.%d.%d.1", c.asked/256, c.asked%256))
	c.mu.Unlock()
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if edit != nil {
		edit(request)
	}
	response, err := c.http.Do(request)
	if request.Body != nil && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
		return // a body is refused unread: its writer may see that before the answer
	}
	if err != nil {
		c.t.Errorf("%s: %v", title, err)
		return
	}
	c.keep("the answer to "+title, response)
}

// keep keeps an answer. The token that goes out is a secret of its user's: nobody else may see it.
func (c *client) keep(place string, response *http.Response) {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Errorf("%s: %v", place, err)
	}
	if token, ok := strings.CutPrefix(response.Header.Get("Authorization"), "Bearer "); ok {
		response.Header.Del("Authorization")
		c.sweep.hide(token[len(token)-20:])
	}
	c.sweep.tell(place, fmt.Sprint(response.Status, response.Header, response.Trailer, string(body)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status[response.StatusCode]++
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// askAll puts a secret wherever a request can carry one. Logins are of users and their passwords.
func (c *client) askAll(logins map[string]string) {
	c.t.Helper()
	secret := c.sweep.secret
	for user, password := range logins {
		for range 2 { // the second is remembered
			c.ask("a right password", "GET", "/authenticate", basic(user, password), nil)
		}
		c.ask("a wrong password", "GET", "/authenticate", basic(user, secret("")), nil)
	}
	c.ask("an unknown user", "GET", "/authenticate", basic("nobody", secret("")), nil)
	c.ask("a long password", "GET", "/authenticate", basic("alice", secret("")+strings.Repeat("x", 2000)), nil)
	var all sync.WaitGroup
	for _, way := range append(slices.Collect(maps.Keys(answers)), "hang") {
		all.Go(func() { c.ask("a key: "+way, "GET", "/authenticate", "Bearer "+secret(way+"-"), nil) })
	}
	all.Wait()
	for title, text := range map[string]string{
		"a key that nobody knows": "Bearer " + secret(""), "an own token": "Bearer gh_" + secret(""),
		"a JWT":        "Bearer eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(secret(`{"sub":"`))) + ".c2ln",
		"no scheme":    secret(""),
		"no base64":    "Basic !" + secret(""),
		"no colon":     "Basic " + base64.StdEncoding.EncodeToString([]byte(secret(""))),
		"a control":    basic("alice", secret("\x01")),
		"a digest":     `Digest username="alice", response="` + secret("") + `"`,
		"two of them":  "Bearer " + secret("") + ", " + basic("alice", secret("")),
		"an EmailKey":  "EmailKey a@example.org:" + secret(""),
		"a bad Bearer": "Bearer \"" + secret("") + `"`,
	} {
		c.ask(title, "GET", "/authenticate", text, nil)
	}
	c.ask("a query", "GET", "/authenticate?token="+secret("")+"&access_token="+secret("")+"&"+secret(""), "", nil)
	c.ask("userinfo", "GET", "/authenticate", "", func(r *http.Request) { r.SetBasicAuth("alice", secret("")); r.Header.Add("Authorization", secret("")) })
	c.ask("headers", "GET", "/authenticate", "", func(r *http.Request) {
		for _, name := range []string{"Cookie", "X-Api-Key", "Proxy-Authorization", "X-Original-URI", "X-Forwarded-For", "X-Real-IP", "Referer", "User-Agent", "Sec-Fetch-Mode"} {
			r.Header.Set(name, secret(""))
		}
	})
	for method, size := range map[string]int{"GET": 0, "POST": 500, "PUT": 5000} {
		c.ask("a body", method, "/authenticate", basic("alice", secret("")), func(r *http.Request) {
			text := secret("") + strings.Repeat("x", size)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		})
	}
	c.ask("another page", "POST", "/login?password="+secret(""), "", nil)
}

// holdOut tries n wrong passwords from one address.
func (c *client) holdOut(n int) {
	for range n {
		c.ask("one of many guesses", "GET", "/authenticate", basic("alice", c.sweep.secret("")), func(r *http.Request) {
			r.Header.Set("X-Real-IP", "192.0.2.1")
		})
	}
}

// wasAll wants every kind of answer to have been there: else the sweep is not what it says.
func (c *client) wasAll() {
	c.t.Helper()
	for _, status := range []int{200, 401, 403, 404, 400, 503} {
		if c.status[status] == 0 {
			c.t.Errorf("no answer was %d: %v", status, slices.Sorted(maps.Keys(c.status)))
		}
	}
	for _, said := range []string{"configuration loaded", "configuration refused", `"result":"success"`, `"result":"throttled"`, `"result":"no_decision"`, `"result":"all_failed"`, `"result":"invalid_header"`, `"level":"debug"`} {
		if !strings.Contains(c.gateway.Out.String(), said) {
			c.t.Errorf("the log never says %s", said)
		}
	}
}
