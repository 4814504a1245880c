package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

// OpenIDOffline takes Keycloak's offline tokens: each is introspected, traded for an access token, and that verified.
// Keycloak's realm is the provider's.
type OpenIDOffline struct {
	Tokens        `yaml:",inline"`
	IAMURL        string      `yaml:"iam_url" doc:"Keycloak's base, such as https://iam.example.org; /realms/REALM/protocol/openid-connect/… is asked."`
	PublicClient  string      `yaml:"public_client_id" doc:"The client that users get their offline tokens by."`
	PrivateClient string      `yaml:"private_client_id" doc:"The client that gatehouse is."`
	PrivateSecret auth.Secret `yaml:"private_client_secret" secret:"true" doc:"How it proves that."`
	MaxConcurrent int         `yaml:"max_concurrent" doc:"How many tokens may be traded at once."`
}

func newOpenIDOffline() *OpenIDOffline {
	return &OpenIDOffline{Tokens: newTokens(), MaxConcurrent: maxConcurrent}
}

// Check reports what is wrong with the section.
func (o *OpenIDOffline) Check(r conf.Report) {
	checkURL(r, "iam_url", o.IAMURL, o.InsecureHTTP)
	checkURL(r, "cert_uri", o.CertURI, o.InsecureHTTP)
	if o.PublicClient == "" {
		r.Fault("public_client_id", "is missing")
	}
	checkClient(r, "private_client_id", o.PrivateClient, "private_client_secret", o.PrivateSecret)
	checkConcurrent(r, o.MaxConcurrent)
	o.check(r, "")
}

// Open returns the provider. Its keys are asked for in the background, until ctx ends.
func (o *OpenIDOffline) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	base, err := parseBase(o.IAMURL)
	if err != nil {
		return nil, errors.New("iam_url: is no URL")
	}
	endpoint := base.JoinPath("realms", url.PathEscape(env.Realm), "protocol/openid-connect/token")
	introspection := endpoint.JoinPath("introspect")
	us := client{id: o.PrivateClient, secret: string(o.PrivateSecret)}
	t := &trader{tokens: &o.Tokens, env: env, forms: []auth.Form{auth.JWT}, notOurs: o.isAnothers, spare: newSpare(env, o.MaxConcurrent)}
	t.ask = func(ctx context.Context, token string) *http.Request {
		return repeatable(us.post(ctx, introspection, url.Values{"token": {token}}))
	}
	t.isGood = func(r reply) error {
		a, err := isActive(r)
		if err == nil && !hasScope(a, "offline_access") {
			return auth.ErrDenied
		}
		return err
	}
	t.trade = func(ctx context.Context, token string) *http.Request {
		return us.post(ctx, endpoint, url.Values{"client_id": {o.PublicClient}, "grant_type": {"refresh_token"}, "refresh_token": {token}})
	}
	if t.keys, err = o.keyring(ctx, env); err != nil {
		return nil, err
	}
	return t, nil
}

// isAnothers reports whether a token is by its own words none that Keycloak would trade: an access token (RFC 9068, or
// what Keycloak has as the claim typ of its own), an ID token, or one of another issuer. Nobody has verified these words,
// so they keep a token here and let nobody in; one that cannot be read is asked about. Offline tokens have the same iss
// as the access tokens that they are traded for, so where issuer is set no other could be good.
func (o *OpenIDOffline) isAnothers(token string) bool {
	said, ok := jwt.Claim(token)
	if !ok {
		return false
	}
	kind, named := said.Claims["typ"].(string)
	issuer, issued := said.Claims["iss"].(string)
	return said.Type == "at+jwt" || named && kind != "Offline" || o.Issuer != "" && issued && issuer != o.Issuer
}
