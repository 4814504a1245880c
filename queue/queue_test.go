package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// taken returns a Queue whose slots are all taken.
func taken(t testing.TB, slots, length int) *Queue {
	t.Helper()
	q := New(slots, length)
	for range max(slots, 1) {
		if err := q.Enter(context.Background(), "first", false); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

// crowd is callers who wait one after the other. It is to be used in a synctest bubble.
type crowd struct {
	q      *Queue
	served []string // names, in the order of their slots
	full   []string // names that got ErrFull
}

// come lets name wait in its lane, by its key: what stands before the colon.
func (c *crowd) come(ctx context.Context, name string, ahead bool) {
	go func() {
		key, _, _ := strings.Cut(name, ":")
		switch err := c.q.Enter(ctx, key, ahead); {
		case err == nil:
			c.served = append(c.served, name)
		case errors.Is(err, ErrFull):
			c.full = append(c.full, name)
		}
	}()
	synctest.Wait()
}

// serve gives n slots back, one after the other, and returns who was served so far.
func (c *crowd) serve(n int) string {
	for range n {
		c.q.Leave()
		synctest.Wait()
	}
	return strings.Join(c.served, " ")
}

func TestEachKeyHasItsTurn(t *testing.T) {
	for _, row := range []struct {
		says        string
		come, serve string // a name ends in ! if it comes ahead
	}{
		{"one key is first in, first out", ":1 :2 :3", ":1 :2 :3"},
		{"keys take turns", "a:1 a:2 a:3 b:1 b:2 c:1", "a:1 b:1 c:1 a:2 b:2 a:3"},
		{"those ahead come before the others", "a:1 b:1 c:1! a:2!", "c:1! a:2! a:1 b:1"},
		{"but for one after each four", "a:1 b:1 c:1! c:2! c:3! c:4! c:5! c:6!", "c:1! c:2! c:3! c:4! a:1 c:5! c:6! b:1"},
		{"those ahead take turns too", "a:1! a:2! b:1 c:1!", "a:1! c:1! a:2! b:1"},
	} {
		t.Run(row.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := crowd{q: taken(t, 1, 10)}
				names := strings.Fields(row.come)
				for _, name := range names {
					c.come(t.Context(), name, strings.HasSuffix(name, "!"))
				}
				if got := c.serve(len(names)); got != row.serve {
					t.Errorf("served %s, want %s", got, row.serve)
				}
			})
		})
	}
}

func TestAKeyWithManyWaitingDelaysAnotherByOneTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd{q: taken(t, 1, 300)}
		for i := range 200 {
			c.come(t.Context(), fmt.Sprint("loud:", i), false)
		}
		c.serve(50)
		c.come(t.Context(), "ann:1", false)
		c.come(t.Context(), "bob:1", false)
		c.come(t.Context(), "loud:200", false)
		c.served = nil
		if got, want := c.serve(3), "loud:50 ann:1 bob:1"; got != want {
			t.Errorf("served %s, want %s", got, want)
		}
		c.serve(150)
		if got := c.q.Waiting(); got != 0 {
			t.Errorf("%d still wait", got)
		}
	})
}

func TestAFullLaneIsSharedByItsKeys(t *testing.T) {
	for _, row := range []struct {
		says   string
		length int
		come   string
		full   string
		serve  string
	}{
		{"without a length nobody waits", 0, "a:1 b:1!", "a:1 b:1!", ""},
		{"a length below 0 is none", -1, "a:1", "a:1", ""},
		{"each lane has its own length", 2, "a:1 a:2 a:3 a:4! a:5! a:6!", "a:3 a:6!", "a:4! a:5! a:1 a:2"},
		{"the newest of the longest makes room for another key", 3, "a:1 a:2 a:3 b:1", "a:3", "a:1 b:1 a:2"},
		{"until another key would have more", 4, "a:1 a:2 a:3 a:4 b:1 b:2 b:3", "a:4 a:3 b:3", "a:1 b:1 a:2 b:2"},
		{"one waiting makes no room", 2, "a:1 b:1 c:1", "c:1", "a:1 b:1"},
		{"two waiting make room for one", 3, "a:1 a:2 b:1 c:1", "a:2", "a:1 b:1 c:1"},
		{"of two that are as long the last to be served makes room", 4, "a:1 b:1 a:2 b:2 c:1", "b:2", "a:1 b:1 c:1 a:2"},
		{"the longest of one lane makes no room in the other", 2, "a:1 a:2 b:1! c:1! d:1!", "d:1!", "b:1! c:1! a:1 a:2"},
	} {
		t.Run(row.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := crowd{q: taken(t, 1, row.length)}
				for _, name := range strings.Fields(row.come) {
					c.come(t.Context(), name, strings.HasSuffix(name, "!"))
				}
				if got := strings.Join(c.full, " "); got != row.full {
					t.Errorf("full for %s, want %s", got, row.full)
				}
				if got := c.serve(c.q.Waiting()); got != row.serve {
					t.Errorf("served %s, want %s", got, row.serve)
				}
			})
		})
	}
}

func TestAnEndedContextTakesNoSlot(t *testing.T) {
	q := New(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Enter(ctx, "", false); !errors.Is(err, context.Canceled) || !q.Free() {
		t.Errorf("got %v, free %t", err, q.Free())
	}
}

func TestAContextThatEndsFreesItsPlaceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd{q: taken(t, 1, 2)}
		ctx, cancel := context.WithCancel(t.Context())
		c.come(ctx, "a:1", false)
		c.come(t.Context(), "b:1", false)
		cancel()
		synctest.Wait()
		if got := c.q.Waiting(); got != 1 {
			t.Errorf("%d wait, want 1", got)
		}
		c.come(t.Context(), "c:1", false)
		if got := c.serve(2); got != "b:1 c:1" || c.full != nil {
			t.Errorf("served %s, full for %v", got, c.full)
		}
	})
}

func TestASlotGoesToTheNextAndNotToWhoComesThen(t *testing.T) {
	q := taken(t, 1, 2)
	next, _ := q.enter("a", false)
	q.Leave()
	late, err := q.enter("b", false)
	if late == nil || len(late.turn) != 0 || len(next.turn) != 1 || q.Free() {
		t.Errorf("late came to %v, %v", late, err)
	}
}

// A context may end in the instant in which its caller is told of a slot, or that its place is gone.
func TestWhoLeavesInTheInstantOfItsTurnLosesNoSlotAndMakesNone(t *testing.T) {
	q := taken(t, 1, 2)
	first, _ := q.enter("a", false)
	second, _ := q.enter("a", false)
	q.Leave()
	q.abandon(first)
	if len(second.turn) != 1 {
		t.Fatal("the slot was not handed on")
	}
	q.abandon(second)
	if q.free != 1 {
		t.Fatalf("%d slots are free, want 1", q.free)
	}
	q = taken(t, 1, 2)
	_, _ = q.enter("a", false)
	dropped, _ := q.enter("a", false)
	_, _ = q.enter("b", false)
	q.abandon(dropped)
	if q.free != 0 || q.Waiting() != 2 {
		t.Errorf("%d slots are free and %d wait, want none and 2", q.free, q.Waiting())
	}
}

func TestAQueueHasAtLeastOneSlot(t *testing.T) {
	for slots, want := range map[int]int{-1: 1, 0: 1, 1: 1, 3: 3} {
		q := New(slots, 0)
		for i := range want {
			if err := q.Enter(t.Context(), "", false); err != nil {
				t.Errorf("%d slots: %v for number %d", slots, err, i)
			}
		}
		if err := q.Enter(t.Context(), "", false); !errors.Is(err, ErrFull) {
			t.Errorf("%d slots: got %v for one more", slots, err)
		}
	}
}

// Whoever has a slot ends somebody's context just before it gives the slot back, so that the slot is often
// handed to one who is going away.
func TestNoSlotIsLostUnderCancellation(t *testing.T) {
	const slots, callers, rounds = 3, 16, 300
	q := New(slots, 8)
	var inside atomic.Int32
	var cancels [callers]atomic.Pointer[context.CancelFunc]
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range rounds {
				ctx, cancel := context.WithCancel(context.Background())
				cancels[i].Store(&cancel)
				if q.Enter(ctx, fmt.Sprint(rand.N(5)), rand.N(2) == 0) == nil {
					if inside.Add(1) > slots {
						t.Error("more are inside than there are slots")
					}
					runtime.Gosched()
					if other := cancels[rand.N(callers)].Load(); other != nil {
						(*other)()
					}
					inside.Add(-1)
					q.Leave()
				}
				cancel()
			}
		})
	}
	all.Wait()
	if q.free != slots || q.Waiting() != 0 || len(q.ahead.lines)+len(q.ordinary.lines) != 0 {
		t.Errorf("%d slots are free and %d wait, want %d and none", q.free, q.Waiting(), slots)
	}
}
