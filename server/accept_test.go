package server

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// A lacking listener has an error for each call of Accept, and then a connection.
type lacking struct {
	net.Listener
	errs  []error
	calls int
}

func (l *lacking) Addr() net.Addr { return &net.UnixAddr{Name: "@", Net: "unix"} }

func (l *lacking) Accept() (net.Conn, error) {
	if l.calls++; l.calls <= len(l.errs) {
		return nil, &net.OpError{Op: "accept", Err: l.errs[l.calls-1]}
	}
	return nil, nil
}

func TestAListenerOutlivesAShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		short := &lacking{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}}
		for range 96 { // at 200 ms each
			short.errs = append(short.errs, syscall.EMFILE)
		}
		l := &patient{Listener: short, log: zerolog.New(&log)}
		begin := time.Now()
		if _, err := l.Accept(); err != nil {
			t.Errorf("%v, want none", err)
		}
		if took := time.Since(begin); took < 15*time.Second || took > 25*time.Second {
			t.Errorf("tried a hundred times in %s: spins or sleeps", took)
		}
		if said, again := strings.Count(log.String(), "too many open files"), strings.Count(log.String(), "accepted again"); said != 2 || again != 1 {
			t.Errorf("the log says %d times what lacks and %d times that it is over, want 2 and 1:\n%s", said, again, log.String())
		}
		if _, err := l.Accept(); err != nil || strings.Count(log.String(), "\n") != 3 {
			t.Errorf("the next: %v, %s", err, log.String())
		}
	})
}

func TestAListenerEndsWithAnyOtherError(t *testing.T) {
	for _, fault := range []error{net.ErrClosed, syscall.EBADF, syscall.EINVAL} {
		l := &patient{Listener: &lacking{errs: []error{fault}}}
		if _, err := l.Accept(); !errors.Is(err, fault) {
			t.Errorf("%v, want %v", err, fault)
		}
	}
}
