package password

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatsTellWhoHashesWhoWaitsAndWhoWasNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, release := held(2, 3)
		told := make(chan [2]time.Duration, 10)
		p.Timed(func(waited, took time.Duration) { told <- [2]time.Duration{waited, took} })
		if got, want := p.Stats(), (Stats{Slots: 2}); got != want {
			t.Errorf("of nobody it says %+v, want %+v", got, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := ask(t.Context(), p, 2)
		synctest.Wait()
		leaving := ask(ctx, p, 1)
		rest := ask(t.Context(), p, 2)
		synctest.Wait()
		_, full := p.Verify(t.Context(), "ann", Hash{}, "x")
		p.usual.Store(int64(time.Hour))
		soon, cancelSoon := context.WithTimeout(t.Context(), time.Minute)
		defer cancelSoon()
		_, late := p.Verify(soon, "ann", Hash{}, "x")
		if !errors.Is(full, ErrBusy) || !errors.Is(late, ErrBusy) {
			t.Errorf("got %v, %v", full, late)
		}
		if got, want := p.Stats(), (Stats{Slots: 2, Busy: 2, Waiting: 3, Full: 1, Late: 1}); got != want {
			t.Errorf("of a full pool it says %+v, want %+v", got, want)
		}
		cancel()
		<-leaving
		_, _ = p.Verify(ctx, "ann", Hash{}, "x")
		time.Sleep(3 * time.Second)
		close(release)
		for range 2 {
			<-first
			<-rest
		}
		if got, want := p.Stats(), (Stats{Slots: 2, Full: 1, Late: 1, Gone: 2}); got != want {
			t.Errorf("afterwards it says %+v, want %+v", got, want)
		}
		if len(told) != 4 {
			t.Fatalf("told of %d hashes, want 4", len(told))
		}
		// Who waited may tell before the second of those he waited for does.
		var waited, took []time.Duration
		for range 4 {
			got := <-told
			waited, took = append(waited, got[0]), append(took, got[1])
			if got[0]+got[1] != 3*time.Second {
				t.Errorf("a hash waited and took %v, want 3s in all", got)
			}
		}
		slices.Sort(waited)
		slices.Sort(took)
		if want := []time.Duration{0, 0, 3 * time.Second, 3 * time.Second}; !slices.Equal(waited, want) || !slices.Equal(took, want) {
			t.Errorf("hashes waited %v and took %v, want %v for both", waited, took, want)
		}
	})
}
