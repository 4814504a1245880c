package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/auth"
	"gatehouse/queue"
)

const (
	defaultCache = time.Minute
	// retry is how long a user is known without the roles of an optional source that failed.
	retry = 10 * time.Second
	// maxAsked is how many questions to one source are under way at once, and maxWaiting how many wait for their turn:
	// everybody who is known here, as a reload may ask about all of them at once. Their deadlines are what bounds it.
	maxAsked   = 32
	maxWaiting = maxKnown
)

// asked is a source with what it said lately. Users take turns: who gets here has shown a right password or key.
type asked struct {
	source   Source
	cache    time.Duration
	queue    *queue.Queue
	rest     rest
	mu       sync.Mutex          // guards all below
	known    map[string]answer   // by user name
	under    map[string]*inquiry // the questions that wait or are under way, by user name
	answered time.Time           // when somebody was told last
}

type answer struct {
	roles    []string
	end      time.Time
	spelling bool // the source knows the user in another spelling only
}

// An inquiry is one question about one user, for whoever asks about them meanwhile.
type inquiry struct {
	done chan struct{} // closed when the rest is set
	got  answer
	err  error
}

func newAsked(source Source, cache *time.Duration) *asked {
	a := &asked{source: source, cache: defaultCache, queue: queue.New(maxAsked, maxWaiting), known: map[string]answer{}, under: map[string]*inquiry{}}
	if cache != nil {
		a.cache = *cache
	}
	return a
}

// within returns what is told of a user, as the first of n that are to be asked before ctx ends: each has an equal
// share of the time, and an optional one leaves a share to what comes after. Beside an error it says until when the
// user may be known without.
func (a *asked) within(ctx context.Context, n int, optional bool, name string) (answer, error) {
	if optional {
		n++
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(n))
		defer cancel()
	}
	got, err := a.roles(ctx, name)
	if err != nil {
		return answer{end: time.Now().Add(min(retry, a.cache))}, err
	}
	return got, nil
}

// roles returns what is remembered of a user or, by one question for all who ask about them, what the source says.
func (a *asked) roles(ctx context.Context, name string) (answer, error) {
	began := time.Now()
	for {
		i, first := a.begin(name)
		if first {
			a.lead(ctx, i, name, began)
			return i.got, i.err
		}
		select {
		case <-i.done:
		case <-ctx.Done():
			return answer{}, a.late(ctx, began)
		}
		if i.err == nil || !errors.Is(i.err, context.DeadlineExceeded) || ctx.Err() != nil {
			return i.got, i.err
		}
		// The time of the one who asked was over, and ours is not.
	}
}

// begin returns the question about a user, which is the caller's to lead if it is the first, or an answer.
func (a *asked) begin(name string) (i *inquiry, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i, ok := a.under[name]; ok {
		return i, false
	}
	i = &inquiry{done: make(chan struct{}), err: errUnended}
	if got, ok := a.known[name]; ok && time.Now().Before(got.end) {
		i.got, i.err = got, nil
		close(i.done)
		return i, false
	}
	a.under[name] = i
	return i, true
}

var errUnended = errors.New("the question did not come to its end")

// lead puts the question and tells everybody who waits for it, also where it panics.
func (a *asked) lead(ctx context.Context, i *inquiry, name string, began time.Time) {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.under, name)
		if i.err == nil {
			a.answered = time.Now()
			a.keep(name, i.got)
		}
		close(i.done)
	}()
	i.got, i.err = a.inTurn(ctx, name, began)
}

// inTurn asks the source when the user's turn comes, unless it is left alone.
func (a *asked) inTurn(ctx context.Context, name string, began time.Time) (answer, error) {
	if wait := a.rest.left(); wait > 0 { // nobody waits for that
		return answer{}, resting(wait)
	}
	switch err := a.queue.Enter(ctx, name, false); {
	case errors.Is(err, queue.ErrFull):
		return answer{}, unasked(err)
	case err != nil:
		return answer{}, a.late(ctx, began)
	}
	defer a.queue.Leave()
	begun := time.Now()
	roles, err := a.ask(ctx, name, began)
	spelling := errors.Is(err, errSpelling)
	if err != nil && !spelling {
		return answer{}, err
	}
	// What no token can carry gives nobody anything.
	roles = slices.DeleteFunc(roles, func(role string) bool { return auth.CheckName(role) != nil })
	return answer{roles, begun.Add(a.cache), spelling}, nil
}

// ask asks the source, and notes whether it answers those who give it half of their time at least.
func (a *asked) ask(ctx context.Context, name string, began time.Time) ([]string, error) {
	try, wait := a.rest.begin()
	if wait > 0 {
		return nil, resting(wait)
	}
	told := uncounted
	defer func() { a.rest.end(name, try, told) }()
	begun, enough := time.Now(), time.Duration(0)
	if end, ok := ctx.Deadline(); ok {
		enough = end.Sub(began) / 2
	}
	roles, err := a.source.Roles(ctx, name)
	told = outcomeOf(err, time.Since(begun) >= enough)
	return roles, err
}

// late is why a turn did not come in time: that is our doing, unless nobody at all was told anything meanwhile.
func (a *asked) late(ctx context.Context, began time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && a.answered.Before(began) {
		return fmt.Errorf("it told nobody in time: %w", ctx.Err())
	}
	return unasked(ctx.Err())
}

func unasked(err error) error {
	return &auth.Later{After: time.Second, Err: fmt.Errorf("%w: %w", auth.ErrUnasked, err)}
}

// keep remembers an answer. a.mu is held.
func (a *asked) keep(name string, got answer) {
	weight := 0
	for _, role := range got.roles {
		weight += len(role)
	}
	delete(a.known, name)
	if weight > maxWeight {
		return
	}
	a.makeRoom()
	a.known[name] = got
}

// maxKnown is how many users' roles one source's cache holds, and maxWeight how many bytes of each.
const (
	maxKnown  = 10_000
	maxWeight = 8 << 10
)

// makeRoom forgets what is over, and some one if nothing is. a.mu is held.
func (a *asked) makeRoom() {
	if len(a.known) < maxKnown {
		return
	}
	now := time.Now()
	var some string
	for name, got := range a.known {
		if some = name; !now.Before(got.end) {
			delete(a.known, name)
		}
	}
	if len(a.known) >= maxKnown {
		delete(a.known, some)
	}
}
