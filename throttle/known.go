package throttle

import (
	"net/netip"
	"sync"
	"time"
)

// known are pairs that succeeded. Only successes fill it, so no flood of failures empties it.
type known struct {
	mu    sync.Mutex    // guards all below
	pairs table[moment] // until when each is known
}

// A moment is an instant at which something ends.
type moment int64

func (m moment) end() int64 { return int64(m) }

func (k *known) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.pairs.entries)
}

// Known tells whether name succeeded at from within 24 hours. The zero address is never known.
func (t *Throttle) Known(from netip.Addr, name string, now time.Time) bool {
	w, ok := t.who(from, name)
	return ok && t.isKnown(w, t.instant(now))
}

// Note remembers that name succeeded at from without an attempt, such as with a login that is remembered.
// It clears no count.
func (t *Throttle) Note(from netip.Addr, name string, now time.Time) {
	if w, ok := t.who(from, name); ok {
		t.note(w, t.instant(now))
	}
}

func (t *Throttle) isKnown(w who, now int64) bool {
	k := t.knownOf(w)
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.pairs.entries[w.pair]
	return ok && now < until.end()
}

func (t *Throttle) note(w who, now int64) {
	k := t.knownOf(w)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pairs.put(w.pair, moment(now+int64(knownFor)), now)
}

func (t *Throttle) knownOf(w who) *known { return &t.known[w.name%uint64(len(t.known))] }
