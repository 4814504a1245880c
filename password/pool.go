package password

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrBusy says that a password was not looked at because too many wait already. It is no verdict.
var ErrBusy = errors.New("hashing queue is full")

// A Pool bounds how much hashing goes on at once, since hashing is what a flood of logins costs.
type Pool struct {
	slots   chan struct{} // one for each hash being computed
	waiting chan struct{} // one for each caller without a slot

	last atomic.Int64 // nanoseconds that the last hash took

	verify func(Hash, string) bool
	now    func() time.Time

	mu    sync.Mutex               // guards costs; one measurement at a time, or they spoil each other
	costs map[params]time.Duration // at most maxCosts
}

// NewPool returns a Pool of workers hashes at once, at least one, and at most queue callers waiting.
func NewPool(workers, queue int) *Pool {
	return &Pool{
		slots:   make(chan struct{}, max(workers, 1)),
		waiting: make(chan struct{}, max(queue, 0)),
		verify:  Hash.Verify,
		now:     time.Now,
		costs:   make(map[params]time.Duration),
	}
}

// Verify reports whether secret is the password of h, as [Hash.Verify] does, when its turn comes. An
// error means that no decision was made: [ErrBusy] at once if the queue is full, ctx's error if ctx
// ends in the queue, another if a hash function panicked.
func (p *Pool) Verify(ctx context.Context, h Hash, secret string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
	return p.run(h, secret)
}

// enter waits for a slot, in the order of arrival.
func (p *Pool) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	if end, ok := ctx.Deadline(); ok && p.wait() > time.Until(end) {
		return ErrBusy // its turn would come too late: it would only keep others waiting
	}
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return ErrBusy
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool) leave() { <-p.slots }

// wait is about how long it takes until a caller who comes now has its hash: those before it and its own, at
// what the last hash took.
func (p *Pool) wait() time.Duration {
	return time.Duration(p.last.Load()) * time.Duration(len(p.waiting)+cap(p.slots)) / time.Duration(cap(p.slots))
}

// run contains a panic: what was panicked with may hold a secret, so only the Params are told.
func (p *Pool) run(h Hash, secret string) (ok bool, err error) {
	defer func() {
		if recover() != nil {
			ok, err = false, fmt.Errorf("hash function panicked on %s", h.Params())
		}
	}()
	start := p.now()
	ok = p.verify(h, secret)
	p.last.Store(int64(p.now().Sub(start)))
	return ok, nil
}
