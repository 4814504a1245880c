package queue

import "container/list"

// A lane is those who wait, by key. It has no lock of its own.
type lane struct {
	length  int              // at most so many waiting
	waiting int              // in all lines
	lines   map[string]*line // those with somebody in them
	turns   list.List        // the same lines, *line, the next to be served first
}

// A line is those of one key, the next to be served first.
type line struct {
	lane    *lane
	key     string
	turn    *list.Element // in lane.turns
	waiters list.List     // of *waiter
}

// A waiter is one call that waits.
type waiter struct {
	line  *line
	place *list.Element // in line.waiters; nil once it waits no more
	turn  chan error    // nil: it has a slot; buffered, so that whoever tells it never waits
}

func newLane(length int) lane {
	return lane{length: length, lines: make(map[string]*line)}
}

// join gives key a place at the end of its line, if need be that of another, or [ErrFull].
func (l *lane) join(key string) (*waiter, error) {
	if l.waiting >= l.length && !l.drop(key) {
		return nil, ErrFull
	}
	of := l.lines[key]
	if of == nil {
		of = &line{lane: l, key: key}
		of.turn = l.turns.PushBack(of)
		l.lines[key] = of
	}
	w := &waiter{line: of, turn: make(chan error, 1)}
	w.place = of.waiters.PushBack(w)
	l.waiting++
	return w, nil
}

// drop makes room for key at the cost of the longest line, unless key's own would then be the longer one.
// It looks at every line, which only a full lane costs.
func (l *lane) drop(key string) bool {
	longest := l.longest()
	if longest == nil || l.lines[key].len()+1 >= longest.len() {
		return false
	}
	w := longest.waiters.Back().Value.(*waiter)
	l.remove(w)
	w.turn <- ErrFull
	return true
}

// longest returns, of lines that are equally long, the last to be served: its newest waiter is then the
// one whose turn is the farthest of all.
func (l *lane) longest() (longest *line) {
	for e := l.turns.Front(); e != nil; e = e.Next() {
		if of := e.Value.(*line); of.len() >= longest.len() {
			longest = of
		}
	}
	return longest
}

// next takes out the waiter whose turn it is, nil if there is none, and moves its line behind the others.
func (l *lane) next() *waiter {
	first := l.turns.Front()
	if first == nil {
		return nil
	}
	l.turns.MoveToBack(first)
	w := first.Value.(*line).waiters.Front().Value.(*waiter)
	l.remove(w)
	return w
}

// remove takes w out, and its line if nobody is left in it.
func (l *lane) remove(w *waiter) {
	of := w.line
	of.waiters.Remove(w.place)
	w.place = nil
	l.waiting--
	if of.len() == 0 {
		l.turns.Remove(of.turn)
		delete(l.lines, of.key)
	}
}

// before returns how many here are served before a caller who joins key's line now. A line whose turn comes
// before that of key's is served once more until then than one whose turn comes after.
func (l *lane) before(key string) int {
	own := l.lines[key]
	n, rounds := own.len(), own.len()+1
	for e := l.turns.Front(); e != nil; e = e.Next() {
		if of := e.Value.(*line); of == own {
			rounds--
		} else {
			n += min(of.len(), rounds)
		}
	}
	return n
}

// len of no line is 0.
func (of *line) len() int {
	if of == nil {
		return 0
	}
	return of.waiters.Len()
}
