package password

import (
	"iter"
	"time"
)

const (
	maxCosts   = 256                   // remembered in a Pool
	longEnough = 20 * time.Millisecond // one run of this length is a measurement
)

// params is [Hash.Params] as a key.
type params struct {
	format *format
	cost   cost
}

// Cost returns how long one verification of h.Params() takes here. It is measured on a decoy, once for
// each Params, outside the slots: call it when hashes are loaded, not for a request.
func (p *Pool) Cost(h Hash) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := params{h.format, h.cost}
	if known, ok := p.costs[key]; ok {
		return known
	}
	if len(p.costs) >= maxCosts {
		clear(p.costs)
	}
	p.costs[key] = p.measure(h.Decoy())
	return p.costs[key]
}

// measure takes the least of three runs, unless one was long enough.
func (p *Pool) measure(h Hash) time.Duration {
	least := time.Duration(0)
	for i := range 3 {
		start := p.now()
		_, _ = p.run(h, "a password of usual length")
		took := p.now().Sub(start)
		if i == 0 || took < least {
			least = took
		}
		if least > longEnough {
			break
		}
	}
	return least
}

// Dearest returns the hash that takes longest to verify, of which a decoy for unknown users is best
// made, or the zero Hash if there are none. It measures one hash of each format.
func (p *Pool) Dearest(hashes iter.Seq[Hash]) Hash {
	most := make(map[*format]Hash, len(formats))
	for h := range hashes {
		if old, ok := most[h.format]; !ok || h.cost.work() > old.cost.work() {
			most[h.format] = h
		}
	}
	delete(most, nil)
	var dearest Hash
	var longest time.Duration
	for i := range formats {
		if h, ok := most[&formats[i]]; ok {
			if took := p.Cost(h); dearest.format == nil || took > longest {
				dearest, longest = h, took
			}
		}
	}
	return dearest
}
