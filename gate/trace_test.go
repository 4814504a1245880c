package gate_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"gatehouse/auth"
)

// A question bears the trace of whoever began it, not of those who join.
func TestSourcesAreToldTheTraceOfTheFirst(t *testing.T) {
	first, ok := auth.ParseTrace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if !ok {
		t.Fatal("it is none")
	}
	second := first
	second.ID[0]++
	synctest.Test(t, func(t *testing.T) {
		var told []auth.Trace
		release := make(chan struct{})
		g, _ := newGate(t, nil, keys("a", func(ctx context.Context, _ auth.Credential) (auth.User, error) {
			told = append(told, auth.ClientOf(ctx).Trace)
			<-release
			return auth.User{Name: "alice"}, nil
		}))
		var all sync.WaitGroup
		for _, trace := range []auth.Trace{first, second} {
			a := presenting("k")
			a.Trace = trace
			all.Go(func() {
				d, err := g.Decide(t.Context(), a)
				wantUser(t, d, err, "alice")
			})
			synctest.Wait()
		}
		close(release)
		all.Wait()
		if len(told) != 1 || told[0] != first {
			t.Errorf("told %+v, want %+v once", told, first)
		}
	})
}
