package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/metrics"
	"gatehouse/provider"
)

// A way is a provider that is open, with what it has around it.
type way struct {
	entry  provider.Entry
	issuer string // of our own tokens
	source gate.Source
	out    *wayOut
	pulse  *pulse
	shown  *metrics.Metrics // as long as the way is open
	close  func()           // a question that is under way is answered all the same
}

// A wayOut is how providers call their services.
type wayOut struct {
	proxy     string // auth.proxy
	transport *http.Transport
}

func newWayOut(proxy string) (*wayOut, error) {
	var address *url.URL
	if proxy != "" {
		var err error
		if address, err = url.Parse(proxy); err != nil {
			return nil, errors.New("auth.proxy is no URL")
		}
	}
	return &wayOut{proxy, provider.NewTransport(address)}, nil
}

// ways are the providers of a house, in the order of config.yaml.
type ways []*way

func (w ways) sources() []gate.Source {
	list := make([]gate.Source, len(w))
	for i := range w {
		list[i] = w[i].source
	}
	return list
}

func (w ways) has(name string) bool {
	return slices.ContainsFunc(w, func(w *way) bool { return w.entry.Name == name })
}

// namesTakingOwn adds the names of those who take gatehouse's own tokens to a set.
func (w ways) namesTakingOwn(names map[string]bool) {
	for _, one := range w {
		if one.entry.AcceptsOwn() {
			names[one.entry.Name] = true
		}
	}
}

// among is how many of w others has too.
func (w ways) among(others ways) (n int) {
	for _, one := range w {
		if slices.Contains(others, one) {
			n++
		}
	}
	return n
}

// closeBut closes those that are not among others, and returns their names.
func (w ways) closeBut(others ways) map[string]bool {
	gone := map[string]bool{}
	for _, one := range w {
		if !slices.Contains(others, one) {
			one.close()
			gone[one.entry.Name] = true
		}
	}
	return gone
}

// openWays returns the providers of c: one whose section is the same is the one that is there, with all that it
// knows; the others are opened until ctx ends.
func (e *estate) openWays(ctx context.Context, c *Config, out *wayOut) (ways, error) {
	var list ways
	whole := false
	defer func() {
		if !whole { // for a panic, too
			list.closeBut(e.ways)
		}
	}()
	for i := range c.Providers {
		entry := c.Providers[i]
		if w := e.same(entry, c.JWT.Issuer, out, list); w != nil {
			list = append(list, w)
			continue
		}
		w, err := e.openWay(ctx, entry, c.JWT.Issuer, out)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", entry.Name, err)
		}
		list = append(list, w)
	}
	whole = true
	return list, nil
}

// same returns the provider in force whose section is entry, unless it is among taken. One of tokens is another
// where our own have another issuer.
func (e *estate) same(entry provider.Entry, issuer string, out *wayOut, taken ways) *way {
	for _, w := range e.ways {
		sameIssuer := w.issuer == issuer || !slices.Contains(entry.Forms(), auth.JWT)
		if w.out == out && sameIssuer && reflect.DeepEqual(w.entry, entry) && !slices.Contains(taken, w) {
			return w
		}
	}
	return nil
}

func (e *estate) openWay(ctx context.Context, entry provider.Entry, issuer string, out *wayOut) (*way, error) {
	ctx, cancel := context.WithCancel(ctx)
	shown, end := e.metrics.Provider()
	w := &way{entry: entry, issuer: issuer, out: out, pulse: new(pulse), shown: shown, close: func() { cancel(); end() }}
	open := false
	defer func() {
		if !open { // for a panic, too
			w.close()
			if !e.ways.has(entry.Name) {
				e.metrics.RemoveProvider(entry.Name)
			}
		}
	}()
	opened, err := entry.Config.Open(ctx, provider.Env{
		Name: entry.Name, Realm: entry.Realm, HTTP: out.transport, Log: e.log.With().Str("provider", entry.Name).Logger(), Now: time.Now,
		Hashes: e.hashes, Metrics: shown, Forget: e.memory.Forget, OwnIssuer: issuer, Own: e.own.Load, KeySets: e.keySets,
	})
	if err != nil {
		return nil, err
	}
	w.source = gate.Source{
		Authenticator: w.counted(opened),
		ID:            e.memory.NewID(), Name: entry.Name, Type: entry.Type, Realm: entry.Realm,
		Scheme: entry.Scheme(), Forms: entry.Forms(),
		Cache: entry.Remembered(), StaleIfError: entry.StaleIfError, ProxyCache: entry.ProxyCache,
	}
	open = true
	return w, nil
}

// counted counts every question put to the provider, and notes how it did.
func (w *way) counted(next auth.Authenticator) auth.Authenticator {
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
		w.shown.Attempt(w.entry.Name, string(w.entry.Scheme()), w.entry.Realm, result, time.Since(begin))
		if up, told := w.pulse.note(err, time.Now()); told {
			w.shown.ProviderUp(w.entry.Name, up)
		}
		return user, err
	})
}
