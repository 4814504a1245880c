package server

import (
	"context"
	"net"
	"sync"
	"time"
)

// lameDuck is how long connections that are in use get to come to their end by themselves.
const lameDuck = 500 * time.Millisecond

// Drain has /ready answer that no new requests should come here; all are still answered.
func (s *Server) Drain() { s.draining.Store(true) }

// Draining reports whether Drain was called, or Shutdown.
func (s *Server) Draining() bool { return s.draining.Load() || s.stopping.Load() }

// Shutdown stops a server that serves: it takes no new connection, ends every other one with its next answer,
// and after a moment closes those that are idle. A request that has begun is answered. The error is that of
// ctx if that takes longer.
func (s *Server) Shutdown(ctx context.Context) error {
	select {
	case <-s.serving:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.stopping.Store(true)
	s.closeListeners()
	// A client may be sending a request on a connection that is idle here: to close it now would lose that. The count
	// has one taken off for a listener, and is -1 once those are closed and nobody is there.
	for end := time.Now().Add(lameDuck); time.Now().Before(end) && s.app.Server().GetOpenConnectionsCount() >= 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return s.app.ShutdownWithContext(ctx)
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// closedOnce is a listener that may be closed again, without an error.
type closedOnce struct {
	net.Listener
	once sync.Once
	err  error
}

// Close closes the listener the first time.
func (l *closedOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
