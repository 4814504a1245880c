package throttle

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"
)

func TestTheDelayAfterFreeFailuresDoublesToTheLongest(t *testing.T) {
	for _, row := range []struct {
		says  string
		l     limits
		count int
		want  time.Duration
	}{
		{"nobody failed", byPair, 0, 0},
		{"the last free failure of a pair", byPair, 5, 0},
		{"the first of a pair that is not free", byPair, 6, time.Second},
		{"the next", byPair, 7, 2 * time.Second},
		{"the last before the longest", byPair, 15, 512 * time.Second},
		{"the longest of a pair", byPair, 16, 15 * time.Minute},
		{"a pair's count that stays", byPair, mostCount, 15 * time.Minute},
		{"no count at all", byPair, math.MaxInt, 15 * time.Minute},
		{"the last free failure of an address", byAddress, 20, 0},
		{"the first of an address that is not free", byAddress, 21, time.Second},
		{"the longest of an address", byAddress, 30, 5 * time.Minute},
	} {
		if got := row.l.delay(row.count); got != row.want {
			t.Errorf("%s: %v, want %v", row.says, got, row.want)
		}
	}
}

func TestTheSixthFailureOfAPairHoldsIt(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 5)
	s.wantWait("five failed", here, "ada", 0)
	s.guess(here, "ada", 1)
	s.wantWait("six failed", here, "ada", time.Second)
	s.pass(time.Second - 1)
	s.wantWait("just before the end of the hold", here, "ada", 1)
	s.pass(1)
	s.wantWait("at its end", here, "ada", 0)
	s.guess(here, "ada", 1)
	s.wantWait("seven failed", here, "ada", 2*time.Second)
	s.wantWait("another name there", here, "bob", 0)
}

func TestTheTwentyFirstFailureOfAnAddressHoldsIt(t *testing.T) {
	s := newScene(t, Config{})
	s.spray(here, 20)
	s.wantWait("twenty failed", here, "ada", 0)
	s.spray(here, 1)
	s.wantWait("twenty-one failed", here, "ada", time.Second)
	s.spray(here, 1)
	s.wantWait("twenty-two failed", here, "ada", 2*time.Second)
	s.wantWait("another address", elsewhere, "ada", 0)
}

func TestOnePasswordTriedWithManyNamesIsManyGuesses(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 21 {
		s.deny(here, fmt.Sprint("user", n), "Winter2024")
	}
	s.wantWait("a spray", here, "ada", time.Second)
}

func TestCountsLeak(t *testing.T) {
	for _, row := range []struct {
		says    string
		guesses int
		pass    time.Duration
		more    int
		want    time.Duration
	}{
		{"five and one at once", 5, 0, 1, time.Second},
		{"just before one has leaked", 5, 10*time.Minute - 1, 1, time.Second},
		{"one has leaked", 5, 10 * time.Minute, 1, 0},
		{"one has leaked, two came", 5, 10 * time.Minute, 2, time.Second},
		{"all have leaked", 5, 50 * time.Minute, 5, 0},
		{"all have leaked long ago", 5, 5000 * time.Hour, 6, time.Second},
	} {
		s := newScene(t, Config{})
		s.guess(here, "ada", row.guesses)
		s.pass(row.pass)
		s.guess(here, "ada", row.more)
		s.wantWait(row.says, here, "ada", row.want)
	}
}

func TestAVictimWhoseNameIsUsedFromElsewhereStillGetsIn(t *testing.T) {
	s := newScene(t, Config{})
	for range 100 {
		s.guess(elsewhere, "ada", 1)
	}
	s.wantWait("the victim", here, "ada", 0)
	s.succeed(here, "ada")
}

func TestAStalePasswordInALoopHoldsNobody(t *testing.T) {
	s := newScene(t, Config{})
	for range 10_000 {
		s.deny(here, "ada", "of last year")
		s.pass(time.Second)
	}
	s.wantWait("its user", here, "ada", 0)
	s.guess(here, "ada", 4)
	s.wantWait("after four others", here, "ada", 0)
}

func TestAStalePasswordMustWaitInAHoldButDoesNotLengthenIt(t *testing.T) {
	s := newScene(t, Config{})
	s.deny(here, "ada", "stale")
	s.guess(here, "ada", 4)
	a := s.start(here, "ada", "stale")
	s.guess(here, "ada", 1)
	if _, wait := s.Try(here, "ada", secretOf("stale"), s.now); wait != time.Second {
		t.Errorf("the wait in a hold is %v", wait)
	}
	s.pass(time.Second / 2)
	a.Denied(s.now)
	s.wantWait("after the stale one was denied", here, "ada", time.Second/2)
}

func TestASecretIsRememberedAmongTheLast32AndUntilAllHasLeaked(t *testing.T) {
	c := &counter{empty: past, until: past}
	count := func(secret uint64, now int64) int { c.fail(&byPair, secret, now); return c.count(&byPair, now) }
	for n := range uint64(mostSeen) {
		count(n, 0)
	}
	if n := count(0, 0); n != mostSeen {
		t.Errorf("the first of 32 again makes %d", n)
	}
	count(1000, 0)
	if n := count(1, 0); n != mostSeen+1 {
		t.Errorf("the second of 33 again makes %d", n)
	}
	if n := count(0, 0); n != mostSeen+2 {
		t.Errorf("the first of 33 again makes %d, want one more", n)
	}
	s := newScene(t, Config{})
	s.deny(here, "ada", "stale")
	s.pass(byPair.leak)
	s.deny(here, "ada", "stale")
	s.guess(here, "ada", 5)
	s.wantWait("the stale one counted anew", here, "ada", time.Second)
}

func TestAnOutageCountsForThePairOnly(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 1000 {
		s.start(here, "ada", "the same").Unanswered(s.now)
		s.start(here, fmt.Sprint("user", n), "one each").Unanswered(s.now)
	}
	s.wantWait("the same secret is tried again and again", here, "ada", 0)
	s.wantWait("others fail at the address", here, "bob", 0)
	for n := range 5 {
		s.start(here, "ada", fmt.Sprint(n)).Unanswered(s.now)
	}
	s.wantWait("one who guesses in an outage", here, "ada", time.Second)
	s.wantWait("somebody else at the address", here, "bob", 0)
}

func TestWhatNobodyLearntFromCountsNothing(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 1000 {
		s.start(here, "ada", fmt.Sprint(n)).Undecided()
	}
	s.wantWait("after an outage", here, "ada", 0)
	if a, p, k := s.Stats(); a+p+k != 0 {
		t.Errorf("%d addresses, %d pairs, %d known are left", a, p, k)
	}
}

func TestOffHoldsNobodyAndKnowsPairs(t *testing.T) {
	s := newScene(t, Config{Off: true})
	s.guess(here, "ada", 100)
	s.wantWait("a hundred failed", here, "ada", 0)
	s.start(here, "ada", "x").Undecided()
	s.succeed(here, "ada")
	if a, p, k := s.Stats(); a != 0 || p != 0 || k != 1 {
		t.Errorf("%d addresses, %d pairs, %d known, want only one known", a, p, k)
	}
}

// A reload may say anew who is throttled, while attempts are under way.
func TestWhoIsThrottledIsSaidAnew(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 6)
	begun := s.start(elsewhere, "bob", "x")
	s.Set(Config{Off: true})
	s.wantWait("nobody is held any more", here, "ada", 0)
	if w := s.Wait(here, "ada", secretOf("new"), s.now); w != 0 {
		t.Errorf("one who would join waits %v", w)
	}
	begun.Denied(s.now)
	uncounted := s.start(elsewhere, "eve", "y")
	s.Set(Config{})
	uncounted.Denied(s.now)
	s.wantWait("what was counted stays", here, "ada", time.Second)
	if addresses, pairs, _ := s.Stats(); addresses != 1 || pairs != 1 {
		t.Errorf("%d addresses and %d pairs have a count, want those of ada only", addresses, pairs)
	}
	s.spray(here, 30)
	s.Set(Config{Exempt: []netip.Prefix{netip.MustParsePrefix(here.String() + "/32")}})
	s.wantWait("an exempt address is not held", here, "somebody", 0)
}

func TestCountsStopAndTimesDoNotOverflow(t *testing.T) {
	c := &counter{empty: past, until: past}
	for n := range uint64(10 * mostCount) {
		if until := c.fail(&byPair, n, 0); until > int64(byPair.longest) {
			t.Fatalf("failure %d holds for %v", n, time.Duration(until))
		}
	}
	if n := c.count(&byPair, 0); n != 100 {
		t.Errorf("the count is %d", n)
	}
	for _, now := range []time.Time{{}, time.Unix(-1<<40, 0), time.Unix(1<<40, 0), time.Unix(1<<62, 0)} {
		s := newScene(t, Config{})
		s.now = now
		for n := range 6 {
			s.deny(here, "ada", fmt.Sprint(n))
		}
		s.wantWait(now.String(), here, "ada", time.Second)
		s.Note(here, "ada", now)
		if !s.Known(here, "ada", now) {
			t.Errorf("%v: not known", now)
		}
	}
}

func TestAClockThatGoesBackHoldsNobodyForLong(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 10)
	s.pass(-1000 * time.Hour)
	if wait := s.wait(here, "ada"); wait > byPair.longest {
		t.Errorf("the wait is %v", wait)
	}
	s.pass(byPair.longest)
	s.wantWait("later", here, "ada", 0)
	s.guess(here, "ada", 1)
	if wait := s.wait(here, "ada"); wait <= 0 || wait > byPair.longest {
		t.Errorf("then the wait is %v", wait)
	}
}
