package faults_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// A siege is how long callers ask a service that hangs: 10 s with GATEHOUSE_SOAK=1.
func siege() time.Duration {
	if os.Getenv("GATEHOUSE_SOAK") == "1" {
		return 10 * time.Second
	}
	return time.Second
}

// C29: a thousand callers of a service that hangs all get their answer in time, nobody else notices, and what a
// second siege leaves behind is no more than what the first did.
func TestAThousandCallersOfAServiceThatHangs(t *testing.T) {
	for name, header := range map[string]func(i int) string{
		"each of an address of its own": func(i int) string { return fmt.Sprintf("X-Real-IP: 10.0.%d.%d", i/250, i%250) },
		"of unknown address":            func(int) string { return "X-Unused: 1" },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, false)
			h := open(t, fmt.Sprintf(`
  - { name: hung, type: http, realm: hung, url: "http://%s/", user: uid, cache: 1m }`, s.address))
			calm := h.during(t, func() { h.besiege(t, "sound", 200, header) })
			limit := 20*time.Millisecond + 5*p99(calm)
			var goroutines float64
			var files int
			for _, siege := range []string{"first", "second"} {
				set(t, s, &fault{speak: waits("")})
				busy := h.during(t, func() { h.besiege(t, "hung", 503, header) })
				t.Logf("99 of 100 logins elsewhere took at most %s, and %s while the service was sound", p99(busy), p99(calm))
				if p99(busy) > limit {
					t.Errorf("%s siege: 99 of 100 logins elsewhere took up to %s, want %s", siege, p99(busy), limit)
				}
				h.hangUp()
				await(t, "questions that the service has", func() bool { return s.failing.Load() == 0 })
				set(t, s, &fault{refuses: true}) // ends the connections that a dial was too late for
				if siege == "first" {
					time.Sleep(timeout)
					goroutines, files = h.metric("go_goroutines"), h.files()
				}
			}
			await(t, "goroutines", func() bool { return h.metric("go_goroutines") <= goroutines+20 })
			await(t, "files", func() bool { return h.files() <= files+5 })
			set(t, s, nil)
			await(t, "a login at the service that hung", func() bool {
				return h.ask(t, "hung", bearer(key("good-after", 0)), "X-Real-IP: 192.0.2.1").status == 200
			})
		})
	}
}

func set(t *testing.T, s *service, f *fault) {
	t.Helper()
	if err := s.fault(f); err != nil {
		t.Fatal(err)
	}
}

// besiege has a thousand callers with keys of their own ask again and again.
func (h *house) besiege(t *testing.T, realm string, want int, header func(i int) string) {
	t.Helper()
	end := time.Now().Add(siege())
	var mu sync.Mutex // guards took
	var took []time.Duration
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			for n := 0; n == 0 || time.Now().Before(end); n++ {
				r := h.ask(t, realm, bearer(key(fmt.Sprintf("good-%d", n), i)), header(i))
				mu.Lock()
				took = append(took, r.took)
				mu.Unlock()
				if r.status != want && (want == 503 || r.status != 503) {
					t.Errorf("%s: %d %s", realm, r.status, r.body)
				}
				time.Sleep(500 * time.Millisecond)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	if limit := timeout + timeout/10 + slack; p99(took) > limit {
		t.Errorf("%s: 99 of 100 callers had their answer after %s, want %s", realm, p99(took), limit)
	}
}

// await waits for what is to be as before: 5 s, and as long as an open breaker and its first try take.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: not as before 8 s later", what)
			return
		}
	}
}
