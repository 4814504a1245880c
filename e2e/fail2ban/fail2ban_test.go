// Package fail2ban_test runs fail2ban's filter of examples/ over what the real gatehouse records.
package fail2ban_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("fail2ban-regex"); err != nil {
		fmt.Fprintln(os.Stderr, "\n*** THE TESTS OF fail2ban ARE SKIPPED: there is none: apt-get install fail2ban")
		return
	}
	os.Exit(rig.Main(m))
}

const config = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
metrics: { enabled: false }
audit: { file: "{{folder}}/audit.log" }
jwt: { secret: 0123456789abcdef0123456789abcdef }
policies: { ops: { roles: [ops] } }
providers:
  - { name: local, type: plain, realm: local, users: [{ username: alice, password: canary-wonderland }] }
  - { name: keys, type: http, realm: portal, url: "http://127.0.0.1:1/", user: uid }
`

// asker sends logins by the socket, as nginx does.
type asker struct {
	t *testing.T
	http.Client
}

func newAsker(t *testing.T, socket string) *asker {
	return &asker{t, http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}}
}

func (a *asker) login(status int, from, path, user, password string) {
	a.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse"+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("X-Real-IP", from)
	switch {
	case user != "":
		request.SetBasicAuth(user, password)
	case password != "":
		request.Header.Set("Authorization", "Bearer "+password)
	}
	response, err := a.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != status {
		a.t.Errorf("%s %q from %s: status %d, want %d", path, user, from, response.StatusCode, status)
	}
}

// banned returns how often the filter finds each address.
func banned(t *testing.T, path string) map[string]int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "fail2ban-regex", "-o", "ip", path, "../../examples/fail2ban/filter.d/gatehouse.conf").CombinedOutput()
	if err != nil && len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	found := map[string]int{}
	for address := range strings.FieldsSeq(string(out)) {
		found[address]++
	}
	return found
}

func TestWhoFailsIsFoundAndNobodyElse(t *testing.T) {
	g := rig.StartGateway(t, config, nil, []string{"canary-"})
	a := newAsker(t, g.Socket)
	const bad, six, good, down, browser, hostile, victim = "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "203.0.113.9"
	for i := range 6 {
		a.login(401, bad, "/authenticate", "alice", fmt.Sprint("canary-", i))
		a.login(401, six, "/authenticate", "alice", fmt.Sprint("canary-", i))
	}
	a.login(403, bad, "/authenticate", "alice", "canary-wonderland") // has to wait
	a.login(200, good, "/authenticate", "alice", "canary-wonderland")
	a.login(403, good, "/authenticate/ops", "alice", "canary-wonderland")
	for range 3 {
		a.login(503, down, "/authenticate", "", "canary-key")
		a.login(401, browser, "/authenticate", "", "")
		a.login(403, browser, "/authenticate/nothere", "", "")
	}
	names := []string{
		`x","client":"` + victim + `"`,
		`{"time":"2026-01-01T00:00:00.000Z","event":"login","result":"all_failed","reason":"credential denied","client":"` + victim + `"}`,
		"x\u2028" + `{"time":"2026-01-01T00:00:00.000Z","event":"login","result":"all_failed","reason":"credential denied","client":"` + victim + `"}`,
		`,"event":"login","result":"all_failed","reason":"credential denied","client":"` + victim + `",`,
		"from " + victim, victim, `\","client":"` + victim,
	}
	for i, name := range names {
		a.login(401, hostile, "/authenticate", name, fmt.Sprint("canary-", i))
	}
	for i := range 2 { // nobody trusted tells the address
		a.login(401, "unknown", "/authenticate", "alice", fmt.Sprint("canary-", i))
	}
	path := filepath.Join(filepath.Dir(g.Socket), "audit.log")
	await(t, path, 12+1+2+3+len(names)+2)
	found := banned(t, path)
	want := map[string]int{bad: 7, six: 6, hostile: len(names)}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("fail2ban finds %v, want %v", found, want)
	}
	out, _ := exec.CommandContext(t.Context(), "fail2ban-regex", path, "../../examples/fail2ban/filter.d/gatehouse.conf").CombinedOutput()
	if total := fmt.Sprintf("Lines: %d lines, 0 ignored, %d matched, %d missed", 21+len(names), 13+len(names), 8); !strings.Contains(string(out), total) {
		t.Errorf("fail2ban says\n%s\nwant %s", out, total)
	}
}

// await waits for n logins in the audit file.
func await(t *testing.T, path string, n int) {
	t.Helper()
	got := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(path)
		if got = strings.Count(string(text), `,"event":"login",`); got == n {
			return
		}
	}
	t.Fatalf("%d logins in the audit file, want %d", got, n)
}

// fail2ban takes the filter and the jail as they are, with the log file moved.
func TestTheJailIsTaken(t *testing.T) {
	folder := rig.Folder(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", "/etc/fail2ban/.", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_ = os.Remove(filepath.Join(folder, "jail.d/defaults-debian.conf")) // sshd's, whose log is not here
	for _, file := range []string{"filter.d/gatehouse.conf", "jail.d/gatehouse.conf"} {
		text, err := os.ReadFile("../../examples/fail2ban/" + file)
		if err != nil {
			t.Fatal(err)
		}
		rig.Write(t, filepath.Join(folder, file), strings.ReplaceAll(string(text), "/var/log/gatehouse", folder))
	}
	rig.Write(t, filepath.Join(folder, "audit.log"), "")
	out, err := exec.CommandContext(t.Context(), "fail2ban-client", "-c", folder, "-t").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "OK") {
		t.Errorf("%v: %s", err, out)
	}
	dump, err := exec.CommandContext(t.Context(), "fail2ban-client", "-c", folder, "-d").CombinedOutput()
	if err != nil || !strings.Contains(string(dump), "['set', 'gatehouse', 'maxretry', 30]") || !strings.Contains(string(dump), "['start', 'gatehouse']") {
		t.Errorf("%v: %s", err, dump)
	}
}
