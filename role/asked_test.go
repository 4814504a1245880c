package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// A fake is a source that says what a test wants.
type fake struct {
	asked  atomic.Int64
	answer func(ctx context.Context, name string) ([]string, error)
}

func (f *fake) Check(conf.Report) {}

func (f *fake) open() Source { return f }

func (f *fake) Roles(ctx context.Context, name string) ([]string, error) {
	f.asked.Add(1)
	return f.answer(ctx, name)
}

func saying(roles ...string) *fake {
	return &fake{answer: func(context.Context, string) ([]string, error) { return roles, nil }}
}

func failing(err error) *fake {
	return &fake{answer: func(context.Context, string) ([]string, error) { return nil, err }}
}

func hanging() *fake {
	return &fake{answer: func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }}
}

func entry(f *fake) Entry { return Entry{Name: "d", Type: "ldap", Realm: "r", config: f} }

var errDown = errors.New("down")

func TestRolesThatAreAskedForAreRememberedForSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := saying("staff", "told")
		rules := New([]Entry{entry(f)})
		begun := time.Now()
		for range 3 {
			u, end, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "R", Roles: []string{"told"}})
			if err != nil || !slices.Equal(u.Roles, []string{"told", "staff"}) || !end.Equal(begun.Add(time.Minute)) {
				t.Fatalf("got %q until %s, %v", u.Roles, end, err)
			}
			time.Sleep(20 * time.Second)
		}
		if f.asked.Load() != 1 {
			t.Errorf("asked %d times within a minute", f.asked.Load())
		}
		if _, end, _ := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"}); f.asked.Load() != 2 || !end.Equal(begun.Add(2*time.Minute)) {
			t.Errorf("after a minute asked %d times, until %s", f.asked.Load(), end)
		}
		if _, _, err := rules.Apply(t.Context(), auth.User{Name: "Alice", Realm: "r"}); err != nil || f.asked.Load() != 3 {
			t.Errorf("another name: asked %d times, %v", f.asked.Load(), err)
		}
		if _, end, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "other"}); err != nil || f.asked.Load() != 3 || !end.IsZero() {
			t.Errorf("another realm: asked %d times, %v", f.asked.Load(), err)
		}
	})
}

// Roles are as old as the moment at which they were asked for, not that at which they came.
func TestRolesAgeWhileTheyAreOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		f := &fake{answer: func(context.Context, string) ([]string, error) { time.Sleep(time.Second); return nil, nil }}
		if _, end, err := New([]Entry{entry(f)}).Apply(t.Context(), auth.User{Name: "alice", Realm: "r"}); err != nil || !end.Equal(begun.Add(time.Minute)) {
			t.Errorf("until %s after, %v", end.Sub(begun), err)
		}
	})
}

func TestASourceThatFailsIsNoDecisionUnlessItIsOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, f := range map[string]*fake{"fails": failing(errDown), "hangs": hanging()} {
			var told []Applied
			e := entry(f)
			apply := func() (auth.User, time.Time, error) {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				return New([]Entry{e}).Told(func(a Applied) { told = append(told, a) }).Apply(ctx, auth.User{Name: "alice", Realm: "r", Roles: []string{"own"}})
			}
			if u, _, err := apply(); err == nil || errors.Is(err, auth.ErrDenied) || u.Name != "" || !strings.Contains(err.Error(), `augmenter "d"`) {
				t.Errorf("%s: got %+v, %v", name, u, err)
			}
			e.Optional = true
			u, end, err := apply()
			if err != nil || !slices.Equal(u.Roles, []string{"own"}) || time.Until(end) != retry {
				t.Errorf("%s: got %q until %s, %v", name, u.Roles, time.Until(end), err)
			}
			if len(told) != 2 || told[0].Err == nil || told[0].Optional || told[1].Err == nil || !told[1].Optional {
				t.Errorf("%s: told %+v", name, told)
			}
		}
	})
}

// What a user goes on without is no failure of what comes after.
func TestARuleBehindAnOptionalSourceThatFailsIsApplied(t *testing.T) {
	e := entry(failing(errDown))
	e.Optional = true
	given := new(PlainAdvanced)
	given.Match.Username, given.Augment.Roles = []string{"alice"}, []string{"editor"}
	failed := 0
	rules := New([]Entry{e, {Name: "p", Type: "plain_advanced", Realm: "r", config: given}}).Told(func(a Applied) {
		if a.Err != nil {
			failed++
		}
	})
	u, _, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
	if err != nil || !slices.Equal(u.Roles, []string{"editor"}) || failed != 1 {
		t.Errorf("got %q, %v, %d failures are told", u.Roles, err, failed)
	}
}

// An answer that is not one is not remembered.
func TestAFailureIsAskedAnew(t *testing.T) {
	f := failing(errDown)
	rules := New([]Entry{entry(f)})
	for range 2 {
		if _, _, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"}); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	}
	if f.asked.Load() != 2 {
		t.Errorf("asked %d times", f.asked.Load())
	}
}

// What hangs leaves time for what comes after.
func TestSourcesShareTheTimeThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := entry(hanging()), entry(saying("staff"))
		first.Optional = true
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		begun := time.Now()
		u, _, err := New([]Entry{first, second}).Apply(ctx, auth.User{Name: "alice", Realm: "r"})
		if took := time.Since(begun); err != nil || !slices.Equal(u.Roles, []string{"staff"}) || took != 2*time.Second {
			t.Errorf("got %q after %s, %v", u.Roles, took, err)
		}
		if ctx.Err() != nil {
			t.Error("the time is over")
		}
	})
}

func TestRolesThatNoTokenCanCarryAreLeftOut(t *testing.T) {
	f := saying("a", "", " b", "c\n", strings.Repeat("x", 129), "d\u202e", "\xff", "e")
	u, _, err := New([]Entry{entry(f)}).Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
	if err != nil || !slices.Equal(u.Roles, []string{"a", "e"}) {
		t.Errorf("got %q, %v", u.Roles, err)
	}
}

func TestWhatASourcesCacheHoldsIsBounded(t *testing.T) {
	f := &fake{answer: func(_ context.Context, name string) ([]string, error) {
		if name == "large" {
			return slices.Repeat([]string{strings.Repeat("x", 100)}, 100), nil
		}
		return []string{"r"}, nil
	}}
	a := newAsked(f, nil)
	for i := range maxKnown + 500 {
		if _, err := a.within(t.Context(), 1, false, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.known) != maxKnown {
		t.Errorf("holds %d", len(a.known))
	}
	if got, err := a.within(t.Context(), 1, false, "large"); err != nil || len(got.roles) != 100 {
		t.Errorf("got %d, %v", len(got.roles), err)
	}
	if _, ok := a.known["large"]; ok {
		t.Error("holds what is too large")
	}
}

func TestSoManyQuestionsToOneSourceAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := hanging()
		rules := New([]Entry{entry(f)})
		const all = maxAsked + maxWaiting + 10
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, all)
		for i := range all {
			go func() {
				_, _, err := rules.Apply(ctx, auth.User{Name: fmt.Sprint(i), Realm: "r"})
				ended <- err
			}()
		}
		synctest.Wait()
		if n := f.asked.Load(); n != maxAsked || len(ended) != 10 {
			t.Errorf("%d under way, %d ended", n, len(ended))
		}
		later, ok := errors.AsType[*auth.Later](<-ended)
		if !ok || !errors.Is(later, auth.ErrUnasked) || later.After <= 0 {
			t.Errorf("got %v", later)
		}
		cancel()
		synctest.Wait()
	})
}

func applyWithin(t *testing.T, rules *Rules, limit time.Duration, name string) (auth.User, time.Time, error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return rules.Apply(ctx, auth.User{Name: name, Realm: "r"})
}

func TestLocalIsWhoAsksNobody(t *testing.T) {
	rules := New([]Entry{{Name: "p", Type: "plain", Realm: "here", config: new(Plain)}, entry(saying())})
	for realm, want := range map[string]bool{"here": true, "r": false, "R": false, "": false, "none": true} {
		if rules.Local(realm) != want {
			t.Errorf("%q: got %t", realm, !want)
		}
	}
	if !New(nil).Local("") {
		t.Error("no rules ask nobody")
	}
}

func TestOnlyWhatIsAskedHasACache(t *testing.T) {
	long := time.Minute
	for name, e := range map[string]Entry{
		"cache":    {Name: "p", Realm: "r", Cache: &long, config: new(Plain)},
		"optional": {Name: "p", Realm: "r", Optional: true, config: new(Plain)},
	} {
		if faults := conf.Collect(e.Check); len(faults) != 1 || faults[0].Path != name {
			t.Errorf("%s: got %v", name, faults)
		}
	}
	for _, d := range []time.Duration{0, -1, maxCache + 1} {
		e := entry(saying())
		e.Cache = &d
		if faults := conf.Collect(e.Check); len(faults) != 1 {
			t.Errorf("%s: got %v", d, faults)
		}
	}
}
