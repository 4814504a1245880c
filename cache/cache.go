// Package cache remembers values under 256-bit keys, each until its own end, all of them within a weight.
// It knows nothing of ours.
package cache

import (
	"math"
	"time"

	"github.com/maypok86/otter/v2"
)

// A Key names a value. It must be spread evenly, such as a digest.
type Key [32]byte

// A Cache remembers. It is safe for concurrent use; a hit allocates nothing.
type Cache[V any] struct {
	entries *otter.Cache[Key, entry[V]]
	clock   *otter.CoarseClock // half of what a hit would cost is to read a precise one
	start   time.Time
}

// An entry is small, as a hit copies it several times.
type entry[V any] struct {
	value  V
	end    time.Duration // since the cache's start; [never] is none
	weight uint32
}

const never time.Duration = math.MaxInt64

// lag is by how much the library may take the time for earlier than it is. So long, about, a value is kept
// after its end; Get, which is told the time, knows better.
const lag = time.Second

// forever is longer than any process runs.
const forever = 100 * 365 * 24 * time.Hour

// New returns a cache whose values weigh at most weight together: the least used go first.
func New[V any](weight uint64) (*Cache[V], error) {
	start := time.Now()
	clock := otter.NewCoarseClock(lag)
	entries, err := otter.New(&otter.Options[Key, entry[V]]{
		Clock:         clock,
		Executor:      func(work func()) { work() }, // a goroutine for each few reads costs more than the work
		MaximumWeight: weight,
		Weigher:       func(_ Key, e entry[V]) uint32 { return e.weight },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[Key, entry[V]]) time.Duration {
			if e.Value.end == never {
				return forever
			}
			return e.Value.end - time.Since(start) + lag
		}),
	})
	if err != nil {
		clock.Stop()
		return nil, err
	}
	return &Cache[V]{entries, clock, start}, nil
}

// Get returns the value of k that is remembered at the time now.
func (c *Cache[V]) Get(k Key, now time.Time) (v V, ok bool) {
	e, ok := c.entries.GetIfPresent(k)
	if !ok || now.Sub(c.start) >= e.end {
		return v, false
	}
	return e.value, true
}

// Put remembers v, which weighs weight, until end; the zero end is none.
func (c *Cache[V]) Put(k Key, v V, weight uint32, end time.Time) {
	left := never
	if !end.IsZero() {
		now := time.Now() // end may be wall time only, and the clock set since the start
		left = now.Sub(c.start) + end.Sub(now)
	}
	c.entries.Set(k, entry[V]{v, left, weight})
}

// Delete forgets k.
func (c *Cache[V]) Delete(k Key) { c.entries.Invalidate(k) }

// DeleteFunc forgets every value that match returns true for, and returns how many they were.
func (c *Cache[V]) DeleteFunc(match func(V) bool) (n int) {
	for k, e := range c.entries.All() {
		if match(e.value) {
			c.entries.Invalidate(k)
			n++
		}
	}
	return n
}

// Clear forgets all.
func (c *Cache[V]) Clear() { c.entries.InvalidateAll() }

// Len is about how many values are remembered.
func (c *Cache[V]) Len() int { return c.entries.EstimatedSize() }

// Weight is about what the values weigh together.
func (c *Cache[V]) Weight() uint64 { return c.entries.WeightedSize() }

// Close ends what the cache does in the background. It is not to be used after.
func (c *Cache[V]) Close() {
	c.entries.StopAllGoroutines()
	c.clock.Stop()
}
