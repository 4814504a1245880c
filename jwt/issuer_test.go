package jwt_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/auth"
	"gatehouse/jwt"
)

const secret auth.Secret = "0123456789abcdef0123456789abcdef"

// second is the injected clock's start: a whole second.
var second = time.Unix(1_800_000_000, 0)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func newIssuer(t *testing.T, c jwt.Config, aud bool, key auth.Secret, now time.Time) *jwt.Issuer {
	t.Helper()
	issuer, err := jwt.New(c, aud, key, at(now))
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func issue(t *testing.T, issuer *jwt.Issuer, u auth.User) string {
	t.Helper()
	token, err := issuer.Issue(u)
	if err != nil {
		t.Fatal(err)
	}
	return token.Text
}

// parts are a token's three, each decoded strictly.
func parts(t *testing.T, token string) (header, payload, signature string) {
	t.Helper()
	encoded := strings.Split(token, ".")
	if len(encoded) != 3 {
		t.Fatalf("%s has %d parts", token, len(encoded))
	}
	decoded := make([]string, 3)
	for i, part := range encoded {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		decoded[i] = string(b)
	}
	return decoded[0], decoded[1], decoded[2]
}

func alice() auth.User {
	return auth.User{
		Realm: "ecmwf", Name: "alice", Roles: []string{"z", "a", "z"}, Provider: "local",
		Attributes: map[string]string{"n": "1", "email": "alice@example.org"},
		Scopes:     map[string][]string{"openid": {"write", "read"}},
	}
}

var hour = jwt.Config{Issuer: "gatehouse", Audience: "backend", Lifetime: jwt.Seconds(time.Hour)}

// The texts are those of auth-o-tron 0.3.7: names, order and types.
func TestPayload(t *testing.T) {
	const times = `"exp":1800003600,"iat":1800000000`
	bare := auth.User{Realm: "r", Name: "n"}
	for name, row := range map[string]struct {
		user  auth.User
		aud   bool
		issue func(*jwt.Issuer, auth.User) (jwt.Token, error)
		want  string
	}{
		"all of a user": {alice(), false, (*jwt.Issuer).Issue, `{"sub":"ecmwf-alice","iss":"gatehouse",` + times +
			`,"roles":["z","a","z"],"username":"alice","scopes":{"openid":["write","read"]},"realm":"ecmwf","attributes":{"email":"alice@example.org","n":"1"}}`},
		"nothing is an empty list or object": {bare, false, (*jwt.Issuer).Issue, `{"sub":"r-n","iss":"gatehouse",` + times +
			`,"roles":[],"username":"n","scopes":{},"realm":"r","attributes":{}}`},
		"an audience only where it is asked for": {bare, true, (*jwt.Issuer).Issue, `{"sub":"r-n","iss":"gatehouse",` + times +
			`,"roles":[],"username":"n","scopes":{},"realm":"r","attributes":{},"aud":"backend"}`},
		"without attributes, and it says so": {alice(), false, (*jwt.Issuer).IssueWithoutAttributes, `{"sub":"ecmwf-alice","iss":"gatehouse",` + times +
			`,"roles":["z","a","z"],"username":"alice","scopes":{"openid":["write","read"]},"realm":"ecmwf","attributes":{},"attributes_dropped":true}`},
		"a provider without scopes": {
			auth.User{Realm: "r", Name: "n", Scopes: map[string][]string{"p": nil}},
			false, (*jwt.Issuer).Issue,
			`{"sub":"r-n","iss":"gatehouse",` + times + `,"roles":[],"username":"n","scopes":{"p":[]},"realm":"r","attributes":{}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newIssuer(t, hour, row.aud, secret, second)
			token, err := row.issue(issuer, row.user)
			if err != nil {
				t.Fatal(err)
			}
			if _, got, _ := parts(t, token.Text); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestIssueLeavesTheUserAsItIs(t *testing.T) {
	issuer := newIssuer(t, hour, true, secret, second)
	u := alice()
	u.Scopes["none"] = nil
	want := alice()
	want.Scopes["none"] = nil
	issue(t, issuer, u)
	if _, err := issuer.IssueWithoutAttributes(u); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("got %+v", u)
	}
}

func TestTheHeaderNamesTypeAlgorithmAndKey(t *testing.T) {
	header, _, _ := parts(t, issue(t, newIssuer(t, hour, false, secret, second), alice()))
	var got map[string]any
	if err := json.Unmarshal([]byte(header), &got); err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"alg", "kid", "typ"}) {
		t.Errorf("got %v", names)
	}
	if got["typ"] != "JWT" || got["alg"] != "HS256" {
		t.Errorf("got %v", got)
	}
	if kid, ok := got["kid"].(string); !ok || len(kid) < 8 {
		t.Errorf("kid is %v", got["kid"])
	}
}

func TestASignatureVerifies(t *testing.T) {
	token := issue(t, newIssuer(t, hour, false, secret, second), alice())
	key := func(with string) josejwt.Keyfunc {
		return func(*josejwt.Token) (any, error) { return []byte(with), nil }
	}
	options := []josejwt.ParserOption{
		josejwt.WithValidMethods([]string{"HS256"}), josejwt.WithStrictDecoding(), josejwt.WithExpirationRequired(),
		josejwt.WithIssuedAt(), josejwt.WithIssuer("gatehouse"), josejwt.WithTimeFunc(at(second.Add(time.Minute))),
	}
	if _, err := josejwt.Parse(token, key(string(secret)), options...); err != nil {
		t.Error(err)
	}
	if _, err := josejwt.Parse(token, key(string(secret)+"x"), options...); !errors.Is(err, josejwt.ErrTokenSignatureInvalid) {
		t.Errorf("with another secret: %v", err)
	}
	header, payload, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(payload, ".")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(header + "." + payload))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); signature != want {
		t.Errorf("got the signature %s, RFC 2104 gives %s", signature, want)
	}
}

func kid(t *testing.T, key auth.Secret) string {
	t.Helper()
	var got struct{ Kid string }
	header, _, _ := parts(t, issue(t, newIssuer(t, hour, false, key, second), alice()))
	if err := json.Unmarshal([]byte(header), &got); err != nil {
		t.Fatal(err)
	}
	return got.Kid
}

func TestAKeyIDTellsSecretsApart(t *testing.T) {
	seen := map[string]auth.Secret{}
	for _, key := range []auth.Secret{
		"a", "b", "aa", secret, secret + "x", secret[1:], "0123456789abcdef0123456789abcdeF",
		auth.Secret(strings.Repeat("k", 64)), auth.Secret(strings.Repeat("k", 200)), "\x00\xff",
	} {
		id := kid(t, key)
		if id != kid(t, auth.Secret(strings.Clone(string(key)))) {
			t.Errorf("%q has two key ids", string(key))
		}
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q have one key id", string(key), string(other))
		}
		seen[id] = key
	}
}

// A hash of the secret that others compute too, such as for another use of it, must not be read off a
// token.
func TestAKeyIDIsNoHashOfTheSecret(t *testing.T) {
	mac := func(key, text string) []byte {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	for _, key := range []string{string(secret), "short", strings.Repeat("long", 50)} {
		s256, s1, m5, s512 := sha256.Sum256([]byte(key)), sha1.Sum([]byte(key)), md5.Sum([]byte(key)), sha512.Sum512([]byte(key))
		twice := sha256.Sum256(s256[:])
		traces := map[string][]byte{
			"itself": []byte(key), "SHA-256": s256[:], "SHA-1": s1[:], "MD5": m5[:], "SHA-512": s512[:],
			"SHA-256 twice": twice[:], "an HMAC with no key": mac("", key), "an HMAC of nothing": mac(key, ""),
			"an HMAC of kid": mac(key, "kid"), "an HMAC of itself": mac(key, key),
		}
		id := kid(t, auth.Secret(key))
		for name, trace := range traces {
			for _, text := range []string{
				string(trace), hex.EncodeToString(trace), base64.StdEncoding.EncodeToString(trace), base64.RawURLEncoding.EncodeToString(trace),
			} {
				if strings.HasPrefix(text, id[:4]) || strings.Contains(id, text[:4]) {
					t.Errorf("the key id %s of %q begins like %s, %s", id, key, name, text)
				}
			}
		}
	}
}

func TestATokenNeverHoldsTheSecret(t *testing.T) {
	for _, key := range []auth.Secret{secret, "a-secret-in-base64url-looks-like-this", "\x80\x81\x82\x83\x84\x85\x86\x87\x88"} {
		token := issue(t, newIssuer(t, hour, true, key, second), alice())
		header, payload, signature := parts(t, token)
		all := token + "\n" + header + "\n" + payload + "\n" + signature + "\n" + hex.EncodeToString([]byte(signature))
		raw := []byte(key)
		for _, text := range []string{
			string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), base64.RawStdEncoding.EncodeToString(raw),
			base64.RawURLEncoding.EncodeToString(raw),
		} {
			if strings.Contains(all, text[:8]) {
				t.Errorf("%q is in %s", text, all)
			}
		}
		for _, err := range []error{errOf(newIssuer(t, hour, true, key, second).Issue(dead())), errOf(jwt.New(hour, true, "", time.Now))} {
			if err == nil || strings.Contains(err.Error(), string(raw)) {
				t.Errorf("got %v", err)
			}
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func dead() auth.User {
	u := alice()
	u.Until = second
	return u
}

func TestExpiry(t *testing.T) {
	const (
		ms      = time.Millisecond
		expired = 0
	)
	for name, row := range map[string]struct {
		now, lifetime, until time.Duration // now and until from the whole second; until 0 is none
		want                 int64         // seconds from the whole second
	}{
		"the lifetime alone":                            {0, time.Hour, 0, 3600},
		"a limit of the user's before it":               {0, time.Hour, time.Minute, 60},
		"a limit of the user's after it":                {0, time.Hour, 2 * time.Hour, 3600},
		"both at once":                                  {0, time.Hour, time.Hour, 3600},
		"the end is never rounded up":                   {900 * ms, time.Second, 0, 1},
		"nor is the user's":                             {0, time.Hour, 1999 * ms, 1},
		"half a second that crosses a whole one":        {900 * ms, time.Hour, 1100 * ms, 1},
		"half a second within one is none at all":       {100 * ms, time.Hour, 900 * ms, expired},
		"a limit that is now":                           {0, time.Hour, 1, expired}, // a nanosecond after the whole second
		"a limit at this very moment":                   {500 * ms, time.Hour, 500 * ms, expired},
		"a limit that has just passed":                  {500 * ms, time.Hour, 400 * ms, expired},
		"a limit passed in the second before":           {500 * ms, time.Hour, -100 * ms, expired},
		"a limit long ago":                              {0, time.Hour, -10 * 365 * 24 * time.Hour, expired},
		"one second left":                               {0, time.Hour, time.Second, 1},
		"a millisecond more than what is left of a one": {1, time.Hour, time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := hour
			c.Lifetime = jwt.Seconds(row.lifetime)
			issuer := newIssuer(t, c, false, secret, second.Add(row.now))
			u := alice()
			if row.until != 0 {
				u.Until = second.Add(row.until)
			}
			for name, issue := range map[string]func(auth.User) (jwt.Token, error){
				"with": issuer.Issue, "without": issuer.IssueWithoutAttributes,
			} {
				checkExpiry(t, name, row.want, issue, u)
			}
		})
	}
}

func checkExpiry(t *testing.T, name string, want int64, issue func(auth.User) (jwt.Token, error), u auth.User) {
	t.Helper()
	token, err := issue(u)
	if want == 0 {
		if !errors.Is(err, jwt.ErrExpired) || token.Text != "" {
			t.Errorf("%s attributes: got %q, %v, want ErrExpired", name, token, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s attributes: %v", name, err)
		return
	}
	var got struct{ Exp, Iat int64 }
	_, payload, _ := parts(t, token.Text)
	if err := json.Unmarshal([]byte(payload), &got); err != nil {
		t.Fatal(err)
	}
	if got.Exp != second.Unix()+want || got.Iat != second.Unix() {
		t.Errorf("%s attributes: exp is %+d and iat %+d from the second, want %+d and 0", name, got.Exp-second.Unix(), got.Iat-second.Unix(), want)
	}
}

// The clock is asked for every token.
func TestEveryTokenHasItsOwnTime(t *testing.T) {
	now := second
	issuer, err := jwt.New(hour, false, secret, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first := issue(t, issuer, alice())
	now = now.Add(time.Minute)
	_, payload, _ := parts(t, issue(t, issuer, alice()))
	if !strings.Contains(payload, `"exp":1800003660,"iat":1800000060,`) || first == "" {
		t.Errorf("got %s", payload)
	}
}

func TestNewRefusesAnEmptySecret(t *testing.T) {
	if issuer, err := jwt.New(hour, false, "", time.Now); err == nil || issuer != nil {
		t.Errorf("got %v, %v", issuer, err)
	}
}

func TestAnIssuerIsSafeForConcurrentUse(t *testing.T) {
	issuer := newIssuer(t, hour, true, secret, second)
	shared := alice()
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			u := shared
			u.Name = fmt.Sprintf("user%d", worker)
			want := newIssuer(t, hour, true, secret, second)
			for range 50 {
				got, err := issuer.Issue(u)
				alone, _ := want.Issue(u)
				if err != nil || got != alone {
					t.Errorf("got %s, %v, want %s", got, err, alone)
					return
				}
				if _, err := issuer.IssueWithoutAttributes(shared); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Whoever keeps a token asks for another before it is dead, however short its life is.
func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	for _, late := range []time.Duration{0, 400 * time.Millisecond, 900 * time.Millisecond} {
		now := second.Add(late)
		token, err := newIssuer(t, jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, secret, now).Issue(auth.User{Name: "a", Until: second.Add(time.Second)})
		if err != nil || token.Renew.After(token.End) || !token.Renew.After(now) {
			t.Errorf("%v behind a second: to be renewed at %v, ends at %v, %v", late, token.Renew, token.End, err)
		}
	}
}

// A token that is kept for many requests is never given out in the second half of its life.
func TestATokenIsRenewedAtHalfItsLife(t *testing.T) {
	token, err := newIssuer(t, hour, false, secret, second).Issue(alice())
	if err != nil {
		t.Fatal(err)
	}
	if got := token.Renew.Sub(second); got != 30*time.Minute {
		t.Errorf("renewed after %s of an hour", got)
	}
}
