package throttle

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var (
	here      = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("198.51.100.7")
)

func secretOf(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// A scene is a throttle with a clock that stands still until it is moved.
type scene struct {
	*Throttle
	t     testing.TB
	now   time.Time
	fresh int // wrong secrets so far
}

func newScene(t testing.TB, c Config) *scene {
	return &scene{Throttle: New(c), t: t, now: time.Now()}
}

func (s *scene) pass(d time.Duration) { s.now = s.now.Add(d) }

// start begins an attempt that must be admitted.
func (s *scene) start(from netip.Addr, name, secret string) *Attempt {
	s.t.Helper()
	a, wait := s.Try(from, name, secretOf(secret), s.now)
	if wait > 0 {
		s.t.Fatalf("%s at %v must wait %v", name, from, wait)
	}
	return a
}

// wait is how long an attempt with a new secret would have to wait.
func (s *scene) wait(from netip.Addr, name string) time.Duration {
	a, wait := s.Try(from, name, secretOf("never tried"), s.now)
	if wait == 0 {
		a.Undecided()
	}
	return wait
}

func (s *scene) deny(from netip.Addr, name, secret string) {
	s.t.Helper()
	s.start(from, name, secret).Denied(s.now)
}

// guess fails n times with a new secret each, after as long a wait as is asked for.
func (s *scene) guess(from netip.Addr, name string, n int) {
	s.t.Helper()
	for range n {
		s.pass(s.wait(from, name))
		s.fresh++
		s.deny(from, name, fmt.Sprintf("guess %d", s.fresh))
	}
}

// spray fails n times with a new name each.
func (s *scene) spray(from netip.Addr, n int) {
	s.t.Helper()
	for range n {
		s.guess(from, fmt.Sprintf("name %d", s.fresh), 1)
	}
}

func (s *scene) succeed(from netip.Addr, name string) {
	s.t.Helper()
	s.start(from, name, "right").Succeeded(s.now)
}

func (s *scene) wantWait(says string, from netip.Addr, name string, want time.Duration) {
	s.t.Helper()
	if got := s.wait(from, name); got != want {
		s.t.Errorf("%s: the wait is %v, want %v", says, got, want)
	}
	if got := s.Held(from, name, s.now); got != want {
		s.t.Errorf("%s: held for %v, want %v", says, got, want)
	}
}
