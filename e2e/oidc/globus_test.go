package oidc_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// Globus as a site has it. Its keys are fetched from here, and not from where the issuer is.
const globusSection = `
  - name: globus
    type: jwt
    realm: globus
    issuer: https://auth.globus.org
    cert_uri: %s/jwk.json
    audience: [7fb58e00-839d-44e3-8047-10a502612dca] # the site's client
    algorithms: [RS512]
    roles_claims: []
    attributes: { email: email, organization: organization, identity_provider: identity_provider }
`

// globus publishes one key, and issues ID tokens with it, as auth.globus.org does: RS512, and no kid in either.
type globus struct {
	t     *testing.T
	key   atomic.Pointer[rsa.PrivateKey]
	looks atomic.Int64 // at the keys
	url   string
}

func startGlobus(t *testing.T) *globus {
	g := &globus{t: t}
	g.turn()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwk.json" {
			http.NotFound(w, r)
			return
		}
		g.looks.Add(1)
		public := g.key.Load().PublicKey
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"alg": "RS512", "e": encode(big.NewInt(int64(public.E)).Bytes()), "kty": "RSA", "n": encode(public.N.Bytes()), "use": "sig",
		}}})
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// turn gives it another key in the place of the one that it has.
func (g *globus) turn() {
	g.t.Helper()
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		g.t.Fatal(err)
	}
	g.key.Store(next)
}

func encode[T ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString(b) }

// token signs what Globus says of a user, with changes; a claim that is nil is left out.
func (g *globus) token(header string, changes map[string]any) string {
	g.t.Helper()
	now := time.Now().Unix()
	kate := map[string]any{
		"sub": "8b6df9d5-24c7-4d66-9a1a-5d3f1b2c9f10", "email": "kate@example.org", "name": "Kate Example",
		"preferred_username": "kate@example.org", "organization": "Example University",
		"identity_provider": "41143743-f3c8-4d60-bbdb-eeecaba85bd9", "identity_provider_display_name": "Globus ID",
		"identity_set": []any{map[string]any{
			"sub": "8b6df9d5-24c7-4d66-9a1a-5d3f1b2c9f10", "username": "kate@example.org", "email": "kate@example.org", "name": nil,
			"identity_provider": "41143743-f3c8-4d60-bbdb-eeecaba85bd9", "last_authentication": nil,
		}},
		"last_authentication": now - 60, "at_hash": "PTA8hIoyCbmJ-4eHSBuRgMcMHmZJGwCPyCdGmXAlAiE",
		"iss": "https://auth.globus.org", "aud": "7fb58e00-839d-44e3-8047-10a502612dca", "iat": now, "exp": now + 172_800,
	}
	maps.Copy(kate, changes)
	maps.DeleteFunc(kate, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(kate)
	if err != nil {
		g.t.Fatal(err)
	}
	input := encode([]byte(header)) + "." + encode(payload)
	hash, sum := crypto.SHA512, sha512.Sum512([]byte(input))
	digest := sum[:]
	if header == rs256 {
		short := sha256.Sum256([]byte(input))
		hash, digest = crypto.SHA256, short[:]
	}
	signature, err := g.key.Load().Sign(rand.Reader, digest, hash)
	if err != nil {
		g.t.Fatal(err)
	}
	return input + "." + encode(signature)
}

const (
	asGlobus = `{"typ":"JWT","alg":"RS512"}`
	rs256    = `{"typ":"JWT","alg":"RS256"}`
)

func TestTokensAsGlobusIssuesThem(t *testing.T) {
	t.Parallel()
	us, strangers := startGlobus(t), startGlobus(t)
	g := open(t, fmt.Sprintf(globusSection, us.url))
	kate := us.token(asGlobus, nil)
	a := g.want("Kate's", "globus", kate, http.StatusOK)
	told, _ := a.claims["attributes"].(map[string]any)
	if a.user != "kate@example.org" || a.roles != "" || told["organization"] != "Example University" || told["identity_provider"] == nil {
		t.Errorf("got %q with the roles %q and the attributes %v", a.user, a.roles, told)
	}
	for name, token := range map[string]string{
		"for another client": us.token(asGlobus, map[string]any{"aud": "00000000-0000-0000-0000-000000000000"}),
		"of another issuer":  us.token(asGlobus, map[string]any{"iss": "https://auth.globus.example"}),
		"that has ended":     us.token(asGlobus, map[string]any{"exp": time.Now().Unix() - 60}),
		"without an end":     us.token(asGlobus, map[string]any{"exp": nil}),
		"of RS256":           us.token(rs256, nil),
		"of alg none":        us.token(`{"typ":"JWT","alg":"none"}`, nil),
		"for a logout":       us.token(`{"typ":"logout+jwt","alg":"RS512"}`, nil),
	} {
		g.want("one "+name, "globus", token, http.StatusUnauthorized)
	}
	for name, token := range map[string]string{
		"that names a key":    us.token(`{"typ":"JWT","alg":"RS512","kid":"a"}`, nil),
		"by a stranger's key": strangers.token(asGlobus, nil),
		"with a shown key":    strangers.token(fmt.Sprintf(`{"alg":"RS512","jku":"%s/jwk.json"}`, strangers.url), nil),
	} {
		g.wantNobody("one "+name, "globus", token)
	}
	if n := strangers.looks.Load(); n != 0 {
		t.Errorf("the stranger was asked for keys %d times", n)
	}

	before, begin := us.looks.Load(), time.Now()
	us.turn() // no name tells that the key is another one
	g.await("by the next key", "globus", func() string { return us.token(asGlobus, nil) }, http.StatusOK, cooldown+slack)
	g.await("by the key that is gone", "globus", the(kate), http.StatusUnauthorized, cooldown+slack)
	if n, most := us.looks.Load()-before, 1+int64(time.Since(begin)/cooldown); n > most {
		t.Errorf("the keys were asked for %d times, more than %d", n, most)
	}
}
