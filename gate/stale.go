package gate

import (
	"errors"
	"time"

	"gatehouse/auth"
)

// retryStale is how long a yes that outlives its time is good for before its provider is asked again.
const retryStale = 5 * time.Second

// rideOut returns what is remembered of a yes of s whose time is over, while s cannot answer because of outage;
// nil where there is none. Its tokens end with the time that [Source.StaleIfError] gives. A question that was
// not put for a reason of ours is no outage: whoever filled the queue could keep out the no to their own key.
func (g *Gate) rideOut(q *question, s *Source, outage error) (*identity, error) {
	if errors.Is(outage, auth.ErrUnasked) {
		return nil, nil
	}
	now := time.Now()
	old, ok := g.Memory.yes.Get(q.key, now)
	if !ok || old.user.Provider != s.Name {
		return nil, nil
	}
	id := old.anew()
	id.stale, id.shared = true, false
	t := old.told
	t.end = auth.Earlier(now.Add(retryStale), t.last)
	id, err := g.dressed(q, id, t)
	if errors.Is(err, errTooOld) {
		return nil, nil
	}
	return id, err
}

// lasts is until when an answer that s gives now is good, and until when it is while s cannot give another;
// a zero time has no end. The last is at a whole second, as a token's end is: else nobody would have one for the rest
// of it, and that would read like a limit of the user's own.
func (s *Source) lasts() (end, last time.Time) {
	if s.Cache <= 0 {
		return time.Time{}, time.Time{}
	}
	end = time.Now().Add(s.Cache)
	if last = end.Add(s.StaleIfError); s.StaleIfError >= time.Second {
		last = last.Add(-time.Duration(last.Nanosecond()))
	}
	return end, last
}
