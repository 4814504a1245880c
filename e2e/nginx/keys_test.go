package nginx_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/e2e/rig"
	"gatehouse/jwt"
)

const keyedConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
metrics: { enabled: false }
jwt: { iss: "https://www.example.org", aud: my-services, keys_dir: %s, exp: 2s, publish_before: 6s }
providers:
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: wonderland }] }
`

// A verifying is a backend that knows the keys from nginx alone, for exactly as long as it may remember them.
type verifying struct {
	set string // the address of the key set

	mu       sync.Mutex // guards the rest
	verifier *jwt.Verifier
	until    time.Time
	kids     map[string]int // tokens of each key
	refused  []string
}

// insecure asks nginx, whose certificate is self-signed.
var insecure = http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 8}, Timeout: 10 * time.Second}

func get(ctx context.Context, address, authorization string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := insecure.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// fetch asks for the set where the last is too old.
func (b *verifying) fetch(ctx context.Context, now time.Time) error {
	if now.Before(b.until) {
		return nil
	}
	answer, text, err := get(ctx, b.set, "")
	if err != nil {
		return err
	}
	seconds, err := strconv.Atoi(strings.TrimPrefix(answer.Header.Get("Cache-Control"), "public, max-age="))
	if err != nil {
		return err
	}
	keys, err := jwt.ParseKeySet(text)
	if err != nil {
		return err
	}
	// As auth-o-tron's own client has it, so that a request that stands still for a second on a busy machine is no fault.
	const leeway = 5 * time.Second
	b.verifier, err = jwt.NewVerifier(jwt.VerifierConfig{Keys: keys, Issuer: "https://www.example.org", Audiences: []string{"my-services"}, Leeway: leeway})
	b.until = now.Add(time.Duration(seconds) * time.Second)
	return err
}

func (b *verifying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	err := b.fetch(r.Context(), now)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if err == nil {
		_, err = b.verifier.Verify(token, now)
	}
	if err != nil {
		b.refused = append(b.refused, err.Error())
		w.WriteHeader(http.StatusTeapot)
		return
	}
	head, _, _ := strings.Cut(token, ".")
	b.kids[head]++
}

// A rotation is two gateways that share a folder of keys behind one nginx, under load.
type rotation struct {
	site     string // the address of nginx
	gateways [2]*rig.Gateway
	backend  *verifying

	mu     sync.Mutex // guards the rest
	asked  int
	failed []string
}

// startRotation starts all but the load, by a config.yaml.
func startRotation(t *testing.T, config string) *rotation {
	t.Helper()
	r := &rotation{backend: &verifying{kids: map[string]int{}}}
	for i := range r.gateways {
		r.gateways[i] = rig.StartGateway(t, config, nil, []string{"wonderland"})
	}
	server := httptest.NewServer(r.backend)
	t.Cleanup(server.Close)
	one, two := r.gateways[0].Socket, r.gateways[1].Socket
	front := startFront(t, keyedSite(t, one, server.Listener.Addr().String(),
		rig.Edit{"snippets/gatehouse-upstream.conf", "server unix:" + one + ";", "server unix:" + one + "; server unix:" + two + ";"}))
	r.site = "https://" + front.Addresses()[0]
	r.backend.mu.Lock()
	r.backend.set = r.site + "/.well-known/jwks.json"
	r.backend.mu.Unlock()
	return r
}

// load asks until stop is called, which wants that no request failed and every token was verified.
func (r *rotation) load(t *testing.T) (stop func()) {
	t.Helper()
	load, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for load.Err() == nil {
				answer, _, err := get(context.WithoutCancel(load), r.site+"/", alice)
				r.mu.Lock()
				if r.asked++; err != nil || answer.StatusCode != http.StatusOK {
					r.failed = append(r.failed, fmt.Sprint(answer, err))
				}
				r.mu.Unlock()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return func() {
		t.Helper()
		cancel()
		clients.Wait()
		if len(r.failed) > 0 || len(r.backend.refused) > 0 || r.asked < 500 {
			t.Errorf("of %d requests %d failed: %.300s; the backend refused: %.300s", r.asked, len(r.failed), r.failed, r.backend.refused)
		}
	}
}

// kids are those by whose keys tokens were signed.
func (r *rotation) kids() int {
	r.backend.mu.Lock()
	defer r.backend.mu.Unlock()
	return len(r.backend.kids)
}

// Two rotations of two gateways that share a folder, under load: no request fails, every token is verified, and
// all is over when the old keys are gone.
func TestARotationFailsNoRequest(t *testing.T) {
	t.Parallel() // it waits, mostly
	keys := jwt.Config{KeysDir: filepath.Join(t.TempDir(), "keys"), Lifetime: jwt.Seconds(2 * time.Second), PublishBefore: 6 * time.Second}
	rotate := func(kind string) jwt.Rotation {
		t.Helper()
		done, err := keys.Rotate(kind, false, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	rotate("ed25519")
	r := startRotation(t, fmt.Sprintf(keyedConfig, keys.KeysDir))
	answer, text, err := get(t.Context(), r.site+"/.well-known/openid-configuration", "")
	var found struct {
		Issuer string `json:"issuer"`
		Set    string `json:"jwks_uri"`
	}
	if err != nil || json.Unmarshal(text, &found) != nil || answer.StatusCode != 200 || found.Issuer != "https://www.example.org" || found.Set != "https://www.example.org/.well-known/jwks.json" {
		t.Fatalf("%s, %v", text, err)
	}
	stop := r.load(t)
	next := rotate("ec")
	time.Sleep(time.Until(next.From.Add(time.Second)))
	last := rotate("rsa")
	time.Sleep(time.Until(last.From.Add(time.Second)))
	_, text, err = get(t.Context(), r.backend.set, "")
	stop()
	if r.kids() != 3 {
		t.Errorf("tokens were signed by %v, want three keys", r.backend.kids)
	}
	if set, e := jwt.ParseKeySet(text); err != nil || e != nil || set.Len() != 2 || !strings.Contains(string(text), last.Key.ID) {
		t.Errorf("of the first key is published still, or the last is not: %s, %v", text, err)
	}
	for _, g := range r.gateways {
		if n := strings.Count(g.Log.String(), "another key signs"); n != 2 || strings.Contains(g.Log.String(), "refused") {
			t.Errorf("%d turns in the log:\n%s", n, g.Log)
		}
	}
}

// The same without anybody's doing: the gateways make each key themselves, the first one too, and agree on it.
func TestARotationByTheScheduleFailsNoRequest(t *testing.T) {
	t.Parallel() // it waits, mostly
	folder := t.TempDir()
	r := startRotation(t, strings.Replace(fmt.Sprintf(keyedConfig, folder), "publish_before: 6s", "publish_before: 5s, rotate_every: 6s", 1))
	stop := r.load(t)
	for deadline := time.Now().Add(30 * time.Second); r.kids() < 3 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	files, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if r.kids() != 3 || err != nil || len(files) < 3 {
		t.Errorf("tokens were signed by %v, want three keys; there are %q", r.backend.kids, files)
	}
	log := r.gateways[0].Log.String() + r.gateways[1].Log.String()
	if strings.Count(log, "made the first key") != 1 || strings.Count(log, "made the next key") < 2 || strings.Contains(log, "cannot be made") || strings.Contains(log, "refused") {
		t.Errorf("the logs:\n%s", log)
	}
	for i := 1; i < len(files); i++ {
		then, _ := time.Parse("20060102T150405Z.pem", filepath.Base(files[i-1]))
		if from, err := time.Parse("20060102T150405Z.pem", filepath.Base(files[i])); err != nil || from.Sub(then) != 6*time.Second {
			t.Errorf("%q do not begin to sign in turn", files)
		}
	}
}

// keyedSite is a site that shows the keys of a gateway.
func keyedSite(t *testing.T, gateway, backend string, more ...rig.Edit) rig.Site {
	t.Helper()
	snippet, err := os.ReadFile("../../nginx/snippets/gatehouse-keys.conf")
	if err != nil {
		t.Fatal(err)
	}
	return rig.Site{Files: []string{"gatehouse.conf"}, Gateway: gateway, Backend: backend, Edits: append(more, insert(string(snippet)))}
}

// What the snippet shows is for everybody, for reading, and nothing else.
func TestTheKeysAreShown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "keys")
	if _, err := (jwt.Config{KeysDir: folder}).Rotate("", false, time.Now()); err != nil {
		t.Fatal(err)
	}
	g := rig.StartGateway(t, fmt.Sprintf(keyedConfig, folder), nil, nil)
	b := startBackend(t)
	f := startFront(t, keyedSite(t, g.Socket, b.address))
	const set = "/.well-known/jwks.json"
	for _, row := range []struct {
		says   string
		line   string
		header string
		status int
	}{
		{"without a login", "GET " + set + " HTTP/1.1", "", 200},
		{"with a wrong one", "GET " + set + " HTTP/1.1", "Authorization: " + wrongPass, 200},
		{"with a query", "GET " + set + "?realm=x HTTP/1.1", "", 200},
		{"its head", "HEAD " + set + " HTTP/1.1", "", 200},
		{"a body", "POST " + set + " HTTP/1.1", "Content-Length: 0", 403},
		{"a path below", "GET " + set + "/x HTTP/1.1", "", 401},
		{"another case", "GET " + strings.ToUpper(set) + " HTTP/1.1", "", 401},
	} {
		r := request{line: row.line}
		if row.header != "" {
			r.headers = []string{row.header}
		}
		if got := send(t, f.Addresses()[0], r); got.StatusCode != row.status || (got.StatusCode == 200) != (got.Header.Get("Content-Type") == "application/jwk-set+json") {
			t.Errorf("%s: %s, %s", row.says, got.Status, got.Header)
		}
	}
	if out, err := f.Check(); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}
