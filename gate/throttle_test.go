package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/throttle"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
)

// wonderland knows alice and bob by one password.
func wonderland(asked *atomic.Int64) gate.Source {
	return gate.Source{
		Name: "users", Realm: "r", Scheme: auth.Basic, Forms: []auth.Form{auth.Password}, Cache: time.Minute,
		Authenticator: auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
			asked.Add(1)
			if c.Secret != "right" || c.Username != "alice" && c.Username != "bob" {
				return auth.User{}, auth.ErrDenied
			}
			return auth.User{Name: c.Username}, nil
		}),
	}
}

// login is one of name from an address.
func login(from netip.Addr, name, secret string) gate.Ask {
	return gate.Ask{
		Credentials: []auth.Credential{{Scheme: auth.Basic, Form: auth.Password, Username: name, Secret: auth.Secret(secret)}},
		Client:      from,
	}
}

// fail has n different passwords of name tried from an address, and returns the last error.
func fail(t *testing.T, g *gate.Gate, from netip.Addr, name string, n int) (err error) {
	t.Helper()
	for i := range n {
		var d gate.Decision
		if d, err = g.Decide(t.Context(), login(from, name, fmt.Sprint("wrong", i))); err == nil {
			t.Fatalf("let in: %+v", d)
		}
	}
	return err
}

func wantThrottled(t *testing.T, d gate.Decision, err error) {
	t.Helper()
	held, ok := errors.AsType[*gate.Throttled](err)
	if !ok || held.Wait <= 0 || errors.Is(err, auth.ErrDenied) {
		t.Fatalf("got %+v, %v, want Throttled", d, err)
	}
	wantNoDecision(t, d)
}

func TestTooManyWrongPasswordsAreNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		_ = fail(t, g, here, "alice", 100)
		if n := asked.Load(); n > 10 {
			t.Errorf("the source was asked about %d of 100 wrong passwords", n)
		}
		before := asked.Load()
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantThrottled(t, d, err)
		if asked.Load() != before {
			t.Error("the source was asked about one who is held")
		}
		held, _ := errors.AsType[*gate.Throttled](err)
		time.Sleep(held.Wait)
		d, err = g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

func TestAVictimIsLetInFromElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		_ = fail(t, g, here, "alice", 100)
		d, err := g.Decide(t.Context(), login(there, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

func TestWhoLoggedInBeforeIsNotHeldWithTheirAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
		for i := range 50 {
			_ = fail(t, g, here, fmt.Sprint("guessed", i), 1)
		}
		d, err = g.Decide(t.Context(), login(here, "bob", "right"))
		wantThrottled(t, d, err)
		g.Memory.Forget(everybody)
		d, err = g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

// An outage of their provider holds nobody who goes on with one password, and nobody beside them.
func TestAnOutageHoldsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{err: errDown}
		source := s.source("a")
		source.Scheme, source.Forms = auth.Basic, []auth.Form{auth.Password}
		g, _ := newGate(t, nil, source)
		for i := range 100 {
			for _, name := range []string{"alice", fmt.Sprint("user", i)} {
				d, err := g.Decide(t.Context(), login(here, name, "right"))
				if _, held := errors.AsType[*gate.Throttled](err); held {
					t.Fatalf("request %d: %s is held", i, name)
				}
				wantOutage(t, d, err)
			}
		}
	})
}

// One who is held may not learn from the memory which of their guesses is right.
func TestARememberedLoginIsNoAnswerToOneWhoIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		d, err := g.Decide(t.Context(), login(there, "alice", "right"))
		wantUser(t, d, err, "alice")
		_ = fail(t, g, here, "alice", 10)
		d, err = g.Decide(t.Context(), login(here, "alice", "right"))
		wantThrottled(t, d, err)
		d, err = g.Decide(t.Context(), login(there, "alice", "right"))
		wantUser(t, d, err, "alice")
		if !d.Remembered {
			t.Error("alice was asked about anew")
		}
	})
}

// The memory lets somebody in at a new address without a question: they are known there from then on.
func TestARememberedLoginMakesItsUserKnownWhereItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		for _, from := range []netip.Addr{there, there, here} {
			d, err := g.Decide(t.Context(), login(from, "alice", "right"))
			wantUser(t, d, err, "alice")
		}
		for i := range 50 {
			_ = fail(t, g, here, fmt.Sprint("guessed", i), 1)
		}
		g.Memory.Forget(everybody)
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

// A script with a password of yesterday goes on and on, and is one failure.
func TestAStalePasswordHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		for range 100 {
			_, err := g.Decide(t.Context(), login(here, "alice", "of yesterday"))
			if !errors.Is(err, auth.ErrDenied) {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Second) // longer than a refusal is remembered
		}
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

func TestNobodyIsCountedWhoseAddressIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, wonderland(&asked))
		if err := fail(t, g, netip.Addr{}, "alice", 100); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		d, err := g.Decide(t.Context(), login(netip.Addr{}, "alice", "right"))
		wantUser(t, d, err, "alice")
	})
}

// Of wrong credentials only those count that can be guessed. In an outage only a user's own count does: what is
// remembered answers then too.
func TestWhatIsCounted(t *testing.T) {
	down := errors.New("down")
	for name, row := range map[string]struct {
		form   auth.Form
		answer error
		held   bool
	}{
		"a wrong password counts":        {auth.Password, auth.ErrDenied, true},
		"a wrong key counts":             {auth.Opaque, auth.ErrDenied, true},
		"a wrong JWT does not":           {auth.JWT, auth.ErrDenied, false},
		"a stored token does not":        {auth.StoredToken, auth.ErrDenied, false},
		"a password in an outage counts": {auth.Password, down, true},
		"a key in an outage does not":    {auth.Opaque, down, false},
		"a right password without name":  {auth.Password, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := keys("a", says(auth.User{}, row.answer)) // without a name nobody is let in
				source.Forms = []auth.Form{row.form}
				g, _ := newGate(t, nil, source)
				var err error
				for i := range 50 {
					_, err = g.Decide(t.Context(), gate.Ask{
						Credentials: []auth.Credential{{Scheme: auth.Bearer, Form: row.form, Username: "alice", Secret: auth.Secret(fmt.Sprint(i))}},
						Client:      here,
					})
				}
				if _, held := errors.AsType[*gate.Throttled](err); held != row.held {
					t.Errorf("after 50 of them: %v", err)
				}
			})
		})
	}
}

// Guesses that are all sent before the first is answered are counted all the same.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, gate.Source{
			Name: "slow", Realm: "r", Scheme: auth.Basic, Forms: []auth.Form{auth.Password},
			Authenticator: auth.Func(func(ctx context.Context, _ auth.Credential) (auth.User, error) {
				asked.Add(1)
				time.Sleep(time.Second)
				return auth.User{}, auth.ErrDenied
			}),
		})
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() { _, _ = g.Decide(t.Context(), login(here, "alice", fmt.Sprint(i))) })
		}
		all.Wait()
		if n := asked.Load(); n > 10 {
			t.Errorf("%d of 1,000 guesses at once reached the source", n)
		}
	})
}

// A question that others join is told by one who is held as little as the memory.
func TestOneWhoIsHeldJoinsNobodysQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g, _ := newGate(t, nil, gate.Source{
			Name: "slow", Realm: "r", Scheme: auth.Basic, Forms: []auth.Form{auth.Password},
			Authenticator: auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
				if c.Secret != "right" {
					return auth.User{}, auth.ErrDenied
				}
				<-release
				return auth.User{Name: "alice"}, nil
			}),
		})
		_ = fail(t, g, here, "alice", 10)
		var victim sync.WaitGroup
		victim.Go(func() {
			d, err := g.Decide(t.Context(), login(there, "alice", "right"))
			wantUser(t, d, err, "alice")
		})
		synctest.Wait()
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantThrottled(t, d, err)
		close(release)
		victim.Wait()
	})
}

// Sources are told who asks, and whether they have been let in from there before.
func TestSourcesAreToldTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []auth.Client
		g, _ := newGate(t, nil, keys("a", func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			told = append(told, auth.ClientOf(ctx))
			return auth.User{Name: "alice"}, nil
		}))
		for range 2 {
			a := presenting("k")
			a.Client = here
			_, _ = g.Decide(t.Context(), a)
			g.Memory.Forget(everybody)
		}
		if len(told) != 2 || told[0] != (auth.Client{Address: here}) || told[1] != (auth.Client{Address: here, Known: true}) {
			t.Errorf("told %+v", told)
		}
	})
}

func TestAThrottleThatIsOffHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, func(c *gate.Config) { c.Throttle = throttle.New(throttle.Config{Off: true}) }, wonderland(&asked))
		if err := fail(t, g, here, "alice", 100); !errors.Is(err, auth.ErrDenied) || asked.Load() != 100 {
			t.Errorf("%v, asked %d times", err, asked.Load())
		}
	})
}
