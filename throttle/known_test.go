package throttle

import (
	"fmt"
	"testing"
	"time"
)

func TestAPairIsKnownFor24Hours(t *testing.T) {
	s := newScene(t, Config{})
	s.succeed(here, "ada")
	for _, row := range []struct {
		says  string
		after time.Duration
		want  bool
	}{
		{"at once", 0, true},
		{"just before", 24*time.Hour - 1, true},
		{"after", 24 * time.Hour, false},
	} {
		if got := s.Known(here, "ada", s.now.Add(row.after)); got != row.want {
			t.Errorf("%s: %t", row.says, got)
		}
	}
	if s.Known(elsewhere, "ada", s.now) || s.Known(here, "bob", s.now) {
		t.Error("known by half")
	}
	s.Note(here, "ada", s.now.Add(time.Hour))
	if !s.Known(here, "ada", s.now.Add(25*time.Hour-1)) {
		t.Error("not known 24 hours after it was noted")
	}
}

func TestAKnownPairIsNotHeldByItsAddressButByItself(t *testing.T) {
	s := newScene(t, Config{})
	s.succeed(here, "ada")
	s.spray(here, 21)
	s.wantWait("one not known", here, "bob", time.Second)
	s.wantWait("the known one", here, "ada", 0)
	s.guess(here, "ada", 6)
	s.wantWait("the known one, after six failures", here, "ada", time.Second)
	s.pass(25 * time.Hour)
	s.spray(here, 21)
	s.wantWait("no longer known", here, "ada", time.Second)
}

func TestFailuresOfAKnownPairCountForItsAddress(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 7 {
		name := fmt.Sprint("user", n)
		s.succeed(here, name)
		s.guess(here, name, 3)
	}
	s.wantWait("one not known", here, "ada", time.Second)
	s.wantWait("a known one", here, "user0", 0)
}

func TestAHeldGuesserLearnsNothingFromRememberedLogins(t *testing.T) {
	s := newScene(t, Config{})
	s.Note(elsewhere, "ada", s.now)
	s.spray(here, 21)
	if s.Held(here, "ada", s.now) != time.Second {
		t.Error("a held address may ask for a remembered login")
	}
	if s.Held(elsewhere, "ada", s.now) != 0 {
		t.Error("its owner may not")
	}
}

// An account of the same name in another realm is the guesser's own, perhaps.
func TestSuccessDoesNotClearThePairsCount(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 6)
	s.pass(time.Second)
	s.succeed(here, "ada")
	s.guess(here, "ada", 1)
	s.wantWait("seven failed", here, "ada", 2*time.Second)
}

func TestSuccessDoesNotClearTheAddresssCount(t *testing.T) {
	s := newScene(t, Config{})
	for range 20 {
		s.spray(here, 1)
		s.succeed(here, "mallory")
	}
	s.spray(here, 1)
	s.wantWait("the address", here, "ada", time.Second)
	s.wantWait("the guesser's own account", here, "mallory", 0)
}

func TestNoteClearsNoCount(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 6)
	s.Note(here, "ada", s.now)
	s.wantWait("the pair", here, "ada", time.Second)
}

func TestOneAccountAtManyAddressesCrowdsOutFewOthers(t *testing.T) {
	s := newScene(t, Config{})
	const users = 1000
	for n := range users {
		s.Note(here, fmt.Sprint("user", n), s.now)
	}
	s.pass(time.Second)
	for n := range flood {
		s.Note(addrOf(n), "mallory", s.now)
	}
	kept := 0
	for n := range users {
		if s.Known(here, fmt.Sprint("user", n), s.now) {
			kept++
		}
	}
	if kept < users*9/10 {
		t.Errorf("%d of %d others are known still", kept, users)
	}
}
