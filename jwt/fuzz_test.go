package jwt_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/auth"
	"gatehouse/jwt"
)

// FuzzVerify: whatever header and claims are signed, and wherever the token is then changed, what is taken
// is what was signed, with exactly its claims, and golang-jwt, told all that it can be told, takes it too.
func FuzzVerify(f *testing.F) {
	mac := auth.Secret(strings.Repeat("s", 64))
	withKeys, withSecret := strict(f), strict(f)
	withSecret.Keys, withSecret.Secret, withSecret.Algorithms = nil, mac, []string{"HS256", "HS512"}
	verifiers := []*jwt.Verifier{verifier(f, withKeys), verifier(f, withSecret)}
	for _, alg := range []string{"EdDSA", "ES256", "HS256"} {
		f.Add(alg, fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, alg), claimsOf(""), uint16(0), "")
		f.Add(alg, fmt.Sprintf(`{"alg":%q,"crit":["exp"]}`, alg), claimsOf(`,"nbf":1.5e9,"jti":"1"`), uint16(7), "A")
	}
	good := mint(f, "EdDSA", `{"alg":"EdDSA"}`, claimsOf(""))
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if !strings.HasSuffix(good, string(last)) {
			f.Add("EdDSA", `{"alg":"EdDSA"}`, claimsOf(""), uint16(1), string(last))
		}
	}
	for _, more := range []string{"\n", "\r\n", "=", "==", "A", "AA", ".", " "} {
		f.Add("EdDSA", `{"alg":"EdDSA"}`, claimsOf(""), uint16(0), more)
	}
	f.Fuzz(func(t *testing.T, alg, header, payload string, at uint16, graft string) {
		var key any = []byte(mac)
		if kid := kidOf[alg]; kid != "" && kid != "rsa" { // RSA is too slow
			key = idp()[kid]
		} else if alg != "HS256" && alg != "HS512" {
			return
		}
		token := sign(t, alg, key, header, payload)
		input := token[:strings.LastIndexByte(token, '.')]
		if graft != "" { // overwrites the bytes at a place counted from the end, and appends
			i := len(token) - int(at)%(len(token)+1)
			token = token[:i] + graft + token[min(i+len(graft), len(token)):]
		}
		for _, v := range verifiers {
			claims, err := v.Verify(token, second)
			if err != nil {
				var reason *jwt.TokenError
				if !errors.As(err, &reason) && !errors.Is(err, jwt.ErrUnknownKey) || !reflect.DeepEqual(claims, jwt.Claims{}) {
					t.Fatalf("%q: %v, %+v", token, err, claims)
				}
				continue
			}
			if !strings.HasPrefix(token, input+".") {
				t.Fatalf("%q is taken, and was not signed", token)
			}
			checkIsOneText(t, token, header, payload)
			checkAgainstOthers(t, token, payload, alg, key, claims)
		}
	})
}

// checkIsOneText fails if another reader could read anything else.
func checkIsOneText(t *testing.T, token, header, payload string) {
	t.Helper()
	for part := range strings.SplitSeq(token, ".") {
		if b64url(decode(t, part)) != part {
			t.Fatalf("%q is taken, and has another spelling", token)
		}
	}
	for _, text := range []string{header, payload} {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil || !utf8.ValidString(text) {
			t.Fatalf("%q is taken: %v", text, err)
		}
		if written, read := colons(text), members(object); written != read {
			t.Fatalf("%q is taken: %d names are written, and %d read", text, written, read)
		}
	}
	var parameters map[string]any
	if err := json.Unmarshal([]byte(header), &parameters); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"crit", "b64", "enc", "zip"} {
		if _, ok := parameters[name]; ok {
			t.Fatalf("%q is taken", header)
		}
	}
}

// colons counts those outside of strings: each follows a name.
func colons(text string) (n int) {
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case c == ':' && !inside:
			n++
		}
	}
	return n
}

func members(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			n += 1 + members(child)
		}
	case []any:
		for _, child := range v {
			n += members(child)
		}
	}
	return n
}

// checkAgainstOthers asks encoding/json for the claims and golang-jwt for the verdict.
func checkAgainstOthers(t *testing.T, token, payload, alg string, key any, claims jwt.Claims) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(payload)))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil || !reflect.DeepEqual(all, claims.All) {
		t.Fatalf("%q: got %v, encoding/json %v, %v", payload, claims.All, all, err)
	}
	if signer, ok := key.(crypto.Signer); ok {
		key = signer.Public()
	}
	parsed, err := josejwt.Parse(token, func(*josejwt.Token) (any, error) { return key, nil },
		josejwt.WithValidMethods([]string{alg}), josejwt.WithStrictDecoding(), josejwt.WithJSONNumber(),
		josejwt.WithExpirationRequired(), josejwt.WithIssuedAt(), josejwt.WithTimeFunc(at(second)),
		josejwt.WithIssuer("https://idp.example.org"), josejwt.WithAudience("gatehouse", "other"))
	if err != nil {
		t.Fatalf("%q is taken, golang-jwt says %v", token, err)
	}
	subject, err := parsed.Claims.GetSubject()
	if err != nil || subject != claims.Subject {
		t.Fatalf("%q: the subject is %q, golang-jwt says %q, %v", token, claims.Subject, subject, err)
	}
	expires, err := parsed.Claims.GetExpirationTime()
	if err != nil || !expires.Equal(claims.Expires) || !second.Before(claims.Expires) {
		t.Fatalf("%q: it ends at %v, golang-jwt says %v, %v", token, claims.Expires, expires, err)
	}
}

// FuzzParseKeySet: nothing panics, and every key that is taken is written in the text as it is used.
func FuzzParseKeySet(f *testing.F) {
	for kid, key := range idp() {
		f.Add(setText(jwk(key.Public(), map[string]any{"kid": kid, "use": "sig"})))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB","alg":"RS256","key_ops":["verify"]},{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := jwt.ParseKeySet(text)
		if err != nil {
			if set != nil {
				t.Fatalf("%q: %v, and a set", text, err)
			}
			return
		}
		var lax struct{ Keys []map[string]any }
		if err := json.Unmarshal(text, &lax); err != nil || len(lax.Keys) != set.Len()+len(set.LeftOut()) {
			t.Fatalf("%q: %d keys and %d left out, encoding/json says %d, %v", text, set.Len(), len(set.LeftOut()), len(lax.Keys), err)
		}
		for _, public := range set.Publics() {
			found := false
			for _, written := range lax.Keys {
				again := jwk(public, nil)
				both := maps.Clone(written)
				maps.Copy(both, again)
				found = found || reflect.DeepEqual(both, written)
			}
			if !found {
				t.Fatalf("%q: a key %v is used that is not in it", text, public)
			}
		}
	})
}

// What is read as a private key signs tokens that its public half verifies; no error quotes the file.
func FuzzPrivateKey(f *testing.F) {
	for _, key := range signers() {
		for _, text := range spellings(f, key) {
			f.Add(text)
		}
	}
	f.Add([]byte(`{"kty":"EC","crv":"P-384","d":"AA"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 64<<10 { // no file of ours
			return
		}
		key, err := jwt.ParsePrivate(text)
		if err != nil {
			if len(text) > 20 && strings.Contains(err.Error(), string(text[:20])) {
				t.Errorf("the error quotes the file: %v", err)
			}
			return
		}
		c := keyedHour
		c.Keys = []jwt.KeyFile{{File: keyFile(t, filepath.Join(t.TempDir(), "key"), text)}}
		i := keyed(t, c, at(second))
		keys, err := jwt.ParseKeySet(published(t, i).KeySet)
		if err != nil || keys.Len() != 1 || key.ID != i.KeyID() {
			t.Fatalf("%v, %v: %s, %s", err, keys.LeftOut(), key.ID, i.KeyID())
		}
		v := verifier(t, jwt.VerifierConfig{Keys: keys, Issuer: c.Issuer, Audiences: []string{c.Audience}})
		if _, err := v.Verify(issue(t, i, alice()), second); err != nil {
			t.Error(err)
		}
	})
}
