package provider

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

// AcceptsOwn reports whether the entry takes the tokens that gatehouse gives out.
func (e *Entry) AcceptsOwn() bool {
	j, ok := e.Config.(*JWT)
	return ok && j.AcceptOwnTokens
}

// CheckOwn reports what is wrong with the entry where own says how gatehouse's own tokens are made.
func (e *Entry) CheckOwn(r conf.Report, own jwt.Config) {
	if c, ok := e.Config.(interface{ Issued() string }); ok && own.Issuer != "" && c.Issued() == own.Issuer && !e.AcceptsOwn() {
		r.Fault("issuer", "%q is jwt.iss: gatehouse's own tokens are taken by accept_own_tokens alone", own.Issuer)
	}
	if !e.AcceptsOwn() {
		return
	}
	own.CheckOwn(r)
	if e.StaleIfError != 0 {
		r.Fault("stale_if_error", "stands beside accept_own_tokens, which asks nobody: remove it")
	}
}

// checkAlone reports every key that says how the tokens of others are taken: gatehouse's own are taken as they are.
func (j *JWT) checkAlone(r conf.Report) {
	others := newTokens()
	for _, row := range []struct {
		key       string
		is, unset any
	}{
		{"cert_uri", j.CertURI, ""},
		{"issuer", j.Issuer, ""},
		{"secret", j.Secret, (*auth.Secret)(nil)},
		{"audience", j.Audience, others.Audience},
		{"insecure_any_issuer", j.InsecureAnyIssuer, false},
		{"insecure_any_audience", j.InsecureAnyAudience, false},
		{"algorithms", j.Algorithms, others.Algorithms},
		{"leeway", j.Leeway, others.Leeway},
		{"max_lifetime", j.MaxLifetime, others.MaxLifetime},
		{"refresh", j.Refresh, others.Refresh},
		{"insecure_http", j.InsecureHTTP, false},
		{"username_claim", j.Username, ""},
		{"roles_claims", j.Roles, others.Roles},
		{"scope_claim", j.Scope, others.Scope},
		{"attributes", j.Attributes, others.Attributes},
		{"all_claims", j.All, false},
		{"id_tokens", j.IDTokens, false},
	} {
		if !reflect.DeepEqual(row.is, row.unset) {
			r.Fault(row.key, "stands beside accept_own_tokens, which takes gatehouse's own tokens and no others: give others a provider of their own")
		}
	}
}

// ownTokens takes the tokens that gatehouse gave out of users of its realm.
type ownTokens struct{ env Env }

// Authenticate verifies the token, by what signs and is published at that time.
func (p *ownTokens) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.JWT {
		return auth.User{}, auth.ErrNotMine
	}
	if ctx.Err() != nil {
		return auth.User{}, cause(ctx.Err())
	}
	verifier := p.env.Own()
	if verifier == nil {
		return auth.User{}, errors.New("no configuration is in force")
	}
	u, err := verifier.Verify(string(c.Secret), p.env.Now())
	if err != nil {
		return auth.User{}, fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	if !auth.SameRealm(u.Realm, p.env.Realm) {
		return auth.User{}, fmt.Errorf("%w: the token is of another realm", auth.ErrDenied)
	}
	return u, nil
}
