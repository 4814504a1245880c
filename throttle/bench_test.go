package throttle

import (
	"fmt"
	"testing"
)

func TestHeldAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	for _, row := range []struct {
		says    string
		guesses int
	}{{"quiet", 0}, {"busy", 10}} {
		s := newScene(t, Config{})
		s.guess(elsewhere, "ada", row.guesses)
		if n := testing.AllocsPerRun(1000, func() { s.Held(here, "ada", s.now) }); n != 0 {
			t.Errorf("%s: %v allocations", row.says, n)
		}
	}
}

func BenchmarkHeldQuiet(b *testing.B) { benchmarkHeld(b, 0) }

func BenchmarkHeldBusy(b *testing.B) { benchmarkHeld(b, 10) }

func benchmarkHeld(b *testing.B, guesses int) {
	s := newScene(b, Config{})
	s.guess(elsewhere, "ada", guesses)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Held(here, "ada", s.now)
		}
	})
}

func BenchmarkTry(b *testing.B) {
	for _, known := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("where %d addresses failed", known), func(b *testing.B) {
			s := newScene(b, Config{})
			for n := range known {
				s.deny(addrOf(n), "ada", "guess")
			}
			secret := secretOf("guess")
			b.ReportAllocs()
			n := known
			for b.Loop() {
				n++
				a, _ := s.Try(addrOf(n), "ada", secret, s.now)
				a.Denied(s.now)
			}
		})
	}
}
