package provider

import (
	"errors"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

// An ownWorld takes the tokens of an issuer.
type ownWorld struct {
	*world
	t      *testing.T
	issuer *jwt.Issuer
	a      auth.Authenticator
}

func newOwnWorld(t *testing.T, realm string) *ownWorld {
	t.Helper()
	w := &ownWorld{world: newWorld(t), t: t}
	w.Realm = realm
	var err error
	w.issuer, err = jwt.New(jwt.Config{Issuer: "gate", Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", w.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.Own = func() *jwt.OwnVerifier {
		v, err := w.issuer.Verifier()
		if err != nil {
			t.Error(err)
		}
		return v
	}
	w.a = open(t, t.Context(), &JWT{AcceptOwnTokens: true}, w.Env)
	return w
}

func (w *ownWorld) token(realm string) auth.Credential {
	w.t.Helper()
	token, err := w.issuer.Issue(auth.User{Name: "alice", Realm: realm, Roles: []string{"staff"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return bearerJWTOf(token.Text)
}

func TestOwnTokensOfTheRealmLetIn(t *testing.T) {
	for _, row := range []struct {
		realm, token string
		in           bool
	}{
		{"local", "local", true},
		{"local", "LOCAL", true},
		{"local", "other", false},
		{"local", "", false},
		{"k", "\u212a", false}, // which Unicode folds to k
	} {
		w := newOwnWorld(t, row.realm)
		u, err := w.a.Authenticate(t.Context(), w.token(row.token))
		if row.in != (err == nil) || !row.in && !errors.Is(err, auth.ErrDenied) {
			t.Errorf("of %q at %q: %v", row.token, row.realm, err)
		}
		if row.in && (u.Name != "alice" || len(u.Roles) != 1 || !u.Until.Equal(w.Now().Truncate(time.Second).Add(time.Hour))) {
			t.Errorf("got %+v", u)
		}
	}
}

// Before a house is in force there is no decision, and what is no JWT is another's.
func TestOwnTokensBeforeThereIsAHouse(t *testing.T) {
	w := newOwnWorld(t, "local")
	good := w.token("local")
	if _, err := w.a.Authenticate(t.Context(), bearer("opaque")); !errors.Is(err, auth.ErrNotMine) {
		t.Errorf("an opaque one: %v", err)
	}
	w.Own = func() *jwt.OwnVerifier { return nil }
	if _, err := open(t, t.Context(), &JWT{AcceptOwnTokens: true}, w.Env).Authenticate(t.Context(), good); err == nil || isDecision(err) {
		t.Errorf("got %v", err)
	}
}

// Whatever says how the tokens of others are taken does not go with our own.
func TestOwnTokensStandAlone(t *testing.T) {
	secret := auth.Secret("0123456789abcdef0123456789abcdef")
	if got := conf.Collect((&JWT{Tokens: newTokens(), AcceptOwnTokens: true}).Check); len(got) > 0 {
		t.Errorf("alone: %v", got)
	}
	for key, change := range map[string]func(*JWT){
		"cert_uri": func(j *JWT) { j.CertURI = "https://idp.example/keys" }, "issuer": func(j *JWT) { j.Issuer = "gate" },
		"secret": func(j *JWT) { j.Secret = &secret }, "audience": func(j *JWT) { j.Audience = []string{"a"} },
		"insecure_any_issuer":   func(j *JWT) { j.InsecureAnyIssuer = true },
		"insecure_any_audience": func(j *JWT) { j.InsecureAnyAudience = true },
		"algorithms":            func(j *JWT) { j.Algorithms = []string{"HS256"} }, "leeway": func(j *JWT) { j.Leeway = time.Second },
		"max_lifetime": func(j *JWT) { j.MaxLifetime = time.Hour }, "refresh": func(j *JWT) { j.Refresh = time.Minute },
		"insecure_http": func(j *JWT) { j.InsecureHTTP = true }, "username_claim": func(j *JWT) { j.Username = "sub" },
		"roles_claims": func(j *JWT) { j.Roles = nil }, "scope_claim": func(j *JWT) { j.Scope = "" },
		"attributes": func(j *JWT) { j.Attributes = map[string]string{"a": "b"} }, "all_claims": func(j *JWT) { j.All = true },
	} {
		j := &JWT{Tokens: newTokens(), AcceptOwnTokens: true}
		change(j)
		if got := conf.Collect(j.Check); len(got) != 1 || got[0].Path != key {
			t.Errorf("%s: %v", key, got)
		}
	}
	e := Entry{Type: "jwt", StaleIfError: time.Minute, Config: &JWT{Tokens: newTokens(), AcceptOwnTokens: true}}
	if got := conf.Collect(func(r conf.Report) { e.CheckOwn(r, jwt.Config{}) }); len(got) != 2 {
		t.Errorf("without an issuer, and past its time: %v", got)
	}
}

// A token of ours lets in here, and leaves for nobody, whoever else takes JWTs.
func TestOurOwnTokensAreShownToNoService(t *testing.T) {
	for name, k := range trades {
		for iss, shown := range map[string]bool{"gate": false, "other": true} {
			w, server := newWorld(t), newAuthServer()
			w.HTTP, w.OwnIssuer = inProcess(server), "gate"
			server.access = token(t, "one", nil)
			a := open(t, t.Context(), k.config(issuer), w.Env)
			_, err := a.Authenticate(t.Context(), bearerJWTOf(token(t, "one", map[string]any{"iss": iss})))
			if shown != (len(server.asked) > 0) || !shown && !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s, of %s: asked %q, %v", name, iss, server.asked, err)
			}
		}
	}
}
