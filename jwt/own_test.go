package jwt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

func verifierOf(t *testing.T, i *jwt.Issuer) *jwt.OwnVerifier {
	t.Helper()
	v, err := i.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ownIssuers sign in every way that there is.
func ownIssuers(t *testing.T) map[string]*jwt.Issuer {
	t.Helper()
	list := map[string]*jwt.Issuer{
		"a secret":                newIssuer(t, hour, true, secret, second),
		"a secret, no audience":   newIssuer(t, hour, false, secret, second),
		"a secret, unambiguously": newIssuer(t, jwt.Config{Issuer: "g", Subject: jwt.Unambiguous, Lifetime: hour.Lifetime}, false, secret, second),
	}
	for _, kind := range jwt.KeyKinds() {
		c := keyedHour
		c.KeysDir = t.TempDir()
		key, err := jwt.Generate(kind)
		if err == nil {
			err = key.Write(filepath.Join(c.KeysDir, stamp(second)))
		}
		if err != nil {
			t.Fatal(err)
		}
		list[kind] = keyed(t, c, at(second))
	}
	return list
}

// Of a token of ours comes the user that it was issued for, and from that the same token again: nothing is lost, and
// nothing lives longer.
func TestAnOwnTokenIsTheUserItWasIssuedFor(t *testing.T) {
	dropped := alice()
	dropped.AttributesDropped = true
	for name, i := range ownIssuers(t) {
		v := verifierOf(t, i)
		for says, u := range map[string]auth.User{
			"everything": alice(), "nothing": {Name: "x", Realm: "r"}, "an empty scope": {Name: "x", Realm: "r", Scopes: map[string][]string{"p": nil}},
			"other alphabets": {Name: "日本 é", Realm: "é", Roles: []string{"😀"}}, "dropped attributes": dropped,
			"an end of its own": {Name: "x", Realm: "r", Until: second.Add(time.Minute)},
		} {
			token := issue(t, i, u)
			got, err := v.Verify(token, second)
			end := second.Add(time.Hour)
			if !u.Until.IsZero() {
				end = u.Until
			}
			if err != nil || got.Name != u.Name || got.Realm != u.Realm || !got.Until.Equal(end) {
				t.Fatalf("%s, %s: %+v, %v", name, says, got, err)
			}
			if again := issue(t, i, got); strings.Split(again, ".")[1] != strings.Split(token, ".")[1] {
				_, payload, _ := parts(t, again)
				t.Errorf("%s, %s: %+v became %s", name, says, u, payload)
			}
			if _, payload, _ := parts(t, token); strings.Contains(payload, `"attributes_dropped":true`) != u.AttributesDropped {
				t.Errorf("%s, %s: %s", name, says, payload)
			}
			if (got.Record == "") != strings.HasPrefix(name, "a secret") {
				t.Errorf("%s: the record is %q", name, got.Record)
			}
		}
		for other, stranger := range ownIssuers(t) { // other keys of the same kinds
			token := issue(t, stranger, alice())
			if strings.HasPrefix(other, "a secret") {
				continue // they share it
			}
			if got, err := v.Verify(token, second); err == nil || !reflect.DeepEqual(got, auth.User{}) {
				t.Errorf("%s takes a token of another %s", name, other)
			}
		}
	}
}

// ownRefused is the check that a token failed.
func ownRefused(t *testing.T, v *jwt.OwnVerifier, token string, now time.Time) string {
	t.Helper()
	u, err := v.Verify(token, now)
	reason, ok := errors.AsType[*jwt.TokenError](err)
	switch {
	case err == nil:
		return ""
	case !reflect.DeepEqual(u, auth.User{}):
		t.Errorf("a refused token is of %+v", u)
	case ok:
		return reason.Check
	case !errors.Is(err, jwt.ErrUnknownKey):
		t.Errorf("an error of another kind: %v", err)
	}
	return "key"
}

// Whatever is not exactly what we sign is refused: whoever shares the secret cannot loosen it.
func TestOwnTokensThatAreRefused(t *testing.T) {
	v := verifierOf(t, newIssuer(t, hour, true, secret, second))
	const head = `{"alg":"HS256","typ":"JWT"}`
	good := func(old, by string) string {
		body := fmt.Sprintf(`{"sub":"r-x","iss":"gatehouse","exp":%d,"iat":%d,"roles":["a"],"username":"x","scopes":{"p":["s"]},"realm":"r","attributes":{"n":"1"},"aud":"backend"}`,
			second.Unix()+60, second.Unix())
		if old != "" && !strings.Contains(body, old) {
			t.Fatal(old)
		}
		return strings.Replace(body, old, by, 1)
	}
	for _, row := range []struct{ says, head, body, key, want string }{
		{"a good one", head, good("", ""), string(secret), ""},
		{"another's secret", head, good("", ""), string(secret) + "x", "signature"},
		{"no signature", `{"alg":"none"}`, good("", ""), string(secret), "alg"},
		{"a longer hash", `{"alg":"HS512"}`, good("", ""), string(secret), "alg"},
		{"another type", `{"alg":"HS256","typ":"at+jwt"}`, good("", ""), string(secret), "typ"},
		{"no type", `{"alg":"HS256"}`, good("", ""), string(secret), "typ"},
		{"another issuer", head, good(`"gatehouse"`, `"other"`), string(secret), "iss"},
		{"another audience", head, good(`"backend"`, `"other"`), string(secret), "aud"},
		{"no audience", head, good(`,"aud":"backend"`, ``), string(secret), "aud"},
		{"no end", head, good(`"exp"`, `"end"`), string(secret), "exp"},
		{"of later", head, good(fmt.Sprint(second.Unix()), fmt.Sprint(second.Unix()+11)), string(secret), "iat"},
		{"no roles", head, good(`"roles"`, `"groups"`), string(secret), "roles"},
		{"roles that are no list", head, good(`["a"]`, `"a"`), string(secret), "roles"},
		{"a role that is no text", head, good(`["a"]`, `["a",1]`), string(secret), "roles"},
		{"scopes that are a text", head, good(`{"p":["s"]}`, `"s"`), string(secret), "scopes"},
		{"a scope that is a text", head, good(`["s"]`, `"s"`), string(secret), "scopes"},
		{"no attributes", head, good(`"attributes"`, `"more"`), string(secret), "attributes"},
		{"an attribute that is no text", head, good(`"1"`, `1`), string(secret), "attributes"},
	} {
		if got := ownRefused(t, v, sign(t, "HS256", []byte(row.key), row.head, row.body), second); got != row.want {
			t.Errorf("%s: got %q, want %q", row.says, got, row.want)
		}
	}
	token := issue(t, newIssuer(t, hour, true, secret, second), alice())
	for by, want := range map[time.Duration]string{
		-11 * time.Second: "iat", -10 * time.Second: "", time.Hour + 9*time.Second: "", time.Hour + 10*time.Second: "exp",
	} {
		if got := ownRefused(t, v, token, second.Add(by)); got != want {
			t.Errorf("after %v: got %q, want %q", by, got, want)
		}
	}
}

// Where keys sign no secret does, not even what is known of the keys.
func TestNoSecretStandsInForAKey(t *testing.T) {
	for name, i := range ownIssuers(t) {
		set := published(t, i).KeySet
		if set == nil {
			continue
		}
		v := verifierOf(t, i)
		token := issue(t, i, alice())
		header, payload, _ := parts(t, token)
		for _, mac := range []string{string(set), i.KeyID(), string(secret), ""} {
			if got := ownRefused(t, v, sign(t, "HS256", []byte(mac), `{"alg":"HS256","typ":"JWT","kid":"`+i.KeyID()+`"}`, payload), second); got != "alg" {
				t.Errorf("%s: HS256 by %.20q: %q", name, mac, got)
			}
			if got := ownRefused(t, v, sign(t, "HS256", []byte(mac), header, payload), second); got != "signature" {
				t.Errorf("%s: a MAC for a signature, by %.20q: %q", name, mac, got)
			}
		}
	}
}

// A token of a key that is retired is good for as long as that is published, and not any more when its file is gone.
func TestOwnTokensAcrossARotation(t *testing.T) {
	c := keyedHour
	folder, kids := folderOf(t, second, second.Add(time.Hour))
	c.KeysDir = folder
	clock := second.Add(time.Hour - time.Second)
	first := keyed(t, c, func() time.Time { return clock })
	token := issue(t, first, alice())
	clock = second.Add(time.Hour)
	second, err := first.Current()
	if err != nil || second.KeyID() != kids[1] {
		t.Fatal(err)
	}
	if got := ownRefused(t, verifierOf(t, second), token, clock); got != "" {
		t.Errorf("of a retired key: %q", got)
	}
	if got := ownRefused(t, verifierOf(t, first), issue(t, second, alice()), clock); got != "" {
		t.Errorf("by a gateway that is late: %q", got)
	}
	paths, _ := readKeys(&c)
	if err := os.Remove(paths[1]); err != nil {
		t.Fatal(err)
	}
	if got := ownRefused(t, verifierOf(t, keyed(t, c, at(clock))), token, clock); got != "key" {
		t.Errorf("of a key that is gone: %q", got)
	}
}

func TestOwnTokensThatCannotBeTaken(t *testing.T) {
	short := auth.Secret("0123456789")
	for name, row := range map[string]struct {
		change func(*jwt.Config)
		want   int
	}{
		"a secret that is kept": {func(*jwt.Config) {}, 0},
		"a good secret":         {func(c *jwt.Config) { s := secret; c.Secret = &s }, 0},
		"no issuer":             {func(c *jwt.Config) { c.Issuer = "" }, 1},
		"a short secret":        {func(c *jwt.Config) { c.Secret = &short }, 1},
	} {
		c := hour
		row.change(&c)
		if got := conf.Collect(c.CheckOwn); len(got) != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := newIssuer(t, hour, true, short, second).Verifier(); err == nil {
		t.Error("a short secret verifies")
	}
}
