package throttle

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// admitted starts n attempts at once and returns those that may. A name or secret that ends in # stands
// for one of each attempt's own.
func (s *scene) admitted(n int, name, secret string) (under []*Attempt) {
	for i := range n {
		a, wait := s.Try(here, numbered(name, i), secretOf(numbered(secret, i)), s.now)
		if wait == 0 {
			under = append(under, a)
		} else if wait != soon {
			s.t.Errorf("the wait of one too many is %v", wait)
		}
	}
	return under
}

func numbered(s string, n int) string {
	if s, ok := strings.CutSuffix(s, "#"); ok {
		return fmt.Sprint(s, n)
	}
	return s
}

func TestParallelGuessesAreCountedBeforeTheyEnd(t *testing.T) {
	for _, row := range []struct {
		says         string
		pair, addr   int // failures before
		name, secret string
		want         int
	}{
		{"of one pair, the free ones", 0, 0, "ada", "guess#", 5},
		{"of one pair, what is left of the free ones", 3, 0, "ada", "guess#", 2},
		{"of one pair, the last free one", 4, 0, "ada", "guess#", 1},
		{"of one pair past what is free, one", 5, 0, "ada", "guess#", 1},
		{"of one pair long past what is free, one", 9, 0, "ada", "guess#", 1},
		{"of one pair with one secret, all", 0, 0, "ada", "same", 1000},
		{"of one pair past what is free with one secret, all", 7, 0, "ada", "same", 1000},
		{"of one address, 256", 0, 0, "user#", "same", 256},
		{"of one address under what is free, 256", 0, 19, "user#", "same", 256},
		{"of one address past what is free, one", 0, 20, "user#", "same", 1},
		{"of one address long past what is free, one", 0, 24, "user#", "same", 1},
	} {
		s := newScene(t, Config{})
		s.guess(here, "ada", row.pair)
		s.spray(here, row.addr)
		s.pass(s.wait(here, "ada"))
		if got := len(s.admitted(1000, row.name, row.secret)); got != row.want {
			t.Errorf("%s: %d admitted, want %d", row.says, got, row.want)
		}
	}
}

func TestWhatEndsLeavesRoom(t *testing.T) {
	for _, row := range []struct {
		says string
		end  func(a *Attempt, now time.Time)
		want time.Duration
	}{
		{"denied, it is counted", (*Attempt).Denied, soon},
		{"undecided, it is as if it had not been", func(a *Attempt, _ time.Time) { a.Undecided() }, 0},
		{"succeeded, it is no more under way", (*Attempt).Succeeded, 0},
	} {
		s := newScene(t, Config{})
		under := s.admitted(5, "ada", "guess#")
		s.wantWait("five under way", here, "ada", soon)
		row.end(under[0], s.now)
		s.wantWait(row.says, here, "ada", row.want)
		for _, a := range under[1:] {
			a.Undecided()
		}
		s.wantWait("all ended", here, "ada", 0)
	}
}

func TestWhereThereIsNoRoomARememberedLoginMustWaitToo(t *testing.T) {
	s := newScene(t, Config{})
	s.Note(here, "ada", s.now)
	s.admitted(256, "user#", "same")
	s.wantWait("not known", here, "bob", soon)
	s.wantWait("known", here, "ada", 0)
	s.admitted(5, "ada", "guess#")
	s.wantWait("known, with guesses under way", here, "ada", soon)
}

func TestTheAddressIsNotFullOfItsKnownPairs(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 1000 {
		s.Note(here, fmt.Sprint("user", n), s.now)
	}
	if got := len(s.admitted(1000, "user#", "same")); got != 1000 {
		t.Errorf("%d admitted", got)
	}
	s.wantWait("one not known", here, "ada", 0)
}

func TestAFullPairLeavesTheAddressAlone(t *testing.T) {
	s := newScene(t, Config{})
	s.admitted(1000, "ada", "guess#")
	s.wantWait("another name", here, "bob", 0)
	if got := len(s.admitted(1000, "user#", "same")); got != 256-5 {
		t.Errorf("%d admitted beside five", got)
	}
}

func TestOnlyTheFirstEndOfAnAttemptCounts(t *testing.T) {
	s := newScene(t, Config{})
	a := s.start(here, "ada", "guess")
	a.Undecided()
	a.Denied(s.now)
	a.Succeeded(s.now)
	a.Undecided()
	if a, p, k := s.Stats(); a+p+k != 0 {
		t.Errorf("%d addresses, %d pairs, %d known", a, p, k)
	}
}

func TestASecretForgottenWhileUnderWayEndsOnce(t *testing.T) {
	s := newScene(t, Config{})
	s.deny(here, "ada", "stale")
	a := s.start(here, "ada", "stale") // counted already: takes no room
	s.pass(byPair.leak)                // forgotten with the count
	b := s.start(here, "ada", "stale") // not counted: takes room
	a.Denied(s.now)
	if got := len(s.admitted(1000, "ada", "guess#")); got != 3 {
		t.Errorf("%d admitted beside one under way and one counted", got)
	}
	b.Denied(s.now)
}

func TestASecretThatWasCountedNeedsNoRoom(t *testing.T) {
	s := newScene(t, Config{})
	s.deny(here, "ada", "stale")
	s.guess(here, "ada", 4)
	s.admitted(1, "ada", "another")
	s.wantWait("a new one", here, "ada", soon)
	s.deny(here, "ada", "stale")
}

func TestAttemptsWithOneSecretAreOneGuessUntilTheLastEnds(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 5)
	same := s.admitted(3, "ada", "same")
	same[0].Undecided()
	same[1].Undecided()
	s.wantWait("one is under way still", here, "ada", soon)
	same[2].Undecided()
	s.wantWait("none is", here, "ada", 0)
}

func TestSuccessDoesNotEndAHold(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 5)
	same := s.admitted(3, "ada", "changed just now")
	same[0].Denied(s.now)
	same[1].Succeeded(s.now)
	same[2].Undecided()
	s.wantWait("the sixth failed", here, "ada", time.Second)
}

// Requests at once with one password, such as a page's, are one guess.
func TestOneWhoJoinsNeedsNoRoom(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 5)
	a := s.start(here, "ada", "right")
	if got := s.Wait(here, "ada", secretOf("right"), s.now); got != 0 {
		t.Errorf("with the same secret: %v", got)
	}
	if got := s.Wait(here, "ada", secretOf("another"), s.now); got != soon {
		t.Errorf("with another: %v", got)
	}
	a.Denied(s.now)
	for _, secret := range []string{"right", "another"} {
		if got := s.Wait(here, "ada", secretOf(secret), s.now); got != time.Second {
			t.Errorf("%s, in the hold: %v", secret, got)
		}
	}
	if got := s.Wait(elsewhere, "ada", secretOf("another"), s.now); got != 0 {
		t.Errorf("elsewhere: %v", got)
	}
}

func TestAFailureOfAKnownPairLeavesOthersLessRoom(t *testing.T) {
	s := newScene(t, Config{})
	s.Note(here, "ada", s.now)
	s.spray(here, 19)
	s.admitted(2, "user#", "same")
	s.wantWait("nineteen failed, two are under way", here, "bob", 0)
	s.guess(here, "ada", 1)
	s.wantWait("twenty failed", here, "bob", soon)
}

func TestTheWatchIsQuietAgainWhenAllHasEnded(t *testing.T) {
	s := newScene(t, Config{})
	under := append(s.admitted(100, "ada", "guess#"), s.admitted(100, "user#", "same")...)
	if s.watch.full.Load() == 0 {
		t.Error("nothing is full")
	}
	for i, a := range under {
		if i%2 == 0 {
			a.Denied(s.now)
		} else {
			a.Undecided()
		}
	}
	if n := s.watch.full.Load(); n != 0 {
		t.Errorf("%d are full", n)
	}
	s.pass(byPair.longest)
	if !s.watch.quiet(s.instant(s.now)) {
		t.Error("it is not quiet")
	}
}
