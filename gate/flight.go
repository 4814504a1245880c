package gate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
	"gatehouse/role"
)

// A flight is one question under way, which everybody waits for who asks the same meanwhile.
type flight struct {
	roles *role.Rules   // by which users are given roles
	end   time.Time     // when it should be over: it is not joined later
	done  chan struct{} // closed when id and err are set
	id    *identity
	err   error
}

// A Panic is a panic in a source, which ends the question and not the process. It shows nothing of what was
// panicked with, which may hold a secret, but for an error of the runtime.
type Panic struct {
	Cause string // an error of the runtime, or ""
	Stack []byte
}

func (p *Panic) Error() string { return "panic in a provider " + p.Cause }

// errTooSlow is a caller's own deadline, which may come before that of the question it joined.
var errTooSlow = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)

// known is how somebody came to be.
type known int

const (
	joined   known = iota // by a question that somebody else had put already
	recalled              // by the memory
	asked                 // by a question of their own
)

// join waits for the answer to q, until its end. If nobody is asking the same yet, and q may begin, it is put
// in a goroutine that no caller can cancel.
func (m *Memory) join(ctx context.Context, q *question) (id *identity, how known, err error) {
	limit := q.end.Sub(q.begun)
	m.mu.Lock()
	f, under := m.flights[q.key]
	if !under || time.Now().After(f.end) || f.roles != q.gate.Roles && !q.gate.Roles.Local("") {
		// The flight that this caller might have joined may just have landed.
		if id, err := q.gate.recall(q.key, time.Now()); id != nil || err != nil {
			m.mu.Unlock()
			return id, joined, err
		}
		if err := q.begin(); err != nil {
			m.mu.Unlock()
			return nil, asked, err
		}
		how = asked
		q.epoch = m.epoch
		f = &flight{roles: q.gate.Roles, end: q.end, done: make(chan struct{})}
		m.flights[q.key] = f
		go m.fly(f, q)
	}
	m.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.id, how, f.err
	case <-ctx.Done():
		return nil, how, ctx.Err()
	case <-timer.C:
	}
	// The question has the same end, and a source that keeps to it says more than that there was none.
	timer.Reset(min(grace, limit/10))
	select {
	case <-f.done:
		return f.id, how, f.err
	case <-timer.C:
		return nil, how, errTooSlow
	}
}

// grace is how much longer a caller waits, at most, for a question whose time is up.
const grace = 100 * time.Millisecond

func (m *Memory) fly(f *flight, q *question) {
	keep := false
	defer func() {
		if cause := recover(); cause != nil {
			f.id, keep, f.err = nil, false, contained(cause)
		}
		q.finish(f.err)
		if kept := keep && m.keep(q.key, q.epoch, f.id, f.err); f.id != nil && !kept {
			f.id.shared = false // what we do not keep ourselves nobody else shall
		}
		m.land(q.key, f)
		close(f.done)
	}()
	f.id, keep, f.err = q.put()
}

// land takes f out of the flights that may be joined.
func (m *Memory) land(k cache.Key, f *flight) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flights[k] == f {
		delete(m.flights, k)
	}
}

func contained(cause any) *Panic {
	p := &Panic{Stack: debug.Stack()}
	if fault, ok := cause.(interface{ RuntimeError() }); ok {
		p.Cause = fmt.Sprint(fault)
	}
	return p
}

// definite reports whether err is a refusal that may be remembered: an outage never is.
func definite(err error) bool {
	_, forbidden := errors.AsType[*Forbidden](err)
	return forbidden || errors.Is(err, auth.ErrDenied)
}
