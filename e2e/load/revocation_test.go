package load_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

// The bounds that docs/configuration.md and docs/nginx-cache.md promise. Machines that run tests stall: slack is
// for that.
const (
	fileBound   = 200 * time.Millisecond // a password file left alone for so long counts
	reloadBound = time.Second            // as does config.yaml
	cacheBound  = 3 * time.Second        // of the provider here
	nginxBound  = 5 * time.Second        // and so much longer where nginx remembers
	slack       = 1500 * time.Millisecond
)

const (
	firstSecret  = "0123456789abcdef0123456789abcdef"
	secondSecret = "fedcba9876543210fedcba9876543210"
)

const revocableConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
logging: { level: info, format: json }
metrics: { enabled: false }
throttle: { enabled: false }
jwt: { secret: ` + firstSecret + `, exp: 1h }
providers:
  - { name: keys, type: http, realm: portal, url: %s, user: login, roles: groups, cache: 3s, proxy_cache: true }
  - { name: file, type: htpasswd, realm: file, file: users, group_file: groups }
  - { name: plain, type: plain, realm: local, users: [{ username: paul, password: pauls-password, roles: [a] }] }
`

// A town is a gatehouse whose users a test changes.
type town struct {
	*rig.Instance
	*client
	front             *rig.Front
	revoked, promoted *atomic.Bool // what the service says of the key
}

func newTown(t *testing.T, files []string, edits ...rig.Edit) *town {
	t.Helper()
	w := &town{revoked: new(atomic.Bool), promoted: new(atomic.Bool)}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		switch {
		case w.revoked.Load():
			rw.WriteHeader(http.StatusForbidden)
		case w.promoted.Load():
			_, _ = rw.Write([]byte(`{"login": "kate", "groups": ["b"]}`))
		default:
			_, _ = rw.Write([]byte(`{"login": "kate", "groups": ["a"]}`))
		}
	}))
	t.Cleanup(s.Close)
	w.Instance = rig.NewInstance(t, fmt.Sprintf(revocableConfig, s.URL), map[string]string{
		"users": line(t, "fred", "freds-password") + line(t, "gina", "ginas-password"), "groups": "a: fred gina\n",
	})
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, "%s %s %s", r.Header.Get("X-Auth-Username"), r.Header.Get("X-Auth-Roles"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(backend.Close)
	f := rig.StartFront(t, rig.Site{
		Files: append(files, "gatehouse.conf"), Gateway: w.Socket, Backend: backend.Listener.Addr().String(), Edits: edits,
	})
	w.front, w.client = f, newClient(t, f, 4)
	return w
}

func line(t *testing.T, name, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + string(hash) + "\n"
}

// edit has another text in config.yaml.
func (w *town) edit(t *testing.T, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Folder, "config.yaml"))
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("config.yaml does not have %q: %v", old, err)
	}
	w.Put(t, "config.yaml", strings.Replace(string(text), old, replacement, 1))
}

// A change is what is done to the users, whom it is seen by, and in what time.
type change struct {
	name  string
	login string // lets in before
	do    func(t *testing.T, w *town)
	seen  func(status int, body string) bool
	bound time.Duration
}

func refused(status int, _ string) bool { return status == http.StatusUnauthorized }

func hasRole(role string) func(int, string) bool {
	return func(status int, body string) bool { return status == 200 && strings.Contains(body, " "+role+" ") }
}

// signedBy reports whether the answer's token has a signature of this secret.
func signedBy(secret string) func(int, string) bool {
	return func(status int, body string) bool {
		token := body[strings.LastIndex(body, " ")+1:]
		dot := max(strings.LastIndex(token, "."), 0)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(token[:dot]))
		return status == 200 && strings.HasSuffix(token, "."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	}
}

// changes are made one after the other in one gatehouse.
var changes = []change{
	{"groups are others", basic("gina:ginas-password"), func(t *testing.T, w *town) { w.Put(t, "groups", "b: gina\na: fred\n") }, hasRole("b"), fileBound},
	{"a password is another", basic("fred:freds-password"), func(t *testing.T, w *town) {
		w.Put(t, "users", line(t, "fred", "freds-next-password")+line(t, "gina", "ginas-password"))
	}, refused, fileBound},
	{"a user is removed from the file", basic("gina:ginas-password"), func(t *testing.T, w *town) {
		w.Put(t, "users", line(t, "fred", "freds-next-password"))
	}, refused, fileBound},
	{"a service says other roles", "Bearer kates-key", func(_ *testing.T, w *town) { w.promoted.Store(true) }, hasRole("b"), cacheBound},
	{"the secret of tokens is another", basic("paul:pauls-password"), func(t *testing.T, w *town) {
		w.edit(t, firstSecret, secondSecret)
	}, signedBy(secondSecret), reloadBound},
	{"the secret is another, by a signal", "Bearer kates-key", func(t *testing.T, w *town) {
		w.edit(t, secondSecret, firstSecret)
		w.Signal(t, syscall.SIGHUP)
	}, signedBy(firstSecret), 0},
	{"roles of config.yaml are others", basic("paul:pauls-password"), func(t *testing.T, w *town) { w.edit(t, "roles: [a]", "roles: [b]") }, hasRole("b"), reloadBound},
	{"a user is removed from config.yaml", basic("paul:pauls-password"), func(t *testing.T, w *town) { w.edit(t, "username: paul", "username: not-paul") }, refused, reloadBound},
	{"a service says 403", "Bearer kates-key", func(_ *testing.T, w *town) { w.revoked.Store(true) }, refused, cacheBound},
}

// C28: how long it takes until a change of users is everybody's, with nginx's own memory and without.
func TestAChangeOfUsersIsSeenInTime(t *testing.T) {
	t.Parallel()
	for _, variant := range []struct {
		name  string
		files []string
		edits []rig.Edit
		more  time.Duration // for Bearer
	}{
		{"as shipped", nil, nil, 0},
		{"nginx remembers", []string{"snippets/gatehouse-cache.conf"}, []rig.Edit{{
			"gatehouse.conf", "    location / {\n", "    set $gatehouse_cache $gatehouse_bearer;\n    location / {\n",
		}}, nginxBound},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, variant.files, variant.edits...)
			for _, c := range changes {
				bound := c.bound
				if strings.HasPrefix(c.login, "Bearer ") {
					bound += variant.more
				}
				w.await(t, c, bound)
			}
			if kept, err := os.ReadDir(w.front.CacheFolder()); variant.more > 0 && (err != nil || len(kept) == 0) {
				t.Errorf("nginx remembers nothing: %v", err)
			}
		})
	}
}

// await makes a change, asks on and on, and wants it seen within bound, and no fault meanwhile.
func (w *town) await(t *testing.T, c change, bound time.Duration) {
	t.Helper()
	begin := time.Now()
	for status, body, err := w.get(c.login); c.seen(status, body); status, body, err = w.get(c.login) { // nginx may still have an answer from before
		if err != nil || status != 200 || time.Since(begin) > nginxBound+slack {
			t.Errorf("%s: before that: status %d, %q, %v", c.name, status, body, err)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	begin = time.Now()
	c.do(t, w)
	for {
		status, body, err := w.get(c.login)
		took := time.Since(begin)
		switch {
		case err != nil || status != 200 && status != 401:
			t.Errorf("%s: status %d, %v", c.name, status, err)
			return
		case c.seen(status, body):
			t.Logf("%s: after %s, within %s", c.name, took.Round(time.Millisecond), bound)
			if took > bound+slack {
				t.Errorf("%s: seen after %s, want within %s", c.name, took, bound)
			}
			return
		case took > bound+4*slack:
			t.Errorf("%s: not seen after %s", c.name, took)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
