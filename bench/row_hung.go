package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	callers        = 1000
	decisionsTake  = 5 * time.Second // at most: the default of auth.timeout_in_ms
	bystandersRate = 200             // questions a second of the other realm's user
)

// hung: one provider never answers, and 1,000 callers of as many addresses ask it about different keys.
func (b *bench) hung() ([]row, error) {
	file, err := b.passwordFile("users", 4)
	if err != nil {
		return nil, err
	}
	s, err := b.startStub(time.Hour)
	if err != nil {
		return nil, err
	}
	with := setup{sections: unthrottled, providers: htpasswdProvider("local", file) + s.provider("portal", "")}
	var o outage
	for i := range b.phases() {
		if err := b.hungOnce(with, &o); err != nil {
			return nil, err
		}
		b.progress("hung: phase %d of %d", i+1, b.phases())
	}
	return o.rows(), nil
}

// An outage is what was measured while a provider hung.
type outage struct {
	idle, busy []float64 // p99 of the other realm's user in each phase, in ms
	lost       int       // questions of theirs without a yes
	crowds     []crowd
}

// hungOnce is one phase, with a gatehouse of its own: an older one would know that the provider hangs, and
// have nobody wait.
func (b *bench) hungOnce(with setup, o *outage) error {
	g, err := b.startGateway(with)
	if err != nil {
		return err
	}
	defer g.process.stop()
	user, login := b.newClient(usersFrom, askers), basic(alice, alicePassword)
	ask := func(ctx context.Context, _ int) error { return user.yes(ctx, g.url, login) }
	b.steady(realUsers, time.Second, ask) // warms up, and counts for nobody
	g.settle(b.ctx)

	const window = decisionsTake - 1500*time.Millisecond
	before := b.steady(bystandersRate, window, ask)
	end := b.keepWaiting(g.url)
	during := b.steady(bystandersRate, window, ask)
	c := end()
	b.note("hung", map[string]any{"waited": c.waited, "refused": c.refused, "others": c.others, "longest_s": c.longest.Seconds()})
	o.crowds = append(o.crowds, c)
	o.idle, o.busy = append(o.idle, b.latency("hung: idle", before)), append(o.busy, b.latency("hung: while they wait", during))
	o.lost += before.lost + during.lost
	return nil
}

func (o *outage) rows() []row {
	least, all := o.crowds[0], crowd{}
	for _, c := range o.crowds {
		if c.waited < least.waited {
			least = c
		}
		all.others, all.longest = all.others+c.others, max(all.longest, c.longest)
	}
	p, q := median(o.busy), median(o.idle)
	return []row{
		{
			fmt.Sprintf("one provider hung, asked by %d callers of as many addresses: p99 of another realm's user", callers), "within 1.5 times idle",
			fmt.Sprintf("%.2f times: %.2f ms to %.2f ms, %d without a yes", p/q, p, q, o.lost), verdictOf(p <= 1.5*q && o.lost == 0),
		},
		{
			"one provider hung: all callers have their answer", "within the timeout and 10 %",
			fmt.Sprintf("%.2f s at most, timeout %s; %s", all.longest.Seconds(), decisionsTake, least),
			verdictOf(all.longest.Seconds() <= 1.1*decisionsTake.Seconds() && all.others == 0),
		},
	}
}

// A crowd is what became of the callers.
type crowd struct {
	waited  int // over a second
	refused int // a 503 before that
	others  int // any other answer, at whatever time, or none
	longest time.Duration
}

func (c crowd) String() string {
	return fmt.Sprintf("%d waited over 1 s, %d were told to come again (503) before, %d were told anything else", c.waited, c.refused, c.others)
}

func (c *crowd) add(status int, err error, took time.Duration) {
	c.longest = max(c.longest, took)
	switch {
	case err != nil || status != http.StatusServiceUnavailable:
		c.others++
	case took > time.Second:
		c.waited++
	default:
		c.refused++
	}
}

// keepWaiting has all callers ask a question that nobody answers, and returns when the last has asked. end
// waits for all.
func (b *bench) keepWaiting(url string) (end func() crowd) {
	type answer struct {
		status int
		err    error
		took   time.Duration
	}
	all := make(chan answer, callers)
	for n := range callers {
		c := b.newClient(callerFrom(n), 1)
		go func() {
			begin := time.Now()
			status, err := c.status(b.ctx, url, fmt.Sprintf("Bearer key-%d", n))
			all <- answer{status, err, time.Since(begin)}
		}()
		time.Sleep(500 * time.Microsecond)
	}
	time.Sleep(200 * time.Millisecond)
	return func() (c crowd) {
		for range callers {
			a := <-all
			c.add(a.status, a.err, a.took)
		}
		return c
	}
}

// callerFrom is the n-th caller's address; none is the user's.
func callerFrom(n int) string { return fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250) }
