package provider

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpentKeysOfTwoClientsPauseNobodyElse(t *testing.T) {
	for _, c := range []struct {
		name    string
		keys    [2]int
		fresh   bool // keys every minute
		refused int  // good questions of 1180, at most
	}{
		{"four and one", [2]int{4, 1}, false, 0},
		{"ten and ten", [2]int{10, 10}, false, 1},
		{"thirty and thirty", [2]int{30, 30}, false, 2},
		{"ten and ten others each minute", [2]int{10, 10}, true, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.answer = unlessJunk(status(429, "Retry-After: 60"))
				turnedAway := 0
				for minute := range 20 {
					for i, n := range c.keys {
						for k := range n {
							key := fmt.Sprint("junk ", i, k)
							if c.fresh {
								key += fmt.Sprint(" of ", minute)
							}
							_ = s.ask(fmt.Sprintf("192.0.2.%d", 66+i), key)
						}
					}
					for i := range 59 {
						if err := s.ask("192.0.2.1", fmt.Sprint("good ", i%7)); err != nil {
							turnedAway++
						}
						time.Sleep(time.Second)
					}
					time.Sleep(time.Second + 1)
				}
				if turnedAway > c.refused {
					t.Errorf("%d of 1180 good questions are refused", turnedAway)
				}
			})
		})
	}
}

// pausedForAll has everybody be kept away for a minute.
func (s *service) pausedForAll() {
	s.t.Helper()
	s.tells(status(429, "Retry-After: 60"), 20, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) })
	s.answer = yes
	wantLater(s.t, s.ask("198.51.100.1", "other"), time.Minute)
	s.asked.Store(0)
}

func TestAPauseLetsOneTryASecond(t *testing.T) {
	inABubble(t, func(s *service) {
		s.pausedForAll()
		s.answer = func(r *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return status(429, "Retry-After: 60")(r)
		}
		time.Sleep(minPause - 1)
		wantLater(t, s.ask("198.51.100.1", "soon"), 59*time.Second+1)
		time.Sleep(time.Nanosecond)
		var all sync.WaitGroup
		all.Go(func() { wantLater(t, s.ask("198.51.100.1", "first"), time.Minute) })
		synctest.Wait()
		time.Sleep(1500 * time.Millisecond)
		wantLater(t, s.ask("198.51.100.1", "second"), 57500*time.Millisecond)
		all.Wait()
		wantLater(t, s.ask("198.51.100.1", "second"), 57*time.Second)
		time.Sleep(minPause)
		wantLater(t, s.ask("198.51.100.1", "first"), 59*time.Second)
		if n := s.asked.Load(); n != 1 {
			t.Errorf("%d have tried", n)
		}
		s.answer = yes
		for range 2 {
			if err := s.ask("198.51.100.1", "second"); err != nil {
				t.Errorf("the next who tries, and whoever comes then: %v", err)
			}
		}
	})
}

func TestWhatATryDoesToAPause(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer roundTrip
		ends   bool
	}{
		{"a user ends it", yes, true},
		{"a denial ends it", status(401), true},
		{"an outage ends it", status(500), true},
		{"429 does not", status(429, "Retry-After: 60"), false},
		{"silence does not", failing(io.EOF), false},
		{"a panic does not", func(*http.Request) (*http.Response, error) { panic("a fault") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.pausedForAll()
				time.Sleep(minPause)
				s.answer = c.answer
				func() {
					defer func() { _ = recover() }()
					_ = s.ask("198.51.100.1", "first")
				}()
				s.answer = yes
				if err := s.ask("198.51.100.1", "second"); (err == nil) != c.ends {
					t.Errorf("at once: %v", err)
				}
				time.Sleep(minPause)
				if err := s.ask("198.51.100.1", "third"); err != nil {
					t.Errorf("the next who tries: %v", err)
				}
			})
		})
	}
}

// Tries that are told to wait say nothing new, or whoever has spent keys without end would renew the pause.
func TestTriesDoNotLengthenAPause(t *testing.T) {
	inABubble(t, func(s *service) {
		s.pausedForAll()
		s.answer = status(429, "Retry-After: 60")
		for i := range 59 {
			time.Sleep(minPause)
			_ = s.ask(fmt.Sprintf("198.51.100.%d", i), fmt.Sprint("spent ", i))
		}
		if n := s.asked.Load(); n != 59 {
			t.Errorf("%d have tried", n)
		}
		time.Sleep(minPause)
		s.answer = yes
		for i := range 2 {
			if err := s.ask("198.51.100.200", fmt.Sprint("good ", i)); err != nil {
				t.Errorf("after a minute: %v", err)
			}
		}
	})
}

// The answer to a question from before a pause is no answer to one that tries.
func TestAnAnswerFromBeforeAPauseDoesNotEndIt(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(500 * time.Millisecond); return yes(r) }
		var all sync.WaitGroup
		all.Go(func() { _ = s.ask("203.0.113.1", "early") })
		synctest.Wait()
		s.pausedForAll()
		all.Wait()
		wantLater(t, s.ask("198.51.100.1", "other"), 59500*time.Millisecond)
	})
}

func TestTheLaterOfTwoPausesHolds(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = status(429, "Retry-After: 3")
		_ = s.ask("192.0.2.66", "limited")
		s.answer = yes
		_ = s.ask("192.0.2.66", "other")
		s.pausedForAll()
		wantLater(t, s.ask("192.0.2.66", "limited"), time.Minute)
	})
}

// Nor does its end let another try while one is under way.
func TestAQuestionFromBeforeAPauseIsNotItsTry(t *testing.T) {
	inABubble(t, func(s *service) {
		slow := func(r *http.Request) (*http.Response, error) { time.Sleep(3 * time.Second); return yes(r) }
		s.answer = slow
		var all sync.WaitGroup
		all.Go(func() { _ = s.ask("203.0.113.1", "early") })
		synctest.Wait()
		s.pausedForAll()
		time.Sleep(1500 * time.Millisecond)
		s.answer = slow
		all.Go(func() { _ = s.ask("198.51.100.1", "first") })
		time.Sleep(2750 * time.Millisecond)
		wantLater(t, s.ask("198.51.100.1", "second"), 55750*time.Millisecond)
		all.Wait()
	})
}

func TestAPauseMayFollowAPause(t *testing.T) {
	inABubble(t, func(s *service) {
		s.pausedForAll()
		time.Sleep(time.Minute)
		s.asked.Store(100) // makes tells use other keys
		s.pausedForAll()
	})
}
