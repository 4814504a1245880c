// Package provider owns the ways in: one file for each kind, and the list of kinds.
package provider

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
	"gatehouse/metrics"
	"gatehouse/password"
)

// kinds are the types an entry of providers can have. A new provider: its file, and one line here.
var kinds = map[string]kind{
	"plain":         {auth.Basic, []auth.Form{auth.Password}, untilForgotten, func() Config { return new(Plain) }},
	"htpasswd":      {auth.Basic, []auth.Form{auth.Password}, untilForgotten, func() Config { return new(Htpasswd) }},
	"http":          {auth.Bearer, []auth.Form{auth.Opaque}, time.Minute, func() Config { return newHTTP() }},
	"ecmwf-api":     {auth.Bearer, []auth.Form{auth.Opaque}, time.Minute, func() Config { return newECMWF() }},
	"efas-api":      {auth.Bearer, []auth.Form{auth.Opaque}, time.Minute, func() Config { return newEFAS() }},
	"introspection": {auth.Bearer, []auth.Form{auth.Opaque}, time.Minute, func() Config { return newIntrospection() }},
	"jwt":           {auth.Bearer, []auth.Form{auth.JWT}, time.Minute, func() Config { return newJWT() }},

	"openid-offline":        {auth.Bearer, []auth.Form{auth.JWT}, time.Minute, func() Config { return newOpenIDOffline() }},
	"ecmwf-token-generator": {auth.Bearer, []auth.Form{auth.JWT, auth.Opaque}, time.Minute, func() Config { return newTokenGenerator() }},
	"ldap":                  {auth.Basic, []auth.Form{auth.Password}, time.Minute, func() Config { return newLDAP() }},
	"mtls":                  {auth.TLS, []auth.Form{auth.Certificate}, time.Minute, func() Config { return new(MTLS) }},
}

// A kind says which credentials a provider is shown, how long its yes is remembered, and makes its section of config.yaml.
type kind struct {
	scheme auth.Scheme
	forms  []auth.Form
	cache  time.Duration
	make   func() Config
}

// untilForgotten is for a provider that calls [Env].Forget when its answers change, or whose never do. It is
// what package gate calls by the same name.
const untilForgotten time.Duration = -1

// Config is a provider's section of config.yaml. It has two methods because `gatehouse check` must find
// what is wrong without a network, and without starting anything.
type Config interface {
	// Check reports what is wrong with the section. It may read local files.
	Check(r conf.Report)
	// Open returns the provider. What it starts ends with ctx.
	Open(ctx context.Context, env Env) (auth.Authenticator, error)
}

// Env is what a provider may use of the house.
type Env struct {
	Name    string            // the provider's own, for logs and metrics
	Realm   string            // that of its users
	HTTP    http.RoundTripper // for every call out; see [NewTransport]
	Log     zerolog.Logger
	Now     func() time.Time
	Hashes  *password.Pool
	Metrics *metrics.Metrics

	// OwnIssuer is the iss of gatehouse's own tokens, which no provider of others' tokens takes.
	OwnIssuer string
	// Own returns what verifies gatehouse's own tokens now; nil where no provider in force takes them.
	Own func() *jwt.OwnVerifier

	// KeySets hand keys on from a provider to the one that takes its place; nil: they do not.
	KeySets *KeySets

	// Forget makes gatehouse forget every remembered user whom match names, and every refusal. A provider
	// calls it after what its answers rest on has changed; match is called for users of all providers.
	Forget func(match func(auth.User) bool)
}

// maxCache is how long a yes may be remembered at most.
const maxCache = 24 * time.Hour

// Entry is one element of the list providers in config.yaml.
type Entry struct {
	Name  string `yaml:"name" doc:"The name in logs, metrics and at /providers."`
	Type  string `yaml:"type" doc:"What kind of provider this is."`
	Realm string `yaml:"realm" doc:"The realm of its users: what X-Auth-Realm and a policy can ask for."`

	Cache *time.Duration `yaml:"cache" doc:"How long a yes is remembered. Default: 1m for a remote provider; for a local one until its record changes."`

	StaleIfError time.Duration `yaml:"stale_if_error" doc:"How much longer a remote provider's last yes is good while it cannot answer. Off unless set."`
	ProxyCache   bool          `yaml:"proxy_cache" doc:"Whether nginx may remember a Bearer credential's yes by itself, for less than 5 s: see docs/nginx-cache.md."`
	Config       Config        `yaml:"-"`
}

// Variant returns the section of one kind for package conf to fill, and the names of all kinds.
func (e *Entry) Variant(name string) (any, []string) {
	known := slices.Sorted(maps.Keys(kinds))
	k, ok := kinds[name]
	if !ok {
		return nil, known
	}
	e.Config = k.make()
	return e.Config, known
}

// Scheme is the scheme of the credentials that the entry's kind is shown, Forms their forms.
func (e *Entry) Scheme() auth.Scheme { return kinds[e.Type].scheme }

// Forms are the forms of the credentials that the entry's kind is shown.
func (e *Entry) Forms() []auth.Form { return kinds[e.Type].forms }

// Remembered is how long a yes of the entry's provider is remembered; negative: until the provider says otherwise.
func (e *Entry) Remembered() time.Duration {
	if e.Cache != nil {
		return *e.Cache
	}
	return kinds[e.Type].cache
}

// Check reports what is wrong with the entry.
func (e *Entry) Check(r conf.Report) {
	if err := auth.CheckName(e.Name); err != nil {
		r.Fault("name", "%v", err)
	}
	if err := auth.CheckName(e.Realm); err != nil {
		r.Fault("realm", "%v", err)
	} else if !auth.SameRealm(e.Realm, e.Realm) {
		r.Warn("realm", "has other than ASCII letters: no request can ask for it by name")
	}
	if e.Cache != nil && (*e.Cache <= 0 || *e.Cache > maxCache) {
		r.Fault("cache", "must be more than 0 and at most %s", maxCache)
	}
	if e.Config != nil {
		e.checkMemory(r)
		e.Config.Check(r)
	}
}

// checkMemory reports what does not go with the entry's kind.
func (e *Entry) checkMemory(r conf.Report) {
	switch local := kinds[e.Type].cache == untilForgotten; {
	case e.StaleIfError != 0 && local:
		r.Fault("stale_if_error", "is for remote providers, and this one is local: remove it")
	case e.StaleIfError < 0 || e.StaleIfError > maxCache:
		r.Fault("stale_if_error", "must be more than 0 and at most %s", maxCache)
	}
	if e.ProxyCache && kinds[e.Type].scheme != auth.Bearer {
		r.Fault("proxy_cache", "is for providers of Bearer credentials (such as http), and this one is not: remove it")
	}
}
