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
	"gatehouse/directory"
)

// A source that hangs would cost every login a half of its time, for ever.
func TestASourceThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	unreached := (&directory.Service{Config: directory.Config{URI: "ldap://127.0.0.1", CAFile: "/none"}})
	_, err := unreached.Dial(t.Context())
	for name, f := range map[string]*fake{"hangs": hanging(), "is away": failing(err)} {
		for _, optional := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				e := entry(f)
				e.Optional = optional
				f.asked.Store(0)
				rules := New([]Entry{e})
				for i := range maxFailed {
					_, _, _ = applyWithin(t, rules, 4*time.Second, fmt.Sprint("u", i))
				}
				for i := range 100 {
					begin := time.Now()
					u, _, err := applyWithin(t, rules, 4*time.Second, fmt.Sprint("v", i))
					if took := time.Since(begin); took != 0 || u.Name == "" == optional {
						t.Errorf("%s: %+v after %s, %v", name, u, took, err)
					}
					if later, ok := errors.AsType[*auth.Later](err); !optional && (!ok || later.After != restFor) {
						t.Errorf("%s: got %v", name, err)
					}
				}
				if n := f.asked.Load(); n != maxFailed {
					t.Errorf("%s: asked %d times", name, n)
				}
			})
		}
	}
}

func TestOneQuestionTriesWhetherASourceAnswersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		f := &fake{answer: func(ctx context.Context, _ string) ([]string, error) {
			if well.Load() {
				time.Sleep(10 * time.Millisecond)
				return []string{"staff"}, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		rules := New([]Entry{entry(f)})
		for i := range maxFailed {
			_, _, _ = applyWithin(t, rules, time.Second, fmt.Sprint("u", i))
		}
		for range 3 {
			f.asked.Store(0)
			time.Sleep(restFor)
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() { _, _, _ = applyWithin(t, rules, time.Second, fmt.Sprint("v", i)) })
			}
			all.Wait()
			if n := f.asked.Load(); n != 1 {
				t.Errorf("%d tried", n)
			}
		}
		well.Store(true)
		time.Sleep(restFor)
		if _, _, err := applyWithin(t, rules, time.Second, "w"); err != nil {
			t.Error(err)
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if u, _, err := applyWithin(t, rules, time.Second, fmt.Sprint("w", i)); err != nil || !slices.Equal(u.Roles, []string{"staff"}) {
					t.Errorf("%q, %v", u.Roles, err)
				}
			})
		}
		all.Wait()
	})
}

// What one user is may be why a source fails, and one who comes with little time left says nothing of it.
func TestWhatLeavesNoSourceAlone(t *testing.T) {
	for name, row := range map[string]struct {
		user func(i int) string
		err  func(ctx context.Context, i int) error
	}{
		"one user's failures": {func(int) string { return "alice" }, func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }},
		"an answer between": {func(i int) string { return fmt.Sprint(i) }, func(ctx context.Context, i int) error {
			if i%3 == 2 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}},
		"a name in another spelling between": {func(i int) string { return fmt.Sprint(i) }, func(ctx context.Context, i int) error {
			if i%3 == 2 {
				return errSpelling
			}
			<-ctx.Done()
			return ctx.Err()
		}},
		"answers that are none":           {func(i int) string { return fmt.Sprint(i) }, func(context.Context, int) error { return directory.ErrSeveral }},
		"connections that break off":      {func(i int) string { return fmt.Sprint(i) }, func(context.Context, int) error { return directory.ErrBroken }},
		"silence of a source with a wink": {func(i int) string { return fmt.Sprint(i) }, func(context.Context, int) error { return directory.ErrSilent }},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := 0
			f := &fake{answer: func(ctx context.Context, _ string) ([]string, error) { return nil, row.err(ctx, i) }}
			rules := New([]Entry{entry(f)})
			for i = range 20 {
				_, _, _ = applyWithin(t, rules, time.Second, row.user(i))
			}
			if n := f.asked.Load(); n != 20 {
				t.Errorf("%s: asked %d times", name, n)
			}
		})
	}
}
