package throttle

// A table holds at most perShard entries. Of some that it looks at when it grows, those that have ended
// go, and where it is full the one that ends soonest. So many new entries do not push out an old one that
// counts more than they do; and to push out one costs another entry, which is another address or name.
//
// A cache that keeps what is used most would forget the very entries that must stay: who is held is the
// one who should not come.
type table[V interface{ end() int64 }] struct {
	entries map[uint64]V
}

func newTable[V interface{ end() int64 }]() table[V] { return table[V]{map[uint64]V{}} }

// put sets the entry of k, and tells whether there was room.
func (t *table[V]) put(k uint64, v V, now int64) bool {
	if _, there := t.entries[k]; !there && !t.makeRoom(now) {
		return false
	}
	t.entries[k] = v
	return true
}

// makeRoom tells whether one more has room. Entries that never end stay.
func (t *table[V]) makeRoom(now int64) bool {
	var first uint64
	end, n := never, 0
	for k, v := range t.entries { // from a random place
		if e := v.end(); e <= now {
			delete(t.entries, k)
		} else if e < end {
			first, end = k, e
		}
		if n++; n >= looks && (len(t.entries) < perShard || end < never) {
			break
		}
	}
	if len(t.entries) < perShard {
		return true
	}
	if end == never {
		return false
	}
	delete(t.entries, first)
	return true
}
