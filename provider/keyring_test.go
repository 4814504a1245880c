package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/jwt"
)

var errAborted = errors.New("aborted")

func TestANewKeyWorksAtOnce(t *testing.T) {
	inARealm(t, jwtBy(), newIDP("one"), func(r *realm) {
		r.wantIn("at first", token(t, "one", nil))
		time.Sleep(keysCooldown)
		r.idp.show("one", "two")
		r.wantIn("by the new key", token(t, "two", nil))
		r.wantIn("by the old key", token(t, "one", nil))
		if n := r.idp.looks.Load(); n != 2 {
			t.Errorf("%d looks", n)
		}
	})
}

// 1,000 tokens of unknown keys, at once and in turn, cost one look beside the first.
func TestUnknownKeysCostOneLook(t *testing.T) {
	inARealm(t, jwtBy(), newIDP("one"), func(r *realm) {
		r.wantIn("at first", token(t, "one", nil))
		time.Sleep(keysCooldown)
		var all sync.WaitGroup
		for i := range 1000 {
			text := signedAs(t, "stranger", map[string]any{"alg": "ES256", "kid": fmt.Sprint(i)}, nil)
			if i%2 == 0 {
				all.Go(func() { r.wantDenied("an unknown key", text) })
			} else {
				r.wantDenied("an unknown key", text)
			}
		}
		all.Wait()
		r.wantIn("meanwhile", token(t, "one", nil))
		if n := r.idp.looks.Load(); n > 2 {
			t.Errorf("%d looks", n)
		}
	})
}

func TestKeysAreAskedForEverySoOften(t *testing.T) {
	inARealm(t, jwtBy(func(j *JWT) { j.Refresh = time.Minute }), newIDP("one"), func(r *realm) {
		synctest.Wait()
		time.Sleep(10*time.Minute + time.Second)
		if n := r.idp.looks.Load(); n != 11 {
			t.Errorf("%d looks in ten minutes", n)
		}
	})
}

// Who came by a key that is gone is forgotten, nobody else, and nobody while all keys stay.
func TestARemovedKeyStopsWithinTheRefresh(t *testing.T) {
	inARealm(t, jwtBy(), newIDP("one", "two"), func(r *realm) {
		one, two := r.wantIn("at first", token(t, "one", nil)), r.wantIn("at first", token(t, "two", nil))
		one.Provider, two.Provider = "here", "here"
		r.idp.show("two", "one", "stranger")
		time.Sleep(6 * time.Minute)
		if r.forgets.Load() != nil {
			t.Error("all keys are there, and somebody is forgotten")
		}
		r.idp.show("two")
		time.Sleep(5*time.Minute + time.Second)
		r.wantDenied("by the removed key", token(t, "one", nil))
		r.wantIn("by the other", token(t, "two", nil))
		other := one
		other.Provider = "there"
		if forget := r.forgets.Swap(nil); forget == nil || !(*forget)(one) || (*forget)(two) || (*forget)(other) {
			t.Error("the wrong ones are forgotten")
		}
		r.idp.show()
		time.Sleep(5*time.Minute + time.Second)
		r.wantDenied("no keys at all", token(t, "two", nil))
		if forget := r.forgets.Load(); forget == nil || !(*forget)(two) {
			t.Error("who came by the last key is still known")
		}
	})
}

func TestAnIdentityProviderThatIsDownAtTheStart(t *testing.T) {
	p := newIDP("one")
	p.down()
	inARealm(t, jwtBy(), p, func(r *realm) {
		good := token(t, "one", nil)
		r.wantNoDecision("down", good)
		r.wantNoDecision("within the cooldown", good)
		synctest.Wait()
		if n := p.looks.Load(); n != 1 || r.metric(t, `gatehouse_keys_bad{provider_name="here"}`) != 1 {
			t.Errorf("%d looks", n)
		}
		p.show("one")
		time.Sleep(keysCooldown + time.Second)
		r.wantIn("it came by itself", good)
		if r.metric(t, `gatehouse_keys_bad{provider_name="here"}`) != 0 {
			t.Error("it is still bad")
		}
		if text := r.log.String(); strings.Count(text, "cannot be had") != 1 || strings.Count(text, "can be had again") != 1 {
			t.Errorf("the log has %s", text)
		}
	})
}

// Whatever a look brings that is no key set leaves the last good set, and no key that nobody published is taken. A
// token of an unknown key is then no decision: the newer keys may have it.
func TestFaultsLeaveTheLastGoodKeys(t *testing.T) {
	stranger := publicJWK(signers()["stranger"].Public(), map[string]any{"kid": "stranger"})
	set := strings.ReplaceAll(fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"stranger","x":%q,"y":%q}]}`, stranger["x"], stranger["y"]), "\n", "")
	says := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	for name, fault := range map[string]func(w http.ResponseWriter){
		"down":            func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"slow":            func(w http.ResponseWriter) { time.Sleep(2 * keysTimeout); says(200, set)(w) },
		"huge":            says(200, set+strings.Repeat(" ", jwt.MaxKeySet)),
		"garbage":         says(200, "\x00\xff<html>"),
		"nothing":         says(200, ""),
		"null":            says(200, "null"),
		"no list":         says(200, `{"keys":{}}`),
		"of another kind": says(200, `{"issuer":"x"}`),
		"twice the keys":  says(200, `{"keys":[],"keys":[]}`),
		"a secret":        says(200, `{"keys":[{"kty":"oct","k":"AAAA"}]}`),
		"cut off":         says(200, set[:len(set)-2]),
		"not found":       says(404, set),
		"broken":          says(500, set),
		"no content":      says(204, ""),
		"created":         says(201, set),
		"moved":           func(w http.ResponseWriter) { w.Header().Set("Location", keysURL); says(302, set)(w) },
		"later":           func(w http.ResponseWriter) { w.Header().Set("Retry-After", "9"); says(503, set)(w) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP("one")
			inARealm(t, jwtBy(), p, func(r *realm) {
				r.wantIn("at first", token(t, "one", nil))
				p.fail(fault)
				time.Sleep(5*time.Minute + 3*keysTimeout)
				r.wantIn("by the last good key", token(t, "one", nil))
				r.wantNoDecision("by another", token(t, "stranger", nil))
				if r.metric(t, `gatehouse_keys_bad{provider_name="here"}`) != 1 {
					t.Error("it is not shown")
				}
				p.show("two")
				time.Sleep(3 * keysTimeout)
				r.wantIn("by the new key", token(t, "two", nil))
				r.wantDenied("by the old one", token(t, "one", nil))
			})
		})
	}
}

func TestAPanicWhileKeysAreReadIsContained(t *testing.T) {
	inARealm(t, jwtBy(), newIDP("one"), func(r *realm) {
		r.wantIn("at first", token(t, "one", nil))
		r.idp.fail(func(http.ResponseWriter) { panic("oh") })
		time.Sleep(6 * time.Minute)
		r.wantIn("by the last good key", token(t, "one", nil))
		r.wantNoDecision("by the new key", token(t, "two", nil))
		if r.metric(t, "gatehouse_panics_total") == 0 {
			t.Error("it is not counted")
		}
		r.idp.show("two")
		time.Sleep(2 * keysCooldown)
		r.wantIn("by the new key", token(t, "two", nil))
	})
}

func TestDiscovery(t *testing.T) {
	discovered := jwtBy(func(j *JWT) { j.CertURI = "" })
	p := newIDP("one")
	inARealm(t, discovered, p, func(r *realm) {
		r.wantIn("by discovery", token(t, "one", nil))
		p.mu.Lock()
		p.issuer = issuer + "/"
		p.mu.Unlock()
		p.show("two")
		time.Sleep(6 * time.Minute)
		r.wantIn("of another issuer's document nothing is taken", token(t, "one", nil))
		r.wantNoDecision("nor a key", token(t, "two", nil))
	})
	for name, document := range map[string]string{
		"of another issuer":    `{"issuer":"https://idp.example.org","jwks_uri":"https://idp.example/keys"}`,
		"of no issuer":         `{"jwks_uri":"https://idp.example/keys"}`,
		"of no keys":           `{"issuer":"https://idp.example"}`,
		"of keys without TLS":  `{"issuer":"https://idp.example","jwks_uri":"http://idp.example/keys"}`,
		"of keys in a file":    `{"issuer":"https://idp.example","jwks_uri":"file:///keys"}`,
		"of keys at a path":    `{"issuer":"https://idp.example","jwks_uri":"/keys"}`,
		"of keys that are two": `{"issuer":"https://idp.example","jwks_uri":["https://idp.example/keys"]}`,
		"that is large":        `{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys"}` + strings.Repeat(" ", maxAnswer),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := newIDP("one")
				w.Now = time.Now
				w.HTTP = roundTrip(func(q *http.Request) (*http.Response, error) {
					if q.URL.Path == "/keys" {
						return inProcess(p)(q)
					}
					return response(200, document), nil
				})
				a := open(t, t.Context(), discovered, w.Env)
				if _, err := a.Authenticate(t.Context(), bearerJWTOf(token(t, "one", nil))); isDecision(err) || p.looks.Load() != 0 {
					t.Errorf("got %v after %d looks", err, p.looks.Load())
				}
			})
		})
	}
}

// A stranger's unknown kid, which anybody can write, must not make a good token of a newer key a wrong one.
func TestAStrangersTokenDeniesNoNewKey(t *testing.T) {
	inARealm(t, jwtBy(), newIDP("one"), func(r *realm) {
		r.wantIn("at first", token(t, "one", nil))
		time.Sleep(keysCooldown)
		junk := signedAs(t, "stranger", map[string]any{"alg": "ES256", "kid": "junk"}, nil)
		r.wantDenied("a stranger's", junk)
		time.Sleep(time.Second)
		r.idp.show("one", "two")
		_, err := r.ask(token(t, "two", nil))
		wantLater(t, err, keysCooldown-time.Second)
		if !errors.Is(err, auth.ErrUnasked) {
			t.Errorf("it is called an outage: %v", err)
		}
		time.Sleep(keysCooldown - time.Second)
		r.wantIn("once it may be looked at", token(t, "two", nil))
		time.Sleep(time.Second)
		r.wantDenied("what was looked for in vain", junk)
	})
}

// A reload opens a provider whose section has changed: while the identity provider is down it goes on with the keys
// that are there, if they are from the same place.
func TestAProviderThatIsOpenedAnewHasTheKeys(t *testing.T) {
	p := newIDP("one")
	inARealm(t, jwtBy(), p, func(r *realm) {
		ctx, end := context.WithCancel(r.t.Context())
		defer end()
		r.KeySets = NewKeySets()
		anew := func(change func(j *JWT)) { r.a = open(r.t, ctx, jwtBy(change), r.Env) }
		anew(func(*JWT) {})
		r.wantIn("at first", token(t, "one", nil))
		p.down()
		anew(func(j *JWT) { j.Attributes = map[string]string{"mail": "email"} })
		r.wantIn("another attribute", token(t, "one", nil))
		r.wantNoDecision("an unknown key", token(t, "two", nil))
		anew(func(j *JWT) { j.Audience = []string{"other"} })
		r.wantDenied("another audience", token(t, "one", map[string]any{"aud": "gatehouse"}))
		anew(func(j *JWT) { j.CertURI += "/" })
		r.wantNoDecision("another address", token(t, "one", nil))
		end()
		synctest.Wait()
		ctx = r.t.Context()
		anew(func(*JWT) {})
		r.wantNoDecision("once all are closed", token(t, "one", nil))
	})
}

// Nor does one with the very header that the good tokens have.
func TestAStrangersTokenWithTheSameHeaderDeniesNoNewKey(t *testing.T) {
	p := newIDP()
	show := func(kid string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.keys = []map[string]any{publicJWK(signers()[kid].Public(), nil)}
	}
	show("one")
	by := func(kid string) string { return signedAs(t, kid, map[string]any{"alg": "ES256"}, nil) }
	inARealm(t, jwtBy(), p, func(r *realm) {
		r.wantIn("at first", by("one"))
		time.Sleep(keysCooldown)
		forged := by("stranger")
		r.wantDenied("a stranger's", forged)
		r.wantDenied("again", forged)
		time.Sleep(time.Second)
		show("two")
		r.wantNoDecision("by the next key", by("two"))
		time.Sleep(keysCooldown)
		r.wantIn("once it may be looked at", by("two"))
	})
}

// A token of ours is refused whatever becomes of the identity provider's keys.
func TestATokenOfOursNeedsNoKeysToBeRefused(t *testing.T) {
	p := newIDP("one")
	p.down()
	inARealm(t, jwtBy(), p, func(r *realm) {
		r.OwnIssuer = "gate"
		r.a = open(r.t, r.t.Context(), jwtBy(), r.Env)
		r.wantDenied("ours", token(t, "one", map[string]any{"iss": "gate"}))
		r.wantNoDecision("theirs", token(t, "one", nil))
	})
}
