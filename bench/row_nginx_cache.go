package main

import (
	"errors"
	"strings"
	"time"
)

const cachedKey = "Bearer key-alice"

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
	expiry, err := b.atExpiry(g, cached)
	return append([]row{timesAsMany(what, "the uncached", 2, scores)}, expiry...), err
}

// startCached starts an nginx that remembers, and sees that it does.
func (b *bench) startCached(g *gateway) (*front, error) {
	s := behindGateway(g.socket)
	s.http += "\n    include snippets/gatehouse-cache.conf;"
	s.server = strings.Replace(bare, "gatehouse-server.conf;", "gatehouse-server.conf;\n        set $gatehouse_cache $gatehouse_bearer;"+showStatus, 1)
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
