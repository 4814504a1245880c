package faults_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// A service says whose an API key is, unless it has a fault. It knows every key with "good" in it as alice's,
// and has an answer of its own for those in answers.
type service struct {
	address string
	asked   atomic.Int64 // questions
	met     atomic.Int64 // connections
	referer atomic.Int64 // questions with a Referer
	failing atomic.Int64 // questions that it is failing now

	mu       sync.Mutex // guards all below
	listener net.Listener
	secure   bool
	faulty   *fault
	answers  map[string]string
	open     map[net.Conn]bool
	place    int // a socket that keeps the port ours while nobody listens
	ended    bool
	all      sync.WaitGroup
}

// listen starts a service on a loopback port that stays its own.
func listen(secure bool) (*service, error) {
	s := &service{secure: secure, answers: map[string]string{}, open: map[net.Conn]bool{}}
	var err error
	if s.place, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if err := syscall.SetsockoptInt(s.place, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return nil, err
	}
	if err := syscall.Bind(s.place, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	name, err := syscall.Getsockname(s.place)
	if err != nil {
		return nil, err
	}
	s.address = fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.resume()
}

// resume listens again. s.mu is held.
func (s *service) resume() error {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.listener = l
	s.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.met.Add(1)
			s.all.Go(func() { s.serve(c) })
		}
	})
	return nil
}

// fault gives the service a fault, or takes it away: nil. Where TLS or the port is part of it, connections end.
func (s *service) fault(f *fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faulty = f
	if s.secure || f != nil && f.refuses {
		for c := range s.open {
			_ = c.Close()
		}
	}
	switch {
	case f != nil && f.refuses:
		return s.listener.Close()
	case s.listener != nil:
		_ = s.listener.Close()
	}
	return s.resume()
}

// close ends the service and all that it is saying.
func (s *service) close() {
	s.mu.Lock()
	s.ended = true
	_ = s.listener.Close()
	_ = syscall.Close(s.place)
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

func (s *service) now() *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faulty
}

// track keeps c where close finds it, or takes it away.
func (s *service) track(c net.Conn, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.open, c); !is {
		return
	}
	if s.open[c] = true; s.ended {
		_ = c.Close()
	}
}

// serve answers what comes on one connection, until it has a fault to show.
func (s *service) serve(c net.Conn) {
	_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10) // what a bomb fills is to be gatehouse's memory
	s.track(c, true)
	defer s.track(c, false)
	defer c.Close()
	var in io.Reader = c
	out := c
	if s.secure {
		f := s.now()
		if f != nil && f.speak != nil {
			f.speak(c, "")
			return
		}
		over := tls.Server(c, f.tls())
		if over.Handshake() != nil {
			return
		}
		in, out = over, over
	}
	for buffered := bufio.NewReader(in); ; {
		r, err := http.ReadRequest(buffered)
		if err != nil {
			return
		}
		s.asked.Add(1)
		if r.Referer() != "" {
			s.referer.Add(1)
		}
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.URL.Query().Get("token")
		if f := s.now(); f != nil && f.speak != nil {
			s.failing.Add(1)
			defer s.failing.Add(-1)
			f.speak(c, key)
			return
		}
		if _, err := io.WriteString(out, s.answer(key)); err != nil {
			return
		}
	}
}

// answer is that of a service in good order.
func (s *service) answer(key string) string {
	s.mu.Lock()
	body, ok := s.answers[key]
	s.mu.Unlock()
	switch {
	case !ok && strings.Contains(key, "good"):
		body = `{"uid":"alice","roles":["staff"]}`
	case !ok:
		return "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
