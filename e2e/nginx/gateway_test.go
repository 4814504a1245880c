package nginx_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

// jwtSecret signs the tokens of every real gateway here.
const jwtSecret = "0123456789abcdef0123456789abcdef"

// Credentials that the real gateway accepts, and some that it refuses.
var (
	alice     = basic("alice:wonderland") // operator and staff of the realm local
	bob       = basic("bob:thebuilder")   // has no roles
	fiona     = basic("fiona:onthefile")  // stands in the password file
	kate      = "Bearer kates-own-key"    // the key service knows her: realm portal
	roleRich  = "Bearer rich-in-roles"    // what nginx is told of them takes almost 14 kB
	roleLoad  = "Bearer richer-in-roles"  // and here more than it may
	wrongPass = basic("alice:lookingglass")
	wrongKey  = "Bearer nobodys-key"
	brokenKey = "Bearer breaks-the-service"
)

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// secrets are texts that no log may hold.
func secrets() []string {
	list := []string{"eyJ0eXAi", jwtSecret, "wonderland", "thebuilder", "onthefile", "lookingglass", "query-secret"}
	for _, authorization := range []string{alice, bob, fiona, kate, roleRich, roleLoad, wrongPass, wrongKey, brokenKey} {
		_, word, _ := strings.Cut(authorization, " ")
		list = append(list, word)
	}
	return list
}

// roles makes n roles of 40 bytes.
func roles(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%04d", strings.Repeat("r", 35), i)
	}
	return list
}

// keyService says whose an API key is.
func keyService(t *testing.T) string {
	quoted := func(list []string) string { return `"` + strings.Join(list, `","`) + `"` }
	answers := map[string]string{
		kate:     `{"login": "kate", "groups": ["readers"]}`,
		roleRich: `{"login": "rich", "groups": [` + quoted(roles(138)) + `]}`,
		roleLoad: `{"login": "richer", "groups": [` + quoted(roles(200)) + `]}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization := r.Header.Get("Authorization")
		switch answer, ok := answers[authorization]; {
		case ok:
			_, _ = io.WriteString(w, answer)
		case authorization == brokenKey:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const gatehouseConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
logging: { level: debug, format: json }
auth: { timeout_in_ms: 3000 }
metrics: { enabled: false }
jwt: { iss: gatehouse, exp: 1h, secret: %[1]s }
providers:
  - { name: keys, type: http, realm: portal, url: %[2]s, user: login, roles: groups }
  - name: users
    type: plain
    realm: local
    users:
      - { username: alice, password: wonderland, roles: [operators, staff] }
      - { username: bob, password: thebuilder }
  - { name: file, type: htpasswd, realm: file, file: users.htpasswd }
policies:
  anyone: {}
  operators: { realm: local, roles: [operators] }
  portal: { realm: portal }
`

// startGateway starts the real gatehouse and stops it when t ends. Its log then holds no secret.
func startGateway(t *testing.T) *rig.Gateway {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("onthefile"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(gatehouseConfig, jwtSecret, keyService(t))
	return rig.StartGateway(t, config, map[string]string{"users.htpasswd": "fiona:" + string(hash) + "\n"}, secrets())
}

// startFront starts nginx and stops it when t ends. Nothing secret may then be in its logs.
func startFront(t *testing.T, s rig.Site) *rig.Front {
	t.Helper()
	s.Secrets = secrets()
	return rig.StartFront(t, s)
}
