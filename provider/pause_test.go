package provider

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/auth"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		status int
		header string
		want   time.Duration // 0: no wish to be asked later
	}{
		{"429 with seconds", 429, "7", 7 * time.Second},
		{"429 with a date", 429, "Sun, 01 Mar 2026 12:00:07 GMT", 7 * time.Second},
		{"429 with a date as RFC 850 had it", 429, "Sunday, 01-Mar-26 12:00:07 GMT", 7 * time.Second},
		{"429 with a date as C has it", 429, "Sun Mar  1 12:00:07 2026", 7 * time.Second},
		{"429 without a time", 429, "", time.Second},
		{"429 with garbage", 429, "soon", time.Second},
		{"429 with a sign", 429, "-7", time.Second},
		{"429 with a plus", 429, "+7", time.Second},
		{"429 with a fraction", 429, "7.5", time.Second},
		{"429 with letters", 429, "7s", time.Second},
		{"429 with underscores", 429, "1_0", time.Second},
		{"429 at once", 429, "0", time.Second},
		{"429 with a date that is over", 429, "Sun, 01 Mar 2026 11:00:00 GMT", time.Second},
		{"429 for an hour", 429, "3600", time.Minute},
		{"429 for more seconds than there are", 429, "99999999999999999999999", time.Minute},
		{"429 until a day of next century", 429, "Fri, 01 Mar 2126 12:00:00 GMT", time.Minute},
		{"503 with seconds", 503, "7", 7 * time.Second},
		{"503 with a date", 503, "Sun, 01 Mar 2026 12:00:07 GMT", 7 * time.Second},
		{"503 at once", 503, "0", time.Second},
		{"503 without a time is an outage", 503, "", 0},
		{"503 with garbage is an outage", 503, "soon", 0},
		{"other statuses have no time", 500, "7", 0},
		{"not even a yes", 200, "7", 0},
		{"nor a redirect", 301, "7", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := retryAfter(c.status, c.header, now); ok != (c.want > 0) || ok && got != c.want {
				t.Errorf("got %s, %t, want %s", got, ok, c.want)
			}
		})
	}
}

func TestACredentialIsKeptAwayAndNobodyElse(t *testing.T) {
	for name, answer := range map[string]roundTrip{"429": status(429, "Retry-After: 7"), "503": status(503, "Retry-After: 7")} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				s.answer = answer
				err := s.ask("192.0.2.1", "limited")
				wantLater(t, err, 7*time.Second)
				if err.Error() != "it answered with status "+name {
					t.Errorf("got %v", err)
				}
				s.answer = yes
				time.Sleep(2 * time.Second)
				wantLater(t, s.ask("192.0.2.2", "limited"), 5*time.Second)
				time.Sleep(5*time.Second - 1)
				wantLater(t, s.ask("192.0.2.1", "limited"), 1)
				if err := s.ask("192.0.2.1", "other"); err != nil || s.asked.Load() != 2 {
					t.Errorf("another key: %v, %d asked", err, s.asked.Load())
				}
				time.Sleep(time.Nanosecond)
				if err := s.ask("192.0.2.1", "limited"); err != nil {
					t.Errorf("afterwards: %v", err)
				}
				if n := s.metric(t, `gatehouse_spared_total{provider_name="here",reason="paused"}`); n != 2 {
					t.Errorf("%v spared", n)
				}
			})
		})
	}
}

func TestAPauseIsForEverybodyOnceTwentyWereInARow(t *testing.T) {
	limited := status(429, "Retry-After: 7")
	client := func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }
	for _, c := range []struct {
		name string
		row  func(s *service)
		want time.Duration // how long others are kept away
	}{
		{"twenty of twenty clients", func(s *service) { s.tells(limited, 20, client) }, 7 * time.Second},
		{"nineteen of nineteen clients", func(s *service) { s.tells(limited, 19, client) }, 0},
		{"100 of nobody knows whom", func(s *service) { s.tells(limited, 100, func(int) string { return "" }) }, 0},
		{"ten of nobody knows whom and ten of one client", func(s *service) {
			s.tells(limited, 20, func(i int) string { return []string{"", "192.0.2.1"}[i%2] })
		}, 7 * time.Second},
		{"100 of one client", func(s *service) { s.tells(limited, 100, func(int) string { return "192.0.2.1" }) }, 0},
		{"100 of one IPv6 network", func(s *service) {
			s.tells(limited, 100, func(i int) string { return fmt.Sprintf("2001:db8::%x", i) })
		}, 0},
		{"ten of one client and ten of another", func(s *service) {
			s.tells(limited, 20, func(i int) string { return client(i / 10) })
		}, 7 * time.Second},
		{"eleven of one client and nine of another", func(s *service) {
			s.tells(limited, 20, func(i int) string { return client(i / 11) })
		}, 0},
		{"nineteen, an answer, and nineteen", func(s *service) {
			s.tells(limited, 19, client)
			s.tells(yes, 1, client)
			s.tells(limited, 19, client)
		}, 0},
		{"nineteen, a denial, and nineteen", func(s *service) {
			s.tells(limited, 19, client)
			s.tells(status(401), 1, client)
			s.tells(limited, 19, client)
		}, 0},
		{"nineteen, an outage, and nineteen", func(s *service) {
			s.tells(limited, 19, client)
			s.tells(status(500), 1, client)
			s.tells(limited, 19, client)
		}, 0},
		{"nineteen, no answer, and one", func(s *service) {
			s.tells(limited, 19, client)
			s.tells(refused, 1, client)
			s.tells(limited, 1, client)
		}, 7 * time.Second},
		{"the soonest of three times", func(s *service) {
			s.tells(status(429, "Retry-After: 50"), 10, client)
			s.tells(status(429, "Retry-After: 3"), 1, client)
			s.tells(status(503, "Retry-After: 40"), 9, client)
		}, 3 * time.Second},
		{"the same key again", func(s *service) {
			s.tells(limited, 19, client)
			time.Sleep(8 * time.Second)
			s.answer = limited
			_ = s.ask(client(9), "key 3")
		}, 0},
		{"nineteen, one that was told so a minute before, and one more", func(s *service) {
			s.answer = limited
			_ = s.ask(client(99), "spent")
			s.tells(yes, 1, client)
			time.Sleep(7*time.Second + maxPause - 1)
			s.tells(limited, 19, client)
			if err := s.ask(client(99), "spent"); err == nil {
				t.Error("it has an answer")
			}
		}, 0},
		{"nineteen, and one that was told so more than a minute before", func(s *service) {
			s.answer = limited
			_ = s.ask(client(99), "spent")
			s.tells(yes, 1, client)
			time.Sleep(7*time.Second + maxPause)
			s.tells(limited, 19, client)
			_ = s.ask(client(99), "spent")
		}, 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(s *service) {
				c.row(s)
				s.answer = yes
				before := s.asked.Load()
				err := s.ask("198.51.100.1", "other")
				if c.want == 0 {
					if err != nil {
						t.Errorf("others are kept away: %v", err)
					}
					return
				}
				wantLater(t, err, c.want)
				if s.asked.Load() != before {
					t.Error("it was asked")
				}
				time.Sleep(c.want)
				if err := s.ask("198.51.100.1", "other"); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// tells has n more credentials, of these clients, get an answer one after the other.
func (s *service) tells(answer roundTrip, n int, client func(int) string) {
	s.t.Helper()
	s.answer = answer
	for i := range n {
		if err := s.ask(client(i), fmt.Sprint("key ", s.asked.Load())); isDecision(err) != (err == nil || err == auth.ErrDenied) {
			s.t.Fatalf("got %v", err)
		}
	}
}

// Answers to questions that were under way when a pause began do not shorten it.
func TestALaterRowDoesNotShortenAPause(t *testing.T) {
	now := time.Now()
	p := newPauses(func() time.Time { return now })
	for i := range 40 {
		later := &auth.Later{After: []time.Duration{40 * time.Second, 3 * time.Second}[i/20], Err: errStatus(429)}
		p.learn(asker{credential: digest{byte(i)}, client: fmt.Sprint(i)}, false, later)
	}
	if got := p.left(asker{credential: digest{99}}); got != 40*time.Second {
		t.Errorf("others are kept away for %s", got)
	}
}

func TestPausesAreBounded(t *testing.T) {
	now := time.Now()
	p := newPauses(func() time.Time { return now })
	later := &auth.Later{After: time.Hour, Err: errStatus(429)}
	for i := range 10 * maxPaused {
		who := asker{credential: digest{byte(i), byte(i >> 8)}, client: "192.0.2.1"}
		p.learn(who, false, later)
		if p.left(who) != maxPause {
			t.Fatalf("the newest of %d waits %s", i, p.left(who))
		}
	}
	if len(p.until) != maxPaused || len(p.told.counted) > 20 || len(p.told.clients) > 20 {
		t.Errorf("%d pauses, %d and %d in a row", len(p.until), len(p.told.counted), len(p.told.clients))
	}
	now = now.Add(maxPause)
	p.learn(asker{credential: digest{1, 2, 3}}, false, later)
	if len(p.until) != 1 {
		t.Errorf("%d pauses are kept though they are over", len(p.until))
	}
}

// Each place of a key, with the real transport: the answer is honoured, and quoted nowhere.
func TestALimitOfARealService(t *testing.T) {
	for name, header := range map[string]string{"seconds": "9", "a date": "", "garbage": oddKey} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			begin := w.Now().UTC().Truncate(time.Second)
			w.Now = func() time.Time { return begin }
			want := 9 * time.Second
			switch name {
			case "a date":
				header = begin.Add(want).Format(http.TimeFormat)
			case "garbage":
				want = time.Second
			}
			asked := 0
			limited := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Retry-After", header)
				w.WriteHeader(429)
				_, _ = io.WriteString(w, oddKey)
			}))
			defer limited.Close()
			remotes := newRemotes(t, limited.URL, w)
			for _, a := range remotes {
				for range 3 {
					_, err := a.Authenticate(t.Context(), bearer(oddKey))
					wantLater(t, err, want)
					if shows(err.Error(), oddKey) {
						t.Errorf("shows the key: %v", err)
					}
				}
			}
			if asked != len(remotes) {
				t.Errorf("%d questions to %d remotes", asked, len(remotes))
			}
			if text := w.log.String() + w.metrics(); shows(text, oddKey) {
				t.Errorf("shows the key: %s", text)
			}
		})
	}
}
