// Package lines brings whole lines to whoever reads them, in their order, and lets nobody wait for that. It
// knows nothing of ours.
package lines

import (
	"io"
	"sync"
	"time"
)

// Config is what a Queue is made of. Out and Room are needed.
type Config struct {
	// Out is given one or more whole lines at once, by one goroutine. After an error it is given the rest of
	// what it did not take, again and again.
	Out     io.Writer
	Room    int             // bytes that may wait; more are lost
	Spare   int             // of them, bytes that lines of [Queue.Offer] may find waiting; more, and they are dropped
	Pause   time.Duration   // between two tries after an error
	Trouble func(err error) // is told of the first error of a row, and of nil when it is over; may be nil
}

// A Queue holds lines until they are written. It is safe for concurrent use.
type Queue struct {
	Config
	more    chan struct{} // has room for one: there is something to do
	closing chan struct{}
	closed  chan struct{} // when the goroutine has ended

	troubled bool // whether the last try failed; the goroutine's

	mu      sync.Mutex // guards all below
	chunks  [][]byte   // of whole lines, the oldest first
	free    []byte     // to gather lines to, or nil
	bytes   int        // in chunks, and what is being written
	touched bool       // whether Out is to be called if no line waits, too
	ended   bool       // whether nothing is taken any more
	counts  Counts
}

// Counts says what a queue did not write.
type Counts struct {
	Lost    uint64 // lines of Add that found no room
	Dropped uint64 // lines of Offer that did not
}

// chunk is what lines are gathered to, in bytes: a buffer that grew to megabytes would be copied on its way,
// under the lock.
const chunk = 64 << 10

// New returns a queue, whose goroutine ends with Close.
func New(c Config) *Queue {
	q := &Queue{Config: c, more: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{})}
	go q.write()
	return q
}

// Add takes a line, which it copies. It reports false if the line is lost, as there is no room or the queue is
// closed.
func (q *Queue) Add(line []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.append(line, q.Room) {
		q.counts.Lost++
		return false
	}
	return true
}

// Offer takes a line, which it copies, if few others wait.
func (q *Queue) Offer(line []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.append(line, q.Spare) {
		q.counts.Dropped++
		return false
	}
	return true
}

// Touch has Out called soon, with nothing if there is nothing, so that it can look after itself.
func (q *Queue) Touch() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.touched = true
	q.wake()
}

// Counts returns what was not written so far.
func (q *Queue) Counts() Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counts
}

// Close takes no more lines, and returns when those that wait are written, at the latest after limit. It
// returns how many bytes are not. It may be called again.
func (q *Queue) Close(limit time.Duration) (left int) {
	q.mu.Lock()
	if !q.ended {
		q.ended = true
		close(q.closing)
	}
	q.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-q.closed:
	case <-timer.C:
	}
	return q.waiting()
}

// waiting is how many bytes are not written yet.
func (q *Queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// append is called with mu held.
func (q *Queue) append(line []byte, room int) bool {
	if q.ended || q.bytes+len(line) > room {
		return false
	}
	last := len(q.chunks) - 1
	if last < 0 || len(q.chunks[last])+len(line) > chunk {
		q.chunks = append(q.chunks, q.empty(len(line)))
		last++
	}
	q.chunks[last] = append(q.chunks[last], line...)
	q.bytes += len(line)
	q.wake()
	return true
}

// empty returns memory for at least n bytes.
func (q *Queue) empty(n int) []byte {
	free := q.free
	if q.free = nil; cap(free) >= n {
		return free[:0]
	}
	return make([]byte, 0, max(n, chunk))
}

func (q *Queue) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}
