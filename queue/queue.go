// Package queue lets a few at once through, and the rest wait, each key in its turn. It knows nothing of ours.
package queue

import (
	"context"
	"errors"
	"sync"
)

// ErrFull says that there was no place to wait, or that a place was given to a key with fewer waiting.
var ErrFull = errors.New("queue is full")

// A Queue has slots, and two lanes of callers who wait for one. Those ahead come before the others, but for one
// of those after each few: nobody waits for ever. Within a lane the keys take turns, and within a key the first
// to come is the first to go. It is safe for concurrent use.
type Queue struct {
	mu              sync.Mutex // guards all below, and every waiter's place
	free            int        // slots; more than 0 only while nobody waits
	ahead, ordinary lane
	row             int // of those ahead, one after the other, for whom somebody ordinary waited
}

// longestRow is how many ahead have their turn before one who is not.
const longestRow = 4

// New returns a Queue of slots, at least 1, and at most length callers waiting in each of the two lanes.
func New(slots, length int) *Queue {
	return &Queue{free: max(slots, 1), ahead: newLane(length), ordinary: newLane(length)}
}

// Enter waits for a slot, which is to be given back with [Queue.Leave]. An error means that there is none
// to give back: ctx's error if ctx ends first, [ErrFull] at once if the lane is full, or later if one who
// came after was given the place. That happens only to the newest of the key with the most waiting, and
// only if the other key has fewer even then.
func (q *Queue) Enter(ctx context.Context, key string, ahead bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := q.enter(key, ahead)
	if w == nil {
		return err
	}
	select {
	case err := <-w.turn:
		return err
	case <-ctx.Done():
		q.abandon(w)
		return ctx.Err()
	}
}

// enter takes a free slot, or a place in a lane: w is nil where there is nothing to wait for.
func (q *Queue) enter(key string, ahead bool) (w *waiter, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	return q.lane(ahead).join(key)
}

// abandon takes w out of its lane. If w was handed a slot in the same instant, the slot goes on to the next.
func (q *Queue) abandon(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.place != nil {
		w.line.lane.remove(w)
	} else if <-w.turn == nil {
		q.leave()
	}
}

// Leave gives back a slot that [Queue.Enter] got.
func (q *Queue) Leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leave()
}

// leave hands the slot to the next waiter itself, so that nobody who comes now gets it first.
func (q *Queue) leave() {
	w := q.next()
	if w == nil {
		q.free++
		return
	}
	w.turn <- nil
}

// next takes out the one whose turn it is, or returns nil.
func (q *Queue) next() *waiter {
	switch {
	case q.ordinary.waiting == 0:
		q.row = 0
	case q.ahead.waiting > 0 && q.row < longestRow:
		q.row++
	default:
		q.row = 0
		return q.ordinary.next()
	}
	return q.ahead.next()
}

// Free reports whether a caller who enters now need not wait.
func (q *Queue) Free() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.free > 0
}

// Before returns how many of those who wait now would get a slot before a caller who enters now, were there
// a place for it: 0 if a slot is free, and 0 too if it would be the first to wait.
func (q *Queue) Before(key string, ahead bool) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.lane(ahead).before(key)
	if ahead {
		return n + min(q.ordinary.waiting, (q.row+n)/longestRow)
	}
	return n + min(q.ahead.waiting, longestRow*(n+1)-q.row)
}

// Waiting returns how many wait in both lanes.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ahead.waiting + q.ordinary.waiting
}

func (q *Queue) lane(ahead bool) *lane {
	if ahead {
		return &q.ahead
	}
	return &q.ordinary
}
