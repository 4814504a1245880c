package main

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// A stub is the API-key service that gatehouse's provider of kind http asks. It knows the keys that begin with
// "key-": the key is the user's name, less what follows a dot.
type stub struct {
	url   string
	asked atomic.Int64
	delay time.Duration
}

// startStub starts a service that answers after delay; hung, one that never answers.
func (b *bench) startStub(delay time.Duration) (*stub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stub{url: "http://" + l.Addr().String(), delay: delay}
	server := &fasthttp.Server{Handler: s.answer, NoDefaultDate: true}
	go func() { _ = server.Serve(l) }()
	b.onStop(func() { _ = l.Close() })
	return s, nil
}

func (s *stub) answer(c *fasthttp.RequestCtx) {
	s.asked.Add(1)
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	key, ok := bytes.CutPrefix(c.Request.Header.Peek("Authorization"), []byte("Bearer key-"))
	if !ok {
		c.SetStatusCode(fasthttp.StatusUnauthorized)
		return
	}
	user, _, _ := bytes.Cut(key, []byte("."))
	c.SetContentType("application/json")
	_, _ = fmt.Fprintf(c, `{"user": "user-%s", "roles": ["operators", "readers"]}`, user)
}

// provider is the stub's entry in config.yaml; more is further keys.
func (s *stub) provider(realm, more string) string {
	return fmt.Sprintf("  - { name: %s, type: http, realm: %s, url: %q, user: user, roles: roles %s}\n", realm, realm, s.url, more)
}
