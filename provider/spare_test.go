package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

func TestAThousandCallersOfAHungService(t *testing.T) {
	for name, of := range map[string]func(i int) (address, key string){
		"each its own":        func(i int) (string, string) { return fmt.Sprintf("10.0.%d.%d", i/250, i%250), fmt.Sprint(i) },
		"of one address":      func(i int) (string, string) { return "192.0.2.1", fmt.Sprint(i) },
		"of unknown address":  func(i int) (string, string) { return "", fmt.Sprint(i) },
		"with one credential": func(i int) (string, string) { return fmt.Sprintf("10.0.%d.%d", i/250, i%250), "k" },
	} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				const limit = 5 * time.Second
				var now, peak, ended atomic.Int64
				s.answer = func(r *http.Request) (*http.Response, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
					}
					return hangs(r)
				}
				begin := time.Now()
				for i := range 1000 {
					address, key := of(i)
					go func() {
						err := s.askFor(limit, address, key)
						if took := time.Since(begin); isDecision(err) || took > limit+limit/10 {
							t.Errorf("after %s: %v", took, err)
						}
						ended.Add(1)
					}()
				}
				time.Sleep(limit + limit/10)
				synctest.Wait()
				if ended.Load() != 1000 || peak.Load() != maxConcurrent {
					t.Errorf("%d ended, %d at once", ended.Load(), peak.Load())
				}
				if full := s.metric(t, `gatehouse_spared_total{provider_name="here",reason="full"}`); full != 1000-5*maxConcurrent {
					t.Errorf("%v were turned away at once", full)
				}
			})
		})
	}
}

// busy has one address fill the slots and, with so many more, wait. Each question takes one second.
func busy(s *service, waiting int) *sync.WaitGroup {
	s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return yes(r) }
	var all sync.WaitGroup
	for i := range maxConcurrent + waiting {
		all.Go(func() { _ = s.askFor(time.Minute, "192.0.2.66", fmt.Sprint("crowd ", i)) })
	}
	synctest.Wait()
	return &all
}

func TestACrowdOfOneAddressHoldsUpNobodyElse(t *testing.T) {
	for name, address := range map[string]string{"another address": "192.0.2.1", "an IPv6 address": "2001:db8::1", "an unknown address": ""} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				all := busy(s, 200)
				begin := time.Now()
				if err := s.askFor(time.Minute, address, "mine"); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took != 2*time.Second {
					t.Errorf("took %s: it was not the next", took)
				}
				all.Wait()
			})
		})
	}
}

func TestAKnownClientComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHTTP()
		h.MaxConcurrent = 1
		s := newService(t, h)
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return yes(r) }
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() { _ = s.askFor(time.Minute, fmt.Sprintf("192.0.2.%d", i), fmt.Sprint(i)) })
		}
		synctest.Wait()
		begin := time.Now()
		known := auth.WithClient(s.t.Context(), auth.Client{Address: netip.MustParseAddr("192.0.2.99"), Known: true})
		if _, err := s.a.Authenticate(known, bearer("mine")); err != nil || time.Since(begin) != 2*time.Second {
			t.Errorf("got %v after %s", err, time.Since(begin))
		}
		all.Wait()
	})
}

// isOurs reports whether an error says that nobody was asked for a reason of ours, and to ask in a second.
func isOurs(err error) bool {
	later, ok := errors.AsType[*auth.Later](err)
	return ok && later.After == time.Second && errors.Is(err, auth.ErrUnasked)
}

func TestThereAreWordsForEachLimitOfASpare(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = hangs
		var all sync.WaitGroup
		for i := range 5 * maxConcurrent {
			all.Go(func() {
				if err := s.ask("192.0.2.66", fmt.Sprint(i)); isDecision(err) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		err := s.ask("192.0.2.66", "k")
		if isDecision(err) || !isOurs(err) || err.Error() != "not asked: queue is full: max_concurrent (32) questions are under way" {
			t.Errorf("a full queue: %v", err)
		}
		err = s.askFor(time.Second, "192.0.2.1", "k")
		if !errors.Is(err, context.DeadlineExceeded) || !isOurs(err) || err.Error() != "not asked: no answer in time: max_concurrent (32) questions were under way" {
			t.Errorf("a slow queue: %v", err)
		}
		ctx, cancel := context.WithCancel(from(s.t.Context(), "192.0.2.1"))
		time.AfterFunc(time.Second, cancel)
		if _, err := s.a.Authenticate(ctx, bearer("k")); !errors.Is(err, context.Canceled) || !isOurs(err) || isDecision(err) {
			t.Errorf("a caller who leaves: %v", err)
		}
		all.Wait()
	})
}

// That the service does not answer, or wants to be asked later, is its own outage.
func TestWhatTheServiceIsSparedOfIsNoReasonOfOurs(t *testing.T) {
	for name, answer := range map[string]roundTrip{"an open breaker": refused, "a pause": status(429, "Retry-After: 60")} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.fails(20, answer)
				if err := s.ask("198.51.100.1", "k"); err == nil || errors.Is(err, auth.ErrUnasked) || s.asked.Load() != 20 {
					t.Errorf("got %v after %d questions", err, s.asked.Load())
				}
			})
		})
	}
}

// A queue is long enough for a handful even where one question at a time is allowed.
func TestThirtyTwoMayWaitForASpareOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHTTP()
		h.MaxConcurrent = 1
		s := newService(t, h)
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return yes(r) }
		var all sync.WaitGroup
		for i := range 1 + 32 {
			all.Go(func() {
				if err := s.askFor(time.Minute, "192.0.2.1", fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := s.askFor(time.Minute, "192.0.2.1", "one too many"); !isOurs(err) {
			t.Errorf("got %v", err)
		}
		all.Wait()
	})
}

// Waiting for a place says nothing of the service.
func TestAQueueThatIsTooSlowDoesNotOpenTheBreaker(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Minute); return yes(r) }
		var all sync.WaitGroup
		for i := range maxConcurrent {
			all.Go(func() { _ = s.askFor(time.Hour, "", fmt.Sprint("slow ", i)) })
		}
		synctest.Wait()
		for i := range 40 {
			all.Go(func() {
				if err := s.ask("", fmt.Sprint(i)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		time.Sleep(30 * time.Second)
		if s.isOpen() || s.asked.Load() != maxConcurrent {
			t.Errorf("open: %t, asked: %d", s.isOpen(), s.asked.Load())
		}
		all.Wait()
	})
}

// Those who wait learn of what those before them met with, and do not ask.
func TestWhoWaitsIsSparedToo(t *testing.T) {
	for name, answer := range map[string]roundTrip{"refused": refused, "limited": status(429, "Retry-After: 7")} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.answer = func(r *http.Request) (*http.Response, error) { time.Sleep(time.Second); return answer(r) }
				var later atomic.Int64
				var all sync.WaitGroup
				for i := range 100 {
					all.Go(func() {
						if _, ok := errors.AsType[*auth.Later](s.ask(fmt.Sprintf("192.0.2.%d", i), fmt.Sprint(i))); ok {
							later.Add(1)
						}
					})
				}
				all.Wait()
				// A place that is free before the row is full is taken at once.
				if n := s.asked.Load(); n < maxConcurrent || n > maxConcurrent+20 || later.Load() < 100-maxConcurrent-20 {
					t.Errorf("%d asked, %d are to ask later", n, later.Load())
				}
			})
		})
	}
}

// Whoever came before the breaker opened has no try before its turn.
func TestWhoWaitsForASpareTriesInTurnToo(t *testing.T) {
	inABubble(t, func(s *service) {
		spare := newSpare(s.Env, 1)
		if err := spare.queue.Enter(s.t.Context(), "", false); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			wantLater(t, spare.call(from(s.t.Context(), "192.0.2.1"), bearer("k"), func(context.Context) error {
				t.Error("it was asked")
				return nil
			}), knownFirst/2)
		})
		synctest.Wait()
		for i := range 20 {
			who := asker{credential: digest{byte(i)}, client: fmt.Sprint(i)}
			_, _ = spare.breaker.call(who, time.Second, func() error { return &silence{err: syscall.ECONNREFUSED, unreached: true} })
		}
		time.Sleep(openFor - knownFirst/2)
		spare.queue.Leave()
		all.Wait()
	})
}

// Who is not to ask does not wait for being told so.
func TestWhoIsKeptAwayDoesNotQueue(t *testing.T) {
	inABubble(t, func(s *service) {
		s.answer = status(429, "Retry-After: 7")
		_ = s.ask("192.0.2.1", "limited")
		all := busy(s, 100)
		wantLater(t, s.ask("192.0.2.1", "limited"), 7*time.Second)
		all.Wait()
	})
}

// A credential is kept as a digest under a key of the process, and differs from every other.
func TestAnAskerShowsNoSecret(t *testing.T) {
	w := newWorld(t)
	s, other := newSpare(w.Env, 1), newSpare(w.Env, 1)
	seen := map[digest]string{}
	for _, c := range []auth.Credential{
		bearer(canary), bearer(wrongCanary), basic("a", "bc"), basic("ab", "c"), basic("abc", ""), basic("", "abc"),
	} {
		who := s.asker(t.Context(), c)
		if before, ok := seen[who.credential]; ok {
			t.Errorf("%s and %s are one", before, c.Username)
		}
		seen[who.credential] = c.Username
		if shows(string(who.credential[:]), canary) || who != s.asker(t.Context(), c) || who == other.asker(t.Context(), c) {
			t.Errorf("%+v", who)
		}
	}
}

func TestClientsAreAddressesOrNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:0:1:2:3:4:5": "2001:db8:0:1::/64", "2001:db8:0:1::9": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64",
	} {
		a, _ := netip.ParseAddr(address)
		if got := clientOf(a); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

// No error of a spared question holds anything of the key, nor of what the service says.
func TestSparedQuestionsShowNoSecret(t *testing.T) {
	inABubble(t, func(s *service) {
		var said []string
		say := func(err error) { said = append(said, fmt.Sprintf("%v|%+v|%#v", err, err, errors.Unwrap(err))) }
		s.answer = status(429, "Retry-After: "+oddKey)
		say(s.ask("", oddKey))
		say(s.ask("", oddKey))
		s.answer = failing(fmt.Errorf("Get \"http://h/?token=%s\": EOF", oddKey))
		time.Sleep(time.Minute)
		say(s.ask("", oddKey))
		s.fails(20, refused)
		say(s.ask("", oddKey))
		if text := strings.Join(said, "\n") + s.log.String() + s.metrics(); shows(text, oddKey) || shows(text, canary) {
			t.Errorf("shows the key: %s", text)
		}
	})
}
