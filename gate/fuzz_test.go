package gate_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/gate"
)

// FuzzKeysAreApart has two credentials, at one of two realms each, and their owners tell the gate who they are. C07:
// whoever was asked about before, each gets their own answer, the first time and every other.
func FuzzKeysAreApart(f *testing.F) {
	for _, seed := range [][4]string{
		{"a", "b:c", "a:b", "c"},
		{"ab", "c", "a", "bc"},
		{"a", "b", "b", "a"},
		{"a\x00b", "c", "a", "b\x00c"},
		{"", "ab", "a", "b"},
		{"a", "\x01\x00\x00\x00b", "a\x01\x00\x00\x00", "b"},
		{"alice", "$2y$04$x", "alice", "$2y$04$"},
		{"é", "p", "e\u0301", "p"},
	} {
		f.Add(seed[0], seed[1], true, true, seed[2], seed[3], true, true)
		f.Add(seed[0], seed[1], true, false, seed[2], seed[3], false, true)
	}
	owner := func(c auth.Credential, realm string) string {
		return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", c.Scheme, c.Username, string(c.Secret), realm)))
	}
	sources := make([]gate.Source, 0, 4)
	for _, realm := range []string{"one", "two"} {
		whose := auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
			if strings.HasPrefix(string(c.Secret), "x") {
				return auth.User{}, auth.ErrDenied
			}
			return auth.User{Name: owner(c, realm)}, nil
		})
		takes := keys(realm, whose)
		takes.Realm = realm
		basic := takes
		basic.Name, basic.Scheme, basic.Forms = realm+"-basic", auth.Basic, []auth.Form{auth.Password}
		sources = append(sources, takes, basic)
	}
	g, _ := newGate(f, nil, sources...)
	f.Fuzz(func(t *testing.T, user, secret string, password, one bool, otherUser, otherSecret string, otherPassword, otherOne bool) {
		type login struct {
			c     auth.Credential
			realm string
		}
		of := func(user, secret string, password, one bool) login {
			l := login{auth.Credential{Scheme: auth.Bearer, Form: auth.Opaque, Secret: auth.Secret(secret)}, "two"}
			if password {
				l.c = auth.Credential{Scheme: auth.Basic, Form: auth.Password, Username: user, Secret: auth.Secret(secret)}
			}
			if one {
				l.realm = "one"
			}
			return l
		}
		a, b := of(user, secret, password, one), of(otherUser, otherSecret, otherPassword, otherOne)
		for _, l := range []login{a, b, a, b} {
			d, err := g.Decide(t.Context(), gate.Ask{Realms: []string{l.realm}, Credentials: []auth.Credential{l.c}})
			if strings.HasPrefix(string(l.c.Secret), "x") {
				wantDenied(t, d, err)
			} else if err != nil || d.User.Name != owner(l.c, l.realm) || d.User.Realm != l.realm {
				t.Errorf("%q %q at %s got the answer of another: %+v, %v", l.c.Username, string(l.c.Secret), l.realm, d.User, err)
			}
		}
	})
}
