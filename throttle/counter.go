package throttle

import (
	"slices"
	"time"
)

// A counter is a bucket that failures fill and time empties, with the attempts that may yet fill it.
type counter struct {
	empty int64    // when all is leaked: the count is what leaks until then
	until int64    // the end of the hold
	seen  []uint64 // secrets that were counted, at most mostSeen of them
	next  int      // where in seen the next one goes when it is full
	under []trial  // attempts under way
	full  bool     // it admits nobody, as far as watch was told
}

// A trial is the attempts under way with one secret. They are one guess.
type trial struct {
	secret uint64
	n      int
}

// end is when c may be dropped.
func (c *counter) end() int64 {
	if len(c.under) > 0 {
		return never
	}
	return c.empty
}

// count is how many failures have not leaked yet.
func (c *counter) count(l *limits, now int64) int {
	left, leak := c.empty-now, int64(l.leak)
	if left <= 0 {
		return 0
	}
	return int((left-1)/leak + 1)
}

// fail counts a failure with secret, once, and returns the end of the hold.
func (c *counter) fail(l *limits, secret uint64, now int64) (until int64) {
	if slices.Contains(c.seen, secret) {
		return c.until
	}
	c.remember(secret)
	c.empty = min(max(c.empty, now)+int64(l.leak), now+mostCount*int64(l.leak))
	if d := l.delay(c.count(l, now)); d > 0 {
		c.until = max(c.until, now+int64(d))
	}
	return c.until
}

func (c *counter) remember(secret uint64) {
	if len(c.seen) < mostSeen {
		c.seen = append(c.seen, secret)
		return
	}
	c.seen[c.next] = secret
	c.next = (c.next + 1) % mostSeen
}

// hold is how long c is held.
func (c *counter) hold(l *limits, now int64) time.Duration {
	// More than the longest is left only if the clock went back.
	c.until = min(c.until, now+int64(l.longest))
	return time.Duration(max(c.until-now, 0))
}

// admits tells whether an attempt with another secret than those under way may begin.
func (c *counter) admits(l *limits, now int64) bool {
	return l.admits(c.count(l, now), len(c.under))
}

// trial returns where in under secret is, -1 if nowhere.
func (c *counter) trial(secret uint64) int {
	return slices.IndexFunc(c.under, func(t trial) bool { return t.secret == secret })
}

// begin has an attempt with secret under way and tells whether it has: one that was counted already
// can fill c no further.
func (c *counter) begin(secret uint64) bool {
	if slices.Contains(c.seen, secret) {
		return false
	}
	if i := c.trial(secret); i >= 0 {
		c.under[i].n++
	} else {
		c.under = append(c.under, trial{secret, 1})
	}
	return true
}

// release ends an attempt that begin has put under way.
func (c *counter) release(secret uint64) {
	i := c.trial(secret)
	if c.under[i].n--; c.under[i].n == 0 {
		c.under = slices.Delete(c.under, i, i+1)
	}
	if len(c.under) == 0 {
		c.under = nil
	}
}
