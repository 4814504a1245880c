package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// maxConcurrent is how many questions to one service are under way at once, if nothing else is set.
const maxConcurrent = 32

// maxAnswer is the size in bytes over which a service's answer is no answer.
const maxAnswer = 64 << 10

// HTTP is a remote service that says whose an API key is: one GET with the key, one JSON object back.
type HTTP struct {
	URL           string            `yaml:"url" doc:"The URL to ask."`
	Key           KeyPlace          `yaml:"key" doc:"Where the key goes."`
	User          string            `yaml:"user" doc:"Where the answer holds the user's name: a path such as data.id, or a JSON Pointer (RFC 6901)."`
	Roles         string            `yaml:"roles" doc:"Where the answer holds the roles: a list of strings, or one string."`
	Attributes    map[string]string `yaml:"attributes" doc:"From an attribute's name to where the answer holds its value. The attribute exp (Unix seconds) ends the user's token."`
	DenyStatuses  []int             `yaml:"deny_statuses" doc:"The statuses that mean: this key is nobody's. Everything but these and 200 is an outage."`
	MaxConcurrent int               `yaml:"max_concurrent" doc:"How many questions may be under way at once."`
	InsecureHTTP  bool              `yaml:"insecure_http" doc:"Whether keys may travel to another host without TLS."`
}

// KeyPlace says where in the question the key goes.
type KeyPlace struct {
	In   string `yaml:"in" enum:"query,header,authorization" doc:"query: a query parameter; header: a header of its own; authorization: the header Authorization."`
	Name string `yaml:"name" doc:"The parameter's or header's name, or the scheme in Authorization. Default: token, X-Api-Key, Bearer."`
}

func newHTTP() *HTTP {
	return &HTTP{Key: KeyPlace{In: "authorization"}, DenyStatuses: []int{401, 403}, MaxConcurrent: maxConcurrent}
}

// name returns the configured name or the place's default.
func (k KeyPlace) name() string {
	if k.Name != "" {
		return k.Name
	}
	return map[string]string{"query": "token", "header": "X-Api-Key", "authorization": "Bearer"}[k.In]
}

// Check reports what is wrong with the section.
func (h *HTTP) Check(r conf.Report) {
	checkURL(r, "url", h.URL, h.InsecureHTTP)
	if h.User == "" {
		r.Fault("user", "is missing: it says where the answer holds the user's name")
	}
	for i, s := range h.DenyStatuses {
		switch {
		case s < 400 || s > 499:
			r.At("deny_statuses", i).Fault("", "%d cannot mean no: only 400 to 499 can", s)
		case s == http.StatusTooManyRequests:
			r.At("deny_statuses", i).Fault("", "429 cannot mean no: it means later")
		}
	}
	checkConcurrent(r, h.MaxConcurrent)
	if h.Key.Name != "" && !auth.IsToken(h.Key.Name) {
		r.At("key").Fault("name", "%q is no header or parameter name", h.Key.Name)
	}
}

func checkConcurrent(r conf.Report, n int) {
	if n < 1 {
		r.Fault("max_concurrent", "must be at least 1")
	}
}

// checkURL reports why no key may be sent to text.
func checkURL(r conf.Report, key, text string, insecure bool) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		r.Fault(key, "is missing")
	case err != nil:
		r.Fault(key, "is no URL")
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		r.Fault(key, "must begin with https://HOST")
	case u.User != nil:
		r.Fault(key, "has a user name or password in it, which is not sent")
	case u.Fragment != "":
		r.Fault(key, "has a fragment (#…), which is not sent")
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		r.Strict(key, "keys would travel to %s without TLS; use https, or set insecure_http: true", u.Hostname())
	}
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// httpService asks an [HTTP].
type httpService struct {
	HTTP
	base  *url.URL
	spare *spare
	send  http.RoundTripper
	now   func() time.Time
}

// Open returns the provider. It does not call the service: gatehouse starts while that is down.
func (h *HTTP) Open(_ context.Context, env Env) (auth.Authenticator, error) {
	base, err := url.Parse(h.URL)
	if err != nil {
		return nil, errors.New("url: is no URL")
	}
	return &httpService{HTTP: *h, base: base, spare: newSpare(env, h.MaxConcurrent), send: env.HTTP, now: env.Now}, nil
}

// Authenticate asks the service whose the key is.
func (s *httpService) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Opaque {
		return auth.User{}, auth.ErrNotMine
	}
	var r reply
	err := s.spare.call(ctx, c, func(ctx context.Context) (err error) {
		r, err = s.get(ctx, string(c.Secret))
		return err
	})
	if err != nil {
		return auth.User{}, err
	}
	return s.verdict(r)
}

// verdict reads what the service says of a key.
func (s *httpService) verdict(r reply) (auth.User, error) {
	if slices.Contains(s.DenyStatuses, r.status) {
		return auth.User{}, auth.ErrDenied
	}
	answer, err := r.object()
	if err != nil {
		return auth.User{}, err
	}
	return s.user(answer)
}

// get asks once. Its errors are those that [spare.call] wants.
func (s *httpService) get(ctx context.Context, key string) (reply, error) {
	return exchange(ctx, s.send, s.now, maxAnswer, func(ctx context.Context) *http.Request { return s.request(ctx, key) })
}

func (s *httpService) request(ctx context.Context, key string) *http.Request {
	req := newRequest(ctx, http.MethodGet, s.base)
	switch s.Key.In {
	case "query":
		q := req.URL.Query()
		q.Set(s.Key.name(), key)
		req.URL.RawQuery = q.Encode()
	case "header":
		req.Header.Set(s.Key.name(), key)
	default:
		req.Header.Set("Authorization", s.Key.name()+" "+key)
	}
	return req
}

// user reads the answer. A name that is missing or no string is left empty, which the gate refuses.
func (s *httpService) user(a answer) (auth.User, error) {
	u := auth.User{Name: a.text(s.User), Roles: a.list(s.Roles), Attributes: map[string]string{}}
	for name, path := range s.Attributes {
		if value, ok := a.scalar(path); ok {
			u.Attributes[name] = value
		}
	}
	if text, ok := u.Attributes[auth.AttributeExpires]; ok {
		var err error
		if u.Until, err = auth.ParseUntil(text); err != nil {
			return auth.User{}, fmt.Errorf("its answer's exp %w", err)
		}
	}
	return u, nil
}
