package gate_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// A directory compares names without case, and takes many spaces for one: else each spelling were worth five guesses.
func TestSpellingsOfANameCountAsOne(t *testing.T) {
	for name, names := range map[string][]string{
		"case":                      {"alice", "Alice", "ALICE", "aLiCe"},
		"case beyond ASCII":         {"käthe", "KÄTHE", "kÄthe"},
		"letters that fold to one":  {"kiss", "KISS", "\u212aiss", "ki\u017fs"},
		"more than one space":       {"john smith", "John  Smith", "john   smith", " john smith", "john smith "},
		"a final sigma and another": {"οδυσσεύς", "ΟΔΥΣΣΕΎΣ", "οδυσσεύσ"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				g, _ := newGate(t, nil, wonderland(&asked))
				for i := range 12 {
					_, _ = g.Decide(t.Context(), login(here, names[i%len(names)], fmt.Sprint("wrong", i)))
				}
				if n := asked.Load(); n != 6 {
					t.Errorf("the source was asked about %d of 12 wrong passwords, want 6", n)
				}
				for _, one := range names {
					d, err := g.Decide(t.Context(), login(here, one, "right"))
					wantThrottled(t, d, err)
					if address, pair := g.Holds(login(here, one, "right"), time.Now()); pair <= address {
						t.Errorf("%q: held for %s by the address and %s by the name", one, address, pair)
					}
				}
				if _, err := g.Decide(t.Context(), login(there, names[1], "wrong")); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("from elsewhere: %v", err)
				}
				if _, err := g.Decide(t.Context(), login(here, "bob", "wrong")); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("another's name: %v", err)
				}
			})
		})
	}
}

// What counts as one for the throttle is no one to anybody else: not to the memory, and not to the source.
func TestSpellingsOfANameAreTwoUsersStill(t *testing.T) {
	var asked atomic.Int64
	g, _ := newGate(t, nil, wonderland(&asked))
	d, err := g.Decide(t.Context(), login(here, "alice", "right"))
	wantUser(t, d, err, "alice")
	if _, err := g.Decide(t.Context(), login(here, "ALICE", "right")); !errors.Is(err, auth.ErrDenied) || asked.Load() != 2 {
		t.Errorf("got %v, asked %d times", err, asked.Load())
	}
}

// A key differs by a letter's case, and is known by itself.
func TestKeysAreNoSpellings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGate(t, nil, keys("k", says(auth.User{}, auth.ErrDenied)))
		for i := range 19 {
			a := gate.Ask{Credentials: []auth.Credential{key([]string{"abc", "ABC", "Abc"}[i%3])}, Client: here}
			if _, err := g.Decide(t.Context(), a); !errors.Is(err, auth.ErrDenied) {
				t.Fatalf("%d: %v", i, err)
			}
		}
	})
}
