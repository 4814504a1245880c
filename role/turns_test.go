package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// After a reload everybody is asked about at once. Roles that may be missing are no reason to let in without them who
// only waits in our own queue.
func TestAHerdIsToldOneAfterTheOther(t *testing.T) {
	for _, optional := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answer: func(context.Context, string) ([]string, error) {
				time.Sleep(20 * time.Millisecond)
				return []string{"staff"}, nil
			}}
			e := entry(f)
			e.Optional = optional
			rules := New([]Entry{e})
			var all sync.WaitGroup
			for i := range 1000 {
				all.Go(func() {
					if u, _, err := applyWithin(t, rules, 5*time.Second, fmt.Sprint("u", i)); err != nil || !slices.Equal(u.Roles, []string{"staff"}) {
						t.Errorf("optional %t: %q, %v", optional, u.Roles, err)
					}
				})
			}
			all.Wait()
		})
	}
}

// Who is not asked about in time has no decision while others are told, even where their roles are optional.
func TestWhoseTurnDoesNotComeIsNotLetInWithoutOptionalRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(context.Context, string) ([]string, error) {
			time.Sleep(time.Second)
			return []string{"staff"}, nil
		}}
		e := entry(f)
		e.Optional = true
		var optional atomic.Int64
		rules := New([]Entry{e}).Told(func(a Applied) {
			if a.Err != nil && a.Optional {
				optional.Add(1)
			}
		})
		var all sync.WaitGroup
		var in, unasked atomic.Int64
		for i := range 4 * maxAsked {
			all.Go(func() {
				switch u, _, err := applyWithin(t, rules, 5*time.Second, fmt.Sprint("u", i)); {
				case err == nil && slices.Equal(u.Roles, []string{"staff"}):
					in.Add(1)
				case errors.Is(err, auth.ErrUnasked):
					unasked.Add(1)
				default:
					t.Errorf("%q, %v", u.Roles, err)
				}
			})
		}
		all.Wait()
		if in.Load() < 2*maxAsked || in.Load()+unasked.Load() != 4*maxAsked || optional.Load() != 0 {
			t.Errorf("%d have their roles, %d have no decision, of %d it is told that they are let in", in.Load(), unasked.Load(), optional.Load())
		}
	})
}

// Behind a source that tells nobody anything it is the source that is missing, not a turn.
func TestWhoWaitsBehindASourceThatHangsIsLetInWithoutOptionalRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := entry(hanging())
		e.Optional = true
		rules := New([]Entry{e})
		var all sync.WaitGroup
		for i := range 4 * maxAsked {
			all.Go(func() {
				if _, _, err := applyWithin(t, rules, 5*time.Second, fmt.Sprint("u", i%(3*maxAsked))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// Jobs come with a token each, and are one user.
func TestOneUsersCredentialsMakeOneQuestion(t *testing.T) {
	for name, want := range map[string]error{"answered": nil, "failing": errDown} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answer: func(context.Context, string) ([]string, error) {
				time.Sleep(time.Second)
				return []string{"staff"}, want
			}}
			rules := New([]Entry{entry(f)})
			var all sync.WaitGroup
			for range 160 {
				all.Go(func() {
					if _, _, err := applyWithin(t, rules, 5*time.Second, "alice"); !errors.Is(err, want) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			all.Wait()
			if f.asked.Load() != 1 {
				t.Errorf("%s: asked %d times", name, f.asked.Load())
			}
		})
	}
}

// Whoever asks with little time left takes no answer from those who have more.
func TestTheTimeOfAnotherIsNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.answer = func(ctx context.Context, _ string) ([]string, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(2 * time.Second):
				return []string{"staff"}, nil
			}
		}
		rules := New([]Entry{entry(f)})
		go func() { _, _, _ = applyWithin(t, rules, time.Second, "alice") }()
		synctest.Wait()
		if u, _, err := applyWithin(t, rules, 5*time.Second, "alice"); err != nil || !slices.Equal(u.Roles, []string{"staff"}) {
			t.Errorf("%q, %v", u.Roles, err)
		}
	})
}

func TestAPanicOfASourceLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := New([]Entry{entry(&fake{answer: func(context.Context, string) ([]string, error) { time.Sleep(time.Second); panic("odd") }})})
		go func() {
			defer func() { _ = recover() }()
			_, _, _ = rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
		}()
		synctest.Wait()
		if u, _, err := applyWithin(t, rules, 5*time.Second, "alice"); err == nil {
			t.Errorf("%q", u.Roles)
		}
	})
}
