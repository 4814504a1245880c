package password

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/queue"
)

// ErrBusy says that a password was not looked at because too many wait already. It is no verdict.
var ErrBusy = errors.New("hashing queue is full")

// A caller who was refused is told to come again after a time between these.
const (
	soonest = time.Second
	latest  = 30 * time.Second
)

// A Pool bounds how much hashing goes on at once, since hashing is what a flood of logins costs. Those who
// wait take turns by user name, behind those of an [auth.Client] that is Known.
type Pool struct {
	turns   *queue.Queue
	workers int

	usual atomic.Int64 // nanoseconds that a hash takes: a mean in which the newer count for more

	tally tally
	timed func(waited, took time.Duration) // see Timed

	verify func(Hash, string) bool
	now    func() time.Time

	mu    sync.Mutex               // guards costs; one measurement at a time, or they spoil each other
	costs map[params]time.Duration // at most maxCosts
}

// NewPool returns a Pool of workers hashes at once, at least one, and at most length callers waiting, and
// as many again of Known clients.
func NewPool(workers, length int) *Pool {
	workers = max(workers, 1)
	return &Pool{
		turns:   queue.New(workers, length),
		workers: workers,
		timed:   func(time.Duration, time.Duration) {},
		verify:  Hash.Verify,
		now:     time.Now,
		costs:   make(map[params]time.Duration),
	}
}

// Verify reports whether secret is the password of h, as [Hash.Verify] does, when the turn of name, the
// user's, comes. An error means that no decision was made: [ErrBusy] in an [auth.Later] if the queue is full
// or the turn would come too late for ctx, ctx's error if ctx ends in the queue, another if a hash function
// panicked. A name with many waiting may lose a place in a full queue, and gets ErrBusy then.
func (p *Pool) Verify(ctx context.Context, name string, h Hash, secret string) (bool, error) {
	came := p.now()
	if err := p.enter(ctx, name, auth.ClientOf(ctx).Known); err != nil {
		return false, err
	}
	defer p.turns.Leave()
	p.tally.busy.Add(1)
	defer p.tally.busy.Add(-1)
	turn := p.now()
	ok, err := p.run(h, secret)
	p.timed(turn.Sub(came), p.now().Sub(turn))
	return ok, err
}

// enter waits for the turn of name.
func (p *Pool) enter(ctx context.Context, name string, known bool) error {
	if err := ctx.Err(); err != nil {
		p.tally.gone.Add(1)
		return err
	}
	if p.hopeless(ctx, name, known) {
		p.tally.late.Add(1)
		return p.busy(name, known) // it would only keep others waiting
	}
	err := p.turns.Enter(ctx, name, known)
	switch {
	case errors.Is(err, queue.ErrFull):
		p.tally.full.Add(1)
		return p.busy(name, known)
	case err != nil:
		p.tally.gone.Add(1)
	}
	return err
}

// hopeless reports whether ctx would end before a caller who comes now has its hash.
func (p *Pool) hopeless(ctx context.Context, name string, known bool) bool {
	end, ok := ctx.Deadline()
	return ok && !p.turns.Free() && p.wait(name, known) > time.Until(end)
}

func (p *Pool) busy(name string, known bool) error {
	return &auth.Later{After: min(max(p.wait(name, known), soonest), latest), Err: ErrBusy}
}

// wait is about how long it takes until a caller who comes now has its hash: those whose turn comes before
// and its own.
func (p *Pool) wait(name string, known bool) time.Duration {
	before := p.turns.Before(name, known)
	return time.Duration(p.usual.Load()) * time.Duration(before+p.workers) / time.Duration(p.workers)
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
	p.took(p.now().Sub(start))
	return ok, nil
}

// took moves the mean an eighth of the way, so that one cheap or dear hash among others does not turn those
// away who could wait. Of two that end in the same instant one may not count, which does no harm.
func (p *Pool) took(d time.Duration) {
	usual := p.usual.Load()
	if usual == 0 {
		usual = int64(d)
	}
	p.usual.Store(usual + (int64(d)-usual)/8)
}
