package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

// The bounds of refresh. The most is how long a removed key may go on.
const (
	minRefresh = keysCooldown
	maxRefresh = time.Hour
)

// Tokens says which tokens of an identity provider are taken, and what becomes of their claims.
type Tokens struct {
	CertURI      string        `yaml:"cert_uri" doc:"Where the identity provider's keys are: a JWK Set (RFC 7517)."`
	Issuer       string        `yaml:"issuer" doc:"The claim iss of its tokens. Without cert_uri the keys are found by its discovery document."`
	Audience     []string      `yaml:"audience" doc:"The claim aud of its tokens must name one of these."`
	Algorithms   []string      `yaml:"algorithms" doc:"The algorithms that tokens may be signed with. Default: every asymmetric one; with secret HS256."`
	Leeway       time.Duration `yaml:"leeway" doc:"How far the identity provider's clock may be off, at most 1m."`
	MaxLifetime  time.Duration `yaml:"max_lifetime" doc:"The longest time from iat to exp that a token may have. Default: no limit."`
	Refresh      time.Duration `yaml:"refresh" doc:"How often the keys are asked for; so long a removed key may go on. 10s to 1h."`
	InsecureHTTP bool          `yaml:"insecure_http" doc:"Whether keys and tokens may travel to or from another host without TLS."`
	Claims       `yaml:",inline"`
}

func newTokens() Tokens {
	return Tokens{Leeway: 10 * time.Second, Refresh: 5 * time.Minute, Claims: newClaims()}
}

// check reports what is wrong with all but where the keys are.
func (t *Tokens) check(r conf.Report, secret auth.Secret) {
	for i, name := range t.Algorithms {
		if err := algorithmFault(name, secret); err != nil {
			r.At("algorithms", i).Fault("", "%v", err)
		}
	}
	if slices.Contains(t.Audience, "") {
		r.Fault("audience", "has an empty one")
	}
	if t.Leeway > jwt.MaxLeeway {
		r.Fault("leeway", "must be at most %s", jwt.MaxLeeway)
	}
	if t.Refresh < minRefresh || t.Refresh > maxRefresh {
		r.Fault("refresh", "must be %s to %s", minRefresh, maxRefresh)
	}
	t.Claims.check(r)
}

// algorithmFault is what a verifier says of an algorithm.
func algorithmFault(name string, secret auth.Secret) error {
	c := jwt.VerifierConfig{Secret: secret, Algorithms: []string{name}, InsecureAnyIssuer: true, InsecureAnyAudience: true}
	if secret == "" {
		c.Keys = new(jwt.KeySet)
	}
	_, err := jwt.NewVerifier(c)
	return errors.Unwrap(err)
}

// verifier checks tokens by keys or a secret. What is not configured of issuer and audience is not checked: whether
// it may be left out is the caller's to say.
func (t *Tokens) verifier(env Env, keys *jwt.KeySet, secret auth.Secret) (*jwt.Verifier, error) {
	return jwt.NewVerifier(jwt.VerifierConfig{
		Keys: keys, Secret: secret, Algorithms: t.Algorithms, Issuer: t.Issuer, Audiences: t.Audience,
		Leeway: t.Leeway, MaxLifetime: t.MaxLifetime, OwnIssuer: env.OwnIssuer,
		InsecureAnyIssuer: t.Issuer == "", InsecureAnyAudience: len(t.Audience) == 0,
	})
}

// Issued is the issuer of the tokens that are taken, "" for any.
func (t *Tokens) Issued() string { return t.Issuer }

// keyring starts a keyring, which ends with ctx.
func (t *Tokens) keyring(ctx context.Context, env Env) (*keyring, error) {
	if _, err := t.verifier(env, new(jwt.KeySet), ""); err != nil {
		return nil, err
	}
	k := &keyring{
		env: env, ctx: ctx, issuer: t.Issuer, insecureHTTP: t.InsecureHTTP, every: t.Refresh,
		wanted: map[[sha256.Size]byte]time.Time{},
		build:  func(keys *jwt.KeySet) (*jwt.Verifier, error) { return t.verifier(env, keys, "") },
	}
	if t.CertURI != "" {
		var err error
		if k.certURI, err = url.Parse(t.CertURI); err != nil {
			return nil, errors.New("cert_uri: is no URL")
		}
	}
	env.KeySets.join(ctx, k)
	k.start()
	return k, nil
}

// owner is whose a verified token is.
func (t *Tokens) owner(provider string, c jwt.Claims) auth.User {
	u := t.user(answer(c.All), provider, "preferred_username", "sub")
	u.Until, u.Record = c.Expires, c.Key
	return u
}
