package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/e2e/ldap"
	"gatehouse/e2e/pki"
)

// A specimen is one section of a kind with a back end that works.
type specimen struct {
	config      Config
	good, wrong auth.Credential
	others      []auth.Form // that it takes beside good's
	secrets     []string    // that stand in config.yaml or in the back end
	// kill makes the back end dead; dead then returns the credential's owner as seen by a provider that
	// has noticed. Both are nil for a kind without a back end.
	kill func(t *testing.T, opened auth.Authenticator)
}

const (
	canary      = "canary/7f3a+Rw=" // the secret of a good credential
	wrongCanary = "canary/0b9c+Zx=" // the secret of a wrong one
)

// specimens has one entry for each of kinds.
var specimens = map[string]func(t *testing.T) specimen{
	"plain": func(*testing.T) specimen {
		return specimen{
			config: &Plain{Users: []PlainUser{
				{Username: "alice", Password: ptr(auth.Secret(canary)), Roles: []string{"staff"}},
				{Username: "bob", PasswordHash: ptr(auth.Secret(firstBcrypt))},
			}},
			good: basic("alice", canary), wrong: basic("alice", wrongCanary), secrets: []string{firstBcrypt},
		}
	},
	"htpasswd": func(t *testing.T) specimen {
		file := filepath.Join(t.TempDir(), "users")
		writeFile(t, file, "alice:{PLAIN}"+canary+"\nbob:"+firstBcrypt+"\nbroken:$2y$99$"+firstBcrypt[7:]+"\n")
		return specimen{
			config: &Htpasswd{File: file, WeakHashes: true},
			good:   basic("alice", canary), wrong: basic("alice", wrongCanary), secrets: []string{firstBcrypt, firstBcrypt[7:]},
			kill: func(t *testing.T, opened auth.Authenticator) {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				watchGone(t, opened.(*htpasswd))
			},
		}
	},
	"http": func(t *testing.T) specimen {
		service := newWhoAmI(t)
		c := newHTTP()
		c.URL, c.User = service.URL+"/me?api=1", "uid"
		return remoteSpecimen(c, service)
	},
	"jwt": func(t *testing.T) specimen {
		provider := newIDP("one")
		service := httptest.NewServer(provider)
		t.Cleanup(service.Close)
		good, wrong := token(t, "one", nil), signedAs(t, "two", map[string]any{"alg": "ES256", "kid": "one"}, nil)
		return specimen{
			config: jwtBy(func(j *JWT) { j.CertURI = service.URL + "/keys" }),
			good:   bearerJWTOf(good), wrong: bearerJWTOf(wrong), secrets: []string{good, wrong},
			kill: func(_ *testing.T, opened auth.Authenticator) {
				service.Close()
				loseKeys(opened.(*bearerJWT).keys)
			},
		}
	},
	"introspection": func(t *testing.T) specimen {
		server := newAuthServer()
		service := httptest.NewServer(server)
		t.Cleanup(service.Close)
		s := remoteSpecimen(introspectionAt(service.URL), service)
		s.secrets = []string{clientSecret}
		return s
	},
	"openid-offline": func(t *testing.T) specimen {
		return tradeSpecimen(t, bearerJWTOf, func(url string) Config { return offlineAt(url) })
	},
	"ecmwf-token-generator": func(t *testing.T) specimen {
		s := tradeSpecimen(t, bearerJWTOf, func(url string) Config { return generatorAt(url) })
		s.others = []auth.Form{auth.Opaque}
		return s
	},
	"efas-api": func(t *testing.T) specimen {
		service := newWhoAmI(t)
		e := newEFAS()
		e.URI = service.URL + "/key?v=2"
		return remoteSpecimen(e, service)
	},
	"ecmwf-api": func(t *testing.T) specimen {
		service := newWhoAmI(t)
		return remoteSpecimen(ecmwfAt(service.URL+"/v1/"), service)
	},
	"mtls": func(t *testing.T) specimen {
		ca := pki.New(t, "clients")
		return specimen{
			config: mtlsBy(t, "cn", ca), good: certified(ca.Client(t, "alice")), wrong: certified(pki.New(t, "clients").Client(t, "alice")),
		}
	},
	"ldap": func(t *testing.T) specimen {
		directory := ldap.NewFake(t, knowsAlice)
		return specimen{
			config: atFake(directory), good: basic("alice", canary), wrong: basic("alice", wrongCanary), secrets: []string{ldap.GatePassword},
			kill: func(*testing.T, auth.Authenticator) { directory.Stop() },
		}
	},
}

func remoteSpecimen(c Config, service *httptest.Server) specimen {
	return specimen{
		config: c, good: bearer(canary), wrong: bearer(wrongCanary),
		kill: func(*testing.T, auth.Authenticator) { service.Close() },
	}
}

func tradeSpecimen(t *testing.T, as func(string) auth.Credential, at func(url string) Config) specimen {
	server := newAuthServer()
	server.access = token(t, "one", nil)
	service := httptest.NewServer(server)
	t.Cleanup(service.Close)
	return specimen{
		config: at(service.URL), good: as(canary), wrong: as(wrongCanary), secrets: []string{clientSecret, server.access},
		kill: func(*testing.T, auth.Authenticator) { service.Close() },
	}
}

// newWhoAmI says that canary is alice's, wherever a question carries it.
func newWhoAmI(t *testing.T) *httptest.Server {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if key == "" {
			key = r.URL.Query().Get("token")
		}
		if key != canary {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "no user has the key %s", key)
			return
		}
		fmt.Fprint(w, `{"uid":"alice","username":"alice","email":"alice@example.org"}`)
	}))
	t.Cleanup(service.Close)
	return service
}

// watchGone lets the provider see, by a clock of its own, that its file has been gone for long.
func watchGone(t *testing.T, a *htpasswd) {
	t.Helper()
	w := &follower{of: a}
	w.taken = unread
	now := a.env.Now()
	w.step(now)
	w.step(now.Add(meant))
}

// loseKeys makes a provider one that was opened while its identity provider is down.
func loseKeys(k *keyring) {
	_ = k.look(context.Background()) // what is under way may bring keys
	k.current.Store(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = time.Time{}
}

// eachKind runs a test for every kind, and fails for a kind that has no specimen.
func eachKind(t *testing.T, test func(t *testing.T, s specimen)) {
	for name := range kinds {
		make, ok := specimens[name]
		if !ok {
			t.Errorf("kind %s has no specimen: add one", name)
			continue
		}
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	for name := range specimens {
		if _, ok := kinds[name]; !ok {
			t.Errorf("specimen %s is of no kind", name)
		}
	}
}

func TestEveryKindKnowsItsUserAndDeniesAWrongSecret(t *testing.T) {
	eachKind(t, func(t *testing.T, s specimen) {
		a := open(t, t.Context(), s.config, newWorld(t).Env)
		if u, err := a.Authenticate(t.Context(), s.good); err != nil || u.Name != "alice" {
			t.Errorf("the right secret: got %q, %v", u.Name, err)
		}
		if u, err := a.Authenticate(t.Context(), s.wrong); !errors.Is(err, auth.ErrDenied) || u.Name != "" {
			t.Errorf("a wrong secret: got %q, %v", u.Name, err)
		}
	})
}

func TestEveryKindLeavesOtherCredentialsAlone(t *testing.T) {
	forms := []auth.Form{0, auth.Password, auth.StoredToken, auth.JWT, auth.Opaque, auth.Certificate}
	eachKind(t, func(t *testing.T, s specimen) {
		a := open(t, t.Context(), s.config, newWorld(t).Env)
		if s.kill != nil {
			s.kill(t, a) // it must not even be asked
		}
		for _, form := range forms {
			if form == s.good.Form || slices.Contains(s.others, form) {
				continue
			}
			c := s.good
			c.Form = form
			if u, err := a.Authenticate(t.Context(), c); !errors.Is(err, auth.ErrNotMine) || u.Name != "" {
				t.Errorf("form %d: got %q, %v", form, u.Name, err)
			}
		}
	})
}

func TestAKindIsShownTheFormsThatItTakes(t *testing.T) {
	for name, k := range kinds {
		s := specimens[name](t)
		if takes := append([]auth.Form{s.good.Form}, s.others...); k.scheme != s.good.Scheme || !slices.Equal(k.forms, takes) {
			t.Errorf("%s is shown %s %v, and takes %s %v", name, k.scheme, k.forms, s.good.Scheme, takes)
		}
	}
}

func TestADeadBackEndIsNoDecision(t *testing.T) {
	eachKind(t, func(t *testing.T, s specimen) {
		if s.kill == nil {
			t.Skip("has no back end")
		}
		w := newWorld(t)
		a := open(t, t.Context(), s.config, w.Env)
		s.kill(t, a)
		for _, c := range []auth.Credential{s.good, s.wrong} {
			if u, err := a.Authenticate(t.Context(), c); isDecision(err) || u.Name != "" {
				t.Errorf("got %q, %v", u.Name, err)
			}
		}
	})
}

func TestAnEndedQuestionIsNoDecision(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	eachKind(t, func(t *testing.T, s specimen) {
		a := open(t, t.Context(), s.config, newWorld(t).Env)
		if _, err := a.Authenticate(ended, s.wrong); isDecision(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNoSecretIsShown(t *testing.T) {
	eachKind(t, func(t *testing.T, s specimen) {
		w := newWorld(t)
		said := []string{}
		say := func(v any) { said = append(said, fmt.Sprintf("%v|%+v|%#v", v, v, v)) }
		for _, f := range conf.Collect(s.config.Check) {
			say(f)
		}
		if c, ok := s.config.(interface{ Inspect(conf.Report) }); ok {
			for _, f := range conf.Collect(c.Inspect) {
				say(f)
			}
		}
		if p, ok := s.config.(*Plain); ok { // what a fault of the section, or a dump of it, would print
			say(*p)
			for _, u := range p.Users {
				say(u)
			}
		}
		a := open(t, t.Context(), s.config, w.Env)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		ask := func() {
			for _, c := range []auth.Credential{s.good, s.wrong, {Form: auth.JWT, Secret: canary}} {
				for _, ctx := range []context.Context{t.Context(), ended} {
					u, err := a.Authenticate(ctx, c)
					say(u)
					say(err)
				}
			}
		}
		ask()
		if s.kill != nil {
			s.kill(t, a)
			ask()
		}
		said = append(said, w.log.String(), w.metrics())
		for _, text := range said {
			for _, secret := range append(s.secrets, canary, wrongCanary) {
				if shows(text, secret) {
					t.Errorf("shows %s: %s", secret, text)
				}
			}
		}
	})
}

func TestOpenWithAnEndedContextLeavesNothingBehind(t *testing.T) {
	eachKind(t, func(t *testing.T, s specimen) {
		w := newWorld(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		before := runtime.NumGoroutine()
		for range 20 {
			open(t, ended, s.config, w.Env)
		}
		until(t, "goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
	})
}

func TestEveryKindServesManyAtOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, s specimen) {
		a := open(t, t.Context(), s.config, newWorld(t).Env)
		var all sync.WaitGroup
		for i := range 48 {
			all.Go(func() {
				c, other := s.good, s.good
				if i%2 == 1 {
					c = s.wrong
				}
				other.Form = auth.StoredToken
				for range 5 {
					u, err := a.Authenticate(t.Context(), c)
					if (i%2 == 0) != (err == nil && u.Name == "alice") || (i%2 == 1) != errors.Is(err, auth.ErrDenied) {
						t.Errorf("caller %d got %q, %v", i, u.Name, err)
					}
					if _, err := a.Authenticate(t.Context(), other); !errors.Is(err, auth.ErrNotMine) {
						t.Errorf("caller %d got %v", i, err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestAnEntryOffersItsKinds(t *testing.T) {
	var e Entry
	config, names := e.Variant("htpasswd")
	if _, ok := config.(*Htpasswd); !ok || len(names) != len(kinds) {
		t.Errorf("got %T, %v", config, names)
	}
	if config, names := e.Variant("ldpa"); config != nil || len(names) != len(kinds) {
		t.Errorf("got %v, %v", config, names)
	}
	e.Type = "http"
	if e.Scheme() != auth.Bearer || len(e.Forms()) != 1 || e.Forms()[0] != auth.Opaque {
		t.Errorf("got %s, %v", e.Scheme(), e.Forms())
	}
}
