package jwt_test

import (
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

	"gatehouse/auth"
	"gatehouse/jwt"
)

// refused fails unless v refuses the token by the check named, with no claims and no word of the token.
// "unknown key" names [jwt.ErrUnknownKey], and "" says that the token is taken.
func refused(t *testing.T, v *jwt.Verifier, token string, now time.Time, check string) {
	t.Helper()
	claims, err := v.Verify(token, now)
	got := ""
	var reason *jwt.TokenError
	switch {
	case errors.As(err, &reason):
		got = reason.Check
	case errors.Is(err, jwt.ErrUnknownKey):
		got = "unknown key"
	case err != nil:
		t.Fatalf("an error of another kind: %v", err)
	}
	if got != check {
		t.Errorf("got %q (%v), want %q", got, err, check)
	}
	if err == nil {
		return
	}
	if !reflect.DeepEqual(claims, jwt.Claims{}) {
		t.Errorf("refused, and yet %+v came out", claims)
	}
	for part := range strings.SplitSeq(token, ".") {
		for _, word := range []string{part, "carol", "idp.example"} {
			if len(word) > 4 && strings.Contains(err.Error(), word) {
				t.Errorf("%q quotes the token", err)
			}
		}
	}
}

// RFC 9864: Ed25519 is what EdDSA is with such a key, and a name of its own.
func TestEd25519IsTheNewNameOfEdDSA(t *testing.T) {
	header := func(alg string) string { return fmt.Sprintf(`{"alg":%q,"kid":"ed"}`, alg) }
	old, only := strict(t), strict(t)
	old.Algorithms, only.Algorithms = []string{"EdDSA"}, []string{"Ed25519"}
	for name, row := range map[string]struct {
		c     jwt.VerifierConfig
		alg   string
		check string
	}{
		"every algorithm is allowed":  {strict(t), "Ed25519", ""},
		"the new name is allowed":     {only, "Ed25519", ""},
		"the old name alone":          {old, "Ed25519", "alg"},
		"the new name alone":          {only, "EdDSA", "alg"},
		"Ed448, which is another one": {strict(t), "Ed448", "alg"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, verifier(t, row.c), mint(t, "EdDSA", header(row.alg), claimsOf("")), second, row.check)
		})
	}
	refused(t, verifier(t, strict(t)), mint(t, "ES256", header("Ed25519"), claimsOf("")), second, "signature")
}

func TestEveryAlgorithmVerifies(t *testing.T) {
	v := verifier(t, strict(t))
	for alg, kid := range kidOf {
		t.Run(alg, func(t *testing.T) {
			claims, err := v.Verify(mint(t, alg, headerOf(alg, ""), claimsOf(`,"EXP":1,"groups":["a","b"],"n":12345678901234567890.5`)), second)
			if err != nil {
				t.Fatal(err)
			}
			want := jwt.Claims{Issuer: "https://idp.example.org", Subject: "carol", Expires: second.Add(time.Hour), Key: claims.Key, All: map[string]any{
				"iss": "https://idp.example.org", "aud": "gatehouse", "sub": "carol",
				"iat": json.Number("1799999940"), "exp": json.Number("1800003600"),
				"EXP": json.Number("1"), "groups": []any{"a", "b"}, "n": json.Number("12345678901234567890.5"),
			}}
			if !reflect.DeepEqual(claims, want) {
				t.Errorf("got %+v", claims)
			}
			only := strict(t)
			only.Algorithms = []string{alg}
			refused(t, verifier(t, only), mint(t, alg, headerOf(alg, ""), claimsOf("")), second, "")
			only.Algorithms = slices.DeleteFunc(slices.Collect(maps.Keys(kidOf)), func(a string) bool { return a == alg })
			refused(t, verifier(t, only), mint(t, alg, headerOf(alg, ""), claimsOf("")), second, "alg")
			for other := range kidOf { // the same header, the signature of another algorithm or key
				if other != alg {
					refused(t, v, mint(t, other, headerOf(alg, ""), claimsOf("")), second, "signature")
				}
				if kidOf[other] != kid { // and of another key with the right header for that
					refused(t, v, mint(t, other, fmt.Sprintf(`{"alg":%q,"kid":%q}`, other, kid), claimsOf("")), second, "alg")
				}
			}
		})
	}
}

func TestOwnTokensCanBeRefused(t *testing.T) {
	c := strict(t)
	c.OwnIssuer = "gatehouse"
	c.Issuer, c.InsecureAnyIssuer = "", true
	v := verifier(t, c)
	for iss, check := range map[string]string{`"iss":"gatehouse",`: "iss", `"iss":"Gatehouse",`: "", ``: ""} {
		refused(t, v, mint(t, "EdDSA", headerOf("EdDSA", ""), `{`+iss+`"aud":"other","exp":1800000001}`), second, check)
	}
}

// Only what a new key could still make good asks for keys: a stranger's nonsense and old tokens do not.
func TestAnUnknownKeyIsTheLastToBeSaid(t *testing.T) {
	v := verifier(t, strict(t))
	header := `{"alg":"EdDSA","kid":"rotated away"}`
	refused(t, v, mint(t, "EdDSA", header, claimsOf("")), second, "unknown key")
	refused(t, v, mint(t, "EdDSA", header, claimsOf("")), second.Add(time.Hour), "exp")
	refused(t, v, mint(t, "EdDSA", header, `{}`), second, "iss")
	refused(t, v, mint(t, "EdDSA", `{"alg":"EdDSA","typ":"x","kid":"rotated away"}`, claimsOf("")), second, "typ")
}

func TestTypes(t *testing.T) {
	for _, row := range []struct {
		types []string
		typ   string
		check string
	}{
		{nil, ``, ""},
		{nil, `,"typ":"JWT"`, ""},
		{nil, `,"typ":"jwt"`, ""},
		{nil, `,"typ":"at+jwt"`, ""},
		{nil, `,"typ":"application/at+JWT"`, ""},
		{nil, `,"typ":"application/jwt"`, ""},
		{nil, `,"typ":"logout+jwt"`, "typ"},
		{nil, `,"typ":"dpop+jwt"`, "typ"},
		{nil, `,"typ":"secevent+jwt"`, "typ"},
		{nil, `,"typ":"JOSE"`, "typ"},
		{nil, `,"typ":"text/jwt"`, "typ"},
		{nil, `,"typ":"application/application/jwt"`, "typ"},
		{nil, `,"typ":""`, "typ"},
		{nil, `,"typ":null`, "typ"},
		{nil, `,"typ":["JWT"]`, "typ"},
		{nil, `,"typ":"JWT "`, "typ"},
		{nil, `,"Typ":"x"`, ""},
		{[]string{"application/AT+jwt"}, `,"typ":"at+jwt"`, ""},
		{[]string{"at+jwt"}, `,"typ":"application/at+jwt"`, ""},
		{[]string{"at+jwt"}, `,"typ":"JWT"`, "typ"},
		{[]string{"at+jwt"}, ``, "typ"},
		{[]string{"x", ""}, ``, ""},
		{[]string{"x", ""}, `,"typ":"x"`, ""},
		{[]string{"x", ""}, `,"typ":"JWT"`, "typ"},
	} {
		t.Run(fmt.Sprintf("%q takes %s", row.types, row.typ), func(t *testing.T) {
			c := strict(t)
			c.Types = row.types
			refused(t, verifier(t, c), mint(t, "EdDSA", `{"alg":"EdDSA"`+row.typ+`}`, claimsOf("")), second, row.check)
		})
	}
}

func TestSecretsOfEachSize(t *testing.T) {
	long := auth.Secret(strings.Repeat("s", 64))
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		c := strict(t)
		c.Keys, c.Secret, c.Algorithms = nil, long, []string{alg}
		v := verifier(t, c)
		header := fmt.Sprintf(`{"alg":%q,"kid":"whatever"}`, alg)
		refused(t, v, sign(t, alg, []byte(long), header, claimsOf("")), second, "")
		refused(t, v, sign(t, alg, []byte(long[1:]), header, claimsOf("")), second, "signature")
		refused(t, v, sign(t, alg, []byte{}, header, claimsOf("")), second, "signature")
		refused(t, v, mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf("")), second, "alg")
	}
	c := strict(t)
	c.Keys, c.Secret = nil, long
	refused(t, verifier(t, c), sign(t, "HS256", []byte(long), `{"alg":"HS256"}`, claimsOf("")), second, "")
	refused(t, verifier(t, c), sign(t, "HS512", []byte(long), `{"alg":"HS512"}`, claimsOf("")), second, "alg")
}

func TestAVerifierIsSafeForConcurrentUse(t *testing.T) {
	v := verifier(t, strict(t))
	var wg sync.WaitGroup
	for alg := range kidOf {
		token := mint(t, alg, headerOf(alg, ""), claimsOf(""))
		wg.Go(func() {
			for range 20 {
				if claims, err := v.Verify(token, second); err != nil || claims.Subject != "carol" {
					t.Error(claims, err)
				}
			}
		})
	}
	wg.Wait()
}

// What the caller does with its lists afterwards is nothing to the verifier.
func TestAVerifierKeepsItsOwnLists(t *testing.T) {
	c := strict(t)
	c.Algorithms, c.Types = []string{"EdDSA"}, []string{"JWT"}
	v := verifier(t, c)
	c.Algorithms[0], c.Types[0], c.Audiences[0], c.Audiences[1] = "RS256", "x", "x", "x"
	refused(t, v, mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf("")), second, "")
}

func BenchmarkVerify(b *testing.B) {
	v := verifier(b, strict(b))
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		token := mint(b, alg, headerOf(alg, ""), claimsOf(`,"preferred_username":"carol","realm_access":{"roles":["reader","writer"]}`))
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(token, second); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
