package nginx_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
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
server: { socket: %[1]s/gatehouse.sock, max_header_bytes: 15000 }
logging: { level: debug, format: json }
auth: { timeout_in_ms: 3000 }
metrics: { enabled: false }
jwt: { iss: gatehouse, exp: 1h, secret: %[2]s }
providers:
  - { name: keys, type: http, realm: portal, url: %[3]s, user: login, roles: groups }
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

// A gateway is a running gatehouse.
type gateway struct {
	socket string
	log    *output
}

// startGateway starts the real gatehouse and stops it when t ends. Its log then holds no secret.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	folder := shortFolder(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("onthefile"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "users.htpasswd"), "fiona:"+string(hash)+"\n")
	config := filepath.Join(folder, "config.yaml")
	write(t, config, fmt.Sprintf(gatehouseConfig, folder, jwtSecret, keyService(t)))

	g := &gateway{socket: filepath.Join(folder, "gatehouse.sock"), log: new(output)}
	cmd := exec.Command(gatehouseProgram, "--config", config)
	cmd.Stdout, cmd.Stderr = g.log, g.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("gatehouse: %v\n%s", err, g.log)
		}
		for _, secret := range secrets() {
			if strings.Contains(g.log.String(), secret) {
				t.Errorf("gatehouse's log holds the secret %q", secret)
			}
		}
	})
	awaitSocket(t, g.socket, g.log)
	return g
}

func awaitSocket(t *testing.T, path string, log fmt.Stringer) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("unix", path); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("gatehouse does not answer:\n%s", log)
}

// An output keeps what a process prints. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// awaitLine returns the first whole line after n bytes that has text in it.
func (o *output) awaitLine(t *testing.T, n int, text string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(o.String()[n:]) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, text) {
				return line
			}
		}
	}
	t.Fatalf("no line with %s in the log:\n%s", text, o)
	return ""
}
