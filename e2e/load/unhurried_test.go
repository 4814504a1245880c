package load_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// assertUnhurried measures a user who is remembered, and /health, while attack goes on, and wants the p99 of both
// within most beside that of quiet times. A machine that stalls gets three tries.
func assertUnhurried(t *testing.T, g *rig.Instance, f *rig.Front, most time.Duration, attack func(stop <-chan struct{})) {
	t.Helper()
	user, probe := newClient(t, f, 8), newDirectClient(t, g.Socket, 4)
	probe.url = "http://gatehouse/health"
	asks := map[string]func() (int, error){
		"a user who is remembered": func() (int, error) { status, _, err := user.get(basic("hot:password-of-hot")); return status, err },
		"/health":                  func() (int, error) { status, _, err := probe.get(""); return status, err },
	}
	if status, _, err := user.get(basic("hot:password-of-hot")); err != nil || status != http.StatusOK {
		t.Fatalf("the first login: %d, %v", status, err)
	}
	length := during(1500*time.Millisecond, 10*time.Second)
	quiet := make(map[string]time.Duration)
	for name, ask := range asks {
		took, _ := measure(length/3, ask)
		quiet[name] = took.quantile(.99)
	}
	var late string
	for range 3 {
		late = ""
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { attack(stop) })
		var mu sync.Mutex // guards late
		var users sync.WaitGroup
		for name, ask := range asks {
			users.Go(func() {
				took, failed := measure(length, ask)
				p, bound := took.quantile(.99), most+3*quiet[name]
				t.Logf("%s: p99 %s, in quiet times %s, %d failed", name, p, quiet[name], failed)
				if p > bound || failed > 0 {
					mu.Lock()
					defer mu.Unlock()
					late += fmt.Sprintf("%s: p99 %s, want %s at most; %d failed\n", name, p, bound, failed)
				}
			})
		}
		users.Wait()
		close(stop)
		all.Wait()
		if late == "" {
			return
		}
	}
	t.Error(late)
}

// atRate has 64 askers ask 50 times a second until stop is closed, and returns what they were told.
func atRate(stop <-chan struct{}, ask func(n int) (int, error)) map[int]int {
	told := make(map[int]int)
	var mu sync.Mutex // guards told
	var all sync.WaitGroup
	room := make(chan struct{}, 64)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			all.Wait()
			return told
		case <-tick.C:
		}
		select {
		case room <- struct{}{}:
		default:
			continue // all of them wait for an answer
		}
		all.Go(func() {
			defer func() { <-room }()
			status, _ := ask(n)
			mu.Lock()
			defer mu.Unlock()
			told[status]++
		})
	}
}
