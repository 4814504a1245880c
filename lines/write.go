package lines

import "time"

// write brings what waits to Out until the queue is closed and nothing waits, or what waits cannot be written.
func (q *Queue) write() {
	defer close(q.closed)
	for {
		ending := q.isClosing()
		for chunk, more := q.next(); more; chunk, more = q.next() {
			if !q.put(chunk) {
				return
			}
		}
		if ending {
			return
		}
		select {
		case <-q.more:
		case <-q.closing:
		}
	}
}

// put has a chunk written whole, however long that takes. It gives up if the queue is closed and one more try
// failed.
func (q *Queue) put(chunk []byte) bool {
	for rest := chunk; ; q.pause() {
		last := q.isClosing()
		n, err := q.Out.Write(rest)
		rest = rest[n:]
		if err == nil {
			q.recycle(chunk)
		}
		q.done(n)
		q.tell(err)
		if err == nil || last {
			return err == nil
		}
	}
}

// tell reports when trouble begins and when it ends.
func (q *Queue) tell(err error) {
	if (err != nil) != q.troubled && q.Trouble != nil {
		q.Trouble(err)
	}
	q.troubled = err != nil
}

// next returns the oldest chunk, or an empty one if the queue was touched.
func (q *Queue) next() (chunk []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	touched := q.touched
	q.touched = false
	if len(q.chunks) == 0 {
		return nil, touched
	}
	chunk = q.chunks[0]
	q.chunks[0] = nil
	q.chunks = q.chunks[1:]
	return chunk, true
}

// done gives the room of n bytes back.
func (q *Queue) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= n
}

// recycle gives the memory of a chunk that is written back.
func (q *Queue) recycle(written []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(written) <= chunk {
		q.free = written[:0]
	}
}

func (q *Queue) isClosing() bool {
	select {
	case <-q.closing:
		return true
	default:
		return false
	}
}

// pause lasts until another try makes sense.
func (q *Queue) pause() {
	timer := time.NewTimer(q.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.closing:
	}
}
