package jwt_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/auth"
	"gatehouse/jwt"
)

// The public key is public: it must never do for a secret.
func TestThePublicKeyIsNoSecret(t *testing.T) {
	v := verifier(t, strict(t))
	for kid, key := range idp() {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		asJWK, err := json.Marshal(jwk(key.Public(), nil))
		if err != nil {
			t.Fatal(err)
		}
		secrets := []string{text, strings.TrimSpace(text), text + "\n", strings.ReplaceAll(text, "\n", "\r\n"), string(der), string(asJWK), "", "\x00"}
		if k, ok := key.Public().(*rsa.PublicKey); ok {
			old := x509.MarshalPKCS1PublicKey(k)
			secrets = append(secrets, string(old), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: old})), string(k.N.Bytes()), b64url(k.N.Bytes()))
		}
		for _, mac := range secrets {
			for _, alg := range []string{"HS256", "HS384", "HS512"} {
				refused(t, v, sign(t, alg, []byte(mac), fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, kid), claimsOf("")), second, "alg")
				for asymmetric, owner := range kidOf { // the MAC in the place of a signature
					if owner == kid {
						refused(t, v, sign(t, alg, []byte(mac), headerOf(asymmetric, ""), claimsOf("")), second, "signature")
					}
				}
			}
		}
	}
}

// CVE-2022-21449 and its kin: numbers that an implementation may have forgotten to look at.
func TestPsychicSignatures(t *testing.T) {
	v := verifier(t, strict(t))
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		params := curve.Params()
		size := (params.BitSize + 7) / 8
		input := b64url(headerOf(alg, "")) + "." + b64url(claimsOf("")) + "."
		numbers := []*big.Int{new(big.Int), big.NewInt(1), params.N, new(big.Int).Sub(params.N, big.NewInt(1)), params.P, params.Gx}
		for _, r := range numbers {
			for _, s := range numbers {
				signature := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
				refused(t, v, input+b64url(signature), second, "signature")
			}
		}
		refused(t, v, input+b64url(make([]byte, 2*size-1)), second, "signature")
		digest := []byte("any")
		der, err := ecdsa.SignASN1(rand.Reader, idp()[kidOf[alg]].(*ecdsa.PrivateKey), digest)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, v, input+b64url(der), second, "signature")
	}
	zeros := b64url(headerOf("EdDSA", "")) + "." + b64url(claimsOf("")) + "." + b64url(make([]byte, 64))
	refused(t, v, zeros, second, "signature")
	for _, n := range []int{0, 1, 255, 256, 257} {
		for _, alg := range []string{"RS256", "PS256"} {
			refused(t, v, b64url(headerOf(alg, ""))+"."+b64url(claimsOf(""))+"."+b64url(make([]byte, n)), second, "signature")
		}
	}
}

// RFC 7518, section 3.5: the salt is as long as the hash.
func TestSaltsOfPS(t *testing.T) {
	v := verifier(t, strict(t))
	for alg, method := range map[string]*josejwt.SigningMethodRSAPSS{"PS256": josejwt.SigningMethodPS256, "PS384": josejwt.SigningMethodPS384, "PS512": josejwt.SigningMethodPS512} {
		for _, salt := range []int{0 /* as long as fits */, 1, 20, 32, 48, 64} {
			own := josejwt.SigningMethodRSAPSS{SigningMethodRSA: method.SigningMethodRSA, Options: &rsa.PSSOptions{SaltLength: salt}}
			input := b64url(headerOf(alg, "")) + "." + b64url(claimsOf(""))
			signature, err := own.Sign(input, idp()["rsa"])
			if err != nil {
				t.Fatal(err)
			}
			check := "signature"
			if salt == method.Hash.Size() {
				check = ""
			}
			refused(t, v, input+"."+b64url(signature), second, check)
		}
	}
}

// What a token says of keys is neither believed nor fetched.
func TestKeysThatATokenBrings(t *testing.T) {
	var connections atomic.Int32
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	attackers := jwk(public, map[string]any{"kid": "theirs"})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(setText(attackers)) }))
	server.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
	server.Start()
	defer server.Close()
	inline, err := json.Marshal(attackers)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, strict(t))
	for _, more := range []string{
		`,"jku":"` + server.URL + `"`, `,"x5u":"` + server.URL + `"`, `,"jwk":` + string(inline), `,"x5c":["MIIB"]`,
		`,"jku":"` + server.URL + `","x5u":"` + server.URL + `","jwk":` + string(inline),
	} {
		for kid, check := range map[string]string{`,"kid":"theirs"`: "unknown key", `,"kid":"ed"`: "signature", ``: "unknown key"} {
			refused(t, v, sign(t, "EdDSA", private, `{"alg":"EdDSA"`+kid+more+`}`, claimsOf("")), second, check)
		}
		refused(t, v, mint(t, "EdDSA", headerOf("EdDSA", more), claimsOf("")), second, "")
		set := parseSet(t, with(jwk(idp()["ed"].Public(), nil), "x5u", server.URL))
		if set.Len() != 1 {
			t.Error(set.LeftOut())
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// With a secret no public key is known, so nothing but a MAC can be right.
func TestASecretTakesNoSignature(t *testing.T) {
	c := strict(t)
	c.Keys, c.Secret = nil, auth.Secret(strings.Repeat("s", 32))
	v := verifier(t, c)
	for alg := range kidOf {
		refused(t, v, mint(t, alg, headerOf(alg, ""), claimsOf("")), second, "alg")
		refused(t, v, mint(t, alg, `{"alg":"HS256"}`, claimsOf("")), second, "signature")
	}
	refused(t, v, b64url(`{"alg":"none"}`)+"."+b64url(claimsOf(""))+".", second, "alg")
}

// A set that the caller took for good holds nothing of an earlier one.
func TestAKeyThatIsGoneFromTheSetVerifiesNoMore(t *testing.T) {
	c := strict(t)
	token := mint(t, "EdDSA", headerOf("EdDSA", ""), claimsOf(""))
	refused(t, verifier(t, c), token, second, "")
	c.Keys = parseSet(t, jwk(idp()["p256"].Public(), map[string]any{"kid": "p256"}))
	refused(t, verifier(t, c), token, second, "unknown key")
	c.Keys = parseSet(t)
	refused(t, verifier(t, c), token, second, "unknown key")
	other, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = parseSet(t, jwk(other, map[string]any{"kid": "ed"}))
	refused(t, verifier(t, c), token, second, "signature")
	if _, err := jwt.NewVerifier(jwt.VerifierConfig{Issuer: "i", Audiences: []string{"a"}}); err == nil {
		t.Error("a verifier without keys is one")
	}
}
