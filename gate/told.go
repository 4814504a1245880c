package gate

import (
	"context"
	"time"

	"gatehouse/auth"
)

// told is what the source told, where roles may change it, and how long that is good.
type told struct {
	roles            []string
	attributes       map[string]string
	until, end, last time.Time // as in [auth.User] and in [identity]
}

// good is until when what the source told needs no other question to it.
func (t *told) good() time.Time { return auth.Earlier(t.end, t.until) }

// kept is until when the identity is remembered: while it is good for something, or what the source told is.
func (id *identity) kept() time.Time {
	said := id.told.good()
	switch {
	case id.stale || id.last.IsZero() || said.Before(id.last) && !said.IsZero():
		return id.last
	default:
		return said
	}
}

// identity makes what is remembered of a user whom s named in answer to q: roles are given, and a token is
// signed. Where it may be remembered and roles are asked for, what s told is remembered first, on no terms, by which
// no gate lets anybody in: a directory that is down must not make anybody log in anew again and again.
func (g *Gate) identity(u auth.User, s *Source, q *question, keep bool) (*identity, error) {
	if err := usable(u); err != nil {
		return nil, err
	}
	end, last := s.lasts()
	t := told{u.Roles, u.Attributes, u.Until, end, last}
	id := &identity{
		user: u, told: t, end: t.good(), last: auth.Earlier(last, u.Until),
		source: s.ID, alias: q.alias, key: q.key, digest: q.digest, shared: s.ProxyCache,
	}
	if keep && !g.Roles.Local(u.Realm) {
		g.Memory.keep(q.key, q.epoch, id, nil)
		id = id.anew()
	}
	return g.dressed(q, id, t)
}

// anew returns what an identity is made of that goes on from this one, which others may see.
func (id *identity) anew() *identity {
	next := &identity{user: id.user, source: id.source, alias: id.alias, key: id.key, digest: id.digest, shared: id.shared, past: id}
	next.seen.Store(id.seen.Load())
	return next
}

// standing returns what is remembered of a credential that only roles have to be asked for: what the source told
// stands. It is nil where there is none.
func (g *Gate) standing(q *question) *identity {
	now := time.Now()
	old, ok := g.Memory.yes.Get(q.key, now)
	if !ok || old.stale {
		return nil
	}
	if good := old.told.good(); !good.IsZero() && !now.Before(good) {
		return nil
	}
	return old
}

// dressed is [Gate.dress] within the time that q has.
func (g *Gate) dressed(q *question, id *identity, t told) (*identity, error) {
	ctx, cancel := context.WithDeadline(q.context(), q.end)
	defer cancel()
	if err := g.dress(ctx, id, t); err != nil {
		return nil, err
	}
	return id, nil
}
