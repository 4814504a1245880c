package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Introspection asks an authorization server whose an opaque token is (RFC 7662).
type Introspection struct {
	URL           string      `yaml:"url" doc:"The introspection endpoint."`
	ClientID      string      `yaml:"client_id" doc:"Who gatehouse is there."`
	ClientSecret  auth.Secret `yaml:"client_secret" secret:"true" doc:"How it proves that."`
	ClientAuth    string      `yaml:"client_auth" enum:"client_secret_basic,client_secret_post" doc:"Where that goes: the header Authorization, or the body."`
	Issuer        string      `yaml:"issuer" doc:"What iss must be. Not looked at unless set."`
	Audience      []string    `yaml:"audience" doc:"aud must name one of these."`
	AnyAudience   bool        `yaml:"insecure_any_audience" doc:"Whether tokens are taken that were made for others."`
	MaxConcurrent int         `yaml:"max_concurrent" doc:"How many questions may be under way at once."`
	InsecureHTTP  bool        `yaml:"insecure_http" doc:"Whether tokens may travel to another host without TLS."`
	Claims        `yaml:",inline"`
}

func newIntrospection() *Introspection {
	return &Introspection{ClientAuth: "client_secret_basic", MaxConcurrent: maxConcurrent, Claims: newClaims()}
}

// Check reports what is wrong with the section.
func (i *Introspection) Check(r conf.Report) {
	checkURL(r, "url", i.URL, i.InsecureHTTP)
	checkClient(r, "client_id", i.ClientID, "client_secret", i.ClientSecret)
	checkConcurrent(r, i.MaxConcurrent)
	if slices.Contains(i.Audience, "") {
		r.Fault("audience", "has an empty one")
	}
	checkAudience(r, i.Audience, i.AnyAudience)
	i.check(r)
}

// Open returns the provider. It does not call the server: gatehouse starts while that is down.
func (i *Introspection) Open(_ context.Context, env Env) (auth.Authenticator, error) {
	at, err := url.Parse(i.URL)
	if err != nil {
		return nil, errors.New("url: is no URL")
	}
	us := client{i.ClientID, string(i.ClientSecret), i.ClientAuth == "client_secret_post"}
	return &introspector{Introspection: i, at: at, us: us, env: env, spare: newSpare(env, i.MaxConcurrent)}, nil
}

// introspector asks an [Introspection].
type introspector struct {
	*Introspection
	at    *url.URL
	us    client
	env   Env
	spare *spare
}

// Authenticate asks the server whose the token is.
func (i *introspector) Authenticate(ctx context.Context, c auth.Credential) (u auth.User, err error) {
	if c.Form != auth.Opaque {
		return auth.User{}, auth.ErrNotMine
	}
	var r reply
	err = i.spare.call(ctx, c, func(ctx context.Context) (err error) {
		r, err = exchange(ctx, i.env.HTTP, i.env.Now, maxAnswer, func(ctx context.Context) *http.Request {
			return i.question(ctx, string(c.Secret))
		})
		return err
	})
	if err != nil {
		return auth.User{}, err
	}
	return i.verdict(r)
}

func (i *introspector) question(ctx context.Context, token string) *http.Request {
	return repeatable(i.us.post(ctx, i.at, url.Values{"token": {token}, "token_type_hint": {"access_token"}}))
}

// verdict reads what the server says of a token.
func (i *introspector) verdict(r reply) (auth.User, error) {
	a, err := isActive(r)
	if err != nil {
		return auth.User{}, err
	}
	until, err := toldTimes(a, i.env.Now())
	if err != nil {
		return auth.User{}, err
	}
	if i.Issuer != "" && a.text("iss") != i.Issuer || !isFor(a, i.Audience) || !isAccess(a, false) || !isPresented(a) {
		return auth.User{}, auth.ErrDenied
	}
	u := i.user(a, i.env.Name, "username", "sub")
	u.Until = until
	return u, nil
}
