package password

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answer is what a Pool said.
type answer struct {
	ok  bool
	err error
}

// held returns a Pool whose hashes last until release is closed. started tells of each that began.
func held(workers, queue int) (p *Pool, started, release chan struct{}) {
	p = NewPool(workers, queue)
	started, release = make(chan struct{}, 100), make(chan struct{})
	p.verify = func(Hash, string) bool {
		started <- struct{}{}
		<-release
		return true
	}
	return p, started, release
}

// ask asks p in n goroutines.
func ask(ctx context.Context, p *Pool, n int) <-chan answer {
	answers := make(chan answer, n)
	for range n {
		go func() {
			ok, err := p.Verify(ctx, "ann", Hash{}, "x")
			answers <- answer{ok, err}
		}()
	}
	return answers
}

func TestPoolVerifies(t *testing.T) {
	p := NewPool(2, 0)
	h := mustParse(t, samples[0].hash)
	for secret, want := range map[string]bool{samplePassword: true, "open": false, "": false} {
		if got, err := p.Verify(t.Context(), "ann", h, secret); got != want || err != nil {
			t.Errorf("%q: got %t, %v", secret, got, err)
		}
	}
}

func TestPoolIsBusyAtOnceWhenItsQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, started, release := held(2, 3)
		answers := ask(t.Context(), p, 5)
		synctest.Wait()
		if len(started) != 2 {
			t.Errorf("%d hashes at once, want 2", len(started))
		}
		if ok, err := p.Verify(t.Context(), "ann", Hash{}, "x"); ok || !errors.Is(err, ErrBusy) {
			t.Errorf("got %t, %v", ok, err)
		}
		close(release)
		for range 5 {
			if a := <-answers; !a.ok || a.err != nil {
				t.Errorf("one that waited got %t, %v", a.ok, a.err)
			}
		}
		if ok, err := p.Verify(t.Context(), "ann", Hash{}, "x"); !ok || err != nil {
			t.Errorf("afterwards got %t, %v", ok, err)
		}
	})
}

func TestPoolWithoutAQueueOrWorkersStillWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, release := held(0, -1)
		answers := ask(t.Context(), p, 1)
		synctest.Wait()
		if _, err := p.Verify(t.Context(), "ann", Hash{}, "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
		close(release)
		if a := <-answers; !a.ok {
			t.Error(a.err)
		}
	})
}

func TestAContextThatEndsEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, started, release := held(1, 1)
		first := ask(t.Context(), p, 1)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		second := ask(ctx, p, 1)
		synctest.Wait()
		cancel()
		if a := <-second; a.ok || !errors.Is(a.err, context.Canceled) {
			t.Errorf("got %t, %v", a.ok, a.err)
		}
		third := ask(t.Context(), p, 1) // the place in the queue is free again
		synctest.Wait()
		close(release)
		if a, b := <-first, <-third; !a.ok || !b.ok || len(started) != 2 {
			t.Errorf("got %v, %v after %d hashes", a, b, len(started))
		}
		if ok, err := p.Verify(ctx, "ann", Hash{}, "x"); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context got %t, %v", ok, err)
		}
	})
}

func TestPoolHoldsItsBoundUnderLoad(t *testing.T) {
	const workers = 3
	p := NewPool(workers, 200)
	var mu sync.Mutex // guards running, most
	running, most := 0, 0
	p.verify = func(h Hash, secret string) bool {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		ok := h.Verify(secret)
		mu.Lock()
		running--
		mu.Unlock()
		return ok
	}
	answers := ask(t.Context(), p, 200)
	for range 200 {
		if a := <-answers; a.ok || a.err != nil {
			t.Errorf("got %t, %v", a.ok, a.err)
		}
	}
	if most > workers {
		t.Errorf("%d hashes at once, want at most %d", most, workers)
	}
}

func TestAPanicIsAnErrorAndFreesItsSlot(t *testing.T) {
	p := NewPool(1, 0)
	p.verify = func(_ Hash, secret string) bool { panic("cannot hash " + secret) }
	h := mustParse(t, samples[0].hash)
	for range 3 {
		ok, err := p.Verify(t.Context(), "ann", h, samplePassword)
		if ok || err == nil || !strings.Contains(err.Error(), "bcrypt cost 4") {
			t.Fatalf("got %t, %v", ok, err)
		}
		if strings.Contains(err.Error(), samplePassword) {
			t.Errorf("error shows the secret: %v", err)
		}
	}
}

// clocked returns a Pool in which each hash takes the next of runs, and the last for ever.
func clocked(runs ...time.Duration) (p *Pool, hashed *int) {
	p, hashed = NewPool(1, 0), new(int)
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	p.verify = func(Hash, string) bool {
		now = now.Add(runs[min(*hashed, len(runs)-1)])
		*hashed++
		return false
	}
	return p, hashed
}

func TestCostIsMeasuredOnce(t *testing.T) {
	const ms = time.Millisecond
	h := mustParse(t, samples[0].hash)
	for _, c := range []struct {
		name   string
		runs   []time.Duration
		want   time.Duration
		hashed int
	}{
		{"the least of three short runs", []time.Duration{5 * ms, 3 * ms, 4 * ms}, 3 * ms, 3},
		{"one long run is enough", []time.Duration{400 * ms}, 400 * ms, 1},
		{"a run of twenty milliseconds is not long", []time.Duration{20 * ms, 19 * ms, 21 * ms}, 19 * ms, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, hashed := clocked(c.runs...)
			for range 3 {
				if got := p.Cost(h); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
			_ = p.Cost(mustParse(t, samples[1].hash)) // another hash of the same Params
			if *hashed != c.hashed {
				t.Errorf("hashed %d times, want %d", *hashed, c.hashed)
			}
		})
	}
}

func TestCostsRememberedAreBounded(t *testing.T) {
	p, _ := clocked(time.Second)
	h := mustParse(t, samples[5].hash)
	for n := range uint32(3 * maxCosts) {
		h.cost.size = n
		_ = p.Cost(h)
	}
	if len(p.costs) > maxCosts {
		t.Errorf("%d are remembered", len(p.costs))
	}
}

func TestDearestIsTheOneThatTakesLongest(t *testing.T) {
	p, hashed := NewPool(1, 0), 0
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	p.verify = func(h Hash, _ string) bool {
		hashed++
		switch h.format.name {
		case "bcrypt":
			now = now.Add(time.Duration(h.cost.size) * time.Second)
		default:
			now = now.Add(time.Second)
		}
		return false
	}
	hashes := []Hash{{}}
	for _, s := range samples {
		hashes = append(hashes, mustParse(t, s.hash))
	}
	if got := p.Dearest(slices.Values(hashes)); got.Params() != "bcrypt cost 5" {
		t.Errorf("got %s", got.Params())
	}
	if hashed != len(formats) {
		t.Errorf("measured %d times for %d formats", hashed, len(formats))
	}
	if got := p.Dearest(slices.Values([]Hash{{}})); got != (Hash{}) {
		t.Errorf("of nothing got %s", got.Params())
	}
}

// Whoever's turn would come too late is told at once, and keeps nobody else waiting.
func TestAHopelessWaitIsRefusedAtOnce(t *testing.T) {
	p := NewPool(1, 100)
	p.usual.Store(int64(time.Second))
	if err := p.turns.Enter(t.Context(), "bob", false); err != nil { // somebody hashes
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := p.Verify(ctx, "ann", Hash{}, "x"); !errors.Is(err, ErrBusy) || time.Since(begin) > 250*time.Millisecond {
		t.Errorf("after %v: %v, want ErrBusy at once", time.Since(begin), err)
	}
	p.turns.Leave()
	if _, err := p.Verify(ctx, "ann", Hash{}, "x"); err != nil {
		t.Errorf("with a free slot: %v", err)
	}
}
