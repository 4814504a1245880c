package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	callers        = 1000
	decisionsTake  = 5 * time.Second // at most: the default of auth.timeout_in_ms
	bystandersRate = 200             // questions a second of the other realm's user
)

// hung: one provider never answers, and 1,000 callers wait for it with different keys.
func (b *bench) hung() ([]row, error) {
	file, err := b.passwordFile("users", 4)
	if err != nil {
		return nil, err
	}
	s, err := b.startStub(time.Hour)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{sections: unthrottled, providers: htpasswdProvider("local", file) + s.provider("portal", "")})
	if err != nil {
		return nil, err
	}
	user, login := b.newClient(usersFrom, askers), basic(alice, alicePassword)
	ask := func(ctx context.Context, _ int) error { return user.yes(ctx, g.url, login) }
	var idle, busy, longest []float64
	lost := 0
	for i := range b.phases() {
		const window = decisionsTake - 1500*time.Millisecond
		before := b.steady(bystandersRate, window, ask)
		end := b.keepWaiting(g.url, i)
		during := b.steady(bystandersRate, window, ask)
		longest = append(longest, end().Seconds())
		idle, busy = append(idle, b.latency("hung: idle", before)), append(busy, b.latency("hung: while they wait", during))
		lost += before.lost + during.lost
		g.settle(b.ctx)
	}
	p, q, last := median(busy), median(idle), quantile(longest, 1)
	return []row{
		{
			fmt.Sprintf("one provider hung, %d callers waiting on it: p99 of another realm's user", callers), "within 1.5 times idle",
			fmt.Sprintf("%.2f times: %.2f ms to %.2f ms, %d without a yes", p/q, p, q, lost), verdictOf(p <= 1.5*q && lost == 0),
		},
		{
			"one provider hung: all callers have their answer", "within the timeout and 10 %",
			fmt.Sprintf("%.2f s at most, timeout %s", last, decisionsTake), verdictOf(last <= 1.1*decisionsTake.Seconds()),
		},
	}, nil
}

// keepWaiting has all callers ask a question that nobody answers, and returns when the last has asked. end
// waits for all, and returns how long the one waited who waited longest.
func (b *bench) keepWaiting(url string, phase int) (end func() time.Duration) {
	c := b.newClient(attackersFrom, callers)
	took := make([]time.Duration, callers)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			begin := time.Now()
			_, err := c.status(b.ctx, url, fmt.Sprintf("Bearer key-%d.%d", n, phase))
			took[n] = time.Since(begin)
			if err != nil {
				took[n] = max(took[n], patience)
			}
		})
		time.Sleep(500 * time.Microsecond)
	}
	time.Sleep(200 * time.Millisecond)
	return func() time.Duration {
		all.Wait()
		longest := time.Duration(0)
		for _, d := range took {
			longest = max(longest, d)
		}
		return longest
	}
}
