package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// known returns a context of a client whose logins have succeeded lately.
func known(ctx context.Context) context.Context {
	return auth.WithClient(ctx, auth.Client{Known: true})
}

// paced returns a Pool of one worker whose hashes each take a second of the bubble's time.
func paced(length int) *Pool {
	p := NewPool(1, length)
	p.verify = func(Hash, string) bool {
		time.Sleep(time.Second)
		return true
	}
	p.usual.Store(int64(time.Second))
	return p
}

// crowd lets n logins of name wait, and returns what becomes of them.
func crowd(ctx context.Context, p *Pool, name string, n int) <-chan answer {
	answers := make(chan answer, n)
	for range n {
		go func() {
			ok, err := p.Verify(ctx, name, Hash{}, "x")
			answers <- answer{ok, err}
		}()
	}
	synctest.Wait()
	return answers
}

// busy fails the test unless err is ErrBusy with the time want.
func busy(t *testing.T, err error, want time.Duration) {
	t.Helper()
	var later *auth.Later
	if !errors.Is(err, ErrBusy) || !errors.As(err, &later) || later.After != want {
		t.Errorf("got %v of %+v, want ErrBusy and %s", err, later, want)
	}
}

func TestWhoWaitsHasItsTurnByName(t *testing.T) {
	for _, row := range []struct {
		says  string
		name  string
		known bool
		want  time.Duration // until the answer, with what is left of the hash that runs
	}{
		{"the name with many waiting comes after all of its own", "loud", false, 202 * time.Second},
		{"another name comes after one of each name", "ann", false, 4 * time.Second},
		{"a known client comes before all others", "loud", true, 2 * time.Second},
	} {
		t.Run(row.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := paced(250)
				crowd(t.Context(), p, "loud", 200)
				crowd(t.Context(), p, "bob", 1)
				ctx := t.Context()
				if row.known {
					ctx = known(ctx)
				}
				begin := time.Now()
				if ok, err := p.Verify(ctx, row.name, Hash{}, "x"); !ok || err != nil {
					t.Errorf("got %t, %v", ok, err)
				}
				if got := time.Since(begin); got != row.want {
					t.Errorf("answered after %s, want %s", got, row.want)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestAKnownClientHasAPlaceWhenTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := paced(2)
		crowd(t.Context(), p, "ann", 3)
		_, err := p.Verify(t.Context(), "ann", Hash{}, "x")
		busy(t, err, 3*time.Second)
		if ok, err := p.Verify(known(t.Context()), "ann", Hash{}, "x"); !ok || err != nil {
			t.Errorf("got %t, %v", ok, err)
		}
		time.Sleep(time.Hour)
	})
}

func TestWhoLosesItsPlaceToAnotherNameIsToldBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := paced(4)
		loud := crowd(t.Context(), p, "loud", 5)
		ann := crowd(t.Context(), p, "ann", 1)
		busy(t, (<-loud).err, 5*time.Second)
		for range 4 {
			if a := <-loud; !a.ok || a.err != nil {
				t.Errorf("one that stayed got %v", a)
			}
		}
		if a := <-ann; !a.ok || a.err != nil {
			t.Errorf("the other got %v", a)
		}
	})
}

// Whether a wait is hopeless depends on one's own turn, and not on how many wait.
func TestHopelessIsByTheTurnOfTheName(t *testing.T) {
	for _, row := range []struct {
		says    string
		name    string
		known   bool
		timeout time.Duration
		want    time.Duration // of Later; 0: an answer
	}{
		{"a loud name is turned away", "loud", false, 10 * time.Second, 20 * time.Second},
		{"another name has its turn in time", "ann", false, 10 * time.Second, 0},
		{"another name has too little time even so", "ann", false, 1500 * time.Millisecond, 2 * time.Second},
		{"a loud name that is known has its turn in time", "loud", true, 10 * time.Second, 0},
		{"a known name with less time than a hash takes", "loud", true, 999 * time.Millisecond, time.Second},
	} {
		t.Run(row.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := paced(250)
				crowd(t.Context(), p, "loud", 20)
				ctx, cancel := context.WithTimeout(t.Context(), row.timeout)
				defer cancel()
				if row.known {
					ctx = known(ctx)
				}
				begin := time.Now()
				_, err := p.Verify(ctx, row.name, Hash{}, "x")
				if row.want == 0 {
					if err != nil {
						t.Errorf("got %v", err)
					}
				} else if busy(t, err, row.want); time.Since(begin) != 0 {
					t.Errorf("told after %s, want at once", time.Since(begin))
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestLaterIsNeitherAtOnceNorFarAway(t *testing.T) {
	for _, row := range []struct {
		says    string
		usual   time.Duration
		workers int
		want    time.Duration
	}{
		{"no hash was measured yet", 0, 1, time.Second},
		{"short hashes", time.Millisecond, 1, time.Second},
		{"as long as ten that wait and one's own take", 500 * time.Millisecond, 1, 5500 * time.Millisecond},
		{"two workers halve what is before", time.Second, 2, 6 * time.Second},
		{"a very long queue", 10 * time.Second, 1, 30 * time.Second},
	} {
		t.Run(row.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, release := held(row.workers, 10)
				p.usual.Store(int64(row.usual))
				answers := crowd(t.Context(), p, "ann", row.workers+10)
				_, err := p.Verify(t.Context(), "ann", Hash{}, "x")
				busy(t, err, row.want)
				close(release)
				for range row.workers + 10 {
					<-answers
				}
			})
		})
	}
}

func TestOneHashAmongOthersDoesNotSpoilTheEstimate(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		says     string
		runs     []time.Duration
		min, max time.Duration
	}{
		{"the first counts wholly", []time.Duration{80 * ms}, 80 * ms, 80 * ms},
		{"one that is very cheap", append(slices.Repeat([]time.Duration{80 * ms}, 9), 0), 70 * ms, 70 * ms},
		{"one that is three times as dear", append(slices.Repeat([]time.Duration{80 * ms}, 9), 240*ms), 100 * ms, 100 * ms},
		{"after thirty dearer ones those are the usual", append([]time.Duration{1 * ms}, slices.Repeat([]time.Duration{80 * ms}, 30)...), 78 * ms, 80 * ms},
	} {
		t.Run(row.says, func(t *testing.T) {
			p, _ := clocked(row.runs...)
			for i := range row.runs {
				if _, err := p.Verify(t.Context(), fmt.Sprint(i), Hash{}, "x"); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.wait("ann", false); got < row.min || got > row.max {
				t.Errorf("the estimate is %s, want %s to %s", got, row.min, row.max)
			}
		})
	}
}
