package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	expiryTime = 6 * time.Second       // in which an answer is sure to run out: nginx keeps it for 4 to 5 s
	nearExpiry = 50 * time.Millisecond // before and after one
)

// showStatus has nginx tell whether it asked gatehouse.
const (
	statusHeader = "X-Cache-Status"
	showStatus   = `
        auth_request_set $cache_status $upstream_cache_status;
        add_header ` + statusHeader + ` $cache_status;`
)

// atExpiry compares questions about the time when nginx's answer ran out with those between. Each phase has a key
// of its own, which gatehouse knows and nginx does not.
func (b *bench) atExpiry(g *gateway, f *front) ([]row, error) {
	c, direct := b.newClient(usersFrom, askers), b.newClient(usersFrom, 1)
	b.crowdAsks(c, f.url, cachedKey, time.Second) // connects
	var at, between, first []float64
	expiries, lost := 0, 0
	for i := range b.phases() {
		key := fmt.Sprintf("%s.%d", cachedKey, i)
		if err := direct.yes(b.ctx, g.url, key); err != nil {
			return nil, err
		}
		begin := time.Now()
		asked := b.crowdAsks(c, f.url, key, max(2*b.window, expiryTime))
		early, asked := cut(asked, begin.Add(time.Second))
		near, far, n := split(asked)
		if n == 0 {
			return nil, fmt.Errorf("nginx kept its answer for %s", max(2*b.window, expiryTime))
		}
		expiries, lost = expiries+n, lost+early.lost+near.lost+far.lost
		first = append(first, milliseconds(slices.Max(early.took)))
		at = append(at, b.latency("nginx-cache: at expiry", near))
		between = append(between, b.latency("nginx-cache: between", far))
	}
	p, q, longest := median(at), median(between), quantile(first, 1)
	what := fmt.Sprintf("nginx-side cache on, %d connections ask for one key: ", askers)
	return []row{
		{
			what + "p99 within 50 ms of an expiry", "within 3 times that between expiries",
			fmt.Sprintf("%.1f times: %.2f ms to %.2f ms, %d without a yes; expiries: %d", p/q, p, q, lost, expiries), verdictOf(p <= 3*q && lost == 0),
		},
		{
			what + "longest where it is new to nginx (an alarm)", "300 ms: nobody waits for another's answer",
			fmt.Sprintf("%.2f ms", longest), verdictOf(longest <= 300),
		},
	}, nil
}

// cut parts the questions that began before a moment from the others.
func cut(asked []question, at time.Time) (before times, others []question) {
	for _, q := range asked {
		if q.begun.Before(at) {
			before.add(q)
		} else {
			others = append(others, q)
		}
	}
	return before, others
}

// A question is one of a crowd's.
type question struct {
	begun time.Time
	took  time.Duration
	fresh bool // nginx asked gatehouse about it
	yes   bool
}

// crowdAsks has all connections ask url for a key, each again as soon as it is answered. What comes
// back is in no order.
func (b *bench) crowdAsks(c client, url, key string, long time.Duration) []question {
	end := time.Now().Add(long)
	lists := make([][]question, askers)
	var all sync.WaitGroup
	for i := range lists {
		all.Go(func() {
			for time.Now().Before(end) && b.ctx.Err() == nil {
				q := question{begun: time.Now()}
				status, header, err := c.answer(b.ctx, url, key)
				q.took, q.yes = time.Since(q.begun), err == nil && status == http.StatusOK
				q.fresh = q.yes && header.Get(statusHeader) != "HIT"
				lists[i] = append(lists[i], q)
			}
		})
	}
	all.Wait()
	return slices.Concat(lists...)
}

// split parts the questions that began about the time of one for which nginx asked gatehouse from all others.
// Those of one expiry come at once.
func split(asked []question) (near, far times, expiries int) {
	slices.SortFunc(asked, func(a, b question) int { return a.begun.Compare(b.begun) })
	var ends []time.Time
	for _, q := range asked {
		if !q.fresh {
			continue
		}
		if len(ends) == 0 || q.begun.Sub(ends[len(ends)-1]) > time.Second {
			expiries++
		}
		ends = append(ends, q.begun)
	}
	for _, q := range asked {
		i, _ := slices.BinarySearchFunc(ends, q.begun, time.Time.Compare)
		if i < len(ends) && ends[i].Sub(q.begun) <= nearExpiry || i > 0 && q.begun.Sub(ends[i-1]) <= nearExpiry {
			near.add(q)
		} else {
			far.add(q)
		}
	}
	return near, far, expiries
}

func (t *times) add(q question) {
	if !q.yes {
		t.lost++
		q.took = max(q.took, patience)
	}
	t.took = append(t.took, q.took)
}
