package examples_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
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

// Each backend finds the keys by one address, that of the set or the issuer's, and takes nothing that they did not
// sign.
func TestAPIByPublicKeys(t *testing.T) {
	for name, backend := range backends {
		for _, kind := range ours.KeyKinds() {
			t.Run(name+" with "+kind, func(t *testing.T) {
				command := backend(t)
				path, kid := newKey(t, kind)
				retired, _ := newKey(t, "rsa")
				issuer, token, asked := keyedGateway(t, path, retired)
				lines := []string{"JWT_ISSUER=" + issuer}
				if kind == "ec" {
					lines = append(lines, "JWT_KEYS_URL="+issuer+"/.well-known/jwks.json")
				}
				for _, line := range lines {
					address := start(t, []string{"LISTEN=127.0.0.1:0", line}, command[0], command[1:]...)
					for _, row := range keyedRequests(t, issuer, token, kid) {
						row.ask(t, address)
					}
				}
				if n := asked.Load(); n < 2 || n > 20 {
					t.Errorf("the keys were asked for %d times", n)
				}
				address := start(t, []string{"LISTEN=127.0.0.1:0", "JWT_ISSUER=" + issuer, "JWT_AUDIENCE=" + audience}, command[0], command[1:]...)
				for _, row := range mintedRequests(t, issuer, kind, path, kid) {
					row.ask(t, address)
				}
			})
		}
	}
}

// An issuer that is another, or that does not answer, is told of at the start.
func TestAPIByAnIssuerThatIsNone(t *testing.T) {
	path, _ := newKey(t, "ed25519")
	issuer, _, _ := keyedGateway(t, path)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			command := backend(t)
			for line, want := range map[string]string{
				issuer + "/":          `says that its name is "` + issuer + `": write exactly that`,
				issuer + "/elsewhere": "does not say where its keys are",
				gone.URL:              "refused",
				"auth.example.org":    "api: JWT_SECRET_FILE is not set",
			} {
				exit, said := output(t, []string{"LISTEN=127.0.0.1:0", "JWT_ISSUER=" + line}, command[0], command[1:]...)
				if exit != 1 || !strings.Contains(strings.ToLower(said), strings.ToLower(want)) || strings.Count(said, "\n") != 1 {
					t.Errorf("%s: exit %d, %q; want one line with %q", line, exit, said, want)
				}
			}
		})
	}
}

// mintedRequests are signed by the gateway's own key, or by another that takes its name. All but one are refused.
func mintedRequests(t *testing.T, issuer, kind, path, kid string) (list []request) {
	t.Helper()
	sign := func(path, kid string, changed map[string]any) http.Header {
		t.Helper()
		return bearer(signedBy(t, issuer, kind, path, kid, changed))
	}
	for says, changed := range map[string]map[string]any{
		"an expired one": {"exp": in(-time.Minute)}, "one without an end": {"exp": nil}, "one of tomorrow": {"iat": in(time.Hour)},
		"one for others": {"aud": "others"}, "one for nobody": {"aud": nil}, "another issuer's": {"iss": "mallory"},
		"nobody's": {"username": ""}, "one without a name": {"username": nil},
	} {
		list = append(list, request{says, sign(path, kid, changed), ""})
	}
	other, name := newKey(t, kind)
	return append(list,
		request{"a good one", sign(path, kid, nil), "alice"},
		request{"another key by the name of ours", sign(other, kid, nil), ""},
		request{"another key by its own name", sign(other, name, nil), ""},
	)
}

// signedBy is a token of alice's, signed by the key in a file, with some claims changed.
func signedBy(t *testing.T, issuer, kind, path, kid string, changed map[string]any) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"iss": issuer}
	maps.Copy(all, changed)
	return signedAs(kid, methods[kind], key, all)
}

// methods are by the kind of a key.
var methods = map[string]jwt.SigningMethod{"ed25519": jwt.SigningMethodEdDSA, "ec": jwt.SigningMethodES256, "rsa": jwt.SigningMethodRS256}

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
