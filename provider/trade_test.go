package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/auth"
)

// trades are the kinds that trade a token, with the paths that they ask, in turn.
var trades = map[string]struct {
	config     func(base string) Config
	ask, trade string
	asked      []string
}{
	"openid-offline": {
		func(base string) Config { return offlineAt(base) }, keycloakIntrospect, keycloakToken,
		[]string{
			"POST " + keycloakIntrospect + " " + clientBasic + " token=canary%2F7f3a%2BRw%3D",
			"POST " + keycloakToken + " " + clientBasic + " client_id=public&grant_type=refresh_token&refresh_token=canary%2F7f3a%2BRw%3D",
		},
	},
	"ecmwf-token-generator": {
		func(base string) Config { return generatorAt(base) }, validateToken, refreshToken,
		[]string{
			"POST " + validateToken + `  {"client_id":"private client","token":"canary/7f3a+Rw="}`,
			"POST " + refreshToken + `  {"client_id":"private client","client_secret":"s3cret: of/ours+%","refresh_token":"canary/7f3a+Rw="}`,
		},
	},
}

const clientBasic = "Basic cHJpdmF0ZStjbGllbnQ6czNjcmV0JTNBK29mJTJGb3VycyUyQiUyNQ=="

// The contract's rows: the two calls, in auth-o-tron's order and with its members, and the user of the access token.
// Unlike there everything is encoded.
func TestATradeAsksWhatAuthOTronAsks(t *testing.T) {
	for name, k := range trades {
		t.Run(name, func(t *testing.T) {
			server := newAuthServer()
			server.access = token(t, "one", map[string]any{"entitlements": []string{"data"}, "iss": "x", "aud": "account"})
			u, err := asks(t, server, k.config(issuer), bearerJWTOf(canary))
			if err != nil || u.Name != "alice" || !slices.Equal(u.Roles, []string{"data"}) || u.Until.IsZero() || u.Record == "" {
				t.Errorf("got %+v, %v", u, err)
			}
			if !slices.Equal(server.asked, k.asked) {
				t.Errorf("asked\n%s", strings.Join(server.asked, "\n"))
			}
		})
	}
}

// Each answer of either call. auth-o-tron looks at no status: what is an outage here was a no there, or a yes.
func TestWhatBecomesOfATrade(t *testing.T) {
	const active = `{"active":true,"scope":"offline_access"}`
	for name, c := range map[string]struct {
		ask, trade canned // those of the server's own where the status is 0
		want       outcome
		other      outcome // what the token generator makes of it, if not the same
		once       bool    // whether the second call is not made
	}{
		"both say yes":                  {want: aUser},
		"not active":                    {ask: canned{200, `{"active":false}`}, want: denied, once: true},
		"active, and not offline":       {ask: canned{200, `{"active":true,"scope":"openid"}`}, want: denied, other: aUser, once: true},
		"a scope that only holds it":    {ask: canned{200, `{"active":true,"scope":"not_offline_access"}`}, want: denied, other: aUser, once: true},
		"nothing of active":             {ask: canned{200, `{"scope":"offline_access"}`}, want: noDecision, once: true},
		"active, by a status of no":     {ask: canned{400, active}, want: noDecision, once: true},
		"not active, by a status of no": {ask: canned{404, `{"active":false}`}, want: noDecision, other: denied, once: true},
		"our client is refused at once": {ask: canned{401, `{"error":"invalid_client"}`}, want: noDecision, once: true},
		"the first is broken":           {ask: canned{500, active}, want: noDecision, once: true},
		"the first is moved":            {ask: canned{302, active}, want: noDecision, once: true},
		"the first is HTML":             {ask: canned{200, `<html>`}, want: noDecision, once: true},
		"revoked meanwhile":             {trade: canned{400, `{"error":"invalid_grant"}`}, want: denied},
		"not our grant":                 {trade: canned{400, `{"error":"unauthorized_client"}`}, want: noDecision},
		"our client is refused":         {trade: canned{401, `{"error":"invalid_grant"}`}, want: noDecision},
		"the second is broken":          {trade: canned{502, `{"error":"invalid_grant"}`}, want: noDecision},
		"later":                         {trade: canned{429, ``}, want: noDecision},
		"no access token":               {trade: canned{200, `{"token_type":"Bearer"}`}, want: noDecision},
		"an access token of no text":    {trade: canned{200, `{"access_token":{}}`}, want: noDecision},
		"an access token of a stranger": {trade: canned{200, fmt.Sprintf(`{"access_token":%q}`, signedAs(t, "stranger", map[string]any{"alg": "ES256", "kid": "one"}, nil))}, want: noDecision},
		"a clock that is ahead":         {trade: canned{200, fmt.Sprintf(`{"access_token":%q}`, token(t, "one", map[string]any{"iat": time.Now().Add(time.Minute).Unix()}))}, want: noDecision},
		"an access token of a new key":  {trade: canned{200, fmt.Sprintf(`{"access_token":%q}`, token(t, "two", nil))}, want: noDecision},
		"an access token that is over":  {trade: canned{200, fmt.Sprintf(`{"access_token":%q}`, token(t, "one", map[string]any{"exp": 1}))}, want: noDecision},
		"an access token that is none":  {trade: canned{200, `{"access_token":"gh_1"}`}, want: noDecision},
		"large":                         {trade: canned{200, fmt.Sprintf(`{"access_token":%q}`, strings.Repeat("a", maxAnswer))}, want: noDecision},
	} {
		for kind, k := range trades {
			t.Run(kind+": "+name, func(t *testing.T) {
				server := newAuthServer()
				server.access = token(t, "one", nil)
				for path, answer := range map[string]canned{k.ask: c.ask, k.trade: c.trade} {
					if answer.status != 0 {
						server.instead[path] = answer
					}
				}
				want, once := c.want, c.once
				if kind == "ecmwf-token-generator" && c.other != "" {
					want, once = c.other, c.once && c.other != aUser
				}
				u, err := asks(t, server, k.config(issuer), bearerJWTOf(canary))
				if got := outcomeOf(u, err); got != want {
					t.Errorf("got %q, %v", u.Name, err)
				}
				if once != (len(server.asked) == 1) {
					t.Errorf("asked %q", server.asked)
				}
			})
		}
	}
}

// An access token is held to what is configured of issuer and audience.
func TestATradedTokenIsHeldToItsIssuerAndAudience(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		want   outcome
	}{
		"both":             {nil, aUser},
		"another issuer":   {map[string]any{"iss": "x"}, denied},
		"another audience": {map[string]any{"aud": "x"}, denied},
	} {
		server, config := newAuthServer(), offlineAt(issuer)
		server.access = token(t, "one", c.claims)
		config.Issuer, config.Audience = issuer, []string{"gatehouse"}
		if u, err := asks(t, server, config, bearerJWTOf(canary)); outcomeOf(u, err) != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The keys may be out of reach while the rest answers.
func TestATradeWithoutKeysIsNoDecision(t *testing.T) {
	for name, k := range trades {
		server := newAuthServer()
		server.access = token(t, "one", nil)
		server.down()
		if u, err := asks(t, server, k.config(issuer), bearerJWTOf(canary)); outcomeOf(u, err) != noDecision {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTheTokenGeneratorTakesOpaqueTokensToo(t *testing.T) {
	server := newAuthServer()
	server.access = token(t, "one", nil)
	if u, err := asks(t, server, generatorAt(issuer), bearer(canary)); err != nil || u.Name != "alice" {
		t.Errorf("got %q, %v", u.Name, err)
	}
	if _, err := asks(t, server, offlineAt(issuer), bearer(canary)); !errors.Is(err, auth.ErrNotMine) {
		t.Errorf("got %v", err)
	}
}

// A realm is one step of the path, whatever is in it.
func TestTheRealmOfAnOfflineTokenIsOneStepOfThePath(t *testing.T) {
	w := newWorld(t)
	var asked string
	w.Realm = "a b/c?d"
	w.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			asked = r.URL.String()
		}
		return response(500, ""), nil
	})
	_, _ = open(t, t.Context(), offlineAt(issuer+"/auth"), w.Env).Authenticate(t.Context(), bearerJWTOf(canary))
	if asked != issuer+"/auth/realms/a%20b%2Fc%3Fd/protocol/openid-connect/token/introspect" {
		t.Errorf("asked %s", asked)
	}
}

// A base without a path, as auth-o-tron's sections have it, makes requests that a strict server can read.
func TestABaseNeedsNoPath(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"openid-offline":          {func() Config { o := offlineAt(issuer); o.IAMURL = issuer; return o }(), keycloakIntrospect},
		"openid-offline, a slash": {offlineAt(issuer), keycloakIntrospect},
		"ecmwf-token-generator":   {func() Config { g := generatorAt(issuer); g.URL = issuer; return g }(), "/validate-token"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var asked string
			w.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPost {
					asked = r.URL.RequestURI()
				}
				return response(500, ""), nil
			})
			_, _ = open(t, t.Context(), c.config, w.Env).Authenticate(t.Context(), bearerJWTOf(canary))
			if asked != c.want {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

// A service ends an idle connection while a question is on its way: what changes nothing there is asked again.
func TestAnIdleConnectionThatEndsIsNoOutage(t *testing.T) {
	first := []string{"/introspect", keycloakIntrospect, validateToken}
	for name, c := range map[string]struct {
		config     func(base string) Config
		credential auth.Credential
	}{
		"introspection":         {func(base string) Config { return introspectionAt(base) }, bearer(canary)},
		"openid-offline":        {func(base string) Config { return offlineAt(base) }, bearerJWTOf(canary)},
		"ecmwf-token-generator": {func(base string) Config { return generatorAt(base) }, bearer(canary)},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAuthServer()
			server.access = token(t, "one", nil)
			var used sync.Map // of connections
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, again := used.LoadOrStore(r.RemoteAddr, true); again && slices.Contains(first, r.URL.Path) {
					panic(http.ErrAbortHandler)
				}
				server.ServeHTTP(w, r)
			}))
			defer s.Close()
			w := newWorld(t)
			p := open(t, t.Context(), c.config(s.URL), w.Env)
			for range 2 {
				if _, err := p.Authenticate(t.Context(), c.credential); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What is by its own words no offline token stays here: an access token that was refused would be shown to whom it is
// not for. What says nothing, or cannot be read, may be one.
func TestKeycloakIsShownItsOwnOfflineTokensOnly(t *testing.T) {
	made := func(header, claims string) string { return b64url(header) + "." + b64url(claims) + ".c2ln" }
	const plain = `{"alg":"HS512","typ":"JWT","kid":"k"}`
	for name, row := range map[string]struct {
		token  string
		issuer string // as configured
		shown  bool
	}{
		"an offline token":                      {made(plain, `{"typ":"Offline","iss":"`+issuer+`"}`), "", true},
		"one of the issuer":                     {made(plain, `{"typ":"Offline","iss":"`+issuer+`"}`), issuer, true},
		"one of another issuer":                 {made(plain, `{"typ":"Offline","iss":"https://other.example"}`), issuer, false},
		"one of another, where none is known":   {made(plain, `{"typ":"Offline","iss":"https://other.example"}`), "", true},
		"one that names no issuer":              {made(plain, `{"typ":"Offline"}`), issuer, true},
		"another issuer's, of no typ":           {made(plain, `{"iss":"https://other.example"}`), issuer, false},
		"an access token":                       {made(plain, `{"typ":"Bearer","scope":"openid offline_access"}`), "", false},
		"an access token by RFC 9068":           {made(`{"alg":"RS256","typ":"at+jwt"}`, `{}`), "", false},
		"an access token bound by RFC 9449":     {made(plain, `{"typ":"DPoP"}`), "", false},
		"an ID token":                           {made(plain, `{"typ":"ID"}`), "", false},
		"a refresh token that ends with logout": {made(plain, `{"typ":"Refresh"}`), "", false},
		"of no typ":                             {made(plain, `{}`), "", true},
		"of a typ that is no text":              {made(plain, `{"typ":["Offline"]}`), "", true},
		"encrypted":                             {"eyJhbGciOiJkaXIifQ..aXY.Yw.dGFn", issuer, true},
		"of claims that are no JSON":            {made(plain, `{"typ":"Bearer"`), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			server, config := newAuthServer(), offlineAt(issuer)
			config.Issuer = row.issuer
			_, err := asks(t, server, config, bearerJWTOf(row.token))
			want := auth.ErrNotMine
			if row.shown {
				want = auth.ErrDenied
			}
			if !errors.Is(err, want) || row.shown != (len(server.asked) == 1) {
				t.Errorf("asked %d times, %v", len(server.asked), err)
			}
		})
	}
}

// The token generator's tokens are ECMWF's own: nobody here knows what they say of themselves.
func TestTheTokenGeneratorIsShownEveryToken(t *testing.T) {
	server := newAuthServer()
	_, err := asks(t, server, generatorAt(issuer), bearerJWTOf(b64url(`{"typ":"at+jwt"}`)+"."+b64url(`{"typ":"Bearer"}`)+".c2ln"))
	if !errors.Is(err, auth.ErrDenied) || len(server.asked) != 1 {
		t.Errorf("asked %d times, %v", len(server.asked), err)
	}
}
