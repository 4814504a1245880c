package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime"
	"time"

	"github.com/rs/zerolog"

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

// build puts the rooms together. What it starts ends with ctx.
func build(ctx context.Context, c *Config, log zerolog.Logger, m *metrics.Metrics) (*server.Server, error) {
	issuer, err := newIssuer(c, log)
	if err != nil {
		return nil, err
	}
	memory, err := gate.NewMemory()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, memory.Close)
	sources, err := openProviders(ctx, c, log, m, memory.Forget)
	if err != nil {
		return nil, err
	}
	house := server.House{
		Gate: gate.New(gate.Config{
			Sources: sources, Memory: memory, Throttle: newThrottle(c, log, m), Policies: c.Policies, Roles: role.New(c.Augmenters), Issuer: issuer,
			Timeout: c.Auth.Timeout(), MaxHeader: c.Server.MaxHeaderBytes - server.HeaderOverhead, Counts: m,
		}),
		Clients: c.Server.Clients(), Version: version(), Log: log, Metrics: m,
	}
	for _, p := range c.Providers {
		house.Providers = append(house.Providers, server.Listing{Name: p.Name, Type: p.Type, Realm: p.Realm})
	}
	for _, a := range c.Augmenters {
		house.Augmenters = append(house.Augmenters, server.Listing{Name: a.Name, Type: a.Type, Realm: a.Realm})
	}
	return server.New(house)
}

// newThrottle returns the throttle, and says where it cannot count.
func newThrottle(c *Config, log zerolog.Logger, m *metrics.Metrics) *throttle.Throttle {
	config := throttle.Config{Off: !c.Throttle.Enabled}
	for _, n := range c.Throttle.Exempt {
		config.Exempt = append(config.Exempt, netip.Prefix(n))
	}
	t := throttle.New(config)
	m.Throttle(c.Throttle.Enabled && !c.Server.Blind(), t.Stats)
	switch {
	case !c.Throttle.Enabled:
		log.Warn().Msg("throttle.enabled is false: passwords can be tried without a limit")
	case c.Server.Blind():
		log.Warn().Msg("failed logins that come by the port are not counted, as nobody trusted tells the client's address: " +
			"name the proxies in server.trusted_proxies, or [] where there are none")
	}
	return t
}

// openProviders opens every provider, and wraps it in what each has around it.
func openProviders(ctx context.Context, c *Config, log zerolog.Logger, m *metrics.Metrics, forget func(func(auth.User) bool)) ([]gate.Source, error) {
	var proxy *url.URL
	if c.Auth.Proxy != "" {
		var err error
		if proxy, err = url.Parse(c.Auth.Proxy); err != nil {
			return nil, errors.New("auth.proxy is no URL")
		}
	}
	env := provider.Env{
		HTTP: provider.NewTransport(proxy), Now: time.Now, Metrics: m, Forget: forget,
		Hashes: password.NewPool(max(1, runtime.GOMAXPROCS(0)-1), hashQueue),
	}
	sources := make([]gate.Source, len(c.Providers))
	for i := range c.Providers {
		p := &c.Providers[i]
		env.Name, env.Log = p.Name, log.With().Str("provider", p.Name).Logger()
		opened, err := p.Config.Open(ctx, env)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", p.Name, err)
		}
		sources[i] = gate.Source{
			Authenticator: counted(opened, p, m),
			Name:          p.Name, Type: p.Type, Realm: p.Realm, Scheme: p.Scheme(), Forms: p.Forms(),
			Cache: p.Remembered(), StaleIfError: p.StaleIfError, ProxyCache: p.ProxyCache,
		}
	}
	return sources, nil
}

// counted counts every question put to a provider.
func counted(next auth.Authenticator, p *provider.Entry, m *metrics.Metrics) auth.Authenticator {
	return auth.Func(func(ctx context.Context, c auth.Credential) (auth.User, error) {
		begin := time.Now()
		user, err := next.Authenticate(ctx, c)
		result := metrics.Success
		switch {
		case err == nil:
		case errors.Is(err, auth.ErrDenied):
			result = "denied"
		case errors.Is(err, auth.ErrNotMine):
			result = "not_mine"
		case errors.Is(err, context.DeadlineExceeded):
			result = "timeout"
		default:
			result = "error"
		}
		m.Attempt(p.Name, p.Type, p.Realm, result, time.Since(begin))
		return user, err
	})
}

// newIssuer signs with the configured secret, or with one that gatehouse makes and keeps.
func newIssuer(c *Config, log zerolog.Logger) (*jwt.Issuer, error) {
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
