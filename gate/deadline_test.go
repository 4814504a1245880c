package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// Each test here runs in a bubble of synctest: its time passes at once, and is exact.

func timed(limit time.Duration) func(*gate.Config) {
	return func(c *gate.Config) { c.Timeout = limit }
}

func TestHangingSourcesShareTheTimeEqually(t *testing.T) {
	const limit = 5 * time.Second
	for _, n := range []int{1, 2, 3, 5, 7, 16} {
		for _, credentials := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d sources and %d credentials", n, credentials), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkShares(t, limit, n, credentials) })
			})
		}
	}
}

func checkShares(t *testing.T, limit time.Duration, n, credentials int) {
	var waited []time.Duration
	hang := func(ctx context.Context, _ auth.Credential) (auth.User, error) {
		begin := time.Now()
		<-ctx.Done()
		waited = append(waited, time.Since(begin))
		return auth.User{}, ctx.Err()
	}
	var sources []gate.Source
	for i := range n {
		sources = append(sources, keys(fmt.Sprint(i), hang))
	}
	g, _ := newGate(t, timed(limit), sources...)
	var a gate.Ask
	for i := range credentials {
		a.Credentials = append(a.Credentials, key(fmt.Sprint(i)))
	}
	begin := time.Now()
	d, err := g.Decide(t.Context(), a)
	took := time.Since(begin)

	wantOutage(t, d, err)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took != limit {
		t.Errorf("it took %v, want %v", took, limit)
	}
	questions := n * credentials
	if len(waited) != questions {
		t.Fatalf("%d questions, want %d", len(waited), questions)
	}
	share := limit / time.Duration(questions)
	for i, w := range waited {
		if rest := time.Duration(questions); w < share-rest || w > share+rest { // nanoseconds that a division leaves
			t.Errorf("question %d had %v, want %v", i, w, share)
		}
	}
}

// What a quick source leaves of its share is for those behind it.
func TestTimeThatIsLeftOverIsForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given []time.Duration
		measure := func(wait time.Duration) auth.Func {
			return func(ctx context.Context, _ auth.Credential) (auth.User, error) {
				end, ok := ctx.Deadline()
				if !ok {
					t.Error("a question without a deadline")
				}
				given = append(given, time.Until(end))
				time.Sleep(wait)
				return auth.User{}, auth.ErrDenied
			}
		}
		g, _ := newGate(t, timed(4*time.Second), keys("1", measure(0)), keys("2", measure(time.Second)),
			keys("3", measure(500*time.Millisecond)), keys("4", measure(0)))
		d, err := g.Decide(t.Context(), ask())
		wantDenied(t, d, err)
		want := []time.Duration{time.Second, 4 * time.Second / 3, 1500 * time.Millisecond, 2500 * time.Millisecond}
		if fmt.Sprint(given) != fmt.Sprint(want) {
			t.Errorf("given %v, want %v", given, want)
		}
	})
}

func TestAHangingSourceDoesNotHideAYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			<-ctx.Done()
			return auth.User{}, ctx.Err()
		}
		slow := func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			select {
			case <-time.After(900 * time.Millisecond):
				return auth.User{Name: "alice"}, nil
			case <-ctx.Done():
				return auth.User{}, ctx.Err()
			}
		}
		g, _ := newGate(t, timed(3*time.Second), keys("1", hang), keys("2", hang), keys("3", slow))
		begin := time.Now()
		d, err := g.Decide(t.Context(), ask())
		wantUser(t, d, err, "alice")
		if took := time.Since(begin); took != 2900*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

// One source that does not return in time takes all; the good one behind it could not be heard, and its
// users have no wrong password.
func TestAStarvedSourceIsNoDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rude := func(context.Context, auth.Credential) (auth.User, error) {
			time.Sleep(2 * time.Second) // whatever its context says
			return auth.User{}, auth.ErrDenied
		}
		starved := false
		polite := func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			if err := ctx.Err(); err != nil {
				starved = true
				return auth.User{}, err
			}
			return auth.User{Name: "alice"}, nil
		}
		g, _ := newGate(t, timed(time.Second), keys("rude", rude), keys("polite", polite))
		begin := time.Now()
		d, err := g.Decide(t.Context(), ask())
		wantOutage(t, d, err)
		if took := time.Since(begin); took > 1100*time.Millisecond {
			t.Errorf("the caller waited %v for a source that does not keep to its time", took)
		}
		time.Sleep(time.Second) // the question goes on without its caller
		synctest.Wait()
		if !starved || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("starved %t, %v", starved, err)
		}
	})
}

func TestACallersEndIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			<-ctx.Done()
			return auth.User{}, ctx.Err()
		}
		g, _ := newGate(t, timed(time.Minute), keys("1", hang), keys("2", hang))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		d, err := g.Decide(ctx, ask())
		wantOutage(t, d, err)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Minute) // the question goes on: others may have joined it
	})
}

// A question's context ends with its answer: nothing of it may go on.
func TestAnAnswerEndsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var contexts []context.Context
		keep := func(u auth.User, err error) auth.Func {
			return func(ctx context.Context, _ auth.Credential) (auth.User, error) {
				for _, earlier := range contexts {
					if earlier.Err() == nil {
						t.Error("the question before is not over")
					}
				}
				contexts = append(contexts, ctx)
				return u, err
			}
		}
		g, _ := newGate(t, nil, keys("1", keep(auth.User{}, auth.ErrDenied)), keys("2", keep(auth.User{Name: "alice"}, nil)))
		d, err := g.Decide(t.Context(), ask())
		wantUser(t, d, err, "alice")
		for i, ctx := range contexts {
			if ctx.Err() == nil {
				t.Errorf("context %d goes on", i)
			}
		}
	})
}

func TestAGateIsSafeForConcurrentUse(t *testing.T) {
	echo := func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Secret == "no" {
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: string(c.Secret), Roles: []string{"a,b", string(c.Secret)}}, nil
	}
	g, n := newGate(t, nil, keys("1", says(auth.User{}, auth.ErrDenied)), keys("2", echo))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("user%d", worker)
			for range 50 {
				d, err := g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{key("no"), key(name)}, Realms: []string{"R"}})
				if err != nil || d.User.Name != name || d.Roles != name || claims(t, strings.TrimPrefix(d.Authorization, "Bearer ")).Username != name {
					t.Errorf("%s became %+v, %v", name, d.User, err)
				}
				_ = g.Challenge(gate.Ask{}, true)
			}
		})
	}
	wg.Wait()
	if n.roles.Load() != 8 { // once for each login: then they are remembered
		t.Errorf("%d roles left out", n.roles.Load())
	}
}
