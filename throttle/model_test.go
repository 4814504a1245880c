package throttle

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// A naive counter steps through time one leak after another.
type naive struct {
	l           limits
	count       int
	leaks, hold time.Time
	seen        []string
}

func (m *naive) step(now time.Time) {
	for m.count > 0 && !now.Before(m.leaks) {
		m.count--
		m.leaks = m.leaks.Add(m.l.leak)
	}
	if m.count == 0 {
		m.seen = nil
	}
}

func (m *naive) fail(secret string, now time.Time) {
	m.step(now)
	if slices.Contains(m.seen, secret) {
		return
	}
	m.seen = append(m.seen, secret)
	m.seen = m.seen[max(0, len(m.seen)-32):]
	if m.count == 0 || m.count == 100 {
		m.leaks = now.Add(m.l.leak)
	}
	m.count = min(m.count+1, 100)
	if m.count > m.l.free {
		delay := time.Second
		for n := m.l.free + 1; n < m.count && delay < m.l.longest; n++ {
			delay *= 2
		}
		if end := now.Add(min(delay, m.l.longest)); end.After(m.hold) {
			m.hold = end
		}
	}
}

// A model is the throttle of one attempt after another, without bounds.
type model struct {
	addresses, pairs map[string]*naive
	known            map[string]time.Time
}

func (m *model) counter(of map[string]*naive, k string, l limits) *naive {
	if of[k] == nil {
		of[k] = &naive{l: l}
	}
	return of[k]
}

func (m *model) wait(addr, name string, now time.Time) time.Duration {
	wait := max(0, m.counter(m.pairs, addr+name, byPair).hold.Sub(now))
	if now.Before(m.known[addr+name]) {
		return wait
	}
	return max(wait, m.counter(m.addresses, addr, byAddress).hold.Sub(now))
}

func (m *model) denied(addr, name, secret string, now time.Time) {
	m.counter(m.pairs, addr+name, byPair).fail(secret, now)
	m.counter(m.addresses, addr, byAddress).fail(name+" "+secret, now)
}

func (m *model) succeeded(addr, name string, now time.Time) {
	m.known[addr+name] = now.Add(24 * time.Hour)
}

func TestOneAfterAnotherIsAsInANaiveModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		s := newScene(t, Config{})
		m := &model{map[string]*naive{}, map[string]*naive{}, map[string]time.Time{}}
		steps := []time.Duration{0, 0, time.Millisecond, time.Second, 20 * time.Second, 5 * time.Minute, 3 * time.Hour, 26 * time.Hour}
		names, secrets := 2+r.IntN(30), 2+r.IntN(60)
		for i := range 2000 {
			s.pass(steps[r.IntN(3+int(seed)%6)])
			addr, name, secret := fmt.Sprint("192.0.2.", r.IntN(2)), fmt.Sprint(r.IntN(names)), fmt.Sprint(r.IntN(secrets))
			want := m.wait(addr, name, s.now)
			from := netip.MustParseAddr(addr)
			if got := s.Held(from, name, s.now); got != want {
				t.Fatalf("seed %d, step %d: held for %v, want %v", seed, i, got, want)
			}
			a, got := s.Try(from, name, secretOf(secret), s.now)
			if got != want {
				t.Fatalf("seed %d, step %d: the wait is %v, want %v", seed, i, got, want)
			}
			if want > 0 {
				s.pass(time.Duration(r.Int64N(int64(2 * want))))
				continue
			}
			switch r.IntN(30) {
			case 0:
				a.Succeeded(s.now)
				m.succeeded(addr, name, s.now)
			case 1:
				a.Undecided()
			default:
				a.Denied(s.now)
				m.denied(addr, name, secret, s.now)
			}
		}
	}
}
