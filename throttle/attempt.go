package throttle

import "time"

// An Attempt is a login under way. Exactly one of Denied, Succeeded, Unanswered and Undecided ends it; whatever is
// called after does nothing, so that Undecided may be deferred. It is for one goroutine at a time.
type Attempt struct {
	t         *Throttle // nil: whose it is is not known, or it is over
	who       who
	secret    uint64
	limited   bool // its address's count may hold it
	counted   bool // whether it was to be counted when it began
	inPair    bool // it is among the attempts under way of its pair
	inAddress bool // and of its address
}

// Denied says that the answer was a definite no. That counts, for the address too if the pair is known,
// unless this secret was counted lately.
func (a *Attempt) Denied(now time.Time) {
	a.finish(func(t *Throttle, s *shard) {
		s.pairs.count(a.who.pair, a.secret, t.instant(now))
		if !a.who.exempt {
			s.addresses.count(a.who.address, a.secret, t.instant(now))
		}
	})
}

// Succeeded says that the answer was a yes. The pair is known from now on. No count is cleared, only time does:
// somebody with an account of their own, by the same name in another realm even, could else clear it between
// guesses.
func (a *Attempt) Succeeded(now time.Time) {
	if a.t != nil {
		a.t.note(a.who, a.t.instant(now))
	}
	a.finish(nothing)
}

// Unanswered says that there was no answer, such as in an outage. That counts for the pair: else one could go
// on guessing then, as a login that is remembered is answered all the same. The address does not pay for it.
func (a *Attempt) Unanswered(now time.Time) {
	a.finish(func(t *Throttle, s *shard) { s.pairs.count(a.who.pair, a.secret, t.instant(now)) })
}

// Undecided says that nobody could have learnt anything. It counts nothing.
func (a *Attempt) Undecided() { a.finish(nothing) }

func nothing(*Throttle, *shard) {}

// finish ends a, the first time only. count is called under the lock of its shard.
func (a *Attempt) finish(count func(*Throttle, *shard)) {
	t := a.t
	a.t = nil
	if t == nil || !a.counted {
		return
	}
	s := t.shard(a.who)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.off() {
		count(t, s)
	}
	s.release(a)
}
