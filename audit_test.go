package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const audited = `
version: "3"
server: { socket: gatehouse.sock }
metrics: { port: 0 }
audit: { file: audit.log }
jwt: { secret: 0123456789abcdef0123456789abcdef }
policies: { operators: { roles: [operators] } }
providers:
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: canary-password-1 }] }
  - { name: keys, type: http, realm: portal, url: "http://127.0.0.1:1/", user: uid }
`

// stop ends the process, and returns the lines of its audit file.
func (r *running) stop(t *testing.T) []string {
	t.Helper()
	_ = r.Process.Signal(syscall.SIGTERM)
	return r.ended(t)
}

// ended waits for the end of a gateway that was told to stop, once: a second signal ends it at once.
func (r *running) ended(t *testing.T) []string {
	t.Helper()
	r.until(t, `"message":"stopped"`)
	if err := r.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	return linesOf(t, filepath.Join(r.dir, "audit.log"))
}

func linesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), "\n") {
		t.Errorf("%s ends in the middle of a line", path)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// The lines that docs/logging.md shows are those that come.
func TestTheLinesOfThePage(t *testing.T) {
	r := launch(t, audited, "GATEHOUSE_LOGGING__LEVEL=debug")
	for i, login := range []func(*http.Request){
		func(q *http.Request) {
			q.SetBasicAuth("alice", "canary-password-1")
			q.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		},
		func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-1") },
		func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-2") },
		func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-1"); q.URL.Path += "/operators" },
		func(*http.Request) {},
		func(q *http.Request) { q.Header.Set("Authorization", "Bearer canary-key") },
	} {
		r.ask(t, func(q *http.Request) {
			q.Header.Set("X-Real-IP", "192.0.2.7")
			q.Header.Set("X-Request-ID", fmt.Sprintf("5ac%d…", 3+i))
			login(q)
		})
	}
	r.holdCarol(t, "5ac9…")
	config := filepath.Join(r.dir, "config.yaml")
	if err := os.WriteFile(config, []byte(strings.Replace(audited, "[operators]", "[operators, admins]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = r.Process.Signal(syscall.SIGHUP)
	r.until(t, `"message":"configuration loaded"`)
	recorded := r.stop(t)
	logged := shownLines(r.log, "5ac9…", `authenticated"`, `"message":"configuration loaded"`)
	recorded = shownLines(recorded, "5ac9…", "")
	page, err := os.ReadFile("docs/logging.md")
	if err != nil {
		t.Fatal(err)
	}
	for says, got := range map[string][]string{"the log": logged, "the audit file": recorded} {
		_, block, _ := strings.Cut(string(page), "<!-- "+says+" -->\n```json\n")
		block, _, _ = strings.Cut(block, "\n```")
		want := strings.Split(block, "\n")
		if len(got) != len(want) {
			t.Fatalf("%s has %d lines, the page %d:\n%s", says, len(got), len(want), strings.Join(got, "\n"))
		}
		for i := range want {
			if timeless(got[i]) != timeless(want[i]) {
				t.Errorf("%s says\n%s\nthe page\n%s", says, got[i], want[i])
			}
		}
	}
	if all := strings.Join(append(logged, recorded...), "\n"); strings.Contains(all, "canary") {
		t.Errorf("a secret is shown:\n%s", all)
	}
}

// holdCarol has her fail until she has to wait, all in requests of one id.
func (r *running) holdCarol(t *testing.T, id string) {
	for i := range 20 { // so that a slow machine cannot let her wait end before the next one
		r.ask(t, func(q *http.Request) {
			q.SetBasicAuth("carol", fmt.Sprint("canary-", i))
			q.Header.Set("X-Real-IP", "192.0.2.8")
			q.Header.Set("X-Request-ID", id)
		})
	}
}

// shownLines are those of lines that the page shows of: with one of some texts in them, the first reload, and of the
// requests of an id the first one that was throttled.
func shownLines(lines []string, id string, texts ...string) (shown []string) {
	var throttled, reload bool
	for _, line := range lines {
		switch has := func(text string) bool { return strings.Contains(line, text) }; {
		case !slices.ContainsFunc(texts, has):
		case has(id) && (throttled || !has(`"result":"throttled"`)):
		case reload && (has(`"configuration loaded"`) || has(`"event":"reload"`)):
		default:
			shown = append(shown, line)
			throttled = throttled || has(id)
			reload = reload || has(`"configuration loaded"`) || has(`"event":"reload"`)
		}
	}
	return shown
}

// timeless is a line without what differs each time.
func timeless(line string) string {
	for _, field := range []struct{ pattern, value string }{
		{`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)"`, `"time":""`},
		{`"took_ms":\d+(\.\d+)?`, `"took_ms":0`},
		{`"span_id":"[0-9a-f]{16}"`, `"span_id":""`},
		{`"file":"[^"]+"`, `"file":""`},
		{`wait \d[\d.]*m?s`, `wait`},
		{`"(service\.)?version":"[^"]+"`, `"version":""`},
	} {
		line = regexp.MustCompile(field.pattern).ReplaceAllString(line, field.value)
	}
	return line
}

// A thousand at once: each failure is one line.
func TestEachOfAThousandFailedLoginsIsOneLine(t *testing.T) {
	r := launch(t, audited)
	client := r.client()
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { r.fail(t, client, i) })
	}
	all.Wait()
	assertOnce(t, 1000, r.stop(t))
}

// fail is the failed login of a user of its own, from an address of its own. Each fourth is the same question
// as another's.
func (r *running) fail(t *testing.T, client *http.Client, i int) {
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
	if err != nil {
		t.Error(err)
		return
	}
	request.SetBasicAuth(fmt.Sprint("user", i-i%4/3), "canary")
	request.Header.Set("X-Real-IP", fmt.Sprintf("10.%d.%d.1", i/256, i%256))
	request.Header.Set("X-Request-ID", fmt.Sprint("request-", i))
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != 401 {
		t.Errorf("status %d, want 401", response.StatusCode)
	}
}

// assertOnce wants a line for each of n failed logins.
func assertOnce(t *testing.T, n int, lines []string) {
	t.Helper()
	seen := map[int]int{}
	for _, line := range lines {
		var e struct {
			Event, Result string
			RequestID     string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if i, err := strconv.Atoi(strings.TrimPrefix(e.RequestID, "request-")); err == nil && e.Event == "login" && e.Result == "all_failed" {
			seen[i]++
		}
	}
	missing, doubled := 0, 0
	for i := range n {
		switch seen[i] {
		case 0:
			missing++
		case 1:
		default:
			doubled++
		}
	}
	if missing+doubled > 0 || len(seen) != n {
		t.Errorf("of %d failed logins %d are missing and %d doubled; %d are there", n, missing, doubled, len(seen))
	}
}

// logrotate's way: rename, then SIGUSR1, under load.
func TestRotationLosesAndDoublesNoLine(t *testing.T) {
	r := launch(t, audited)
	path := filepath.Join(r.dir, "audit.log")
	done := make(chan struct{})
	go func() { defer close(done); r.until(t, `"message":"stopped"`) }() // reads the log
	client := r.client()
	next, stop := make(chan int), make(chan struct{})
	sent := 0
	go func() {
		defer close(next)
		for {
			select {
			case next <- sent:
				sent++
			case <-stop:
				return
			}
		}
	}()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range next {
				r.fail(t, client, i)
			}
		})
	}
	var files []string
	for n := range 4 {
		old := fmt.Sprintf("%s.%d", path, n)
		time.Sleep(100 * time.Millisecond)
		if err := os.Rename(path, old); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // logins go on into the old file
		_ = r.Process.Signal(syscall.SIGUSR1)
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if info, err := os.Stat(path); err == nil && info.Size() > 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("there is no new file")
			}
		}
		files = append(files, old)
	}
	close(stop)
	all.Wait()
	_ = r.Process.Signal(syscall.SIGTERM)
	<-done
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	var lines []string
	for _, file := range append(files, path) {
		lines = append(lines, linesOf(t, file)...)
	}
	assertOnce(t, sent, lines)
	if sent < 100 {
		t.Errorf("only %d logins", sent)
	}
}

// limit lets the process write files up to a size, as if the disk were full then.
func (r *running) limit(t *testing.T, size string) {
	t.Helper()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("there is no prlimit: apt-get install util-linux")
	}
	if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(r.Process.Pid), "--fsize="+size+":").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A disk that is full: nobody waits, the log says it once, and all is there when there is room again.
func TestAFullDiskLosesNoAuditLine(t *testing.T) {
	r := launch(t, audited)
	metrics := r.logged(t, "metrics listening", "address")
	r.limit(t, "1000") // in the middle of a line
	client := r.client()
	for i := range 100 {
		r.fail(t, client, i)
	}
	r.until(t, "audit.file cannot be written")
	if got := scrape(t, metrics); !strings.Contains(got, "gatehouse_audit_bad 1\n") || !strings.Contains(got, "gatehouse_audit_lines_lost_total 0\n") {
		t.Error("the metrics do not say that the audit file cannot be written")
	}
	if info, err := os.Stat(filepath.Join(r.dir, "audit.log")); err != nil || info.Size() != 1000 {
		t.Errorf("%v, size %d: the limit is none", err, info.Size())
	}
	r.limit(t, "unlimited")
	r.until(t, "audit.file is written again")
	if got := scrape(t, metrics); !strings.Contains(got, "gatehouse_audit_bad 0\n") {
		t.Error("the metrics still say that the audit file cannot be written")
	}
	assertOnce(t, 100, r.stop(t))
	if n := strings.Count(strings.Join(r.log, "\n"), "audit.file cannot be written"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
}

// What waits at the end is written, and a disk that is still full then does not hold the end up.
func TestTheEndWritesWhatWaits(t *testing.T) {
	for _, room := range []bool{true, false} {
		r := launch(t, strings.Replace(audited, "metrics: { port: 0 }", "metrics: { enabled: false }", 1))
		r.limit(t, "1000")
		client := r.client()
		for i := range 20 {
			r.fail(t, client, i)
		}
		r.until(t, "audit.file cannot be written")
		if !room {
			_ = r.Process.Signal(syscall.SIGTERM)
			r.until(t, "the last lines of audit.file could not be written")
			if err := r.Wait(); err != nil {
				t.Errorf("after SIGTERM: %v", err)
			}
			continue
		}
		_ = r.Process.Signal(syscall.SIGSTOP) // so that it is not tried again before
		r.limit(t, "unlimited")
		_ = r.Process.Signal(syscall.SIGTERM)
		_ = r.Process.Signal(syscall.SIGCONT)
		assertOnce(t, 20, r.ended(t))
	}
}

// A record that cannot be kept stops the start; check warns of it.
func TestTheAuditFileMustBeToBeHad(t *testing.T) {
	for says, row := range map[string]struct{ file, serve, check string }{
		"no folder":      {"nothere/audit.log", "audit.file: open ", "config.yaml:5: audit.file: its folder is not there"},
		"a folder":       {".", "config.yaml:5: audit.file: is a folder", "config.yaml:5: audit.file: is a folder"},
		"in a file":      {"config.yaml/audit.log", "audit.file: open ", ""},
		"not to be made": {"/proc/audit.log", "audit.file: open /proc/audit.log", ""},
	} {
		dir := folder(t, map[string]string{"config.yaml": strings.Replace(audited, "file: audit.log", "file: "+row.file, 1)})
		path := filepath.Join(dir, "config.yaml")
		if code, _, stderr := result(t, "", nil, "serve", "-c", path); code != 1 || !strings.Contains(stderr, row.serve) {
			t.Errorf("%s: exit %d, %q, want 1, %q", says, code, stderr, row.serve)
		}
		if _, _, stderr := result(t, "", nil, "check", "-c", path); !strings.Contains(stderr, row.check) {
			t.Errorf("%s: check says %q, want %q", says, stderr, row.check)
		}
	}
}
