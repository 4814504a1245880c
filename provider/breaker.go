package provider

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"gatehouse/auth"
)

const (
	// openFor is how long a service that does not answer is left alone, until one question tries again.
	openFor = 5 * time.Second
	// knownFirst is how much sooner a known client may try, before whoever has addresses without end.
	knownFirst = time.Second
	// maxBlamed is how many clients can be blamed for a try that failed.
	maxBlamed = 64
)

// A silence is the error of a call that brought no answer. It wraps [errTimeout] where the time was over.
type silence struct {
	err       error
	unreached bool // no connection
}

func (s *silence) Error() string { return s.err.Error() }
func (s *silence) Unwrap() error { return s.err }

// ofService reports whether the service is to blame for a silence of so long. A connection that ends before an
// answer may be how it, or a filter before it, takes a key that it does not like.
func (s *silence) ofService(took, enough time.Duration) bool {
	if errors.Is(s.err, context.DeadlineExceeded) {
		return took >= enough
	}
	return s.unreached
}

// A breaker keeps questions from a service that failed 20 credentials in a row, ten of one client at most: what
// one client sends may be why the service fails it. Any answer, whatever it says, is none of the failures. Two
// clients can open it with what hangs, and not keep it open.
type breaker struct {
	env     Env
	circuit *gobreaker.CircuitBreaker[struct{}]
	failed  *tally // guarded by circuit, which calls the functions that use it under its lock

	mu     sync.Mutex // guards all below
	last   string     // the client of the last failure
	until  time.Time  // the end of the last openFor; zero while closed
	blamed []string   // the clients of the latest tries that failed since it opened, the oldest first
}

func newBreaker(env Env) *breaker {
	b := &breaker{env: env, failed: newTally(20, 10)}
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:       openFor - knownFirst,
		ReadyToTrip:   func(gobreaker.Counts) bool { return b.failed.full() },
		IsExcluded:    func(err error) bool { return err != nil && !isFailure(err) },
		IsSuccessful:  b.succeeded,
		OnStateChange: func(_ string, from, to gobreaker.State) { b.turned(from, to) },
	})
	env.Metrics.BreakerOpen(env.Name, false)
	return b
}

// A failure is what circuit is told of a question that its service failed.
type failure struct{ who asker }

func (*failure) Error() string { return "failed" }

func isFailure(err error) bool {
	_, ok := errors.AsType[*failure](err)
	return ok
}

var errUncounted = errors.New("uncounted")

// call calls ask unless the service is left alone. A timeout counts if the service had enough time.
func (b *breaker) call(who asker, enough time.Duration, ask func() error) (called bool, err error) {
	_, _ = b.circuit.Execute(func() (struct{}, error) {
		called = true
		begin := b.env.Now()
		err = ask()
		return struct{}{}, meaning(who, err, b.env.Now().Sub(begin), enough)
	})
	if !called {
		return false, later(b.wait(who))
	}
	return true, err
}

// meaning is what circuit is told: nil of an answer, a [failure], or anything else, a panic too, of what does
// not count.
func meaning(who asker, err error, took, enough time.Duration) error {
	s, silent := errors.AsType[*silence](err)
	switch {
	case !silent:
		return nil
	case s.ofService(took, enough):
		return &failure{who}
	}
	return errUncounted
}

// succeeded counts, as the one function that circuit calls once for each question and tells whose it was.
func (b *breaker) succeeded(err error) bool {
	f, failed := errors.AsType[*failure](err)
	if !failed {
		b.failed.clear()
		return true
	}
	b.failed.add(f.who)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = f.who.client
	return false
}

func (b *breaker) turned(from, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case to == gobreaker.StateOpen:
		b.until = b.env.Now().Add(openFor)
		if from == gobreaker.StateHalfOpen {
			b.blame(b.last)
			return
		}
		b.env.Metrics.BreakerOpen(b.env.Name, true)
		b.env.Log.Warn().Msg("the service cannot be reached or does not answer: it is left alone, but for a try every " + openFor.String())
	case to == gobreaker.StateClosed:
		b.until, b.blamed = time.Time{}, nil
		b.env.Metrics.BreakerOpen(b.env.Name, false)
		b.env.Log.Info().Msg("the service answers again")
	}
}

// blame notes whose try failed.
func (b *breaker) blame(client string) {
	if slices.Contains(b.blamed, client) {
		return
	}
	if len(b.blamed) == maxBlamed {
		b.blamed = slices.Delete(b.blamed, 0, 1)
	}
	b.blamed = append(b.blamed, client)
}

// refusal is the error of a question that call would not ask.
func (b *breaker) refusal(who asker) error {
	if wait := b.wait(who); wait > 0 {
		return later(wait)
	}
	return nil
}

// wait is how long it is until who may try; not more than 0 means not at all. Clients whose try failed come
// after all others, or a few could keep the breaker open.
func (b *breaker) wait(who asker) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	turn := b.until
	switch {
	case slices.Contains(b.blamed, who.client):
		turn = turn.Add(openFor)
	case who.known:
		turn = turn.Add(-knownFirst)
	}
	return turn.Sub(b.env.Now())
}

var errOpen = errors.New("it did not answer lately and is left alone")

// later says when another question may be asked: while one is trying, nobody knows.
func later(wait time.Duration) error {
	if wait <= 0 {
		wait = time.Second
	}
	return &auth.Later{After: wait, Err: errOpen}
}
