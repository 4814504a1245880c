package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	cachedKey  = "Bearer key-alice"
	cachedRate = 200 // questions a second, to measure waiting times
)

// nginxCache: nginx itself remembers what gatehouse said.
func (b *bench) nginxCache() ([]row, error) {
	s, err := b.startStub(20 * time.Millisecond)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(setup{providers: s.provider("portal", ", proxy_cache: true, cache: 1h")})
	if err != nil {
		return nil, err
	}
	cached, err := b.startCached(g)
	if err != nil {
		return nil, err
	}
	uncached := behindGateway(g.socket)
	uncached.server = bare
	plain, err := b.startNginx(uncached)
	if err != nil {
		return nil, err
	}
	const what = "nginx-side cache on: requests/s"
	scores, err := b.contest(what,
		contender{"cached", cached.url, cachedKey, g.process, cached.process, 0},
		contender{"uncached", plain.url, cachedKey, g.process, plain.process, 0})
	if err != nil {
		return nil, err
	}
	return []row{timesAsMany(what, "the uncached", 2, scores), b.atExpiry(cached, plain)}, nil
}

// atExpiry compares waiting times where nginx asks anew each 4 s with those where it asks each time.
func (b *bench) atExpiry(cached, plain *front) row {
	c := b.newClient(usersFrom, askers)
	measure := func(name, url string) (float64, int) {
		t := b.steady(cachedRate, max(b.window, 6*time.Second), func(ctx context.Context, _ int) error { return c.yes(ctx, url, cachedKey) })
		return b.latency("nginx-cache: "+name, t), t.lost
	}
	var idle, busy []float64
	lost := 0
	for range b.phases() {
		q, _ := measure("uncached", plain.url)
		p, missed := measure("cached", cached.url)
		idle, busy, lost = append(idle, q), append(busy, p), lost+missed
	}
	p, q := median(busy), median(idle)
	return row{
		"nginx-side cache on: p99, with an expiry each 4 to 5 s", "within 3 times idle",
		fmt.Sprintf("%.1f times: %.2f ms to %.2f ms without it, %d without a yes", p/q, p, q, lost), verdictOf(p <= 3*q && lost == 0),
	}
}

// startCached starts an nginx that remembers, and sees that it does.
func (b *bench) startCached(g *gateway) (*front, error) {
	s := behindGateway(g.socket)
	s.http += "\n    include snippets/gatehouse-cache.conf;"
	s.server = strings.Replace(bare, "gatehouse-server.conf;", "gatehouse-server.conf;\n        set $gatehouse_cache $gatehouse_bearer;", 1)
	f, err := b.startNginx(s)
	if err != nil {
		return nil, err
	}
	saved, err := b.saves(f, g)
	if err == nil && !saved {
		err = errors.New("gatehouse-cache.conf keeps no question from gatehouse")
	}
	return f, err
}

// saves reports whether gatehouse hears less than each second question put to f.
func (b *bench) saves(f *front, g *gateway) (bool, error) {
	before, err := g.count("auth_requests_total")
	if err != nil {
		return false, err
	}
	c := b.newClient(usersFrom, 1)
	const asked = 20
	for range asked {
		if err := c.yes(b.ctx, f.url, cachedKey); err != nil {
			return false, err
		}
	}
	after, err := g.count("auth_requests_total")
	return after-before < asked/2, err
}
