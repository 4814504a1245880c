package main

import (
	"fmt"
	"time"
)

// A contender is one of those that are measured side by side.
type contender struct {
	name          string
	url           string
	authorization string
	server        *process // whose processor time is counted
	front         *process // nginx before it, or nil
	connections   int      // at most; 0: the bench's
}

// A score is what one contender did, round by round.
type score struct {
	perSecond []float64
	cpu       []float64 // microseconds of processor time per request, of the server alone
}

// contest measures contenders in turns, A B C A B C; who begins changes each round. What comes before the
// first round counts for nobody.
func (b *bench) contest(what string, contenders ...contender) ([]score, error) {
	scores := make([]score, len(contenders))
	for _, c := range contenders {
		if _, err := fetch(c.url, c.authorization); err != nil {
			return nil, err
		}
		if c.pinned() {
			if err := c.server.pin(0); err != nil {
				return nil, err
			}
		}
		if _, err := b.load(c, 1); err != nil {
			return nil, err
		}
	}
	for r := range b.rounds {
		for i := range contenders {
			at := (r + i) % len(contenders)
			one, err := b.round(contenders[at], b.seconds)
			if err != nil {
				return nil, err
			}
			s := &scores[at]
			s.perSecond, s.cpu = append(s.perSecond, one.perSecond), append(s.cpu, one.cpu)
			b.note(what, map[string]any{
				"contender": contenders[at].name, "round": r, "per_second": one.perSecond, "cpu_us": one.cpu,
			})
		}
		b.progress("%s: round %d of %d", what, r+1, b.rounds)
	}
	return scores, nil
}

type roundScore struct{ perSecond, cpu float64 }

func (b *bench) round(c contender, seconds int) (roundScore, error) {
	c.server.settle(b.ctx)
	if c.front != nil {
		c.front.settle(b.ctx)
	}
	before := c.server.cpu()
	l, err := b.load(c, seconds)
	used := c.server.cpu() - before
	if err == nil && l.requests == 0 {
		err = fmt.Errorf("%s answered nothing in %d s", c.name, seconds)
	}
	if err == nil && l.refused > 0 {
		err = fmt.Errorf("%s: %d of %d answers were no yes", c.name, l.refused, l.requests)
	}
	if err != nil {
		return roundScore{}, err
	}
	return roundScore{l.perSecond, float64(used) / float64(time.Microsecond) / float64(l.requests)}, nil
}

func (b *bench) load(c contender, seconds int) (load, error) {
	connections := b.connections
	if c.connections > 0 {
		connections = min(connections, c.connections)
	}
	return b.wrk(c.pinned(), c.url, seconds, connections, "-H", "Authorization: "+c.authorization)
}
