package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"gatehouse/auth"
	"gatehouse/conf"
)

// TokenGenerator takes the tokens of ECMWF's token generator, by auth-o-tron's name: each is validated, traded for an
// access token, and that verified.
type TokenGenerator struct {
	Tokens        `yaml:",inline"`
	URL           string      `yaml:"token_generator_url" doc:"The service's base; /validate-token and /admin/refresh-access-token are asked."`
	ClientID      string      `yaml:"client_id" doc:"Who gatehouse is there."`
	ClientSecret  auth.Secret `yaml:"client_secret" secret:"true" doc:"How it proves that."`
	MaxConcurrent int         `yaml:"max_concurrent" doc:"How many tokens may be traded at once."`
}

func newTokenGenerator() *TokenGenerator {
	return &TokenGenerator{Tokens: newTokens(), MaxConcurrent: maxConcurrent}
}

// Check reports what is wrong with the section.
func (g *TokenGenerator) Check(r conf.Report) {
	checkURL(r, "token_generator_url", g.URL, g.InsecureHTTP)
	checkURL(r, "cert_uri", g.CertURI, g.InsecureHTTP)
	checkClient(r, "client_id", g.ClientID, "client_secret", g.ClientSecret)
	checkConcurrent(r, g.MaxConcurrent)
	g.check(r, "")
}

// Open returns the provider. Its keys are asked for in the background, until ctx ends.
func (g *TokenGenerator) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	base, err := parseBase(g.URL)
	if err != nil {
		return nil, errors.New("token_generator_url: is no URL")
	}
	t := &trader{tokens: &g.Tokens, env: env, forms: []auth.Form{auth.JWT, auth.Opaque}, spare: newSpare(env, g.MaxConcurrent)}
	t.ask = func(ctx context.Context, token string) *http.Request {
		return repeatable(postJSON(ctx, base.JoinPath("validate-token"), map[string]string{"token": token, "client_id": g.ClientID}))
	}
	t.isGood = isValid
	t.trade = func(ctx context.Context, token string) *http.Request {
		return postJSON(ctx, base.JoinPath("admin/refresh-access-token"), map[string]string{
			"client_id": g.ClientID, "client_secret": string(g.ClientSecret), "refresh_token": token,
		})
	}
	if t.keys, err = g.keyring(ctx, env); err != nil {
		return nil, err
	}
	return t, nil
}

func postJSON(ctx context.Context, to *url.URL, members map[string]string) *http.Request {
	text, _ := json.Marshal(members) // strings always can be
	return newPost(ctx, to, "application/json", string(text))
}

// isValid reads what validate-token says. A no may come with a status of its own; a yes may not.
func isValid(r reply) error {
	if r.status >= 400 && r.status < 500 {
		if a, err := parseAnswer(r.body); err == nil && a["active"] == false {
			return auth.ErrDenied
		}
	}
	_, err := isActive(r)
	return err
}
