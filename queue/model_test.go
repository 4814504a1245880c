package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a Queue of one slot, written for reading: each lane is a list of those who wait, in the order
// in which they came, and a list of the keys, in the order of their turns.
type model struct {
	waiting [2][]caller // ordinary, ahead
	turns   [2][]string
	row     int // of those ahead for whom somebody ordinary waited
}

type caller struct {
	key string
	id  int
}

func (m *model) count(lane int, key string) (n int) {
	for _, c := range m.waiting[lane] {
		if c.key == key {
			n++
		}
	}
	return n
}

func (m *model) add(lane int, c caller) {
	m.waiting[lane] = append(m.waiting[lane], c)
	if !slices.Contains(m.turns[lane], c.key) {
		m.turns[lane] = append(m.turns[lane], c.key)
	}
}

func (m *model) remove(lane, id int) {
	i := slices.IndexFunc(m.waiting[lane], func(c caller) bool { return c.id == id })
	key := m.waiting[lane][i].key
	m.waiting[lane] = slices.Delete(m.waiting[lane], i, i+1)
	if m.count(lane, key) == 0 {
		m.turns[lane] = slices.DeleteFunc(m.turns[lane], func(k string) bool { return k == key })
	}
}

// serve takes out the next, and returns its id, or -1. After four ahead it is one who is not.
func (m *model) serve() int {
	ordinary, ahead := len(m.waiting[0]) > 0, len(m.waiting[1]) > 0
	switch {
	case !ordinary && !ahead:
		return -1
	case ahead && !ordinary:
		m.row = 0
		return m.take(1)
	case ahead && m.row < 4:
		m.row++
		return m.take(1)
	}
	m.row = 0
	return m.take(0)
}

func (m *model) take(lane int) int {
	key := m.turns[lane][0]
	m.turns[lane] = append(m.turns[lane][1:], key)
	i := slices.IndexFunc(m.waiting[lane], func(c caller) bool { return c.key == key })
	id := m.waiting[lane][i].id
	m.remove(lane, id)
	return id
}

// order returns whom a lane would serve, one after the other, if nobody else came.
func (m *model) order(lane int) (ids []int) {
	later := m.clone()
	later.waiting[1-lane], later.turns[1-lane] = nil, nil
	for id := later.serve(); id >= 0; id = later.serve() {
		ids = append(ids, id)
	}
	return ids
}

func (m *model) clone() *model {
	c := &model{row: m.row}
	for lane := range 2 {
		c.waiting[lane], c.turns[lane] = slices.Clone(m.waiting[lane]), slices.Clone(m.turns[lane])
	}
	return c
}

// before serves a copy until one who comes now has its turn.
func (m *model) before(lane int, key string) (n int) {
	later := m.clone()
	later.add(lane, caller{key, 1 << 30})
	for later.serve() != 1<<30 {
		n++
	}
	return n
}

// victim returns whose place key gets in a full lane, or -1.
func (m *model) victim(lane int, key string) int {
	most := 0
	for _, k := range m.turns[lane] {
		most = max(most, m.count(lane, k))
	}
	if m.count(lane, key) >= most-1 {
		return -1
	}
	ids := m.order(lane)
	return ids[len(ids)-1]
}

func TestTheQueueDoesWhatItsModelDoes(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			p := &pair{t: t, q: taken(t, 1, 12), random: rand.New(rand.NewPCG(seed, 1)), waiters: map[int]*waiter{}}
			for range 500 {
				p.step()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// pair is a Queue and its model, which are told the same.
type pair struct {
	t       *testing.T
	q       *Queue
	m       model
	random  *rand.Rand
	waiters map[int]*waiter // by id
	ids     int
}

func (p *pair) step() {
	lane, key := p.random.IntN(2), string(rune('a'+min(p.random.IntN(9), p.random.IntN(9))))
	if got, want := p.q.Before(key, lane == 1), p.m.before(lane, key); got != want {
		p.t.Errorf("%d before %s in lane %d, want %d", got, key, lane, want)
	}
	switch n := p.random.IntN(10); {
	case n < 6:
		p.enter(lane, key)
	case n < 8 && len(p.waiters) > 0:
		p.serve()
	case len(p.m.waiting[lane]) > 0:
		id := p.m.waiting[lane][p.random.IntN(len(p.m.waiting[lane]))].id
		p.m.remove(lane, id)
		p.q.abandon(p.waiters[id])
		delete(p.waiters, id)
	}
	for id, w := range p.waiters {
		if len(w.turn) != 0 {
			p.t.Errorf("%d does not wait", id)
		}
	}
	p.compare(&p.q.ordinary, 0)
	p.compare(&p.q.ahead, 1)
}

func (p *pair) compare(l *lane, n int) {
	waiting, lines := len(p.m.waiting[n]), len(p.m.turns[n])
	if l.waiting != waiting || len(l.lines) != lines || l.turns.Len() != lines {
		p.t.Errorf("lane %d has %d in %d lines, want %d in %d", n, l.waiting, len(l.lines), waiting, lines)
	}
}

func (p *pair) enter(lane int, key string) {
	p.ids++
	w, err := p.q.enter(key, lane == 1)
	if len(p.m.waiting[lane]) == 12 {
		victim := p.m.victim(lane, key)
		if (err != nil) != (victim < 0) {
			p.t.Errorf("full lane: %v, but the place of %d is free for %s", err, victim, key)
		}
		if victim < 0 {
			return
		}
		p.m.remove(lane, victim)
		p.told(victim, ErrFull)
	}
	if w == nil {
		p.t.Fatalf("%s does not wait: %v", key, err)
	}
	p.waiters[p.ids] = w
	p.m.add(lane, caller{key, p.ids})
}

func (p *pair) serve() {
	p.q.Leave()
	p.told(p.m.serve(), nil)
}

// told checks what id was told, who waits no more.
func (p *pair) told(id int, want error) {
	select {
	case got := <-p.waiters[id].turn:
		if got != want {
			p.t.Errorf("%d was told %v, want %v", id, got, want)
		}
	default:
		p.t.Errorf("%d was told nothing, want %v", id, want)
	}
	delete(p.waiters, id)
}
