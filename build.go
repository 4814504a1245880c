package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/metrics"
	"gatehouse/provider"
	"gatehouse/role"
	"gatehouse/server"
	"gatehouse/throttle"
)

// A plan is a house that is built and not in force yet.
type plan struct {
	config *Config
	house  server.House
	ways   ways
	before []gate.Source
	out    *wayOut
	roles  *role.Rules
	issuer *jwt.Issuer
	own    *jwt.OwnVerifier // nil where no provider takes our own tokens
	level  zerolog.Level
	loaded time.Time
}

// build puts the rooms of a house together. What is in force is not touched, and is taken over where its section
// of config.yaml is the same.
func (e *estate) build(ctx context.Context, c *Config) (*plan, error) {
	lowest, err := zerolog.ParseLevel(c.Logging.Level)
	if err != nil {
		return nil, fmt.Errorf("logging.level: %w", err)
	}
	log := e.log.Level(lowest) // so that what is not wanted costs nothing
	p := &plan{config: c, level: lowest, out: e.out, roles: e.roles, issuer: e.issuer, loaded: time.Now().Truncate(time.Millisecond)}
	if e.config != nil && c.JWT.AwaitsFirst() && e.config.JWT.KeysDir == c.JWT.KeysDir { // a disk that is not mounted looks so
		return nil, fmt.Errorf("jwt.keys_dir: %s holds no key any more", c.JWT.KeysDir)
	}
	if e.config == nil || !reflect.DeepEqual(e.config.JWT, c.JWT) || e.config.StateDir != c.StateDir {
		if p.issuer, err = newIssuer(c, log); err != nil {
			return nil, err
		}
	}
	keys, err := p.issuer.Published()
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.Providers, func(entry provider.Entry) bool { return entry.AcceptsOwn() }) {
		if p.own, err = p.issuer.Verifier(); err != nil {
			return nil, err
		}
	}
	if e.config == nil || !reflect.DeepEqual(e.config.Augmenters, c.Augmenters) {
		p.roles = e.roles.Next(c.Augmenters).Told(augmented(e.metrics, log))
	}
	if e.out == nil || e.out.proxy != c.Auth.Proxy {
		if p.out, err = newWayOut(c.Auth.Proxy); err != nil {
			return nil, err
		}
	}
	if p.ways, err = e.openWays(ctx, c, p.out); err != nil {
		return nil, err
	}
	if p.before = e.before; !slices.Equal(p.ways, e.ways) {
		p.before = e.ways.sources()
	}
	p.house = server.House{
		Gate: gate.New(gate.Config{
			Sources: p.ways.sources(), Before: p.before, Memory: e.memory, Throttle: e.throttle, Policies: c.Policies, Roles: p.roles, Issuer: p.issuer,
			Timeout: c.Auth.Timeout(), MaxHeader: c.Server.MaxHeaderBytes - server.HeaderOverhead, Counts: e.metrics, Fits: e.fits.note,
		}),
		Clients: c.Server.Clients(), Listings: c.Server.Listings, Contact: c.Server.Contact, Docs: c.Server.Docs, Log: log, Audit: e.audit, Readiness: e.readiness(p.ways, p.loaded), Keys: keys,
	}
	if slices.ContainsFunc(c.Providers, func(e provider.Entry) bool { return e.Scheme() == auth.TLS }) {
		p.house.Certificates = c.Server.Certificates()
	}
	for _, entry := range c.Providers {
		p.house.Providers = append(p.house.Providers, server.Listing{Name: entry.Name, Type: entry.Type, Realm: entry.Realm})
	}
	for _, a := range c.Augmenters {
		p.house.Augmenters = append(p.house.Augmenters, server.Listing{Name: a.Name, Type: a.Type, Realm: a.Realm})
	}
	return p, nil
}

// augmented counts what augmenters do, and logs of those that a user goes on without; of spellings once a minute.
func augmented(m *metrics.Metrics, log zerolog.Logger) func(role.Applied) {
	spelling := log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Minute})
	return func(a role.Applied) {
		result := metrics.Success
		switch {
		case errors.Is(a.Err, context.DeadlineExceeded):
			result = "timeout"
		case a.Err != nil:
			result = "error"
		}
		m.Augmented(a.Name, a.Type, a.Realm, result, a.Took)
		if a.Err != nil && a.Optional {
			log.Warn().Str("augmenter", a.Name).Err(a.Err).Msg("a user is let in without the roles of an optional augmenter")
		}
		if a.Spelling {
			spelling.Warn().Str("augmenter", a.Name).Str("username", a.User).
				Msg("the directory knows this user in another spelling: no roles (insecure_any_spelling)")
		}
	}
}

// throttled is the section throttle in the words of its room.
func throttled(c *Config) throttle.Config {
	config := throttle.Config{Off: !c.Throttle.Enabled}
	for _, n := range c.Throttle.Exempt {
		config.Exempt = append(config.Exempt, netip.Prefix(n))
	}
	return config
}

// warnUncounted says where failed logins are not counted.
func warnUncounted(c *Config, log zerolog.Logger) {
	switch {
	case !c.Throttle.Enabled:
		log.Warn().Msg("throttle.enabled is false: passwords can be tried without a limit")
	case c.Server.Blind():
		log.Warn().Msg("failed logins that come by the port are not counted, as nobody trusted tells the client's address: " +
			"name the proxies in server.trusted_proxies, or [] where there are none")
	}
}

// newIssuer signs with the configured keys or secret, or with a secret that gatehouse makes and keeps.
func newIssuer(c *Config, log zerolog.Logger) (*jwt.Issuer, error) {
	if c.JWT.AwaitsFirst() {
		made, err := c.JWT.FirstKey(time.Now())
		if err != nil {
			return nil, err
		}
		if made.File != "" {
			log.Info().Str("file", made.File).Str("kid", made.Key.ID).Msg("made the first key: it signs")
		}
	}
	if err := c.JWT.NoteKeys(); err != nil {
		log.Warn().Err(err).Msg("a start without the keys would make others")
	}
	if c.JWT.HasKeys() {
		return jwt.NewKeyed(c.JWT, *c.JWT.IssueAud, time.Now)
	}
	if c.JWT.Secret != nil {
		return jwt.New(c.JWT, *c.JWT.IssueAud, *c.JWT.Secret, time.Now)
	}
	if c.StateDir == "" {
		return nil, errors.New("jwt.secret " + noSecret)
	}
	secret, made, err := jwt.KeptSecret(c.StateDir)
	if err != nil {
		return nil, fmt.Errorf("%w; set jwt.secret_file, or a state_dir that gatehouse can write to", err)
	}
	if made {
		log.Warn().Str("folder", c.StateDir).Str("file", jwt.SecretFile).
			Msg("made a JWT secret: several gateways need one secret, so give them this one by jwt.secret_file")
	}
	return jwt.New(c.JWT, *c.JWT.IssueAud, secret, time.Now)
}
