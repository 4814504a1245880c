package directory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// A directory locks an account that is tried too often. Whoever sends junk makes gatehouse log in.
func TestOurOwnLoginIsNotTriedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, told atomic.Int64
		var right atomic.Bool
		s := New(Config{BindDN: "cn=gate"}, func(error) { told.Add(1) })
		bind := func() error {
			asked.Add(1)
			time.Sleep(10 * time.Millisecond)
			if right.Load() {
				return nil
			}
			return &Result{Code: 49}
		}
		junk := func(n int) (later int) {
			var all sync.WaitGroup
			var held atomic.Int64
			for range n {
				all.Go(func() {
					err := s.own.login(t.Context(), bind)
					if l, ok := errors.AsType[*auth.Later](err); ok && l.After > 0 && l.After <= mostHold && !strings.Contains(err.Error(), "49") {
						held.Add(1)
					}
				})
			}
			all.Wait()
			return int(held.Load())
		}
		// At first nobody knows whether it is right: one tries.
		if held := junk(100); asked.Load() != 1 || held != 99 || told.Load() != 1 {
			t.Errorf("tried %d times, %d held, told %d times", asked.Load(), held, told.Load())
		}
		for range 30 * 60 {
			time.Sleep(time.Second)
			junk(3)
		}
		if n := asked.Load(); n > 10 {
			t.Errorf("tried %d times in half an hour", n)
		}
		if told.Load() != 1 {
			t.Errorf("told %d times", told.Load())
		}
		right.Store(true)
		time.Sleep(mostHold)
		before := asked.Load()
		if begin := time.Now(); junk(100) != 0 || asked.Load() != before+100 || time.Since(begin) > 25*time.Millisecond {
			t.Errorf("tried %d times in %s, once it is right", asked.Load()-before, time.Since(begin))
		}
		// It was right, and is not any more.
		right.Store(false)
		junk(1)
		time.Sleep(leastHold)
		if junk(10); asked.Load() != before+102 || told.Load() != 2 {
			t.Errorf("tried %d times, told %d times", asked.Load()-before-100, told.Load())
		}
	})
}

func TestWhatLeavesOurOwnLoginAlone(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		held bool
	}{
		"a wrong password": {&Result{Code: 49}, true}, "an entry that is locked": {&Result{Code: 19}, true},
		"Active Directory without a logon server": {&Result{Code: 49, data: "51f"}, false},
		"busy":                   {&Result{Code: 51}, false},
		"no answer":              {ErrSilent, false},
		"a connection that ends": {ErrBroken, false},
	} {
		s := New(Config{BindDN: "cn=gate"}, nil)
		err := s.own.login(t.Context(), func() error { return row.err })
		if _, ok := errors.AsType[*Result](err); err == nil || ok {
			t.Errorf("%s: %v", name, err)
		}
		asked := false
		_ = s.own.login(t.Context(), func() error { asked = true; return nil })
		if asked == row.held {
			t.Errorf("%s: asked %t", name, asked)
		}
	}
}

func TestWhoWaitsForOurOwnLoginHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		end := make(chan struct{})
		go func() { _ = s.own.login(t.Context(), func() error { <-end; return nil }) }()
		synctest.Wait()
		if err := s.own.login(ctx, func() error { return nil }); !errors.Is(err, ErrSilent) {
			t.Errorf("got %v", err)
		}
		close(end)
	})
}
