package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/metrics"
	"gatehouse/password"
	"gatehouse/provider"
)

// A town is an estate whose config.yaml the test writes.
type town struct {
	*estate
	t      *testing.T
	path   string
	reload *reloader
	log    scroll
}

// A scroll is written by whoever logs while the test reads.
type scroll struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (s *scroll) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *scroll) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *scroll) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

func newTown(t *testing.T, config string) *town {
	t.Helper()
	w := &town{t: t, path: filepath.Join(t.TempDir(), "config.yaml")}
	w.write(config)
	p := &process{config: w.path, environ: []string{"STATE_DIRECTORY=" + filepath.Join(t.TempDir(), "state")}}
	least := new(level)
	e, err := newEstate(t.Context(), zerolog.New(&w.log).Hook(least), least, nil, metrics.New("test"))
	if err != nil {
		t.Fatal(err)
	}
	first := p.read([]string{p.config})
	if first.doc.Failed() {
		t.Fatal(first.doc.Faults())
	}
	if err := e.enter(t.Context(), first.config); err != nil {
		t.Fatal(err)
	}
	w.estate, w.reload = e, newReloader(p, e, first)
	return w
}

func (w *town) write(config string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// move writes config and reloads, and returns what was logged.
func (w *town) move(config string) string {
	w.t.Helper()
	w.write(config)
	w.log.Reset()
	w.reload.reload(w.t.Context())
	return w.log.String()
}

// gate is what the gate of the house in force is made of.
func (w *town) gate() gate.Config { return w.house.Gate.Config }

const (
	townHead = `
version: "3"
server: { trusted_proxies: [] }
providers:
`
	annsWay = `  - { name: ann, type: plain, realm: r, users: [{ username: ann, password: first-password }] }
`
	bobsWay = `  - { name: bob, type: plain, realm: r, users: [{ username: bob, password: other-password }] }
`
	keysWay = `  - { name: keys, type: http, realm: k, url: "https://keys.example.org", user: id }
`
)

func TestAReloadKeepsWhatIsTheSame(t *testing.T) {
	w := newTown(t, townHead+annsWay+bobsWay+keysWay)
	before := w.ways
	issuer, roles, out := w.issuer, w.roles, w.out
	same := func(name string, i, j int) bool { return w.ways[i] == before[j] && w.ways[i].entry.Name == name }

	if log := w.move(townHead + keysWay + annsWay + strings.Replace(bobsWay, "other", "changed", 1)); !strings.Contains(log, `"providers":3,"kept":2`) {
		t.Errorf("the log does not tell what was kept: %s", log)
	}
	if !same("keys", 0, 2) || !same("ann", 1, 0) || w.ways[2] == before[1] || w.ways[2].source.ID == before[1].source.ID {
		t.Error("not exactly the provider that changed is another")
	}
	if w.issuer != issuer || w.roles != roles || w.out != out {
		t.Error("issuer, roles or transport are others, though nothing of theirs changed")
	}
	before = w.ways
	w.move(strings.Replace(townHead, "providers", "auth: { proxy: http://127.0.0.1:1 }\njwt: { exp: 60 }\naugmenters: [{ name: a, type: plain, realm: r, roles: { x: [ann] } }]\nproviders", 1) + annsWay)
	if len(w.ways) != 1 || w.ways[0] == before[1] || w.issuer == issuer || w.roles == roles || w.out == out {
		t.Error("a new way out, lifetime or rule is not taken")
	}
	if strings.Contains(w.log.String(), "refused") {
		t.Error(w.log.String())
	}
}

// Two providers with the same section are two.
func TestEachProviderIsKeptOnce(t *testing.T) {
	twice := strings.Replace(townHead, `"3"`, "2.0.0", 1) + annsWay + annsWay
	w := newTown(t, twice)
	before := w.ways
	w.move(twice + bobsWay)
	if len(w.ways) != 3 || w.ways[0] != before[0] || w.ways[1] != before[1] || before[0] == before[1] {
		t.Errorf("%v, then %v", before, w.ways)
	}
}

// What a refused configuration has opened is closed again, and what is in force goes on.
func TestARefusedConfigurationChangesNothing(t *testing.T) {
	w := newTown(t, townHead+annsWay)
	config, before, house := w.config, w.ways, w.server
	for name, row := range map[string]struct{ config, want string }{
		"no YAML":            {"providers: [", "not YAML"},
		"an unknown key":     {townHead + annsWay + "provider: 1\n", `unknown key, did you mean \"providers\"?`},
		"nothing":            {"", "is missing"},
		"a file that is not": {townHead + bobsWay + "  - { name: f, type: htpasswd, realm: f, file: /no/such/file }\n", "no such file"},
		"no place for a key": {strings.Replace(townHead, "providers", "state_dir: /proc/no\nproviders", 1) + bobsWay, "state_dir"},
	} {
		log := w.move(row.config)
		if !strings.Contains(log, row.want) || !strings.Contains(log, "configuration refused") {
			t.Errorf("%s: the log does not say %q: %s", name, row.want, log)
		}
		if w.config != config || !slices.Equal(w.ways, before) || w.server != house || !w.refused.Load() {
			t.Errorf("%s: something changed, or it is not told at /ready", name)
		}
	}
	if log := w.move(townHead + bobsWay); !strings.Contains(log, "configuration loaded") || w.refused.Load() || w.ways.has("ann") {
		t.Errorf("a good one after bad ones: %s", log)
	}
}

// C09: in a reload.
func TestAPanicInAReloadIsContained(t *testing.T) {
	w := newTown(t, townHead+annsWay)
	memory, config := w.memory, w.config
	w.memory = nil // which a provider that is opened falls over
	log := w.move(townHead + bobsWay)
	w.memory = memory
	if !strings.Contains(log, "panic while reloading") || !strings.Contains(log, "configuration refused") || w.config != config || !w.refused.Load() {
		t.Errorf("not refused: %s", log)
	}
	if log := w.move(townHead + bobsWay); !strings.Contains(log, "configuration loaded") || !w.ways.has("bob") {
		t.Errorf("the next one: %s", log)
	}
}

func TestWhatNeedsARestartIsTold(t *testing.T) {
	w := newTown(t, townHead+annsWay)
	log := w.move(strings.Replace(townHead, "server: {", "metrics: { port: 9191 }\nlogging: { format: console }\nserver: { port: 8181, socket: /tmp/s, socket_mode: 0600, host: 127.0.0.2, ", 1) + annsWay)
	for _, key := range []string{"server.host", "server.port", "server.socket", "server.socket_mode", "metrics", "logging.format"} {
		if !strings.Contains(log, fmt.Sprintf(`"key":%q`, key)) {
			t.Errorf("nothing is said of %s: %s", key, log)
		}
	}
	if log := w.move(strings.Replace(townHead, "server: {", "logging: { level: debug }\nserver: { max_header_bytes: 5000, ", 1) + annsWay); strings.Contains(log, `"key":"logging.level"`) || strings.Contains(log, "max_header_bytes") {
		t.Errorf("a restart is asked for without need: %s", log)
	}
}

// A secret that comes from a file is followed as config.yaml is.
func TestFilesThatAreNamedAreFollowed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTown(t, townHead+annsWay)
	w.move(townHead + annsWay + "jwt: { secret_file: " + secret + " }\n")
	if want := []string{w.path, secret}; !slices.Equal(w.reload.last.files, want) {
		t.Errorf("%q are followed, want %q", w.reload.last.files, want)
	}
	issuer := w.issuer
	if err := os.WriteFile(secret, []byte(strings.Repeat("t", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.reload.reload(t.Context())
	if w.issuer == issuer {
		t.Error("the new secret is not in force")
	}
	w.move("providers: [")
	if !slices.Contains(w.reload.last.files, secret) {
		t.Error("a config.yaml that cannot be read ends what was followed before it")
	}
}

// followers is how many goroutines follow files.
func followers() int {
	all := make([]byte, 1<<20)
	return strings.Count(string(all[:runtime.Stack(all, true)]), "\ngatehouse/watch.Follow(")
}

func awaitFollowers(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); followers() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d files are followed, want %d", followers(), n)
		}
	}
}

// A provider that is no more does nothing more, nor does one that never came into force.
func TestWhoIsGoneFollowsNoFile(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("alice:"+cheapHashOf(t, "one")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	filesWay := "  - { name: files, type: htpasswd, realm: f, file: " + users + " }\n"
	w := newTown(t, townHead+annsWay)
	awaitFollowers(t, 0)
	w.move(townHead + annsWay + filesWay)
	awaitFollowers(t, 1)
	w.move(townHead + filesWay + "  - { name: more, type: htpasswd, realm: f, file: " + users + " }\n" + "  - { name: f, type: htpasswd, realm: f, file: " + users + ", group_file: /no/such }\n")
	awaitFollowers(t, 1)
	list, err := w.openWays(t.Context(), &Config{Providers: []provider.Entry{{Name: "x", Config: &provider.Htpasswd{File: users}}, {Name: "y", Config: &provider.Htpasswd{File: "/no/such"}}}}, w.out)
	if err == nil {
		t.Fatalf("%d opened", len(list))
	}
	awaitFollowers(t, 1)
	w.move(townHead + annsWay)
	awaitFollowers(t, 0)
}

func TestAReloadTellsTheThrottle(t *testing.T) {
	w := newTown(t, townHead+annsWay)
	from, now := netip.MustParseAddr("192.0.2.7"), time.Now()
	for n := range byte(30) {
		if a, wait := w.throttle.Try(from, string('a'+rune(n)), [32]byte{n}, now); wait == 0 {
			a.Denied(now)
		}
	}
	for _, row := range []struct {
		section string
		held    bool
	}{{"", true}, {"throttle: { enabled: false }\n", false}, {"throttle: { exempt: [192.0.2.0/24] }\n", false}, {"", true}} {
		w.move(townHead + annsWay + row.section)
		if got := w.throttle.Held(from, "somebody", now) > 0; got != row.held {
			t.Errorf("with %q: held is %t", row.section, got)
		}
	}
}

// Who was refused for what is another now is let in at once.
func TestAReloadForgetsRefusals(t *testing.T) {
	var roles []string
	for i := range 12 {
		roles = append(roles, fmt.Sprintf("%0100d", i))
	}
	config := func(limit int) string {
		return strings.Replace(townHead, "server: {", fmt.Sprintf("server: { max_header_bytes: %d,", limit), 1) +
			"  - { name: ann, type: plain, realm: r, users: [{ username: ann, password: first-password, roles: [" + strings.Join(roles, ", ") + "] }] }\n"
	}
	w := newTown(t, config(1200))
	decide := func() error {
		ask := gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Basic, Form: auth.Password, Username: "ann", Secret: "first-password"}}}
		_, err := gate.New(w.gate()).Decide(t.Context(), ask)
		return err
	}
	if _, ok := errors.AsType[*gate.Forbidden](decide()); !ok {
		t.Fatal("not refused")
	}
	w.move(config(9000))
	if err := decide(); err != nil {
		t.Error(err)
	}
}

func TestAPulseIsTheLastAnswer(t *testing.T) {
	w := &way{pulse: new(pulse)}
	begin := time.Now().Truncate(time.Millisecond)
	for i, row := range []struct {
		err   error
		state string
		since int // the row in which it came to be so; -1: never
	}{
		{auth.ErrUnasked, "unknown", -1},
		{auth.ErrNotMine, "unknown", -1},
		{auth.ErrDenied, "up", 2},
		{nil, "up", 2},
		{fmt.Errorf("full: %w", auth.ErrUnasked), "up", 2},
		{&auth.Later{Err: password.ErrBusy}, "up", 2},
		{io.ErrUnexpectedEOF, "down", 6},
		{context.DeadlineExceeded, "down", 6},
		{auth.ErrNotMine, "down", 6},
		{nil, "up", 9},
	} {
		w.pulse.note(row.err, begin.Add(time.Duration(i)*time.Second))
		s := w.state()
		if s.State != row.state || (s.Since == nil) != (row.since < 0) || s.Since != nil && !s.Since.Equal(begin.Add(time.Duration(row.since)*time.Second)) {
			t.Errorf("after row %d, %v: %s since %v", i, row.err, s.State, s.Since)
		}
	}
}

func TestADrainThatIsDelayedStillAnswers(t *testing.T) {
	r := launch(t, minimal, "GATEHOUSE_SERVER__DRAIN_DELAY=2s")
	path := func(path string) int {
		answer, err := r.client().Get("http://gatehouse" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if got := path("/ready"); got != 200 {
		t.Errorf("/ready before the stop: %d", got)
	}
	begin := time.Now()
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.until(t, "requests are still taken")
	if ready, health := path("/ready"), path("/health"); ready != 503 || health != 200 {
		t.Errorf("while it drains: /ready %d, /health %d", ready, health)
	}
	if got := r.ask(t, func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-1") }).StatusCode; got != 200 {
		t.Errorf("a login while it drains: %d", got)
	}
	r.until(t, `"message":"stopped"`)
	if took := time.Since(begin); took < 2*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

// Users stay hot, nobody is refused, and whoever is new gets in, while config.yaml is replaced in each of the ways
// that operators have.
func TestReloadWithoutAGap(t *testing.T) {
	config := func(extra string) string {
		return "version: \"3\"\nserver: { socket: SOCKET }\nmetrics: { port: 0 }\nstate_dir: STATE\nproviders:\n" +
			"  - { name: ann, type: plain, realm: r, users: [{ username: ann, password: first-password }] }\n" + extra
	}
	also := func(name string) string {
		return fmt.Sprintf("  - { name: %s, type: plain, realm: r, users: [{ username: %s, password: some-password }] }\n", name, name)
	}
	r := launch(t, strings.NewReplacer("SOCKET", "gatehouse.sock", "STATE", "state").Replace(config("")))
	place := strings.NewReplacer("SOCKET", filepath.Join(r.dir, "gatehouse.sock"), "STATE", filepath.Join(r.dir, "state"))
	address := r.logged(t, "metrics listening", "address")
	path := filepath.Join(r.dir, "config.yaml")
	login := func(user, password string) int {
		return r.ask(t, func(q *http.Request) { q.SetBasicAuth(user, password) }).StatusCode
	}
	if login("ann", "first-password") != 200 {
		t.Fatal("ann is not let in")
	}
	stop, done := make(chan struct{}), sync.WaitGroup{}
	var asked, refused atomic.Int64
	for range 4 {
		done.Go(func() {
			client := r.client()
			for {
				select {
				case <-stop:
					return
				default:
				}
				q, _ := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
				q.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ann:first-password")))
				answer, err := client.Do(q)
				if asked.Add(1); err != nil || answer.StatusCode != 200 {
					refused.Add(1)
					continue
				}
				_ = answer.Body.Close()
				time.Sleep(time.Millisecond)
			}
		})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	await := func(user, how string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); login(user, "some-password") != 200; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s is not let in 20 s after %s", user, how)
			}
		}
	}
	write := func(path, text string) { t.Helper(); must(os.WriteFile(path, []byte(place.Replace(text)), 0o600)) }

	write(path, config(also("bob")))
	_ = r.Process.Signal(syscall.SIGHUP)
	await("bob", "SIGHUP")
	write(path+".new", config(also("bob")+also("cyd")))
	must(os.Rename(path+".new", path))
	await("cyd", "an atomic rename")
	write(path, config(also("dan")))
	await("dan", "a write in place")

	// As Kubernetes does it: config.yaml leads to ..data/config.yaml, and ..data to a folder of a date.
	folder := func(name, text string) {
		must(os.Mkdir(filepath.Join(r.dir, name), 0o700))
		write(filepath.Join(r.dir, name, "config.yaml"), text)
		must(os.Symlink(name, filepath.Join(r.dir, "..data_tmp")))
		must(os.Rename(filepath.Join(r.dir, "..data_tmp"), filepath.Join(r.dir, "..data")))
	}
	folder("..2026_1", config(also("dan")+also("eve")))
	must(os.Symlink("..data/config.yaml", path+".new"))
	must(os.Rename(path+".new", path))
	await("eve", "a link in its place")
	folder("..2026_2", config(also("fay")))
	await("fay", "a swap of the folder behind the link")
	if got := login("eve", "some-password"); got != 401 {
		t.Errorf("one who was taken out: %d", got)
	}

	close(stop)
	done.Wait()
	if n := asked.Load(); refused.Load() != 0 || n < 100 {
		t.Errorf("%d of %d were refused", refused.Load(), n)
	}
	if want := `auth_provider_attempts_total{provider_name="ann",provider_type="Basic",realm="r",result="success"} 1` + "\n"; !strings.Contains(scrape(t, address), want) {
		t.Errorf("ann's password was hashed again:\n%s", scrape(t, address))
	}
	must(r.Process.Signal(syscall.SIGTERM))
	r.until(t, `"message":"stopped"`)
}

// A refused configuration is told in the words of `gatehouse check`.
func TestARefusalIsTheReportOfCheck(t *testing.T) {
	r := launch(t, minimal)
	path := filepath.Join(r.dir, "config.yaml")
	if err := os.WriteFile(path, []byte(minimal+"proxy: 1\nauth: { timeout: 3 }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, report := result(t, "", nil, "check", "--config", path)
	_ = r.Process.Signal(syscall.SIGHUP)
	r.until(t, "configuration refused")
	for line := range strings.Lines(report) {
		found := false
		for _, logged := range r.log {
			found = found || strings.Contains(logged, strings.ReplaceAll(strings.TrimSpace(line), `"`, `\"`))
		}
		if !found {
			t.Errorf("not told: %s", line)
		}
	}
	if strings.Count(report, "\n") < 2 {
		t.Errorf("check reports %q", report)
	}
	if got := r.ask(t, func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-1") }).StatusCode; got != 200 {
		t.Errorf("after the refusal: %d", got)
	}
}

func TestTheFollowerWaitsUntilAFileIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	now := time.Now()
	told := 0
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	f := newFollower([]string{path}, look([]string{path}), func() time.Time { return now }, func() { told++ })
	pass := func(d time.Duration, want int, what string) {
		t.Helper()
		for end := now.Add(d); now.Before(end); {
			now = now.Add(min(f.step(), end.Sub(now)))
		}
		f.step()
		if told != want {
			t.Errorf("%s: told %d times, want %d", what, told, want)
		}
		told = 0
	}
	pass(time.Hour, 0, "nothing changes")
	write("longer\n")
	pass(settled-1, 0, "just written")
	write("longer still\n")
	pass(settled-1, 0, "written again")
	pass(1, 1, "left alone")
	pass(time.Hour, 0, "and left alone")
	write("without an end")
	pass(meant-1, 0, "the last line has no end")
	pass(1, 1, "nor gets one")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	pass(meant-1, 0, "gone")
	pass(1, 1, "and stays gone")
	write("longer\n")
	pass(settled, 1, "back")
}
