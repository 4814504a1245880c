package gate_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// A service answers what it is set to.
type service struct {
	user  auth.User
	err   error
	asked int
}

func (s *service) Authenticate(context.Context, auth.Credential) (auth.User, error) {
	s.asked++
	return s.user, s.err
}

func (s *service) source(name string) gate.Source {
	return gate.Source{
		Authenticator: s, Name: name, Realm: "r", Scheme: auth.Bearer, Forms: []auth.Form{auth.Opaque},
		Cache: time.Minute, StaleIfError: 5 * time.Minute,
	}
}

var errDown = errors.New("down")

// ends is when a decision's token does.
func ends(t *testing.T, d gate.Decision) time.Time {
	t.Helper()
	parts := strings.Split(d.Authorization, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct{ Exp int64 }
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(c.Exp, 0)
}

func TestAnOutageIsRiddenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		begin := time.Now()
		d, err := g.Decide(t.Context(), presenting("k"))
		wantUser(t, d, err, "alice")
		s.err = errDown
		window := begin.Add(6 * time.Minute)
		for time.Now().Before(window) {
			d, err := g.Decide(t.Context(), presenting("k"))
			wantUser(t, d, err, "alice")
			if over := time.Since(begin) >= time.Minute; d.Stale != over {
				t.Fatalf("after %s: stale is %t", time.Since(begin), d.Stale)
			} else if over && ends(t, d).After(window) {
				t.Fatalf("after %s: the token ends at %s, behind the window's end %s", time.Since(begin), ends(t, d), window)
			}
			time.Sleep(time.Second)
		}
		if s.asked < 50 || s.asked > 65 {
			t.Errorf("a dead service was asked %d times in 5 minutes of one request a second, want every 5 s", s.asked)
		}
		d, err = g.Decide(t.Context(), presenting("k"))
		wantOutage(t, d, err)
	})
}

// A token ends at a whole second: what is left of the window behind it is an outage, and no denial.
func TestTheEndOfTheWindowDeniesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(700 * time.Millisecond)
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		begin := time.Now()
		d, err := g.Decide(t.Context(), presenting("k"))
		wantUser(t, d, err, "alice")
		s.err = errDown
		out := 0
		for ; time.Since(begin) < 6*time.Minute+2*time.Second; time.Sleep(100 * time.Millisecond) {
			switch d, err := g.Decide(t.Context(), presenting("k")); {
			case err != nil && errors.Is(err, errDown):
				out++
			case err != nil:
				t.Fatalf("after %s: %v", time.Since(begin), err)
			case !ends(t, d).After(time.Now()) || time.Since(begin) > 6*time.Minute:
				t.Fatalf("after %s: a token until %s", time.Since(begin), ends(t, d))
			}
		}
		if out < 20 || out > 30 {
			t.Errorf("it was an outage %d times, want 2 to 3 s of it", out)
		}
	})
}

// No token can end within a second, and the clocks may differ by a moment: then the end of what is ridden out is the
// outage that it rode out, and no denial.
func TestTheLastMomentOfAWindowDeniesNobody(t *testing.T) {
	for _, window := range []time.Duration{900 * time.Millisecond, 500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{user: auth.User{Name: "alice"}}
			source := s.source("a")
			source.Cache, source.StaleIfError = time.Minute, window
			g, _ := newGate(t, nil, source)
			d, err := g.Decide(t.Context(), presenting("k"))
			wantUser(t, d, err, "alice")
			s.err = errDown
			time.Sleep(time.Minute + 300*time.Millisecond)
			if _, err := g.Decide(t.Context(), presenting("k")); !errors.Is(err, errDown) || errors.Is(err, auth.ErrDenied) {
				t.Errorf("a window of %s: %v, want the outage", window, err)
			}
		})
	}
}

func TestTheEndOfAnOutageIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		_, _ = g.Decide(t.Context(), presenting("k"))
		s.err = errDown
		time.Sleep(2 * time.Minute)
		_, _ = g.Decide(t.Context(), presenting("k"))
		s.user, s.err = auth.User{Name: "alice", Roles: []string{"new"}}, nil
		time.Sleep(5 * time.Second)
		d, err := g.Decide(t.Context(), presenting("k"))
		wantUser(t, d, err, "alice")
		if d.Stale || d.Roles != "new" {
			t.Errorf("%+v, want what the service says now", d)
		}
	})
}

func TestOnlyAnOutageIsRiddenOut(t *testing.T) {
	for name, row := range map[string]struct {
		change  func(*gate.Source)
		lives   time.Duration // of the credential; 0: for ever
		between func(*gate.Gate, *service)
		want    string
	}{
		"it is off unless it is set":           {change: func(s *gate.Source) { s.StaleIfError = 0 }, want: "outage"},
		"it is ridden out where it is":         {want: "alice"},
		"the credential's own end is the last": {lives: 90 * time.Second, want: "outage"},
		"a clear no ends it": {between: func(g *gate.Gate, s *service) {
			s.err = auth.ErrDenied
			_, _ = g.Decide(context.Background(), presenting("k"))
			time.Sleep(10 * time.Second) // until the refusal is no more remembered
			s.err = errDown
		}, want: "outage"},
		"forgetting ends it": {between: func(g *gate.Gate, _ *service) { g.Memory.Forget(everybody) }, want: "outage"},
		"forgetting another does not": {between: func(g *gate.Gate, _ *service) {
			g.Memory.Forget(func(u auth.User) bool { return u.Name == "bob" })
		}, want: "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{user: auth.User{Name: "alice"}}
				if row.lives > 0 {
					s.user.Until = time.Now().Add(row.lives)
				}
				source := s.source("a")
				if row.change != nil {
					row.change(&source)
				}
				g, _ := newGate(t, nil, source)
				_, _ = g.Decide(t.Context(), presenting("k"))
				s.err = errDown
				time.Sleep(2 * time.Minute)
				if row.between != nil {
					row.between(g, s)
				}
				d, err := g.Decide(t.Context(), presenting("k"))
				if row.want == "outage" {
					wantOutage(t, d, err)
					return
				}
				wantUser(t, d, err, row.want)
			})
		})
	}
}

// A no for the user under one question is one under every other: realms and policies make several of one
// credential.
func TestAClearNoEndsEveryLoginOfTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := &service{user: auth.User{Name: "alice"}}, &service{err: auth.ErrDenied}
		elsewhere := other.source("b")
		elsewhere.Realm = "elsewhere"
		g, _ := newGate(t, nil, s.source("a"), elsewhere)
		wide, narrow := presenting("k"), presenting("k")
		narrow.Realms = []string{"r"}
		_, _ = g.Decide(t.Context(), wide)
		_, _ = g.Decide(t.Context(), narrow)
		time.Sleep(2 * time.Minute)
		s.err = auth.ErrDenied
		_, _ = g.Decide(t.Context(), wide)
		s.err = errDown
		d, err := g.Decide(t.Context(), narrow)
		wantOutage(t, d, err)
	})
}

// It is the outage of the provider that said yes that counts, and not another's.
func TestAnotherProvidersOutageIsNotRiddenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &service{err: auth.ErrDenied}, &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, first.source("first"), second.source("second"))
		_, _ = g.Decide(t.Context(), presenting("k"))
		time.Sleep(2 * time.Minute)
		first.err, second.err = errDown, auth.ErrDenied
		d, err := g.Decide(t.Context(), presenting("k"))
		wantOutage(t, d, err)
	})
}

// The proxy may remember a user of a source that says so, for at most 5 s and no longer than we do.
func TestHowLongTheProxyMayRemember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		source := s.source("a")
		source.ProxyCache = true
		g, _ := newGate(t, nil, source)
		_, _ = g.Decide(t.Context(), presenting("k"))
		for _, row := range []struct{ after, want time.Duration }{
			{0, 5 * time.Second},
			{50 * time.Second, 5 * time.Second},
			{7 * time.Second, 3 * time.Second},
			{2500 * time.Millisecond, 500 * time.Millisecond},
		} {
			time.Sleep(row.after)
			if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.ProxyCache != row.want {
				t.Errorf("after %s more: %s, %v, want %s", row.after, d.ProxyCache, err, row.want)
			}
		}
		two := presenting("k")
		two.Credentials = append(two.Credentials, auth.Credential{Scheme: auth.Basic, Form: auth.Password, Username: "u", Secret: "s"})
		if d, err := g.Decide(t.Context(), two); err != nil || d.ProxyCache != 0 {
			t.Errorf("beside a password: %s, %v", d.ProxyCache, err)
		}
		s.err = errDown
		time.Sleep(time.Minute)
		if d, err := g.Decide(t.Context(), presenting("k")); err != nil || !d.Stale || d.ProxyCache != 0 {
			t.Errorf("in an outage: %+v, %v", d, err)
		}
	})
}

func TestTheProxyForgetsBeforeTheTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		source := s.source("a")
		source.ProxyCache = true
		g, _ := newGate(t, func(c *gate.Config) { c.Issuer = issuing(t, 4*time.Second) }, source)
		if d, err := g.Decide(t.Context(), presenting("k")); err != nil || time.Now().Add(d.ProxyCache).After(ends(t, d)) {
			t.Errorf("%s, %v, and the token ends in %s", d.ProxyCache, err, time.Until(ends(t, d)))
		}
	})
}

func TestTheProxyMayRememberNobodyUnlessItIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.ProxyCache != 0 {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

// What is only kept for an outage is no answer of the next house either, while its source can be asked.
func TestOnlyWhatIsFreshIsInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		h := newHouses(t)
		source := s.source("a")
		source.ID = h.memory.NewID()
		behind := keys("b", says(auth.User{}, auth.ErrDenied))
		behind.ID = h.memory.NewID()
		for i, row := range []struct {
			after time.Duration
			asked int
		}{{0, 1}, {30 * time.Second, 1}, {40 * time.Second, 2}} {
			time.Sleep(row.after)
			h.config.Before = h.config.Sources
			g := h.gate([]gate.Source{source, behind}[:1+i%2]...)
			d, err := g.Decide(t.Context(), ask())
			wantUser(t, d, err, "alice")
			if s.asked != row.asked {
				t.Errorf("house %d: asked %d times, want %d", i, s.asked, row.asked)
			}
		}
	})
}
