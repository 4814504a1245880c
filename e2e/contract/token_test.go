package contract_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// tokenRows are section 2.3.
var tokenRows = []row{
	{"2.3 Header {", "the header says JWT and HS256", same, headed(claims{"typ": "JWT", "alg": "HS256"})},
	{"2.3 Header {", "the header has a kid, which tells two secrets apart", "M41", headersKeys("alg", "kid", "typ")},
	{"2.3 Header {", "the key is the bytes of jwt.secret", same, func(t *testing.T, s *site) { tokenOf(t, s, alice) }},
	{"2.3 Claims in order", "the claims have auth-o-tron's names, types and order", same, signs(alice,
		`{"sub":"Local-alice","iss":"aot","exp":0,"iat":0,"roles":["operators","staff"],"username":"alice","scopes":{},"realm":"Local","attributes":{}}`)},
	{"2.3 Claims in order", "there is an empty list of roles where there are none", same, signs(basic("twin:first"),
		`{"sub":"Local-twin","iss":"aot","exp":0,"iat":0,"roles":[],"username":"twin","scopes":{},"realm":"Local","attributes":{}}`)},
	{"2.3 Claims in order", "attributes are strings", same, signs(good,
		`{"sub":"ecmwf-kate","iss":"aot","exp":0,"iat":0,"roles":[],"username":"kate","scopes":{},"realm":"ecmwf","attributes":{"ecmwf-email":"kate@example.org"}}`)},
	{"2.3 Claims in order", "JSON escapes the signs of HTML in claims too", "M65", signs(basic("R&D:seven"),
		`{"sub":"Local-R\u0026D","iss":"aot","exp":0,"iat":0,"roles":[],"username":"R\u0026D","scopes":{},"realm":"Local","attributes":{}}`)},
	{"2.3 Claims in order", "scopes are lists by the provider's name", same, scopesAreLists},
	{"2.3 No aud", "jwt.aud is not issued, nor are nbf and jti", same, hasNone("aud", "nbf", "jti")},
	{"2.3 No aud", "jwt.issue_aud issues it", "M44", issuesAud},
	{"2.3 exp = min", "a token ends jwt.exp after it began", same, lives(alice, 3600)},
	{"2.3 exp = min", "the attribute exp ends it earlier", same, endsWithItsGrounds},
	{"2.3 exp = min", "an attribute exp that is later changes nothing", same, lives(basic("max:six"), 3600)},
	{"2.3 exp = min", "who ended already is 401, and gets no dead token", "M42", ask(get, basic("late:five")).gets(401, unauthorized, "!Authorization")},
	{"2.3 Consumer rules", "authotron-client takes what comes: a yes, by HS256, with all that it reads", same, func(t *testing.T, s *site) {
		who, err := clientOf(ask(get, otherAlice).put(t, s), time.Now())
		if want := (consumed{"alice", `the "other"`, []string{"default"}, map[string]string{}}); err != nil || !reflect.DeepEqual(who, want) {
			t.Errorf("got %v %v, want %v", who, err, want)
		}
		who, err = clientOf(ask(get, good).put(t, s), time.Now())
		if want := (consumed{"kate", "ecmwf", []string{"default"}, map[string]string{"ecmwf-email": "kate@example.org"}}); err != nil || !reflect.DeepEqual(who, want) {
			t.Errorf("got %v %v, want %v", who, err, want)
		}
	}},
	{"2.3 Consumer rules", "authotron-client takes no for one, with its challenge", same, func(t *testing.T, s *site) {
		for _, q := range []question{ask(get), ask(get, wrong), ask(get, "Authorization: x")} {
			if _, err := clientOf(q.put(t, s), time.Now()); err == nil || err.Error() != challenges {
				t.Errorf("%q: got %v", q.header, err)
			}
		}
	}},
	{"2.3 Consumer rules", "a Bearer of what authotron-client made of an EmailKey is the same user", same, all(ask(get, good).lets("kate", "ecmwf"))},
	{"2.3 Consumer rules", "what authotron-client keeps for 60 s is a token that lives longer", same, func(t *testing.T, s *site) {
		if _, err := clientOf(ask(get, alice).put(t, s), time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	}},
	{"", "a header block over server.max_header_bytes loses its attributes, or is 403", "M40", heldBy(".", "TestScenarios")},
}

// A consumed is what authotron-client makes of a yes.
type consumed struct {
	username, realm string
	roles           []string
	attributes      map[string]string
}

// clientOf reads an answer as authotron-client does. It is not its code.
func clientOf(a answer, now time.Time) (consumed, error) {
	if a.status/100 != 2 {
		return consumed{}, errors.New(a.header.Get("WWW-Authenticate"))
	}
	token, ok := strings.CutPrefix(a.header.Get("Authorization"), "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return consumed{}, fmt.Errorf("no token in %q", a.header)
	}
	if !isSignedBy(token, key) {
		return consumed{}, errors.New("the signature is not by HS256 and the secret")
	}
	var c struct {
		Sub, Iss, Username, Realm *string
		Exp, Iat                  *int64
		Roles                     *[]string
		Scopes                    *map[string][]string
		Attributes                *map[string]any
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(text, &c) != nil {
		return consumed{}, fmt.Errorf("the claims are not of their types: %s", text)
	}
	if c.Sub == nil || c.Iss == nil || c.Username == nil || c.Realm == nil || c.Exp == nil || c.Iat == nil || c.Roles == nil || c.Scopes == nil || c.Attributes == nil {
		return consumed{}, errors.New("a claim is missing")
	}
	if *c.Exp+5 < now.Unix() {
		return consumed{}, errors.New("the token has ended")
	}
	who := consumed{*c.Username, *c.Realm, append(*c.Roles, "default"), map[string]string{}}
	for name, value := range *c.Attributes {
		who.attributes[name] = fmt.Sprint(value)
	}
	return who, nil
}

// isSignedBy reports whether a token is HS256 by a secret's bytes.
func isSignedBy(token, secret string) bool {
	last := strings.LastIndexByte(token, '.')
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token[:last]))
	return b64(mac.Sum(nil)) == token[last+1:]
}

// tokenOf is the token that a credential gets, taken apart: it is by HS256 and the secret.
func tokenOf(t *testing.T, s *site, header ...string) (head, body string) {
	t.Helper()
	a := ask(get, header...).put(t, s)
	if _, err := clientOf(a, time.Now()); err != nil {
		t.Fatalf("%q: %d: %v", header, a.status, err)
	}
	parts := strings.Split(strings.TrimPrefix(a.header.Get("Authorization"), "Bearer "), ".")
	var texts [2][]byte
	for i := range texts {
		texts[i], _ = base64.RawURLEncoding.DecodeString(parts[i]) // clientOf has read them
	}
	return string(texts[0]), string(texts[1])
}

func claimsOf(t *testing.T, s *site, header ...string) (c claims) {
	t.Helper()
	_, body := tokenOf(t, s, header...)
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func headOf(t *testing.T, s *site) (c claims) {
	t.Helper()
	head, _ := tokenOf(t, s, alice)
	if err := json.Unmarshal([]byte(head), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func headed(want claims) check {
	return func(t *testing.T, s *site) {
		got := headOf(t, s)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: got %v, want %v", name, got[name], value)
			}
		}
	}
}

func headersKeys(want ...string) check {
	return func(t *testing.T, s *site) {
		var got []string
		for name := range headOf(t, s) {
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the header has %q, want %q", got, want)
		}
	}
}

// times are the claims exp and iat in the text of a token.
var times = regexp.MustCompile(`"(exp|iat)":\d+`)

// signs wants the claims as they are written, with 0 for the two times.
func signs(credential, want string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		_, body := tokenOf(t, s, credential)
		if got := times.ReplaceAllString(body, `"$1":0`); got != want {
			t.Errorf("claims\n%s, want\n%s", got, want)
		}
	}
}

func hasNone(names ...string) check {
	return func(t *testing.T, s *site) {
		c := claimsOf(t, s, alice)
		for _, name := range names {
			if _, ok := c[name]; ok {
				t.Errorf("there is a claim %s: %v", name, c)
			}
		}
	}
}

func issuesAud(t *testing.T, s *site) {
	d := withUsers(document2()).with(`jwt: { iss: aot, exp: 3600, secret: ` + key + `, aud: all, issue_aud: true }`)
	if c := claimsOf(t, start(t, s.services, d.String()), basic("bob:pw")); c["aud"] != "all" {
		t.Errorf("claims %v", c)
	}
}

// lives wants a token of so many seconds that began during the test.
func lives(credential string, seconds float64) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		c := claimsOf(t, s, credential)
		exp, iat := c["exp"].(float64), c["iat"].(float64)
		if exp-iat != seconds || math.Abs(float64(time.Now().Unix())-iat) > 600 {
			t.Errorf("iat %v, exp %v", iat, exp)
		}
	}
}

func endsWithItsGrounds(t *testing.T, s *site) {
	end := time.Now().Add(20 * time.Minute).Unix()
	c := claimsOf(t, s, "Authorization: Bearer "+s.services.token(t, nil, claims{"exp": end}), "X-Auth-Realm: every")
	if c["exp"] != float64(end) || c["attributes"].(map[string]any)["exp"] != fmt.Sprint(end) {
		t.Errorf("want exp %d in %v", end, c)
	}
}

func scopesAreLists(t *testing.T, s *site) {
	c := claimsOf(t, s, "Authorization: Bearer "+s.services.token(t, nil, nil), "X-Auth-Realm: tokens")
	if want := map[string]any{"tokens": []any{"openid", "profile"}}; !reflect.DeepEqual(c["scopes"], want) {
		t.Errorf("scopes %v, want %v", c["scopes"], want)
	}
}
