package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/auth"
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
	return !slices.ContainsFunc(n.asked, func(r string) bool { return !auth.SameRealm(r, realm) })
}

// fits reports whether the source may see c.
func (s *Source) fits(c auth.Credential, realms narrowed) bool {
	return s.Scheme == c.Scheme && slices.Contains(s.Forms, c.Form) && realms.admits(s.Realm)
}

// errNobody is a denial because nobody had to be asked.
var errNobody = fmt.Errorf("%w: no provider takes it", auth.ErrDenied)

// A question is one credential for one source.
type question struct {
	credential auth.Credential
	source     *Source
}

// questions lists who is asked what: the credentials in the order given, each to the fitting sources in
// the order of config.yaml. The credentials are copies: an answer may come after the request is gone.
func (g *Gate) questions(credentials []auth.Credential, realms narrowed) []question {
	var qs []question
	for _, c := range credentials {
		c = c.Clone()
		for i := range g.Sources {
			if s := &g.Sources[i]; s.fits(c, realms) {
				qs = append(qs, question{c, s})
			}
		}
	}
	return qs
}

// identify asks one source after the other until one says yes. A denial does not end the search, so every
// wrong credential costs the same; neither does an outage, but then the last word is "no decision".
func (g *Gate) identify(ctx context.Context, credentials []auth.Credential, realms narrowed) (auth.User, error) {
	qs := g.questions(credentials, realms)
	if len(qs) == 0 {
		return auth.User{}, errNobody
	}
	end := time.Now().Add(g.Timeout)
	var outage error
	for i, q := range qs {
		user, err := q.ask(ctx, time.Until(end)/time.Duration(len(qs)-i))
		switch {
		case err == nil:
			return user, nil
		case errors.Is(err, auth.ErrNotMine), errors.Is(err, auth.ErrDenied):
		default:
			outage = errors.Join(outage, fmt.Errorf("provider %q: %w", q.source.Name, err))
		}
	}
	if outage != nil {
		return auth.User{}, outage
	}
	return auth.User{}, auth.ErrDenied
}

// ask puts the question, and gives the source share of the decision's time.
func (q question) ask(ctx context.Context, share time.Duration) (auth.User, error) {
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	user, err := q.source.Authenticate(ctx, q.credential)
	if err != nil {
		return auth.User{}, err
	}
	user.Realm, user.Provider = q.source.Realm, q.source.Name
	return user, nil
}
