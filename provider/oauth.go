package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// A client is gatehouse as an authorization server knows it (RFC 6749, section 2.3.1).
type client struct {
	id, secret string
	inBody     bool // client_secret_post, or client_secret_basic
}

func (c client) post(ctx context.Context, to *url.URL, form url.Values) *http.Request {
	if c.inBody {
		form.Set("client_id", c.id)
		form.Set("client_secret", c.secret)
	}
	req := newPost(ctx, to, "application/x-www-form-urlencoded", form.Encode())
	if !c.inBody {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	}
	return req
}

// errClient is a service's no to us. It says nothing of the token.
var errClient = errors.New("it refuses gatehouse's own client id and secret")

// checkClient reports what is wrong with what gatehouse presents itself by.
func checkClient(r conf.Report, idKey, id, secretKey string, secret auth.Secret) {
	if id == "" {
		r.Fault(idKey, "is missing")
	}
	if secret == "" {
		r.Fault(secretKey, "is missing")
	}
}

// isActive reads what an introspection endpoint says of a token (RFC 7662, section 2.2): what it tells of an active
// one, [auth.ErrDenied] for another, or why that is not known.
func isActive(r reply) (answer, error) {
	if r.status == http.StatusUnauthorized {
		return nil, errClient
	}
	a, err := r.object()
	if err != nil {
		return nil, err
	}
	switch a["active"] {
	case true:
		return a, nil
	case false:
		return nil, auth.ErrDenied
	}
	return nil, errors.New("its answer does not say whether the token is active")
}

// accessToken reads what a token endpoint gives (RFC 6749, section 5). Of its errors invalid_grant alone is about
// the user's token.
func accessToken(r reply) (string, error) {
	if r.status == http.StatusUnauthorized {
		return "", errClient
	}
	if r.status == http.StatusBadRequest {
		if a, err := parseAnswer(r.body); err == nil && a.text("error") == "invalid_grant" {
			return "", auth.ErrDenied
		}
	}
	a, err := r.object()
	if err != nil {
		return "", err
	}
	token := a.text("access_token")
	if token == "" {
		return "", errors.New("its answer has no access_token")
	}
	return token, nil
}

// toldLeeway is how far the clock of a service may be off that tells when a token begins.
const toldLeeway = 10 * time.Second

// toldTimes returns when a token ends, zero if nothing is said of that. It is [auth.ErrDenied] if that has passed, or
// the token's beginning is yet to come.
func toldTimes(a answer, now time.Time) (until time.Time, err error) {
	times := map[string]time.Time{}
	for _, name := range []string{"exp", "nbf"} {
		if a[name] == nil {
			continue
		}
		number, _ := a[name].(json.Number)
		if times[name], err = auth.ParseUntil(number.String()); err != nil {
			return time.Time{}, errors.New("its answer's " + name + " " + err.Error())
		}
	}
	until = times["exp"]
	if !until.IsZero() && !now.Before(until) || now.Add(toldLeeway).Before(times["nbf"]) {
		return time.Time{}, auth.ErrDenied
	}
	return until, nil
}

// isFor reports whether aud names one of the audiences that count, if any do.
func isFor(a answer, audiences []string) bool {
	return len(audiences) == 0 || slices.ContainsFunc(a.list("aud"), func(aud string) bool { return slices.Contains(audiences, aud) })
}

// isAccess reports whether nothing that is told of a token makes it another than an access token: token_use (ORY Hydra,
// Amazon Cognito), or Keycloak's claim typ. orID lets ID tokens pass too.
func isAccess(a answer, orID bool) bool {
	use, typ := a.text("token_use"), a.text("typ")
	switch {
	case slices.Contains([]string{"Refresh", "Offline", "Logout"}, typ):
		return false
	case a["cnf"] != nil: // bound to a key (RFC 7800, as DPoP and mutual TLS use it), which nobody has shown here
		return false
	case typ == "ID", use == "id":
		return orID
	}
	return a["token_use"] == nil || use == "access" || use == "access_token"
}

// isPresented reports whether the token_type that an introspection tells, if any, is one of tokens that whoever has
// them may use (RFC 7662, section 2.2): DPoP is not.
func isPresented(a answer) bool {
	return a["token_type"] == nil || slices.ContainsFunc([]string{"Bearer", "access_token"}, func(kind string) bool {
		return strings.EqualFold(kind, a.text("token_type"))
	})
}

// checkAudience reports why tokens would be taken that were made for others.
func checkAudience(r conf.Report, audience []string, any bool) {
	switch {
	case len(audience) > 0 && any:
		r.Fault("insecure_any_audience", "stands beside audience: keep one of them")
	case len(audience) == 0 && !any:
		r.Strict("audience", "is missing: tokens that were made for others let in here; write what the claim aud is to name, or insecure_any_audience: true")
	}
}

// hasScope reports whether a scope is one of those in the claim scope.
func hasScope(a answer, scope string) bool {
	return slices.Contains(strings.Fields(a.text("scope")), scope)
}
