package main

import (
	"errors"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/password"
	"gatehouse/server"
)

// A pulse is how a provider did when it was asked last.
type pulse struct{ beat atomic.Pointer[beat] }

type beat struct {
	up    bool
	since time.Time
}

// note takes the error of an answer into account, and reports what it tells of the provider: what was not asked, for
// a reason of ours, tells nothing.
func (p *pulse) note(err error, now time.Time) (up, told bool) {
	if errors.Is(err, auth.ErrUnasked) || errors.Is(err, auth.ErrNotMine) || errors.Is(err, password.ErrBusy) {
		return false, false
	}
	up = err == nil || errors.Is(err, auth.ErrDenied)
	if last := p.beat.Load(); last == nil || last.up != up {
		p.beat.Store(&beat{up, now.Truncate(time.Millisecond)})
	}
	return up, true
}

// state is what /ready tells of w.
func (w *way) state() server.SourceState {
	s := server.SourceState{Listing: server.Listing{Name: w.entry.Name, Type: w.entry.Type, Realm: w.entry.Realm}, State: "unknown"}
	if last := w.pulse.beat.Load(); last != nil {
		s.Since, s.State = &last.since, "down"
		if last.up {
			s.State = "up"
		}
	}
	return s
}

// readiness returns what /ready is to tell of a house with these ways, which was loaded then.
func (e *estate) readiness(list ways, loaded time.Time) func() server.Readiness {
	return func() server.Readiness {
		r := server.Readiness{Config: server.ConfigState{Loaded: loaded, Refused: e.refused.Load()}, Providers: []server.SourceState{}}
		for _, w := range list {
			r.Providers = append(r.Providers, w.state())
		}
		return r
	}
}
