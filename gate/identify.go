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

// fitting returns which sources may see c, and how many they are.
func (g *Gate) fitting(c *auth.Credential, realms narrowed) (set sourceSet, n int) {
	for i := range g.Sources {
		s := &g.Sources[i]
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
func (g *Gate) identify(ctx context.Context, credentials []auth.Credential, realms narrowed, now time.Time) (id *identity, remembered bool, err error) {
	var outage error
	last := errNobody
	end := now.Add(g.Timeout)
	for i := range credentials {
		c := &credentials[i]
		sources, n := g.fitting(c, realms)
		if n == 0 {
			continue
		}
		k := g.Memory.key(c, sources[:(len(g.Sources)+63)/64])
		id, err := g.Memory.recall(k, now)
		remembered := id != nil || err != nil
		if !remembered {
			left := n + g.questions(credentials[i+1:], realms)
			id, err = g.ask(ctx, k, c.Clone(), sources, n, time.Until(end)*time.Duration(n)/time.Duration(left))
		}
		if err == nil {
			return id, remembered, nil
		}
		if final(err) {
			return nil, remembered, err
		}
		if last = err; !errors.Is(err, auth.ErrDenied) {
			outage = errors.Join(outage, err)
		}
	}
	if outage != nil {
		return nil, false, outage
	}
	return nil, false, last
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
		_, n := g.fitting(&credentials[i], realms)
		sum += n
	}
	return sum
}

// ask puts c, which must share no memory with the request, to the n sources of a set, within limit. Whoever
// asks the same meanwhile gets the same answer.
func (g *Gate) ask(ctx context.Context, k cache.Key, c auth.Credential, sources sourceSet, n int, limit time.Duration) (*identity, error) {
	end := time.Now().Add(limit)
	return g.Memory.join(ctx, k, end, func() (id *identity, keep bool, err error) {
		var outage error
		for i := range g.Sources {
			if !sources.has(i) {
				continue
			}
			s := &g.Sources[i]
			user, err := s.ask(c, time.Until(end)/time.Duration(n))
			n--
			switch {
			case err == nil:
				// Behind an outage this may be the wrong one's answer: good for now, and not to be kept.
				id, err := g.identity(user, s.lasts())
				return id, outage == nil && s.Cache != 0, err
			case errors.Is(err, auth.ErrNotMine), errors.Is(err, auth.ErrDenied):
			default:
				outage = errors.Join(outage, fmt.Errorf("provider %q: %w", s.Name, err))
			}
		}
		if outage != nil {
			return nil, false, outage
		}
		return nil, true, auth.ErrDenied
	})
}

// ask puts one question, within share.
func (s *Source) ask(c auth.Credential, share time.Duration) (auth.User, error) {
	ctx, cancel := context.WithTimeout(context.Background(), share)
	defer cancel()
	user, err := s.Authenticate(ctx, c)
	if err != nil {
		return auth.User{}, err
	}
	user.Realm, user.Provider = s.Realm, s.Name
	return user, nil
}

// lasts is until when an answer that s gives now is remembered; zero: no end.
func (s *Source) lasts() time.Time {
	if s.Cache <= 0 {
		return time.Time{}
	}
	return time.Now().Add(s.Cache)
}
