package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
)

// narrowed is every realm that a request and its policy ask for. All must hold.
type narrowed struct {
	asked  []string
	policy string // "" for none
}

func (n narrowed) admits(realm string) bool {
	if n.policy != "" && !auth.SameRealm(n.policy, realm) {
		return false
	}
	for _, r := range n.asked {
		if !auth.SameRealm(r, realm) {
			return false
		}
	}
	return true
}

// errNobody is a denial because nobody had to be asked.
var errNobody = fmt.Errorf("%w: no provider takes it", auth.ErrDenied)

// A sourceSet has a bit for each source of a gate, in their order.
type sourceSet [MaxSources / 64]uint64

func (s sourceSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// fitting returns which of sources may see c, and how many they are.
func fitting(sources []Source, c *auth.Credential, realms narrowed) (set sourceSet, n int) {
	for i := range sources {
		s := &sources[i]
		if s.Scheme == c.Scheme && slices.Contains(s.Forms, c.Form) && realms.admits(s.Realm) {
			set[i/64] |= 1 << (i % 64)
			n++
		}
	}
	return set, n
}

// identify looks for a credential that somebody knows: in the order given, each first in the memory and then
// with the sources that may see it. A denial does not end the search, so every wrong credential costs the
// same; neither does an outage, but then the last word is "no decision".
func (g *Gate) identify(ctx context.Context, ask *Ask, realms narrowed, now time.Time) (id *identity, how known, err error) {
	var outage error
	last := errNobody
	end := now.Add(g.Timeout)
	for i := range ask.Credentials {
		c := &ask.Credentials[i]
		sources, n := fitting(g.Sources, c, realms)
		if n == 0 {
			continue
		}
		k := g.Memory.key(c, g.Sources, sources)
		id, err := g.recall(k, now)
		if id == nil && err == nil && len(g.Before) > 0 {
			id = g.inherit(c, realms, k, now)
		}
		how := recalled
		if id != nil {
			if wait := g.hold(id, ask.Client, now); wait > 0 {
				err = &Throttled{Wait: wait}
			}
		} else if err != nil {
			g.Memory.recalls.refused.Add(1)
			err = g.tell(c, ask.Client, err, now)
		} else {
			g.Memory.recalls.missed.Add(1)
			left := n + g.questions(ask.Credentials[i+1:], realms)
			id, how, err = g.ask(ctx, k, c.Clone(), sources, n, auth.Client{Address: ask.Client, Trace: ask.Trace}, time.Until(end)*time.Duration(n)/time.Duration(left))
		}
		if err == nil {
			return id, how, nil
		}
		if final(err) {
			return nil, how, err
		}
		if last = err; !errors.Is(err, auth.ErrDenied) {
			outage = errors.Join(outage, err)
		}
	}
	if outage != nil {
		return nil, asked, outage
	}
	return nil, asked, last
}

// recall returns what is remembered of a key, if this gate need not ask for the user's roles.
func (g *Gate) recall(k cache.Key, now time.Time) (*identity, error) {
	id, err := g.Memory.recall(k, now)
	if id != nil && !g.renewable(id) {
		return nil, nil
	}
	return id, err
}

// final reports whether err ends the search: a known user who may not pass, or a fault of ours.
func final(err error) bool {
	_, forbidden := errors.AsType[*Forbidden](err)
	_, crash := errors.AsType[*Panic](err)
	return forbidden || crash
}

// questions is how many questions all of these credentials make.
func (g *Gate) questions(credentials []auth.Credential, realms narrowed) (sum int) {
	for i := range credentials {
		_, n := fitting(g.Sources, &credentials[i], realms)
		sum += n
	}
	return sum
}

// ask puts c, which must share no memory with the request, to the n sources of a set, within limit. Whoever
// asks the same meanwhile gets the same answer.
func (g *Gate) ask(ctx context.Context, k cache.Key, c auth.Credential, sources sourceSet, n int, client auth.Client, limit time.Duration) (*identity, known, error) {
	begun := time.Now()
	q := &question{
		gate: g, key: k, credential: c, sources: sources, left: n, client: client.Address, trace: client.Trace, begun: begun, end: begun.Add(limit),
		digest: g.Memory.digest(&c),
	}
	q.alias = alias(&q.credential, q.digest)
	if err := q.held(); err != nil {
		return nil, asked, err
	}
	return g.Memory.join(ctx, q)
}
