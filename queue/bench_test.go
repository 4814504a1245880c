package queue

import (
	"context"
	"fmt"
	"testing"
)

func TestAFreeSlotCostsNoAllocation(t *testing.T) {
	q, ctx := New(1, 0), t.Context()
	if n := testing.AllocsPerRun(100, func() { _ = q.Enter(ctx, "ann", false); q.Leave() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEnterFree(b *testing.B) {
	q, ctx := New(1, 0), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Enter(ctx, "ann", false); err != nil {
			b.Fatal(err)
		}
		q.Leave()
	}
}

// One more waits behind 200 of as many keys, and one of those is served.
func BenchmarkEnterWaiting(b *testing.B) {
	q := taken(b, 1, 256)
	keys := make([]string, 200)
	waiters := make(chan *waiter, 256)
	for i := range keys {
		keys[i] = fmt.Sprint("user", i)
		w, _ := q.enter(keys[i], false)
		waiters <- w
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w, err := q.enter(keys[i%len(keys)], false)
		if err != nil {
			b.Fatal(err)
		}
		waiters <- w
		q.Leave()
		<-(<-waiters).turn
	}
}

// What a caller costs who meets a full lane of as many keys, and is turned away.
func BenchmarkBeforeAndFull(b *testing.B) {
	q := taken(b, 1, 256)
	for i := range 256 {
		_, _ = q.enter(fmt.Sprint("user", i), false)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if q.Before("ann", false) != 256 || q.Enter(ctx, "ann", false) != ErrFull {
			b.Fatal("not full")
		}
	}
}
