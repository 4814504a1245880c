// Package throttle counts failed logins and tells who must wait. It knows nothing of ours.
//
// It counts by client address and by address and name together, never by name alone: else anybody could
// lock a user out. It starts no goroutine, and its memory is bounded whatever is sent.
package throttle

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config says who is throttled. The zero value is the strict one: everybody.
type Config struct {
	Off    bool           // count nothing and hold nobody; pairs that succeed are remembered all the same
	Exempt []netip.Prefix // addresses that are not counted by address; with a name they are
}

// A Throttle remembers who failed and who succeeded. It is safe for concurrent use. All times that it is
// given should come from one clock.
type Throttle struct {
	rules  atomic.Pointer[Config]
	start  time.Time // instants are nanoseconds since then
	seed   maphash.Seed
	watch  watch
	shards [16]shard // by address, so that an address and its pairs have one lock
	known  [32]known // by name, so that one account's many addresses crowd out few others
}

type shard struct {
	mu               sync.Mutex // guards all below
	addresses, pairs counters
}

// New returns a throttle that nobody has failed at yet.
func New(c Config) *Throttle {
	t := &Throttle{start: time.Now(), seed: maphash.MakeSeed()}
	t.Set(c)
	t.watch.latest.Store(past)
	for i := range t.shards {
		t.shards[i].addresses = newCounters(&byAddress, &t.watch)
		t.shards[i].pairs = newCounters(&byPair, &t.watch)
	}
	for i := range t.known {
		t.known[i].pairs = newTable[moment]()
	}
	return t
}

// Set says anew who is throttled. All that was counted stays, for when it is asked for again.
func (t *Throttle) Set(c Config) {
	c.Exempt = unmapped(c.Exempt)
	t.rules.Store(&c)
}

func (t *Throttle) off() bool { return t.rules.Load().Off }

// Try asks whether the client at from may try to log in as name, or with a key that name stands for;
// secret is a digest of what it tries. A positive wait says no, and when to come back. Otherwise the
// attempt is under way until one of its methods ends it, which must not be forgotten. The zero address
// may always.
func (t *Throttle) Try(from netip.Addr, name string, secret [32]byte, now time.Time) (a *Attempt, wait time.Duration) {
	w, ok := t.who(from, name)
	if !ok {
		return &Attempt{}, 0
	}
	a = &Attempt{t: t, who: w}
	if t.off() {
		return a, 0
	}
	at := t.instant(now)
	a.counted, a.secret = true, t.digest(w, secret)
	a.limited = !w.exempt && !t.isKnown(w, at)
	s := t.shard(w)
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait = s.wait(a, at); wait == 0 {
		wait = s.begin(a, at)
	}
	if wait > 0 {
		return nil, wait
	}
	return a, 0
}

// Wait returns how long the client at from must wait before it may try this secret, as [Throttle.Try] does, and
// begins nothing: it is for one who would join an attempt with the same secret. That is no new guess, and needs
// no room beside those under way.
func (t *Throttle) Wait(from netip.Addr, name string, secret [32]byte, now time.Time) time.Duration {
	at := t.instant(now)
	if t.watch.quiet(at) {
		return 0
	}
	w, ok := t.who(from, name)
	if !ok || t.off() {
		return 0
	}
	a := &Attempt{who: w, secret: t.digest(w, secret), limited: !w.exempt && !t.isKnown(w, at)}
	s := t.shard(w)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait(a, at)
}

// Held returns how long the client at from must wait before it may log in as name, 0 if it need not. It
// is to be asked for a login that is remembered too: whoever must wait would else learn from a yes that
// a guess was right. It allocates nothing.
func (t *Throttle) Held(from netip.Addr, name string, now time.Time) time.Duration {
	return max(t.Holds(from, name, now))
}

// Holds returns what [Throttle.Held] is the longer of: how long the address has to wait as a whole, and how long
// with this name.
func (t *Throttle) Holds(from netip.Addr, name string, now time.Time) (address, pair time.Duration) {
	at := t.instant(now)
	if t.watch.quiet(at) {
		return 0, 0
	}
	w, ok := t.who(from, name)
	if !ok || t.off() {
		return 0, 0
	}
	limited := !w.exempt && !t.isKnown(w, at)
	s := t.shard(w)
	s.mu.Lock()
	defer s.mu.Unlock()
	if limited {
		address = s.addresses.held(w.address, at)
	}
	return address, s.pairs.held(w.pair, at)
}

// Stats returns how many addresses and pairs have a count, and how many pairs are known to have
// succeeded. Some of each may be over already.
func (t *Throttle) Stats() (addresses, pairs, known int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		addresses += len(s.addresses.entries)
		pairs += len(s.pairs.entries)
		s.mu.Unlock()
	}
	for i := range t.known {
		known += t.known[i].len()
	}
	return addresses, pairs, known
}

func (t *Throttle) shard(w who) *shard { return &t.shards[w.address%uint64(len(t.shards))] }

// wait is how long a must wait for its pair and, unless that is known, for its address.
func (s *shard) wait(a *Attempt, now int64) time.Duration {
	wait := s.pairs.wait(a.who.pair, a.secret, now)
	if a.limited {
		wait = max(wait, s.addresses.wait(a.who.address, a.secret, now))
	}
	return wait
}

// begin has a under way. It is to wait if every counter that could make room is busy.
func (s *shard) begin(a *Attempt, now int64) time.Duration {
	var ok bool
	if a.inPair, ok = s.pairs.begin(a.who.pair, a.secret, now); !ok {
		return soon
	}
	if !a.limited {
		return 0
	}
	if a.inAddress, ok = s.addresses.begin(a.who.address, a.secret, now); !ok {
		s.release(a)
		return soon
	}
	return 0
}

// release takes a from what is under way.
func (s *shard) release(a *Attempt) {
	if a.inPair {
		s.pairs.end(a.who.pair, a.secret)
	}
	if a.inAddress {
		s.addresses.end(a.who.address, a.secret)
	}
}
