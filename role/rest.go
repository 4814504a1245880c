package role

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gatehouse/auth"
	"gatehouse/directory"
)

const (
	// maxFailed is about how many users in a row a source may be silent, and restFor how long it is left alone then.
	maxFailed = 3
	restFor   = 5 * time.Second
)

// A rest is when a source that does not answer is left alone: else each login would wait for it. Behind the time
// one question tries. One user's failures count once, as what is asked may be why it fails.
type rest struct {
	mu     sync.Mutex // guards all below
	failed []string   // the users of the failures since the last answer, none twice, at most maxFailed
	until  time.Time
	trying bool
}

// An outcome is what a question tells of its source.
type outcome int

const (
	uncounted outcome = iota // nothing
	answers
	silent
)

// outcomeOf takes a source that does not answer for silent where it had enough time. A connection that breaks off may
// be how it takes one user whose answer is too large.
func outcomeOf(err error, enough bool) outcome {
	_, unreached := errors.AsType[*directory.Unreached](err)
	switch {
	case err == nil, errors.Is(err, errSpelling):
		return answers
	case errors.Is(err, context.DeadlineExceeded):
		if enough {
			return silent
		}
	case unreached:
		return silent
	}
	return uncounted
}

// left is how long it is until somebody may ask: at most 0 where they may now.
func (r *rest) left() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wait()
}

// wait needs r.mu.
func (r *rest) wait() time.Duration {
	switch left := time.Until(r.until); {
	case len(r.failed) < maxFailed:
		return 0
	case left <= 0 && r.trying:
		return time.Second // while one tries nobody knows
	default:
		return left
	}
}

// begin is to be asked before each question. The question may be put if wait is no more than 0, and end is to be
// called then. try says that it is the one that tries.
func (r *rest) begin() (try bool, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait = r.wait(); wait > 0 || len(r.failed) < maxFailed {
		return false, wait
	}
	r.trying = true
	return true, 0
}

func (r *rest) end(name string, try bool, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if try {
		r.trying = false
	}
	switch o {
	case answers:
		r.failed = nil
	case silent:
		if len(r.failed) < maxFailed && !slices.Contains(r.failed, name) {
			r.failed = append(r.failed, name)
		}
		r.until = time.Now().Add(restFor)
	}
}

func resting(wait time.Duration) error { return &auth.Later{After: wait, Err: errResting} }

var errResting = errors.New("it did not answer lately and is left alone")
