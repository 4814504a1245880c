package password

import (
	"sync/atomic"
	"time"
)

// Stats is what goes on in a [Pool].
type Stats struct {
	Slots   int // hashes that can go on at once
	Busy    int // that do
	Waiting int // callers who wait for their turn

	Full uint64 // callers who were turned away as too many wait
	Late uint64 // who were turned away as their turn would come too late for them
	Gone uint64 // whose context ended before their turn
}

// Stats returns what goes on now, and who was not served so far.
func (p *Pool) Stats() Stats {
	return Stats{
		Slots: p.workers, Busy: int(p.tally.busy.Load()), Waiting: p.turns.Waiting(),
		Full: p.tally.full.Load(), Late: p.tally.late.Load(), Gone: p.tally.gone.Load(),
	}
}

// Timed has told called after every hash with how long its caller waited for the turn, and how long it took. It
// is to be called before the pool is used.
func (p *Pool) Timed(told func(waited, took time.Duration)) { p.timed = told }

// tally counts what Stats tells.
type tally struct {
	busy             atomic.Int64
	full, late, gone atomic.Uint64
}
