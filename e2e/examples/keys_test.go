package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	ours "gatehouse/jwt"
)

// keyedGateway is a real gatehouse that signs with keys, behind an address that is its issuer; it returns
// that, and what nginx passes on of alice.
func keyedGateway(t *testing.T, keys ...string) (issuer, token string, asked *atomic.Int32) {
	t.Helper()
	var proxy atomic.Pointer[httputil.ReverseProxy]
	asked = new(atomic.Int32)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			asked.Add(1)
		}
		proxy.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	address := start(t, nil, gatehouse, "-c", write(t, "config.yaml", fmt.Sprintf(`
version: "3"
server: { host: 127.0.0.1, port: 0 }
metrics: { enabled: false }
providers:
  - { name: local, type: plain, realm: local, users: [{ username: alice, password: wonderland, roles: [staff, operators] }] }
jwt: { iss: "%s", aud: %s, keys: [{ file: %s }] }
`, front.URL, audience, strings.Join(keys, " }, { file: "))))
	proxy.Store(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/authenticate", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", "wonderland")
	response, _ := do(t, r)
	if response.StatusCode != http.StatusOK {
		t.Fatal("gatehouse says", response.Status)
	}
	return front.URL, response.Header.Get("Authorization"), asked
}

// newKey makes a key as an operator does, and returns its file and kid.
func newKey(t *testing.T, kind string) (path, kid string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key.pem")
	exit, said := output(t, nil, gatehouse, "key", "generate", path, "--kind", kind)
	words := strings.Fields(said)
	if exit != 0 || len(words) != 3 {
		t.Fatal(said)
	}
	return path, words[2]
}

// Each backend finds the keys by one address, and takes nothing that they did not sign.
func TestAPIByPublicKeys(t *testing.T) {
	for name, backend := range backends {
		for _, kind := range ours.KeyKinds() {
			t.Run(name+" with "+kind, func(t *testing.T) {
				command := backend(t)
				path, kid := newKey(t, kind)
				retired, _ := newKey(t, "rsa")
				issuer, token, asked := keyedGateway(t, path, retired)
				address := start(t, []string{
					"LISTEN=127.0.0.1:0", "JWT_KEYS_URL=" + issuer + "/.well-known/jwks.json",
					"JWT_ISSUER=" + issuer, "JWT_AUDIENCE=" + audience,
				}, command[0], command[1:]...)
				for _, row := range keyedRequests(t, issuer, token, kid) {
					row.ask(t, address)
				}
				if n := asked.Load(); n < 1 || n > 10 {
					t.Errorf("the keys were asked for %d times", n)
				}
			})
		}
	}
}

func keyedRequests(t *testing.T, issuer, token, kid string) []request {
	parts := strings.Split(token, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.ReplaceAll(decoded(parts[1]), "alice", "admin")))
	claims := jwt.MapClaims{
		"iss": issuer, "aud": audience, "iat": in(0), "exp": in(time.Hour), "username": "admin", "realm": "local", "roles": []string{},
	}
	minted := func(method jwt.SigningMethod, key any) string {
		made := jwt.NewWithClaims(method, claims)
		made.Header["kid"] = kid
		text, err := made.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	var set struct{ Keys []json.RawMessage }
	response, err := http.Get(issuer + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil || len(set.Keys) != 2 {
		t.Fatal(err, set)
	}
	return []request{
		{"gatehouse's own token", bearer(token), "alice"},
		{"and again", bearer(token), "alice"},
		{"no token", nil, ""},
		{"another name in it", bearer(parts[0] + "." + forged + "." + parts[2]), ""},
		{"no signature", bearer(parts[0] + "." + parts[1] + "."), ""},
		{"alg none", bearer(minted(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)), ""},
		{"the public key as a secret", bearer(minted(jwt.SigningMethodHS256, []byte(set.Keys[0]))), ""},
		{"its name as a secret", bearer(minted(jwt.SigningMethodHS256, []byte(kid))), ""},
	}
}
