package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"sync"
	"testing"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/jwt"
)

// idp are the keys of an identity provider, by the kid that each has in its set. Those of EC and Ed25519
// are the same in every process, so that a fuzz target's workers agree.
var idp = sync.OnceValue(func() map[string]crypto.Signer {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	keys := map[string]crypto.Signer{"rsa": rsaKey, "ed": ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	for kid, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		scalar := make([]byte, (curve.Params().BitSize+7)/8)
		scalar[len(scalar)-1] = 7
		if keys[kid], err = ecdsa.ParseRawPrivateKey(curve, scalar); err != nil {
			panic(err)
		}
	}
	return keys
})

// kidOf is the key that signs with an algorithm.
var kidOf = map[string]string{
	"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
	"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed",
}

func b64url[T ~string | ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// jwk is the JWK of a public key, with more members or others.
func jwk(public crypto.PublicKey, more map[string]any) map[string]any {
	var m map[string]any
	switch k := public.(type) {
	case *rsa.PublicKey:
		m = map[string]any{"kty": "RSA", "n": b64url(k.N.Bytes()), "e": b64url(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		size := len(point) / 2
		m = map[string]any{"kty": "EC", "crv": k.Params().Name, "x": b64url(point[1 : 1+size]), "y": b64url(point[1+size:])}
	case ed25519.PublicKey:
		m = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64url(k)}
	}
	maps.Copy(m, more)
	return m
}

func setText(keys ...map[string]any) []byte {
	if keys == nil {
		keys = []map[string]any{}
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return text
}

func parseSet(t testing.TB, keys ...map[string]any) *jwt.KeySet {
	t.Helper()
	set, err := jwt.ParseKeySet(setText(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// idpSet holds all keys of idp under their kid.
func idpSet(t testing.TB) *jwt.KeySet {
	var keys []map[string]any
	for kid, key := range idp() {
		keys = append(keys, jwk(key.Public(), map[string]any{"kid": kid}))
	}
	return parseSet(t, keys...)
}

// strict is the configuration that most tests begin with.
func strict(t testing.TB) jwt.VerifierConfig {
	return jwt.VerifierConfig{Keys: idpSet(t), Issuer: "https://idp.example.org", Audiences: []string{"gatehouse", "other"}}
}

func verifier(t testing.TB, c jwt.VerifierConfig) *jwt.Verifier {
	t.Helper()
	v, err := jwt.NewVerifier(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claimsOf are good claims, with more members in JSON.
func claimsOf(more string) string {
	return fmt.Sprintf(`{"iss":"https://idp.example.org","aud":"gatehouse","sub":"carol","iat":%d,"exp":%d%s}`,
		second.Unix()-60, second.Unix()+3600, more)
}

// headerOf is a good header for an algorithm of idp's, with more members in JSON.
func headerOf(alg, more string) string {
	return fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q%s}`, alg, kidOf[alg], more)
}

// sign signs header and payload as they are, with alg, whatever the header says.
func sign(t testing.TB, alg string, key any, header, payload string) string {
	t.Helper()
	input := b64url(header) + "." + b64url(payload)
	signature, err := josejwt.GetSigningMethod(alg).Sign(input, key)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64url(signature)
}

// mint signs with idp's key for alg.
func mint(t testing.TB, alg, header, payload string) string {
	t.Helper()
	return sign(t, alg, idp()[kidOf[alg]], header, payload)
}
