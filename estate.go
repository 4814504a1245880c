package main

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/rs/zerolog"

	"gatehouse/audit"
	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/metrics"
	"gatehouse/password"
	"gatehouse/provider"
	"gatehouse/role"
	"gatehouse/server"
	"gatehouse/throttle"
)

// hashQueue is how many logins may wait for a hash to be computed.
const hashQueue = 256

// An estate is what lives as long as the process, and the house that stands on it now. Its methods are for one
// goroutine.
type estate struct {
	log      zerolog.Logger // at any level: level tells which is in force
	audit    *audit.Log     // nil: nothing is recorded
	metrics  *metrics.Metrics
	memory   *gate.Memory
	throttle *throttle.Throttle
	hashes   *password.Pool
	fits     *fits
	keySets  *provider.KeySets
	server   *server.Server // nil until the first house
	refused  atomic.Bool    // whether a newer config.yaml is there, and has faults
	inForce  atomic.Pointer[Config]
	level    *level
	own      atomic.Pointer[jwt.OwnVerifier] // of the issuer in force; nil until a provider takes our own tokens

	// What is in force.
	house  server.House
	config *Config
	ways   ways
	before []gate.Source // what was asked before the ways were these
	roles  *role.Rules
	issuer *jwt.Issuer
	out    *wayOut
}

// newEstate returns an estate without a house. What it does in the background ends with ctx.
func newEstate(ctx context.Context, log zerolog.Logger, l *level, record *audit.Log, m *metrics.Metrics) (*estate, error) {
	memory, err := gate.NewMemory()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, memory.Close)
	e := &estate{
		log: log, level: l, audit: record, metrics: m, memory: memory, throttle: throttle.New(throttle.Config{}),
		hashes: password.NewPool(max(1, runtime.GOMAXPROCS(0)-1), hashQueue), keySets: provider.NewKeySets(),
		fits: newFits(log),
	}
	e.hashes.Timed(m.Hashed)
	m.Hashing(func() metrics.Hashes { return metrics.Hashes(e.hashes.Stats()) })
	m.Cache(func() metrics.Remembered { return metrics.Remembered(memory.Stats()) })
	m.Throttle(e.throttle.Stats)
	return e, nil
}

// enter puts the house of c in force, or changes nothing.
func (e *estate) enter(ctx context.Context, c *Config) error {
	p, err := e.build(ctx, c)
	if err != nil {
		return err
	}
	own := e.own.Load()
	if p.own != nil { // before anybody can ask for it
		e.own.Store(p.own)
	}
	if err := e.show(p); err != nil {
		e.own.Store(own)
		p.ways.closeBut(e.ways)
		return err
	}
	e.level.Set(p.level)
	e.throttle.Set(throttled(c))
	e.metrics.ThrottleByAddress(c.Throttle.Enabled && !c.Server.Blind())
	e.metrics.HeaderLimit(c.Server.MaxHeaderBytes)
	warnUncounted(c, p.house.Log)
	e.leave(p)
	e.metrics.ConfigLoaded(p.loaded)
	e.refused.Store(false)
	return nil
}

// show has the server answer for the new house.
func (e *estate) show(p *plan) (err error) {
	if e.server != nil {
		return e.server.Swap(p.house)
	}
	e.server, err = server.New(version(), e.metrics, p.house)
	return err
}

// leave ends what was only the old house's. Questions that are under way there are still answered.
func (e *estate) leave(p *plan) {
	for _, w := range p.ways {
		if !slices.Contains(e.ways, w) && w.pulse.beat.Load() == nil {
			w.shown.ProviderUp(w.entry.Name, true) // until it is known otherwise
		}
	}
	gone := e.ways.closeBut(p.ways)
	for name := range gone {
		if !p.ways.has(name) {
			e.metrics.RemoveProvider(name)
		}
	}
	if e.out != nil && e.out != p.out {
		e.out.transport.CloseIdleConnections()
	}
	if e.issuer != p.issuer {
		p.ways.namesTakingOwn(gone)
	}
	e.own.Store(p.own) // for questions that are under way it may be nil, and they get no decision
	e.metrics.SigningKey(p.issuer.Term())
	e.inForce.Store(p.config)
	e.house, e.config, e.ways, e.before, e.roles, e.issuer, e.out = p.house, p.config, p.ways, p.before, p.roles, p.issuer, p.out
	// Nobody can meet the users of those who are gone: their room is won. Who came by a token of ours may not any more,
	// and what was refused may be let in now.
	var match func(auth.User) bool
	if len(gone) > 0 {
		match = func(u auth.User) bool { return gone[u.Provider] }
	}
	e.memory.Forget(match)
}
