package provider

// A tally counts distinct credentials that met with the same in a row. Of one client only so many count, so
// that no client can fill it alone; all whose client is unknown are one. It has no lock of its own.
type tally struct {
	need, share int // credentials in all, and of one client
	counted     map[digest]bool
	clients     map[string]int
}

func newTally(need, share int) *tally {
	return &tally{need: need, share: share, counted: map[digest]bool{}, clients: map[string]int{}}
}

func (t *tally) add(who asker) {
	if t.full() || t.counted[who.credential] || t.clients[who.client] >= t.share {
		return
	}
	t.counted[who.credential] = true
	t.clients[who.client]++
}

func (t *tally) full() bool { return len(t.counted) >= t.need }

// clear begins a new row.
func (t *tally) clear() {
	clear(t.counted)
	clear(t.clients)
}
