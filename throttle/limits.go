package throttle

import "time"

// limits says what a counter bears.
type limits struct {
	free    int           // distinct failures without a delay
	leak    time.Duration // the time in which one failure is forgotten
	longest time.Duration // the delay doubles from shortest to this
	atOnce  int           // attempts under way at once while count is under free, more than one hung service holds; 0: what is left of free
}

var (
	byPair    = limits{free: 5, leak: 10 * time.Minute, longest: 15 * time.Minute}
	byAddress = limits{free: 20, leak: time.Minute, longest: 5 * time.Minute, atOnce: 256}
)

const (
	shortest  = time.Second      // the delay after the first failure that is not free
	soon      = time.Second      // the wait of those whom attempts under way leave no room
	mostCount = 100              // a count stays there, so that it ends some day
	mostSeen  = 32               // counted secrets that a counter remembers
	knownFor  = 24 * time.Hour   // from the last success
	perShard  = 3125             // entries of one table: 50,000 addresses, 50,000 pairs, 100,000 known pairs
	looks     = 16               // entries that are looked at to find one that may go
	past      = int64(-1 << 62)  // an instant before all others
	never     = int64(1<<63 - 1) // one that does not come
)

// delay is how long a failure holds that makes the count n.
func (l *limits) delay(n int) time.Duration {
	if n <= l.free {
		return 0
	}
	return min(shortest<<min(n-l.free-1, 20), l.longest)
}

// admits tells whether one more attempt may be under way beside n others where count have failed. Past
// what is free it is one at a time.
func (l *limits) admits(count, n int) bool {
	switch {
	case n == 0:
		return true
	case count >= l.free:
		return false
	case l.atOnce > 0:
		return n < l.atOnce
	}
	return count+n < l.free
}
