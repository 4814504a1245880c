package provider

import (
	"context"
	"strings"

	"gatehouse/auth"
	"gatehouse/conf"
)

// ECMWF is the API-key service of ECMWF: a preset of [HTTP] by auth-o-tron's name.
type ECMWF struct {
	URI           string `yaml:"uri" doc:"The service's base, such as https://api.ecmwf.int/v1; /who-am-i is asked."`
	MaxConcurrent int    `yaml:"max_concurrent" doc:"How many questions may be under way at once."`
	InsecureHTTP  bool   `yaml:"insecure_http" doc:"Whether keys may travel to another host without TLS."`
}

func newECMWF() *ECMWF { return &ECMWF{MaxConcurrent: maxConcurrent} }

// Check reports what is wrong with the section.
func (e *ECMWF) Check(r conf.Report) {
	checkURL(r, "uri", e.URI, e.InsecureHTTP)
	checkConcurrent(r, e.MaxConcurrent)
}

// Open returns the provider.
func (e *ECMWF) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	h := newHTTP()
	h.URL = strings.TrimRight(e.URI, "/") + "/who-am-i"
	h.Key = KeyPlace{In: "query", Name: "token"}
	h.User = "uid"
	h.Attributes = map[string]string{"ecmwf-email": "email"}
	h.MaxConcurrent = e.MaxConcurrent
	return h.Open(ctx, env)
}
