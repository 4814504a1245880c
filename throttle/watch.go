package throttle

import "sync/atomic"

// A watch tells at a glance that nobody is held. It may err to the other side only.
type watch struct {
	latest atomic.Int64 // the latest end of any hold
	full   atomic.Int64 // counters that admit nobody before an attempt under way ends
}

func (w *watch) quiet(now int64) bool { return now >= w.latest.Load() && w.full.Load() == 0 }

// extend says that there is a hold until then.
func (w *watch) extend(until int64) {
	for {
		old := w.latest.Load()
		if until <= old || w.latest.CompareAndSwap(old, until) {
			return
		}
	}
}

// mark says whether c is full. Its shard is locked.
func (w *watch) mark(c *counter, full bool) {
	if full == c.full {
		return
	}
	c.full = full
	if full {
		w.full.Add(1)
	} else {
		w.full.Add(-1)
	}
}
