package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	python   = "/usr/bin/python3" // Debian's, which python3-jwt is for
	secret   = "0123456789abcdef0123456789abcdef"
	audience = "my-services"
)

// backends are the example's three, each as a command.
var backends = map[string]func(t *testing.T) []string{
	"go":   func(*testing.T) []string { return []string{goAPI} },
	"node": nodeCommand,
	"python": func(t *testing.T) []string {
		if err := exec.Command(python, "-c", "import jwt, cryptography").Run(); err != nil {
			fmt.Fprintf(os.Stderr, "\n*** %s IS SKIPPED: %s has no jwt or cryptography: apt install python3-jwt python3-cryptography\n", t.Name(), python)
			t.Skip("no python3-jwt")
		}
		return []string{python, filepath.Join(root, "examples/api/python/app.py")}
	},
}

// write makes a file for one test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// gateway is a real gatehouse with one user; it returns what nginx passes on: her token.
func gateway(t *testing.T, secretFile string) string {
	t.Helper()
	address := start(t, nil, gatehouse, "-c", write(t, "config.yaml", `
version: "3"
server: { host: 127.0.0.1, port: 0 }
metrics: { enabled: false }
providers:
  - name: local
    type: plain
    realm: local
    users: [{ username: alice, password: wonderland, roles: [staff, operators] }]
jwt: { iss: gatehouse, aud: `+audience+`, secret_file: `+secretFile+` }
`))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/authenticate", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", "wonderland")
	response, _ := do(t, r)
	if response.StatusCode != http.StatusOK {
		t.Fatal("gatehouse says", response.Status)
	}
	return response.Header.Get("Authorization")
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestAPI(t *testing.T) {
	// The line break is not part of the secret, for gatehouse and for the backends.
	secretFile := write(t, "jwt.secret", secret+"\n")
	token := gateway(t, secretFile)
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			command := backend(t)
			address := start(t, []string{
				"LISTEN=127.0.0.1:0", "JWT_SECRET_FILE=" + secretFile,
				"JWT_ISSUER=gatehouse", "JWT_AUDIENCE=" + audience,
			}, command[0], command[1:]...)
			for _, row := range requests(token) {
				row.ask(t, address)
			}
		})
	}
}

// A request carries headers, and comes from user or from nobody.
type request struct {
	says    string
	headers http.Header
	user    string
}

func bearer(values ...string) http.Header { return http.Header{"Authorization": values} }

func requests(token string) []request {
	parts := strings.Split(token, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.ReplaceAll(decoded(parts[1]), "alice", "admin")))
	with := bearer(token)
	with.Set("X-Auth-Username", "root")
	with.Set("X-Auth-Roles", "admin")
	return []request{
		{"gatehouse's own token", bearer(token), "alice"},
		{"another spelling of the scheme", bearer(strings.Replace(token, "Bearer", "bearer", 1)), "alice"},
		{"the headers beside it do not count", with, "alice"},
		{"a good token that we made", bearer(minted(nil)), "alice"},
		{"one for us and for others", bearer(minted(map[string]any{"aud": []string{"others", audience}})), "alice"},
		{"clocks that differ a little", bearer(minted(map[string]any{"iat": in(2 * time.Second)})), "alice"},

		{"no token", nil, ""},
		{"a name without a token", http.Header{"X-Auth-Username": {"alice"}}, ""},
		{"an empty token", bearer("Bearer "), ""},
		{"no token at all behind the scheme", bearer("Bearer"), ""},
		{"garbage", bearer("Bearer a.b.c"), ""},
		{"another scheme", bearer(strings.Replace(token, "Bearer", "Basic", 1)), ""},
		{"the bare token", bearer(strings.TrimPrefix(token, "Bearer ")), ""},
		{"two tokens", bearer(token, token), ""},
		{"another name in it", bearer(parts[0] + "." + forged + "." + parts[2]), ""},
		{"no signature", bearer(parts[0] + "." + parts[1] + "."), ""},
		{"another's signature", bearer(signed(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), nil)), ""},
		{"alg none", bearer(signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)), ""},
		{"HS512", bearer(signed(jwt.SigningMethodHS512, []byte(secret), nil)), ""},
		{"an expired one", bearer(minted(map[string]any{"exp": in(-time.Minute)})), ""},
		{"one without an end", bearer(minted(map[string]any{"exp": nil})), ""},
		{"one of tomorrow", bearer(minted(map[string]any{"iat": in(time.Hour)})), ""},
		{"one for others", bearer(minted(map[string]any{"aud": "others"})), ""},
		{"one for nobody", bearer(minted(map[string]any{"aud": nil})), ""},
		{"another issuer's", bearer(minted(map[string]any{"iss": "mallory"})), ""},
		{"nobody's", bearer(minted(map[string]any{"username": ""})), ""},
		{"one without a name", bearer(minted(map[string]any{"username": nil})), ""},
	}
}

func decoded(part string) string {
	text, _ := base64.RawURLEncoding.DecodeString(part)
	return string(text)
}

func in(d time.Duration) int64 { return time.Now().Add(d).Unix() }

// minted is a header with a token like gatehouse's; changed claims replace its own, nil takes one away.
func minted(changed map[string]any) string {
	return signed(jwt.SigningMethodHS256, []byte(secret), changed)
}

func signed(method jwt.SigningMethod, key any, changed map[string]any) string {
	return signedAs("", method, key, changed)
}

// signedAs names the key.
func signedAs(kid string, method jwt.SigningMethod, key any, changed map[string]any) string {
	claims := jwt.MapClaims{
		"iss": "gatehouse", "aud": audience, "iat": in(0), "exp": in(time.Hour),
		"username": "alice", "realm": "local", "roles": []string{"staff", "operators"},
	}
	for name, value := range changed {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	made := jwt.NewWithClaims(method, claims)
	if kid != "" {
		made.Header["kid"] = kid
	}
	token, err := made.SignedString(key)
	if err != nil {
		panic(err)
	}
	return "Bearer " + token
}

func (row request) ask(t *testing.T, address string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if row.headers != nil {
		r.Header = row.headers.Clone()
	}
	response, body := do(t, r)
	status, want := http.StatusOK, any(map[string]any{"username": row.user, "realm": "local", "roles": []any{"staff", "operators"}})
	if row.user == "" {
		status, want = http.StatusUnauthorized, map[string]any{"error": "Unauthorized access"}
	}
	var got any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Errorf("%s: %v: %q", row.says, err, body)
	}
	if response.StatusCode != status || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %d %s, want %d %v", row.says, response.StatusCode, body, status, want)
	}
	if challenge := response.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (row.user == "") {
		t.Errorf("%s: WWW-Authenticate is %q", row.says, challenge)
	}
}

// Without issuer and audience, any will do, in every language.
func TestAPIWithoutIssuerAndAudience(t *testing.T) {
	secretFile := write(t, "jwt.secret", secret)
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			command := backend(t)
			address := start(t, []string{"LISTEN=127.0.0.1:0", "JWT_SECRET_FILE=" + secretFile}, command[0], command[1:]...)
			for _, row := range []request{
				{"another audience", bearer(minted(map[string]any{"aud": "others"})), "alice"},
				{"no audience", bearer(minted(map[string]any{"aud": nil})), "alice"},
				{"another issuer", bearer(minted(map[string]any{"iss": "mallory"})), "alice"},
				{"an expired one", bearer(minted(map[string]any{"exp": in(-time.Minute)})), ""},
			} {
				row.ask(t, address)
			}
		})
	}
}

func TestAPISaysWhyItDoesNotStart(t *testing.T) {
	good := "JWT_SECRET_FILE=" + write(t, "jwt.secret", secret)
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			command := backend(t)
			for _, row := range []struct {
				says    string
				environ []string
				want    string
			}{
				{"no secret", nil, "api: JWT_SECRET_FILE is not set"},
				{"a file that is not there", []string{"JWT_SECRET_FILE=/nowhere/jwt.secret"}, "/nowhere/jwt.secret"},
				{"a short secret", []string{"JWT_SECRET_FILE=" + write(t, "short", secret[:31]+"\n")}, "fewer than 32 bytes"},
				{"no address", []string{good, "LISTEN=127.0.0.1:none"}, "api: LISTEN: "},
			} {
				exit, said := output(t, row.environ, command[0], command[1:]...)
				if exit != 1 || !strings.Contains(said, row.want) || strings.Count(said, "\n") != 1 {
					t.Errorf("%s: exit %d, %q; want one line with %q", row.says, exit, said, row.want)
				}
			}
		})
	}
}

// The README's way of making a secret makes one that gatehouse and a backend take.
func TestAPISecret(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "examples/api/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^ +(openssl rand .*)$`).FindSubmatch(readme)
	if command == nil {
		t.Fatal("README.md does not say how to make a secret")
	}
	path := filepath.Join(t.TempDir(), "jwt.secret")
	script := strings.NewReplacer("/etc/gatehouse/jwt.secret", path, "-o root -g gatehouse-jwt ", "").Replace(string(command[1]))
	if exit, said := output(t, nil, "sh", "-c", script); exit != 0 {
		t.Fatal(said)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	address := start(t, []string{"LISTEN=127.0.0.1:0", "JWT_SECRET_FILE=" + path}, goAPI)
	request{"a token", bearer(gateway(t, path)), "alice"}.ask(t, address)
}
