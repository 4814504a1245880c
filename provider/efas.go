package provider

import (
	"context"

	"gatehouse/auth"
	"gatehouse/conf"
)

// EFAS is the API-key service of EFAS: a preset of [HTTP] by auth-o-tron's name.
type EFAS struct {
	URI           string `yaml:"uri" doc:"The URL to ask, with the key as the parameter token."`
	MaxConcurrent int    `yaml:"max_concurrent" doc:"How many questions may be under way at once."`
	InsecureHTTP  bool   `yaml:"insecure_http" doc:"Whether keys may travel to another host without TLS."`
}

func newEFAS() *EFAS { return &EFAS{MaxConcurrent: maxConcurrent} }

// Check reports what is wrong with the section.
func (e *EFAS) Check(r conf.Report) {
	checkURL(r, "uri", e.URI, e.InsecureHTTP)
	checkConcurrent(r, e.MaxConcurrent)
}

// Open returns the provider.
func (e *EFAS) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	h := newHTTP()
	h.URL = e.URI
	h.Key = KeyPlace{In: "query", Name: "token"}
	h.User, h.Roles = "username", "roles"
	h.Attributes = map[string]string{"email": "email"}
	h.MaxConcurrent = e.MaxConcurrent
	return h.Open(ctx, env)
}
