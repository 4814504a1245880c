package gate_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/role"
	"gatehouse/throttle"
)

// houses are gates that share a memory, as those before and after a reload do.
type houses struct {
	t      *testing.T
	memory *gate.Memory
	config gate.Config
}

func newHouses(t *testing.T) *houses {
	t.Helper()
	memory, err := gate.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Close)
	return &houses{t, memory, gate.Config{
		Memory: memory, Throttle: throttle.New(throttle.Config{}), Roles: role.New(nil), Issuer: issuing(t, time.Hour),
		Timeout: time.Minute, MaxHeader: 1 << 20, Counts: new(counts),
	}}
}

func (h *houses) gate(sources ...gate.Source) *gate.Gate {
	h.config.Sources = sources
	return gate.New(h.config)
}

// known is a source that is asked asked times.
func (h *houses) known(user auth.User, asked *atomic.Int64) gate.Source {
	s := keys("k", func(context.Context, auth.Credential) (auth.User, error) { asked.Add(1); return user, nil })
	s.ID = h.memory.NewID()
	return s
}

// giving are rules that give everybody a role.
func giving(t *testing.T, name string, until string) *role.Rules {
	t.Helper()
	var e role.Entry
	section, _ := e.Variant("plain_advanced")
	rule := section.(*role.PlainAdvanced)
	rule.Match.Username = []string{"alice"}
	rule.Augment.Roles = []string{name}
	if until != "" {
		rule.Augment.Attributes = map[string]string{auth.AttributeExpires: until}
	}
	e.Realm = "r"
	return role.New([]role.Entry{e})
}

func TestAKnownUserStaysKnownToTheNextHouse(t *testing.T) {
	h := newHouses(t)
	var asked atomic.Int64
	source := h.known(auth.User{Name: "alice", Roles: []string{"told"}}, &asked)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	h.config.Roles = giving(t, "given", "")
	signed := 0
	issuer, err := jwt.New(jwt.Config{Issuer: "new", Lifetime: jwt.Seconds(time.Hour)}, false, "another-secret-0123456789abcdefgh",
		func() time.Time { signed++; return time.Now() })
	if err != nil {
		t.Fatal(err)
	}
	h.config.Issuer = issuer
	next := h.gate(source)
	first, err := next.Decide(t.Context(), ask())
	if err != nil || !first.Remembered || asked.Load() != 1 {
		t.Fatalf("%+v, %v after %d questions", first, err, asked.Load())
	}
	if first.Roles != "told,given" {
		t.Errorf("the roles %q, want those that the new rules give, too", first.Roles)
	}
	if got := claims(t, first.Authorization).Issuer; got != "new" {
		t.Errorf("a token of the issuer %q", got)
	}
	before := signed
	if _, err := next.Decide(t.Context(), ask()); err != nil || signed != before {
		t.Errorf("the renewed identity is not remembered: %v", err)
	}
	h.config.Roles = role.New(nil)
	if d, err := h.gate(source).Decide(t.Context(), ask()); err != nil || d.Roles != "told" || !d.Remembered {
		t.Errorf("after the rules went: %q, %v", d.Roles, err)
	}
}

func TestAnotherSourceOfTheSameNameKnowsNobody(t *testing.T) {
	h := newHouses(t)
	var before, after atomic.Int64
	old := h.known(auth.User{Name: "alice"}, &before)
	if _, err := h.gate(old).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	fresh := keys("k", func(context.Context, auth.Credential) (auth.User, error) {
		after.Add(1)
		return auth.User{}, auth.ErrDenied
	})
	if _, err := h.gate(fresh).Decide(t.Context(), ask()); !errors.Is(err, auth.ErrDenied) || after.Load() != 1 {
		t.Errorf("%v after %d questions, want a denial", err, after.Load())
	}
}

// A role that ends a user's time does so whoever told of the user first.
func TestNewRulesMayEndARememberedUsersTime(t *testing.T) {
	h := newHouses(t)
	var asked atomic.Int64
	source := h.known(auth.User{Name: "alice"}, &asked)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	h.config.Roles = giving(t, "given", "1000000000")
	if _, err := h.gate(source).Decide(t.Context(), ask()); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("%v, want a denial", err)
	}
	h.config.Roles = role.New(nil)
	if d, err := h.gate(source).Decide(t.Context(), ask()); err != nil || !d.Remembered || asked.Load() != 1 {
		t.Errorf("%+v, %v after %d questions", d, err, asked.Load())
	}
}

func TestTheHeaderLimitIsThatOfTheHouse(t *testing.T) {
	h := newHouses(t)
	var asked atomic.Int64
	source := h.known(auth.User{Name: "alice", Roles: []string{strings.Repeat("r", 120)}}, &asked)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	h.config.MaxHeader = 400
	_, err := h.gate(source).Decide(t.Context(), ask())
	if f, ok := errors.AsType[*gate.Forbidden](err); !ok || f.Reason != gate.TooManyRoles {
		t.Errorf("%v, want %q", err, gate.TooManyRoles)
	}
}

// What else is said of an identity is said by the next house too.
func TestARenewedIdentityIsAsStaleAndAsSharedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouses(t)
		defer h.memory.Close()
		down := false
		source := keys("k", func(context.Context, auth.Credential) (auth.User, error) {
			if down {
				return auth.User{}, io.ErrUnexpectedEOF
			}
			return auth.User{Name: "alice"}, nil
		})
		source.ID, source.Cache, source.StaleIfError, source.ProxyCache = h.memory.NewID(), time.Minute, time.Hour, true
		if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
			t.Fatal(err)
		}
		h.config.Roles = role.New(nil)
		if d, err := h.gate(source).Decide(t.Context(), ask()); err != nil || d.ProxyCache == 0 || d.Stale {
			t.Errorf("%+v, %v, want one that the proxy may keep", d, err)
		}
		down = true
		time.Sleep(2 * time.Minute)
		if d, err := h.gate(source).Decide(t.Context(), ask()); err != nil || !d.Stale {
			t.Fatalf("%+v, %v, want a stale one", d, err)
		}
		h.config.Roles = role.New(nil)
		if d, err := h.gate(source).Decide(t.Context(), ask()); err != nil || !d.Stale || !d.Remembered || d.ProxyCache != 0 {
			t.Errorf("%+v, %v, want one that is as stale", d, err)
		}
	})
}

// What is forgotten between a look and the new identity must not come back.
func TestAForgottenUserIsNotRenewed(t *testing.T) {
	h := newHouses(t)
	var asked atomic.Int64
	source := h.known(auth.User{Name: "alice"}, &asked)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	forget := true
	issuer, err := jwt.New(jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", func() time.Time {
		if forget { // the gate signs here
			h.memory.Forget(everybody)
		}
		return time.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	h.config.Issuer = issuer
	next := h.gate(source)
	if d, err := next.Decide(t.Context(), ask()); err != nil || !d.Remembered {
		t.Fatalf("%+v, %v", d, err)
	}
	forget = false
	if d, err := next.Decide(t.Context(), ask()); err != nil || d.Remembered {
		t.Errorf("remembered: %t, %v", d.Remembered, err)
	}
}

// A house with more providers, fewer, or in another order asks again only where it might find another user.
func TestWhatIsRememberedIsInheritedWhereTheAnswerIsTheSame(t *testing.T) {
	for name, row := range map[string]struct {
		before, after string // sources: y says yes, others no
		want          bool
	}{
		"one more behind":                     {"y", "ya", true},
		"one more before":                     {"y", "ay", false},
		"one less before":                     {"ay", "y", true},
		"one less behind":                     {"ya", "y", true},
		"one that was asked, in another turn": {"aby", "bay", true},
		"one that was not asked comes before": {"ayb", "bay", false},
		"the same":                            {"ayb", "ayb", true},
		"the one that said yes is gone":       {"ay", "a", false},
		"one that takes no such credential":   {"y", "Pya", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouses(t)
			var asked atomic.Int64
			sources := map[rune]gate.Source{'y': h.known(auth.User{Name: "alice"}, &asked)}
			for _, r := range "abP" {
				s := keys(string(r), func(context.Context, auth.Credential) (auth.User, error) { return auth.User{}, auth.ErrDenied })
				s.ID = h.memory.NewID()
				if r == 'P' {
					s.Forms = []auth.Form{auth.Password}
				}
				sources[r] = s
			}
			list := func(names string) (all []gate.Source) {
				for _, r := range names {
					all = append(all, sources[r])
				}
				return all
			}
			if _, err := h.gate(list(row.before)...).Decide(t.Context(), ask()); err != nil {
				t.Fatal(err)
			}
			h.config.Before = list(row.before)
			next := h.gate(list(row.after)...)
			d, err := next.Decide(t.Context(), ask())
			if strings.Contains(row.after, "y") && (err != nil || d.User.Name != "alice") || !strings.Contains(row.after, "y") && err == nil {
				t.Fatalf("%+v, %v", d, err)
			}
			if d.Remembered != row.want {
				t.Errorf("remembered: %t, want %t", d.Remembered, row.want)
			}
			if !row.want {
				return
			}
			h.config.Before = list(row.after)
			if d, err := h.gate(list(row.after)...).Decide(t.Context(), ask()); err != nil || !d.Remembered {
				t.Errorf("the house after the next: %+v, %v", d, err)
			}
			h.memory.Forget(everybody)
			if d, err := next.Decide(t.Context(), ask()); err != nil || d.Remembered {
				t.Errorf("after Forget: %+v, %v", d, err)
			}
		})
	}
}

// A user has at most so many logins in the memory, by whatever gates.
func TestInheritedLoginsAreListedOnce(t *testing.T) {
	h := newHouses(t)
	var asked atomic.Int64
	source := h.known(auth.User{Name: "alice"}, &asked)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		h.config.Before = h.config.Sources
		if i == 0 {
			h.config.Before = []gate.Source{source}
		}
		more := keys(strconv.Itoa(i), func(context.Context, auth.Credential) (auth.User, error) { return auth.User{}, auth.ErrDenied })
		more.ID = h.memory.NewID()
		if d, err := h.gate(source, more).Decide(t.Context(), ask()); err != nil || !d.Remembered {
			t.Fatalf("reload %d: %+v, %v", i, d, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("%d questions", asked.Load())
	}
	if n := gate.Remembered(h.memory); n != 1 {
		t.Errorf("%d identities are remembered, want 1", n)
	}
	if n := gate.Logins(h.memory, "k", "alice"); n != 1 {
		t.Errorf("%d logins are listed, want 1", n)
	}
}

// A reload amid an outage ends nobody's time that stale_if_error gives.
func TestAnOutageIsRiddenOutThroughAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouses(t)
		defer h.memory.Close()
		down := false
		y := keys("y", func(context.Context, auth.Credential) (auth.User, error) {
			if down {
				return auth.User{}, io.ErrUnexpectedEOF
			}
			return auth.User{Name: "alice"}, nil
		})
		y.ID, y.Cache, y.StaleIfError = h.memory.NewID(), time.Minute, time.Hour
		if _, err := h.gate(y).Decide(t.Context(), ask()); err != nil {
			t.Fatal(err)
		}
		down = true
		time.Sleep(2 * time.Minute)
		more := keys("m", func(context.Context, auth.Credential) (auth.User, error) { return auth.User{}, auth.ErrDenied })
		more.ID = h.memory.NewID()
		h.config.Before = []gate.Source{y}
		if d, err := h.gate(y, more).Decide(t.Context(), ask()); err != nil || !d.Stale {
			t.Errorf("behind a reload with one provider more: %+v, %v", d, err)
		}
	})
}

// Of many who present a new credential at once one is the first; the others are let in by that one's answer.
func TestOneQuestionIsOneFirstLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouses(t)
		defer h.memory.Close()
		answer := make(chan struct{})
		g := h.gate(keys("k", func(context.Context, auth.Credential) (auth.User, error) {
			<-answer
			return auth.User{Name: "alice"}, nil
		}))
		var first atomic.Int64
		for range 50 {
			go func() {
				if d, err := g.Decide(t.Context(), ask()); err == nil && !d.Remembered {
					first.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(answer)
		synctest.Wait()
		if first.Load() != 1 {
			t.Errorf("%d of 50 are the first", first.Load())
		}
	})
}
