package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// A service is a remote service without a network, and the provider that asks it.
type service struct {
	*world
	t      *testing.T
	a      auth.Authenticator
	answer roundTrip // may be changed between questions
	asked  atomic.Int64
}

// inABubble runs test with a service of its own, which says yes, in a bubble of synctest, whose clock
// both have.
func inABubble(t *testing.T, test func(s *service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newService(t, newHTTP())) })
}

func newService(t *testing.T, h *HTTP) *service {
	s := &service{world: newWorld(t), t: t, answer: yes}
	s.Now = time.Now
	s.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
		s.asked.Add(1)
		return s.answer(r)
	})
	h.URL, h.User = "http://service.example", "uid"
	s.a = open(t, t.Context(), h, s.Env)
	return s
}

// ask puts a question with a key from an address, "" if unknown, that has 5 s.
func (s *service) ask(address, key string) error {
	return s.askFor(5*time.Second, address, key)
}

func (s *service) askFor(limit time.Duration, address, key string) error {
	ctx, cancel := context.WithTimeout(from(s.t.Context(), address), limit)
	defer cancel()
	_, err := s.a.Authenticate(ctx, bearer(key))
	return err
}

func from(ctx context.Context, address string) context.Context {
	c := auth.Client{}
	c.Address, _ = netip.ParseAddr(address)
	return auth.WithClient(ctx, c)
}

// fails has n credentials, which no other call has, fail one after the other, each from its own address.
func (s *service) fails(n int, how roundTrip) {
	s.t.Helper()
	before := s.answer
	s.answer = how
	for i := range n {
		if err := s.ask(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("%d of %d", i, s.asked.Load())); isDecision(err) {
			s.t.Fatalf("got %v", err)
		}
	}
	s.answer = before
}

func (s *service) isOpen() bool {
	s.t.Helper()
	return s.metric(s.t, `gatehouse_breaker_open{provider_name="here"}`) == 1
}

// wantLater wants an error that says to ask later in so long, and is no decision.
func wantLater(t *testing.T, err error, after time.Duration) {
	t.Helper()
	later, ok := errors.AsType[*auth.Later](err)
	if !ok || isDecision(err) || later.After != after {
		t.Errorf("got %#v, want that it is asked again after %s", err, after)
	}
}

func says200(body string) roundTrip {
	return func(*http.Request) (*http.Response, error) { return response(200, body), nil }
}

func status(code int, headers ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		r := response(code, canary)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		return r, nil
	}
}

// failing brings an error, once there is a connection or before one is wanted.
func failing(err error) roundTrip {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// unconnected wants a connection, as net/http says to whoever traces it, and gets none.
func unconnected(err error) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
			trace.GetConn("service.example:80")
		}
		return nil, err
	}
}

var (
	yes     = says200(`{"uid":"alice"}`)
	refused = unconnected(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
)

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// hangsAmid answers, and its body does not come.
func hangsAmid(r *http.Request) (*http.Response, error) {
	resp := response(200, "")
	resp.Body = reads(func() error { <-r.Context().Done(); return r.Context().Err() })
	return resp, nil
}

// reads is a body of nothing but an error.
type reads func() error

func (f reads) Read([]byte) (int, error) { return 0, f() }
func (f reads) Close() error             { return nil }
