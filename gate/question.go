package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
	"gatehouse/jwt"
	"gatehouse/throttle"
)

// A question is one credential put to the sources that may see it.
type question struct {
	gate       *Gate
	key        cache.Key
	credential auth.Credential // shares no memory with the request
	sources    sourceSet
	left       int // sources that are still to be asked
	begun, end time.Time
	client     netip.Addr
	trace      auth.Trace
	epoch      uint64    // of the memory when the question began
	digest     cache.Key // of the credential, whoever is asked
	alias      string    // see [alias]; "" where it is not
	known      bool      // whether this user has logged in from there lately
	right      bool      // whether some source has said yes to it
	denied     bool      // whether some source has looked at it and said no
	attempt    *throttle.Attempt
}

// held reports whether the throttle lets the one who asks try at all, which a question of somebody else that
// they could join must not tell them.
func (q *question) held() error {
	if q.alias == "" {
		return nil
	}
	if wait := q.gate.Throttle.Wait(q.client, q.alias, q.digest, q.begun); wait > 0 {
		return &Throttled{Wait: wait}
	}
	return nil
}

// begin asks the throttle whether the question may be put. Only the one who begins it is counted: whoever
// joins has the same credential.
func (q *question) begin() error {
	if q.alias == "" {
		return nil
	}
	attempt, wait := q.gate.Throttle.Try(q.client, q.alias, q.digest, q.begun)
	if wait > 0 {
		return &Throttled{Wait: wait}
	}
	q.attempt, q.known = attempt, q.gate.Throttle.Known(q.client, q.alias, q.begun)
	return nil
}

// finish tells the throttle what came of the question.
func (q *question) finish(err error) {
	if q.attempt == nil {
		return
	}
	switch now := time.Now(); {
	case err == nil:
		q.attempt.Succeeded(now)
	case q.right, final(err), errors.Is(err, jwt.ErrExpired): // a fault of ours, or right and of no use
		q.attempt.Undecided()
	case errors.Is(err, auth.ErrDenied), q.denied && !q.known:
		// A no beside another's outage is one: else it would be free to guess meanwhile. Who is known here may
		// be the other's user.
		q.attempt.Denied(now)
	default:
		q.attempt.Unanswered(now)
	}
}

// ErrDeniedElsewhere stands beside an outage where another source has looked at the credential and refused it: no
// decision, and a failed login all the same.
var ErrDeniedElsewhere = errors.New("another provider refused the credential")

// put asks the sources, in their order. keep says whether the answer may be remembered.
func (q *question) put() (id *identity, keep bool, err error) {
	g := q.gate
	if old := g.standing(q); old != nil {
		q.right = true
		id, err := g.dressed(q, old.anew(), old.told)
		return id, true, err
	}
	var outage error
	for i := range g.Sources {
		if !q.sources.has(i) {
			continue
		}
		s := &g.Sources[i]
		user, err := q.ask(s)
		switch {
		case err == nil:
			q.right = true
			// Behind an outage this may be the wrong one's answer: good for now, and not to be kept.
			keep := outage == nil && s.Cache != 0
			id, err := g.identity(user, s, q, keep)
			return id, keep, err
		case errors.Is(err, auth.ErrNotMine):
		case errors.Is(err, auth.ErrDenied):
			q.denied = true
			g.Memory.refute(q.digest, s.Name)
		default:
			if id, err := g.rideOut(q, s, err); id != nil || err != nil {
				return id, true, err
			}
			outage = errors.Join(outage, fmt.Errorf("provider %q: %w", s.Name, err))
		}
	}
	switch {
	case outage != nil && q.denied:
		return nil, false, errors.Join(outage, ErrDeniedElsewhere)
	case outage != nil:
		return nil, false, outage
	}
	return nil, true, auth.ErrDenied
}

// ask puts the question to one source, within an equal share of the time that is left.
func (q *question) ask(s *Source) (auth.User, error) {
	ctx, cancel := context.WithTimeout(q.context(), time.Until(q.end)/time.Duration(q.left))
	defer cancel()
	q.left--
	user, err := s.Authenticate(ctx, q.credential)
	if err != nil {
		return auth.User{}, err
	}
	user.Realm, user.Provider = s.Realm, s.Name
	return user, nil
}

// context tells sources who asks.
func (q *question) context() context.Context {
	return auth.WithClient(context.Background(), auth.Client{Address: q.client, Known: q.known, Trace: q.trace})
}
