package load_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A client asks over connections that it keeps and shares.
type client struct {
	http *http.Client
	url  string
}

// newClient is a client of nginx with at most so many connections.
func newClient(t *testing.T, f *rig.Front, connections int) *client {
	return newClientFrom(t, f, connections, "127.0.0.1")
}

// newClientFrom is a client that has an address of its own within loopback.
func newClientFrom(t *testing.T, f *rig.Front, connections int, address string) *client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{
		DialContext: dialer.DialContext, MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // self-signed; who the server is does not matter here
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport, Timeout: 20 * time.Second}, "https://" + f.Addresses()[0] + "/"}
}

// newDirectClient is a client of gatehouse itself.
func newDirectClient(t *testing.T, socket string, connections int) *client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport, Timeout: 20 * time.Second}, "http://gatehouse/authenticate"}
}

// get returns the status and the body; more are names and values of headers.
func (c *client) get(authorization string, more ...string) (status int, body string, err error) {
	r, err := c.send(authorization, more...)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return r.StatusCode, string(text), err
}

func (c *client) send(authorization string, more ...string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, c.url, nil)
	if err != nil {
		return nil, err
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Add(more[i], more[i+1])
	}
	return c.http.Do(r)
}

// Times are how long questions took. It is safe for concurrent use.
type times struct {
	mu   sync.Mutex // guards list
	list []time.Duration
}

func (s *times) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, d)
}

// quantile is what a share p of them took at most.
func (s *times) quantile(p float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return 0
	}
	slices.Sort(s.list)
	return s.list[min(int(p*float64(len(s.list))), len(s.list)-1)]
}

// measure asks 50 times a second for so long, at times that no answer puts off, and returns what each answer
// took and how many were not 200.
func measure(length time.Duration, ask func() (int, error)) (took *times, failed int) {
	const every = 20 * time.Millisecond
	took = new(times)
	var all sync.WaitGroup
	var mu sync.Mutex // guards failed
	begin := time.Now()
	for n := range int(length / every) {
		due := begin.Add(time.Duration(n) * every)
		time.Sleep(time.Until(due))
		all.Go(func() {
			status, err := ask()
			took.add(time.Since(due))
			if err != nil || status != 200 {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	all.Wait()
	return took, failed
}
