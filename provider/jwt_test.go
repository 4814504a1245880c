package provider

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
)

// A realm is an identity provider, and the way in by its tokens.
type realm struct {
	*world
	t   *testing.T
	idp *idp
	a   auth.Authenticator

	forgets atomic.Pointer[func(auth.User) bool] // whom the provider had forgotten last
}

// inARealm runs test in a bubble of synctest, whose clock the provider has.
func inARealm(t *testing.T, config Config, p *idp, test func(r *realm)) {
	t.Helper()
	signers() // is slow, and the bubble's clock stands meanwhile
	synctest.Test(t, func(t *testing.T) {
		r := &realm{world: newWorld(t), t: t, idp: p}
		r.Now, r.HTTP = time.Now, inProcess(p)
		r.Forget = func(match func(auth.User) bool) { r.forgets.Store(&match) }
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait() // for what ends with the provider
		defer cancel()
		r.a = open(t, ctx, config, r.Env)
		test(r)
	})
}

func (r *realm) ask(token string) (auth.User, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	return r.a.Authenticate(ctx, bearerJWTOf(token))
}

func (r *realm) wantIn(when, token string) auth.User {
	r.t.Helper()
	u, err := r.ask(token)
	if err != nil {
		r.t.Errorf("%s: got %v", when, err)
	}
	return u
}

func (r *realm) wantDenied(when, token string) {
	r.t.Helper()
	if u, err := r.ask(token); !errors.Is(err, auth.ErrDenied) || u.Name != "" {
		r.t.Errorf("%s: got %q, %v", when, u.Name, err)
	}
}

func (r *realm) wantNoDecision(when, token string) {
	r.t.Helper()
	u, err := r.ask(token)
	later, ok := errors.AsType[*auth.Later](err)
	if isDecision(err) || u.Name != "" || !ok || later.After <= 0 {
		r.t.Errorf("%s: got %q, %v", when, u.Name, err)
	}
}

// The contract's row: username is preferred_username or sub, roles are Keycloak's, scopes stand under the provider's
// name. That all other claims become attributes is behind a key, as they hold what no backend asked for.
func TestClaimsBecomeAUser(t *testing.T) {
	keycloak := map[string]any{
		"realm_access":    map[string]any{"roles": []string{"staff", "offline_access"}},
		"entitlements":    []string{"data"},
		"resource_access": map[string]any{"web": map[string]any{"roles": []string{"edit"}}, "account": map[string]any{"roles": []string{"view", "staff"}}, "b": map[string]any{"roles": []string{"r1"}}, "c": map[string]any{"roles": []string{"r2"}}, "d": map[string]any{}},
		"scope":           "openid  email", "email": "alice@example.org", "email_verified": true, "n": 12,
		"groups": []string{"a", "<b>"}, "note": "one\r\ntwo", "nothing": nil,
	}
	roles := []string{"staff", "offline_access", "data", "view", "staff", "r1", "r2", "edit"}
	for name, c := range map[string]struct {
		claims map[string]any
		change func(*JWT)
		want   auth.User
	}{
		"as Keycloak has them": {keycloak, nil, auth.User{Name: "alice", Roles: roles, Scopes: map[string][]string{"here": {"openid", "email"}}}},
		"all claims": {keycloak, func(j *JWT) { j.All = true }, auth.User{
			Name: "alice", Roles: roles, Scopes: map[string][]string{"here": {"openid", "email"}},
			Attributes: map[string]string{
				"iss": issuer, "aud": "gatehouse", "exp": "946688400", "email": "alice@example.org", "email_verified": "true", "n": "12",
				"groups": `["a","<b>"]`, "note": "onetwo",
			},
		}},
		"some claims": {keycloak, func(j *JWT) {
			j.Attributes = map[string]string{"mail": "email", "first": "groups.0", "none": "nowhere"}
		}, auth.User{
			Name: "alice", Roles: roles, Scopes: map[string][]string{"here": {"openid", "email"}},
			Attributes: map[string]string{"mail": "alice@example.org", "first": "a"},
		}},
		"no preferred name":            {map[string]any{"preferred_username": nil}, nil, auth.User{Name: "4711"}},
		"a preferred name of no text":  {map[string]any{"preferred_username": 7}, nil, auth.User{}},
		"an empty preferred name":      {map[string]any{"preferred_username": ""}, nil, auth.User{}},
		"a name of our choice":         {map[string]any{"email": "a@b"}, func(j *JWT) { j.Username = "email" }, auth.User{Name: "a@b"}},
		"none of our choice":           {nil, func(j *JWT) { j.Username = "email" }, auth.User{}},
		"roles of our choice":          {map[string]any{"https://x.org/r.s": "admin", "groups": []string{"g"}}, func(j *JWT) { j.Roles = []string{"/https:~1~1x.org~1r.s", "groups"} }, auth.User{Name: "alice", Roles: []string{"admin", "g"}}},
		"no roles wanted":              {keycloak, func(j *JWT) { j.Roles, j.Scope = nil, "" }, auth.User{Name: "alice"}},
		"scopes as a list":             {map[string]any{"scp": []any{"a", "b", ""}}, func(j *JWT) { j.Scope = "scp" }, auth.User{Name: "alice", Scopes: map[string][]string{"here": {"a", "b"}}}},
		"a role that is no text":       {map[string]any{"entitlements": []any{"a", 1}}, nil, auth.User{Name: "alice", Roles: []string{"a", ""}}},
		"roles where there is no list": {map[string]any{"realm_access": "x", "resource_access": []any{1}}, nil, auth.User{Name: "alice"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := jwtBy()
			if c.change != nil {
				c.change(config)
			}
			inARealm(t, config, newIDP("one"), func(r *realm) {
				u := r.wantIn(name, token(r.t, "one", c.claims))
				if u.Record == "" || !u.Until.Equal(time.Now().Add(time.Hour)) {
					t.Errorf("got the record %q, until %s", u.Record, u.Until)
				}
				u.Record, u.Until = "", time.Time{}
				if c.want.Attributes == nil {
					c.want.Attributes = map[string]string{}
				}
				if !reflect.DeepEqual(u, c.want) {
					t.Errorf("got %+v, want %+v", u, c.want)
				}
			})
		})
	}
}

func TestTokensThatLetNobodyIn(t *testing.T) {
	plainHeader := map[string]any{"alg": "ES256", "kid": "one"}
	config := jwtBy(func(j *JWT) { j.MaxLifetime = 24 * time.Hour })
	inARealm(t, config, newIDP("one", "two"), func(r *realm) {
		now := time.Now().Unix()
		iat := map[string]any{"iat": now}
		good := token(t, "one", iat)
		r.wantIn("a good one", good)
		parts := strings.Split(good, ".")
		for name, text := range map[string]string{
			"of another issuer":       token(t, "one", map[string]any{"iat": now, "iss": "https://idp.example/"}),
			"without an issuer":       token(t, "one", map[string]any{"iat": now, "iss": nil}),
			"for another audience":    token(t, "one", map[string]any{"iat": now, "aud": []string{"them"}}),
			"for nobody":              token(t, "one", map[string]any{"iat": now, "aud": nil}),
			"that has expired":        token(t, "one", map[string]any{"iat": now - 100, "exp": now - 60}),
			"without an end":          token(t, "one", map[string]any{"iat": now, "exp": nil}),
			"of tomorrow":             token(t, "one", map[string]any{"iat": now, "nbf": now + 60}),
			"that lives too long":     token(t, "one", map[string]any{"iat": now, "exp": now + 90_000}),
			"of a stranger's key":     signedAs(t, "stranger", plainHeader, iat),
			"of another's kid":        signedAs(t, "two", plainHeader, iat),
			"without alg":             signedAs(t, "one", map[string]any{"kid": "one"}, iat),
			"of alg none":             signedAs(t, "one", map[string]any{"alg": "none", "kid": "one"}, iat),
			"unsigned, of alg none":   b64url(`{"alg":"none"}`) + "." + parts[1] + ".",
			"of HS256 by the key":     signedAs(t, "one", map[string]any{"alg": "HS256", "kid": "one"}, iat),
			"with a crit":             signedAs(t, "one", map[string]any{"alg": "ES256", "kid": "one", "crit": []string{"b64"}}, iat),
			"for a logout":            signedAs(t, "one", map[string]any{"alg": "ES256", "kid": "one", "typ": "logout+jwt"}, iat),
			"without a kid, two keys": signedAs(t, "one", map[string]any{"alg": "ES256"}, iat),
			"with other claims":       parts[0] + "." + b64url(`{"sub":"root"}`) + "." + parts[2],
			"with a line break":       good[:len(good)-4] + "\n" + good[len(good)-4:],
			"in five parts":           good + ".a.b",
		} {
			r.wantDenied(name, text)
		}
	})
}

// Seeds 3.1: RS512, no kid, and one key without a kid in the set.
func TestATokenAsGlobusIssuesIt(t *testing.T) {
	p := newIDP()
	p.keys = []map[string]any{publicJWK(signers()["rsa"].Public(), map[string]any{"alg": "RS512", "use": "sig"})}
	inARealm(t, jwtBy(), p, func(r *realm) {
		if u := r.wantIn("it", token(t, "rsa", map[string]any{"preferred_username": "kate@example.org"})); u.Name != "kate@example.org" {
			t.Errorf("got %q", u.Name)
		}
	})
}

// Where no key has a name, a signature that does not verify may be by a newer key. Strangers' cost one look, too.
func TestAKeyWithoutANameChanges(t *testing.T) {
	p := newIDP()
	nameless := func(kid string) []map[string]any { return []map[string]any{publicJWK(signers()[kid].Public(), nil)} }
	by := func(kid string) string { return signedAs(t, kid, map[string]any{"alg": "ES256"}, nil) }
	p.keys = nameless("one")
	inARealm(t, jwtBy(), p, func(r *realm) {
		old := by("one")
		r.wantIn("by the only key", old)
		time.Sleep(keysCooldown + time.Second)
		p.mu.Lock()
		p.keys = nameless("two")
		p.mu.Unlock()
		before := p.looks.Load()
		r.wantIn("by the next", by("two"))
		r.wantDenied("by the one before", old)
		for range 100 {
			r.wantDenied("by a stranger's", by("stranger"))
		}
		if n := p.looks.Load() - before; n != 1 {
			t.Errorf("%d looks", n)
		}
	})
}

func TestTokensByASharedSecret(t *testing.T) {
	const shared = "0123456789abcdef0123456789abcdef"
	hs := signedWith(t, shared, map[string]any{"alg": "HS256"})
	config := jwtBy(func(j *JWT) { j.CertURI, j.Secret = "", ptr(auth.Secret(shared)) })
	inARealm(t, config, newIDP("one"), func(r *realm) {
		if u := r.wantIn("the right secret", hs(nil)); u.Name != "alice" || u.Record != "" {
			t.Errorf("got %+v", u)
		}
		r.wantDenied("another secret", signedWith(t, shared+"!", map[string]any{"alg": "HS256"})(nil))
		r.wantDenied("another audience", hs(map[string]any{"aud": "x"}))
		r.wantDenied("a public key's", token(t, "one", nil))
		if n := r.idp.looks.Load(); n != 0 {
			t.Errorf("keys were asked for %d times", n)
		}
	})
}

// The gateway's own tokens are no credential, even where every issuer is taken.
func TestOurOwnTokensLetNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.OwnIssuer, w.HTTP = "gatehouse", inProcess(newIDP("one"))
	config := jwtBy(func(j *JWT) { j.Issuer, j.InsecureAnyIssuer = "", true })
	a := open(t, t.Context(), config, w.Env)
	for iss, in := range map[string]bool{"gatehouse": false, "anybody": true} {
		_, err := a.Authenticate(t.Context(), bearerJWTOf(token(t, "one", map[string]any{"iss": iss})))
		if in != (err == nil) || !isDecision(err) {
			t.Errorf("of %s: got %v", iss, err)
		}
	}
}

// auth-o-tron's section, which names neither: any issuer and audience are taken, and Check warns of it.
func TestASectionOfAuthOTronTakesWhatItTook(t *testing.T) {
	config := jwtBy(func(j *JWT) { j.Issuer, j.Audience = "", nil })
	inARealm(t, config, newIDP("one"), func(r *realm) {
		r.wantIn("another's", token(t, "one", map[string]any{"iss": "x", "aud": []string{"them"}}))
		r.wantIn("nobody's", token(t, "one", map[string]any{"iss": nil, "aud": nil, "scope": nil, "sub": nil})) // auth-o-tron wants scope and sub
		r.wantDenied("without an end", token(t, "one", map[string]any{"exp": nil}))
	})
}

// Keycloak's tokens say by the claim typ, Amazon Cognito's by token_use, what they are: the header says JWT of all.
func TestOnlyAnAccessTokenLetsIn(t *testing.T) {
	withID := jwtBy(func(j *JWT) { j.IDTokens = true })
	for name, row := range map[string]struct {
		config *JWT
		claims map[string]any
		in     bool
	}{
		"Keycloak's":                      {jwtBy(), map[string]any{"typ": "Bearer"}, true},
		"Cognito's":                       {jwtBy(), map[string]any{"token_use": "access"}, true},
		"an ID token":                     {jwtBy(), map[string]any{"typ": "ID"}, false},
		"a refresh token":                 {jwtBy(), map[string]any{"typ": "Refresh"}, false},
		"an offline token":                {jwtBy(), map[string]any{"typ": "Offline"}, false},
		"a logout token":                  {jwtBy(), map[string]any{"typ": "Logout"}, false},
		"Cognito's ID token":              {jwtBy(), map[string]any{"token_use": "id"}, false},
		"one that is bound to a key":      {jwtBy(), map[string]any{"cnf": map[string]any{"jkt": "a"}}, false},
		"a bound one, where IDs may":      {withID, map[string]any{"typ": "ID", "cnf": map[string]any{}}, false},
		"a use that is no text":           {jwtBy(), map[string]any{"token_use": []string{"access"}}, false},
		"an ID token, where they may":     {withID, map[string]any{"typ": "ID"}, true},
		"Cognito's, where they may":       {withID, map[string]any{"token_use": "id"}, true},
		"a refresh token, where IDs may":  {withID, map[string]any{"typ": "Refresh"}, false},
		"a refresh token by both, there":  {withID, map[string]any{"typ": "Refresh", "token_use": "id"}, false},
		"an access token, where IDs may":  {withID, map[string]any{"typ": "Bearer"}, true},
		"one that says nothing of itself": {jwtBy(), nil, true},
	} {
		inARealm(t, row.config, newIDP("one"), func(r *realm) {
			if row.in {
				r.wantIn(name, token(t, "one", row.claims))
			} else {
				r.wantDenied(name, token(t, "one", row.claims))
			}
		})
	}
}
