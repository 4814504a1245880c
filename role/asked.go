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
	// maxAsked is how many questions to one source are under way at once; four times as many wait.
	maxAsked = 32
	// maxKnown is how many users' roles one source's cache holds, and maxWeight how many bytes of each.
	maxKnown  = 10_000
	maxWeight = 8 << 10
)

// asked is a source with what it said lately. Users take turns: who gets here has shown a right password or key.
type asked struct {
	source Source
	cache  time.Duration
	queue  *queue.Queue
	mu     sync.Mutex        // guards known
	known  map[string]answer // by user name
}

type answer struct {
	roles []string
	end   time.Time
}

func newAsked(source Source, cache *time.Duration) *asked {
	a := &asked{source: source, cache: defaultCache, queue: queue.New(maxAsked, 4*maxAsked), known: map[string]answer{}}
	if cache != nil {
		a.cache = *cache
	}
	return a
}

// within returns a user's roles and until when they are good, as the first of n that are to be asked before ctx
// ends: each has an equal share of the time, and an optional one leaves a share to what comes after.
func (a *asked) within(ctx context.Context, n int, optional bool, name string) ([]string, time.Time, error) {
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
		return nil, time.Now().Add(min(retry, a.cache)), err
	}
	return got.roles, got.end, nil
}

func (a *asked) roles(ctx context.Context, name string) (answer, error) {
	if got, ok := a.recall(name); ok {
		return got, nil
	}
	switch err := a.queue.Enter(ctx, name, false); {
	case errors.Is(err, queue.ErrFull):
		return answer{}, &auth.Later{After: time.Second, Err: fmt.Errorf("%w: %w", auth.ErrUnasked, err)}
	case err != nil:
		return answer{}, fmt.Errorf("%w: %w", auth.ErrUnasked, err)
	}
	defer a.queue.Leave()
	begun := time.Now()
	roles, err := a.source.Roles(ctx, name)
	if err != nil {
		return answer{}, err
	}
	// What no token can carry gives nobody anything.
	roles = slices.DeleteFunc(roles, func(role string) bool { return auth.CheckName(role) != nil })
	got := answer{roles, begun.Add(a.cache)}
	a.keep(name, got)
	return got, nil
}

func (a *asked) recall(name string) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	got, ok := a.known[name]
	return got, ok && time.Now().Before(got.end)
}

func (a *asked) keep(name string, got answer) {
	weight := 0
	for _, role := range got.roles {
		weight += len(role)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, name)
	if weight > maxWeight {
		return
	}
	a.makeRoom()
	a.known[name] = got
}

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
