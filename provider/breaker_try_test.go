package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOpenBreakerLetsOneTry(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return yes(r) }
		wantLater(t, s.ask("", "a"), openFor)
		time.Sleep(openFor - time.Millisecond)
		wantLater(t, s.ask("", "a"), time.Millisecond)
		time.Sleep(2 * time.Millisecond)
		var all sync.WaitGroup
		var mu sync.Mutex // guards errs
		var errs []error
		for i := range 100 {
			all.Go(func() {
				err := s.ask("", fmt.Sprint("try ", i))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
				}
			})
		}
		synctest.Wait()
		if s.asked.Load() != 21 || len(errs) != 99 || !s.isOpen() {
			t.Errorf("%d tried, %d were refused, open: %t", s.asked.Load()-20, len(errs), s.isOpen())
		}
		for _, err := range errs {
			wantLater(t, err, time.Second)
		}
		all.Wait()
		if err := s.ask("", "b"); err != nil || len(errs) != 99 || s.isOpen() {
			t.Errorf("after a good try: %v, %d errors, open: %t", err, len(errs), s.isOpen())
		}
	})
}

func TestAnyAnswerToTheTryCloses(t *testing.T) {
	for _, code := range []int{401, 429, 500} {
		inABubble(t, func(s *service) {
			s.fails(20, refused)
			time.Sleep(openFor + 1)
			s.answer = status(code)
			_ = s.ask("", "a")
			s.answer = yes
			if err := s.ask("", "b"); err != nil || s.isOpen() {
				t.Errorf("status %d: got %v", code, err)
			}
		})
	}
}

// What does not count is no try: the next question is one.
func TestATryThatSaysNothingIsTakenByTheNext(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		time.Sleep(openFor + 1)
		s.answer = failing(context.Canceled)
		for i := range 3 {
			if err := s.ask("", fmt.Sprint("left ", i)); !errors.Is(err, context.Canceled) || !s.isOpen() {
				t.Errorf("got %v, open: %t", err, s.isOpen())
			}
		}
		s.answer = yes
		if err := s.ask("", "a"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
	})
}

func TestAFailedTryLeavesItOpenAndIsNotLogged(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		for i := range 5 {
			time.Sleep(openFor + 1)
			s.answer = refused
			if err := s.ask(fmt.Sprintf("198.51.100.%d", i), fmt.Sprint("try ", i)); err == nil || err.Error() != "connection refused" {
				t.Errorf("got %v", err)
			}
			wantLater(t, s.ask("", "other"), openFor)
			if !s.isOpen() || s.asked.Load() != int64(21+i) {
				t.Errorf("open: %t, asked: %d", s.isOpen(), s.asked.Load())
			}
		}
		s.answer = yes
		time.Sleep(openFor + 1)
		if err := s.ask("", "good"); err != nil {
			t.Error(err)
		}
		log := s.log.String()
		if strings.Count(log, "\n") != 2 || strings.Count(log, `"warn"`) != 1 || strings.Count(log, `"info"`) != 1 {
			t.Errorf("log: %s", log)
		}
		if n := s.metric(t, `gatehouse_spared_total{provider_name="here",reason="open"}`); n != 5 {
			t.Errorf("%v spared", n)
		}
	})
}

// A client who is always there first, with what hangs, has one try and then leaves one to the others.
func TestOneClientCannotKeepTheBreakerOpen(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		s.answer = func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.Header.Get("Authorization"), "junk") {
				return refused(r)
			}
			return yes(r)
		}
		time.Sleep(openFor + 1)
		if err := s.ask("192.0.2.66", "junk 1"); err == nil || err.Error() != "connection refused" {
			t.Fatalf("got %v", err)
		}
		time.Sleep(openFor + 1)
		wantLater(t, s.ask("192.0.2.66", "junk 2"), openFor-1)
		if err := s.ask("192.0.2.1", "good"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
		if err := s.ask("192.0.2.66", "good too"); err != nil {
			t.Errorf("after closing: %v", err)
		}
	})
}

func TestAClientAloneGetsAnotherTry(t *testing.T) {
	inABubble(t, func(s *service) {
		s.fails(20, refused)
		time.Sleep(openFor + 1)
		s.answer = refused
		_ = s.ask("192.0.2.66", "a")
		s.answer = yes
		time.Sleep(2 * openFor)
		if err := s.ask("192.0.2.66", "a"); err != nil || s.isOpen() {
			t.Errorf("got %v, open: %t", err, s.isOpen())
		}
	})
}

// A question from before says nothing of the service as it is when the breaker is open or trying.
func TestAnswersToEarlierQuestionsDoNotTurnTheBreaker(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return yes(r) }
		var all sync.WaitGroup
		all.Go(func() {
			if err := s.ask("", "early"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		s.fails(20, refused)
		all.Wait()
		if !s.isOpen() {
			t.Error("it has closed")
		}
	})
}
