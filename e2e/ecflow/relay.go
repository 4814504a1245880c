package ecflow

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A relay carries the connections to a free port of this machine's loopback address to a port in
// another network, byte for byte.
type relay struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	accepted atomic.Int64
	running  sync.WaitGroup
	mu       sync.Mutex // guards open and closed
	open     map[net.Conn]bool
	closed   bool
}

func newRelay(dial func() (net.Conn, error)) (*relay, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: listener, dial: dial, open: make(map[net.Conn]bool)}
	r.running.Go(r.accept)
	return r, nil
}

func (r *relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.accepted.Add(1)
		r.running.Go(func() { r.carry(conn) })
	}
}

// carry connects conn to the other side until both directions have ended.
func (r *relay) carry(conn net.Conn) {
	defer r.forget(conn)
	other, err := r.dial()
	if err != nil {
		return
	}
	defer r.forget(other)
	if !r.keep(conn) || !r.keep(other) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pump(other, conn) })
	both.Go(func() { pump(conn, other) })
	both.Wait()
}

// pump copies until src ends, and tells dst that it did.
func pump(dst, src net.Conn) {
	_, _ = io.Copy(dst, src) // either side may hang up at any time
	_ = dst.(*net.TCPConn).CloseWrite()
}

func (r *relay) keep(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[conn] = true
	return !r.closed
}

func (r *relay) forget(conn net.Conn) {
	_ = conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

// close ends the relay and every connection that it carries.
func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}
