package gate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// passwords knows one user by one password.
func passwords(name, realm, user, right string, asked *atomic.Int64) gate.Source {
	return gate.Source{
		Name: name, Realm: realm, Scheme: auth.Basic, Forms: []auth.Form{auth.Password}, Cache: time.Minute,
		Authenticator: auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
			asked.Add(1)
			if c.Username != user || string(c.Secret) != right {
				return auth.User{}, auth.ErrDenied
			}
			return auth.User{Name: c.Username}, nil
		}),
	}
}

// The bob of one realm is the guesser; the bob of the other is the victim.
func TestAnAccountOfTheSameNameElsewhereClearsNothing(t *testing.T) {
	for _, trick := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var guests, staff atomic.Int64
			g, _ := newGate(t, nil, passwords("g", "guests", "bob", "mine", &guests), passwords("s", "staff", "bob", "victim's", &staff))
			looked := 0
			for minute := range 600 {
				if trick {
					a := login(here, "bob", "mine")
					a.Realms = []string{"guests"}
					d, err := g.Decide(t.Context(), a)
					if minute == 0 {
						wantUser(t, d, err, "bob")
					}
				}
				for i := range 4 {
					a := login(here, "bob", fmt.Sprint(minute, i))
					a.Realms = []string{"staff"}
					if _, err := g.Decide(t.Context(), a); errors.Is(err, auth.ErrDenied) {
						looked++
					}
				}
				time.Sleep(time.Minute + time.Second)
			}
			if looked > 200 {
				t.Errorf("with an account of one's own %t: %d guesses were looked at in 10 hours", trick, looked)
			}
		})
	}
}

// Where another provider is down the last word is "no decision", and a wrong guess is one all the same.
func TestAnotherProvidersOutageMakesNoPasswordFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		a := passwords("a", "r", "nobody", "x", &asked)
		b := passwords("b", "r", "nobody", "x", &asked)
		b.Authenticator = says(auth.User{}, errDown)
		g, _ := newGate(t, nil, a, b)
		for i := range 1000 {
			_, _ = g.Decide(t.Context(), login(here, fmt.Sprint("user", i), "Summer2024"))
		}
		if n := asked.Load(); n > 100 {
			t.Errorf("passwords: one address had %d guesses of 1,000 looked at and denied by a", n)
		}
	})
}

func TestAnotherProvidersOutageMakesNoKeyFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, keys("a", func(context.Context, auth.Credential) (auth.User, error) {
			asked.Add(1)
			return auth.User{}, auth.ErrDenied
		}), keys("b", says(auth.User{}, errDown)))
		for i := range 1000 {
			a := presenting(fmt.Sprint("guess", i))
			a.Client = here
			_, _ = g.Decide(t.Context(), a)
		}
		if n := asked.Load(); n > 100 {
			t.Errorf("keys: one address had %d guesses of 1,000 looked at and denied by a", n)
		}
	})
}

// After five typos a page sends six requests at once with the right password.
func TestOnePasswordAtOnceIsOneGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		s := wonderland(&asked)
		inner := s.Authenticator
		s.Authenticator = auth.Func(func(ctx context.Context, c auth.Credential) (auth.User, error) {
			time.Sleep(100 * time.Millisecond)
			return inner.Authenticate(ctx, c)
		})
		g, _ := newGate(t, nil, s)
		_ = fail(t, g, here, "alice", 5)
		var all sync.WaitGroup
		var held atomic.Int64
		for range 6 {
			all.Go(func() {
				_, err := g.Decide(t.Context(), login(here, "alice", "right"))
				if _, ok := errors.AsType[*gate.Throttled](err); ok {
					held.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if held.Load() > 0 {
			t.Errorf("%d of 6 with the same right password got 429", held.Load())
		}
	})
}

// Nobody has failed yet: those who wait for one provider take nothing away from users of another.
func TestAHungProviderHoldsNobodyOfAnotherRealm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		hung := keys("hung", func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			<-ctx.Done()
			return auth.User{}, ctx.Err()
		})
		hung.Realm = "other"
		g, _ := newGate(t, func(c *gate.Config) { c.Timeout = 5 * time.Second }, hung, wonderland(&asked))
		for i := range 160 {
			go func() {
				a := presenting(fmt.Sprint("key", i))
				a.Client = here
				_, _ = g.Decide(t.Context(), a)
			}()
		}
		synctest.Wait()
		d, err := g.Decide(t.Context(), login(here, "bob", "right"))
		time.Sleep(6 * time.Second)
		wantUser(t, d, err, "bob")
	})
}

func TestAKeyThatIsUsedFromTwoAddressesAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	g, _ := newGate(t, nil, keys("a", says(auth.User{Name: "alice"}, nil)))
	one, two := presenting("k"), presenting("k")
	one.Client, two.Client = here, there
	_, _ = g.Decide(t.Context(), one)
	n := testing.AllocsPerRun(100, func() {
		_, _ = g.Decide(t.Context(), one)
		_, _ = g.Decide(t.Context(), two)
	})
	if n > 0 {
		t.Errorf("%v allocations for two hits", n)
	}
}

// A right credential whose user may not pass is nothing that one who is held is told.
func TestOneWhoIsHeldIsNotToldThatAGuessIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGate(t, nil, gate.Source{
			Name: "users", Realm: "r", Scheme: auth.Basic, Forms: []auth.Form{auth.Password}, Cache: time.Minute,
			Authenticator: auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
				if c.Secret != "right" {
					return auth.User{}, auth.ErrDenied
				}
				return auth.User{}, nil // without a usable name
			}),
		})
		_ = fail(t, g, here, "alice", 10)
		d, err := g.Decide(t.Context(), login(there, "alice", "right"))
		wantForbidden(t, d, err, gate.UnusableName)
		d, err = g.Decide(t.Context(), login(here, "alice", "right"))
		wantThrottled(t, d, err)
	})
}

// Users of a provider that is down are denied by the others. Those who are known here have guessed nothing.
func TestAnOutageOfTheirProviderCountsForNobodyKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, keys("others", says(auth.User{}, auth.ErrDenied)), s.source("theirs"))
		ask := func(i int) error {
			a := presenting(fmt.Sprint("key", i))
			a.Client = here
			_, err := g.Decide(t.Context(), a)
			return err
		}
		for i := range 100 {
			if err := ask(i); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		s.err = errDown
		for i := range 101 { // the last is not known
			if _, held := errors.AsType[*gate.Throttled](ask(i)); held {
				t.Fatalf("key %d is held", i)
			}
		}
	})
}

// Who is remembered without end and comes every hour is known every day.
func TestAnActiveUserStaysKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, cached(gate.UntilForgotten), wonderland(&asked))
		for range 30 {
			d, err := g.Decide(t.Context(), login(here, "alice", "right"))
			wantUser(t, d, err, "alice")
			time.Sleep(61 * time.Minute)
		}
		for i := range 50 {
			_ = fail(t, g, here, fmt.Sprint("guessed", i), 1)
		}
		g.Memory.Forget(everybody)
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

// Who could present one had its key: there is nothing to guess, and nobody to lock out.
func TestDeniedCertificatesHoldNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, looked atomic.Int64
		certificates := keys("mtls", func(context.Context, auth.Credential) (auth.User, error) {
			looked.Add(1)
			return auth.User{}, auth.ErrDenied
		})
		certificates.Scheme, certificates.Forms = auth.TLS, []auth.Form{auth.Certificate}
		g, _ := newGate(t, nil, certificates, wonderland(&asked))
		for i := range 1000 {
			c := auth.Credential{Scheme: auth.TLS, Form: auth.Certificate, Secret: auth.Secret(fmt.Sprint(i))}
			_, err := g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{c}, Client: here})
			if !errors.Is(err, auth.ErrDenied) {
				t.Fatal(err)
			}
		}
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
		if looked.Load() != 1000 {
			t.Errorf("%d of 1,000 were looked at", looked.Load())
		}
	})
}
