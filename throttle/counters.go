package throttle

import (
	"slices"
	"time"
)

// counters are the counters of one kind in one shard. Its lock guards them.
type counters struct {
	table[*counter]
	limits *limits
	watch  *watch
}

func newCounters(l *limits, w *watch) counters { return counters{newTable[*counter](), l, w} }

// at returns the counter of k, nil if it has none. What has leaked is forgotten.
func (cs *counters) at(k uint64, now int64) *counter {
	c := cs.entries[k]
	if c != nil && c.empty <= now {
		c.seen, c.next = nil, 0
	}
	return c
}

// add returns the counter of k, a new one if it has none, nil if there is no room for one.
func (cs *counters) add(k uint64, now int64) *counter {
	if c := cs.at(k, now); c != nil {
		return c
	}
	c := &counter{empty: past, until: past}
	if !cs.put(k, c, now) {
		return nil
	}
	return c
}

// held is how long somebody must wait whose secret is not looked at.
func (cs *counters) held(k uint64, now int64) time.Duration {
	c := cs.at(k, now)
	if c == nil {
		return 0
	}
	if hold := c.hold(cs.limits, now); hold > 0 {
		return hold
	}
	if !c.admits(cs.limits, now) {
		return soon
	}
	return 0
}

// wait is how long an attempt with secret must wait. One that makes no new guess needs no room.
func (cs *counters) wait(k, secret uint64, now int64) time.Duration {
	c := cs.at(k, now)
	if c == nil {
		return 0
	}
	if slices.Contains(c.seen, secret) || c.trial(secret) >= 0 {
		return c.hold(cs.limits, now)
	}
	return cs.held(k, now)
}

// begin has an attempt under way and tells whether end must be called for it; !ok: there is no room.
func (cs *counters) begin(k, secret uint64, now int64) (under, ok bool) {
	c := cs.add(k, now)
	if c == nil {
		return false, false
	}
	under = c.begin(secret)
	cs.watch.mark(c, !c.admits(cs.limits, now))
	return under, true
}

// end ends an attempt under way.
func (cs *counters) end(k, secret uint64) {
	c := cs.entries[k]
	c.release(secret)
	cs.watch.mark(c, c.full && c.under != nil)
	cs.dropIdle(k, c)
}

// count counts a failure. Where there is no room for it, it is lost: then attempts under way hold all.
func (cs *counters) count(k, secret uint64, now int64) {
	c := cs.add(k, now)
	if c == nil {
		return
	}
	cs.watch.extend(c.fail(cs.limits, secret, now))
	cs.watch.mark(c, !c.admits(cs.limits, now))
}

// dropIdle drops c if it counts nothing, so that those who only succeed leave nothing behind.
func (cs *counters) dropIdle(k uint64, c *counter) {
	if c.end() == past {
		delete(cs.entries, k)
	}
}
