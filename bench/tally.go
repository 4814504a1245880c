package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Counts are what attackers were told. A verdict is a 401: somebody looked at the password. A refusal is a 403
// or 503: nobody did. Anything else is an answer to something else, or none at all.
type counts struct{ verdicts, refusals, others atomic.Int64 }

func (c *counts) add(status int, err error) {
	switch {
	case err == nil && status == http.StatusUnauthorized:
		c.verdicts.Add(1)
	case err == nil && (status == http.StatusForbidden || status == http.StatusServiceUnavailable):
		c.refusals.Add(1)
	default:
		c.others.Add(1)
	}
}

func (c *counts) per(d time.Duration) tally {
	per := func(n *atomic.Int64) float64 { return float64(n.Load()) / d.Seconds() }
	return tally{per(&c.verdicts), per(&c.refusals), per(&c.others)}
}

// A tally is counts per second.
type tally struct{ verdicts, refusals, others float64 }

func (t tally) String() string {
	text := fmt.Sprintf("%.1f verdicts/s (401), %.1f refusals/s (403, 503)", t.verdicts, t.refusals)
	if t.others > 0 {
		text += fmt.Sprintf(", %.1f others/s", t.others)
	}
	return text
}

// medianTally is that of each number by itself.
func medianTally(list []tally) tally {
	var v, r, o []float64
	for _, t := range list {
		v, r, o = append(v, t.verdicts), append(r, t.refusals), append(o, t.others)
	}
	return tally{median(v), median(r), median(o)}
}
