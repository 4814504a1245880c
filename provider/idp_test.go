package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
)

// An idp is an identity provider of a test: its keys, its discovery document, and what its switches make of them.
type idp struct {
	mu     sync.Mutex                  // guards all below
	keys   []map[string]any            // what /keys shows
	change func(w http.ResponseWriter) // answers /keys in its place, if there is one
	issuer string                      // as the discovery document has it
	looks  atomic.Int64                // at /keys
}

const (
	issuer  = "https://idp.example"
	keysURL = issuer + "/keys"
)

// signers are keys of identity providers by their kid.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	keys := map[string]crypto.Signer{"rsa": rsaKey}
	for i, kid := range []string{"one", "two", "stranger"} {
		scalar := make([]byte, 32)
		scalar[31] = byte(i + 7)
		if keys[kid], err = ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err != nil {
			panic(err)
		}
	}
	return keys
})

func newIDP(kids ...string) *idp {
	p := &idp{issuer: issuer}
	p.show(kids...)
	return p
}

// show has the provider publish these keys and no others.
func (p *idp) show(kids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change, p.keys = nil, []map[string]any{}
	for _, kid := range kids {
		p.keys = append(p.keys, publicJWK(signers()[kid].Public(), map[string]any{"kid": kid}))
	}
}

func (p *idp) fail(how func(w http.ResponseWriter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change = how
}

func (p *idp) down() { p.fail(func(http.ResponseWriter) { panic(http.ErrAbortHandler) }) }

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	keys, change, named := p.keys, p.change, p.issuer
	p.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": named, "jwks_uri": keysURL})
	case "/keys":
		p.looks.Add(1)
		if change != nil {
			change(w)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	default:
		http.NotFound(w, r)
	}
}

// inProcess calls a handler without a network. One that aborts brings an error, and one that is too slow that of the
// context.
func inProcess(h http.Handler) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		done := make(chan any, 1)
		rec := httptest.NewRecorder()
		go func() {
			defer func() { done <- recover() }()
			h.ServeHTTP(rec, r)
		}()
		select {
		case cause := <-done:
			if cause == http.ErrAbortHandler {
				return nil, errAborted
			} else if cause != nil {
				panic(cause)
			}
			return rec.Result(), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func b64url[T ~string | ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

func publicJWK(public crypto.PublicKey, more map[string]any) map[string]any {
	var m map[string]any
	switch k := public.(type) {
	case *rsa.PublicKey:
		m = map[string]any{"kty": "RSA", "n": b64url(k.N.Bytes()), "e": b64url(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		m = map[string]any{"kty": "EC", "crv": "P-256", "x": b64url(point[1:33]), "y": b64url(point[33:])}
	}
	maps.Copy(m, more)
	return m
}

// token signs claims as the provider with the key kid does. A claim that is nil is left out.
func token(t testing.TB, kid string, claims map[string]any) string {
	t.Helper()
	header := map[string]any{"alg": "ES256", "typ": "JWT", "kid": kid}
	if kid == "rsa" { // as Globus has it
		header = map[string]any{"alg": "RS512", "typ": "JWT"}
	}
	return signedAs(t, kid, header, claims)
}

// signedAs signs with the key kid, whatever the header says of it.
func signedAs(t testing.TB, kid string, header, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": issuer, "aud": "gatehouse", "sub": "4711", "preferred_username": "alice", "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	var parts [2]string
	for i, part := range []map[string]any{header, all} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = b64url(text)
	}
	input := parts[0] + "." + parts[1]
	return input + "." + b64url(signature(t, signers()[kid], input))
}

func signature(t testing.TB, key crypto.Signer, input string) []byte {
	t.Helper()
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
	}
	sum := sha512.Sum512([]byte(input))
	made, err := key.Sign(rand.Reader, sum[:], crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func bearerJWTOf(token string) auth.Credential {
	return auth.Credential{Scheme: auth.Bearer, Form: auth.JWT, Secret: auth.Secret(token)}
}

// jwtBy is a section that takes the provider's tokens for gatehouse.
func jwtBy(change ...func(*JWT)) *JWT {
	j := newJWT()
	j.CertURI, j.Issuer, j.Audience = keysURL, issuer, []string{"other", "gatehouse"}
	for _, c := range change {
		c(j)
	}
	return j
}

// signedWith returns what signs claims with a shared secret.
func signedWith(t testing.TB, secret string, header map[string]any) func(claims map[string]any) string {
	return func(claims map[string]any) string {
		unsigned := signedAs(t, "one", header, claims)
		input := unsigned[:strings.LastIndexByte(unsigned, '.')]
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(input))
		return input + "." + b64url(mac.Sum(nil))
	}
}
