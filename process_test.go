package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/crypto/bcrypt"
	"gopkg.in/yaml.v3"

	"gatehouse/e2e/canary"
	"gatehouse/e2e/leaks"
)

// TestMain lets the test binary be gatehouse itself, so that commands run as processes without a build.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_GATEHOUSE") != "" {
		main()
	}
	os.Exit(leaks.Run(m, leaks.Fasthttp...)) // C42
}

// command is gatehouse with arguments, in an environment of its own.
func command(ctx context.Context, environ []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{"RUN_AS_GATEHOUSE=1", "PATH=" + os.Getenv("PATH")}, environ...)
	return cmd
}

// result runs a command to its end.
func result(t *testing.T, stdin string, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := command(ctx, environ, args...)
	var out, err strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &err
	if e := cmd.Run(); e != nil && cmd.ProcessState == nil {
		t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// folder holds files, by their names.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const minimal = `
version: "3"
server: { socket: gatehouse.sock }
metrics: { port: 0 }
state_dir: state
providers:
  - name: local
    type: plain
    realm: local
    users: [{ username: alice, password: canary-password-1 }]
  - name: keys
    type: http
    realm: portal
    url: http://127.0.0.1:1/
    user: uid
`

func TestCheck(t *testing.T) {
	good := "alice:" + hashOf(t, "secret1") + "\n"
	for _, row := range []struct {
		says   string
		files  map[string]string
		args   []string
		code   int
		stderr string
	}{
		{"a good config", map[string]string{"c.yaml": minimal}, nil, 0, ""},
		{"a missing file", nil, nil, 1, "c.yaml: cannot be read"},
		{"a broken file", map[string]string{"c.yaml": "version: [\n"}, nil, 1, "c.yaml:"},
		{"a warning is no error", map[string]string{"c.yaml": "version: 2.0.0\nproviders: []\nother: 1\n"}, nil, 0, "warning: "},
		{"unless strict", map[string]string{"c.yaml": "version: 2.0.0\nproviders: []\nother: 1\n"}, []string{"--strict"}, 1, "other: unknown key"},
		{"no folder to keep a secret in", map[string]string{"c.yaml": strings.Replace(minimal, "state_dir: state", "", 1)}, nil, 0, "warning: "},
		{"a good password file", map[string]string{"c.yaml": withFile, "users": good}, nil, 0, ""},
		{"a line nobody can log in with", map[string]string{"c.yaml": withFile, "users": good + "bob:canary\n"}, nil, 1, "users:2: "},
	} {
		dir := folder(t, row.files)
		code, _, stderr := result(t, "", nil, append([]string{"check", "-c", filepath.Join(dir, "c.yaml")}, row.args...)...)
		if code != row.code || !strings.Contains(stderr, row.stderr) || row.stderr == "" && stderr != "" {
			t.Errorf("%s: exit %d, %q; want %d, %q", row.says, code, stderr, row.code, row.stderr)
		}
		if strings.Contains(stderr, "canary") || strings.Contains(stderr, "$2y$") {
			t.Errorf("%s: shows what it must not: %q", row.says, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
			t.Errorf("%s: check made something", row.says)
		}
	}
}

const withFile = `
version: "3"
state_dir: state
providers:
  - { name: files, type: htpasswd, realm: files, file: users }
`

// hashOf makes a hash as a user does.
func hashOf(t *testing.T, password string) string {
	t.Helper()
	code, out, stderr := result(t, password+"\n", nil, "hash", "x")
	if code != 0 {
		t.Fatal(stderr)
	}
	return strings.TrimSpace(strings.TrimPrefix(out, "x:"))
}

// cheapHashOf is for many logins under the race detector, which makes a usual hash last seconds.
func cheapHashOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func TestHash(t *testing.T) {
	for _, row := range []struct {
		says   string
		stdin  string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"a line of a password file", "secret1\n", []string{"alice"}, 0, "alice:$2y$12$", ""},
		{"a hash alone", "secret1", nil, 0, "$2y$12$", ""},
		{"another kind", "secret1\r\n", []string{"alice", "--kind", "argon2id"}, 0, "alice:$argon2id$", ""},
		{"no password", "\n", []string{"alice"}, 1, "", "empty"},
		{"a name with a colon", "secret1\n", []string{"a:b"}, 1, "", "colon"},
		{"an unusable name", "secret1\n", []string{"a\tb"}, 1, "", "the name"},
		{"an unknown kind", "secret1\n", []string{"alice", "--kind", "md5"}, 2, "", "--kind"},
	} {
		code, stdout, stderr := result(t, row.stdin, nil, append([]string{"hash"}, row.args...)...)
		if code != row.code || !strings.HasPrefix(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%s: exit %d, %q, %q", row.says, code, stdout, stderr)
		}
	}
}

func TestHashInAFile(t *testing.T) {
	dir := folder(t, map[string]string{"users": "# ours\nbob:x\nalice:old\nalice:older"})
	path := filepath.Join(dir, "users")
	for _, row := range []struct{ name, says string }{{"alice", "changed the password of alice"}, {"carol", "added carol"}, {"carol", "changed the password of carol"}} {
		code, out, stderr := result(t, "secret1\n", nil, "hash", row.name, "--file", path)
		if code != 0 || out != path+": "+row.says+"\n" {
			t.Fatalf("%s: exit %d, %q %q", row.name, code, out, stderr)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 5 || lines[0] != "# ours" || lines[1] != "bob:x" || !strings.HasPrefix(lines[2], "alice:$2y$") ||
		!strings.HasPrefix(lines[3], "carol:$2y$") || lines[4] != "" {
		t.Errorf("%q", lines)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want that of before", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	for _, args := range [][]string{{"hash", "--file", path}, {"hash", "dave", "--file", "/nothere/users"}} {
		if code, out, _ := result(t, "secret1\n", nil, args...); code != 1 || out != "" {
			t.Errorf("%q: exit %d, want 1; %q", args, code, out)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, row := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"version"}, 0, "gatehouse ", ""},
		{[]string{"--version"}, 0, "gatehouse ", ""},
		{[]string{"--help"}, 0, "Usage: gatehouse", ""},
		{[]string{"servee"}, 2, "", "servee"},
		{[]string{"--schema"}, 0, "{", ""}, // auth-o-tron's
		{[]string{"serve", "--port", "1", "--schema"}, 0, "{", ""},
		{[]string{"check", "--nothing"}, 2, "", "--nothing"},
		{[]string{"check-ecflow", "/nothere", "https://h:1"}, 1, "", "nothere"},
	} {
		code, stdout, stderr := result(t, "", nil, row.args...)
		if code != row.code || !strings.HasPrefix(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%q: exit %d, %q, %q", row.args, code, stdout, stderr)
		}
	}
}

// The schema that is printed accepts the shipped config and every good scenario, and refuses a typo.
func TestSchema(t *testing.T) {
	code, text, stderr := result(t, "", nil, "schema")
	if code != 0 {
		t.Fatal(stderr)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for text, good := range map[string]bool{
		string(shipped): true, minimal: true, minimal + "\nproviderz: []\n": false,
		strings.Replace(minimal, "users:", "user:", 1): false,
	} {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); (err == nil) != good {
			t.Errorf("good: %v, but: %v\n%s", good, err, text)
		}
	}
}

// A running is a gateway as a process.
type running struct {
	*exec.Cmd
	dir    string
	lines  *bufio.Scanner
	log    []string
	stderr *strings.Builder // to be read after Wait
}

// launch starts a gateway and waits until it listens.
func launch(t *testing.T, config string, environ ...string) *running {
	t.Helper()
	dir := folder(t, map[string]string{"config.yaml": config})
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	cmd := command(ctx, environ, "--config", filepath.Join(dir, "config.yaml"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{cmd, dir, bufio.NewScanner(out), nil, stderr}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		canary.Check(t, "the output", strings.Join(r.log, "\n")+stderr.String(), canary.InConfig(config, nil)) // C16
	})
	r.until(t, `"message":"listening"`)
	return r
}

// until reads the log up to a line with text in it.
func (r *running) until(t *testing.T, text string) string {
	t.Helper()
	for r.lines.Scan() {
		r.log = append(r.log, r.lines.Text())
		if strings.Contains(r.lines.Text(), text) {
			return r.lines.Text()
		}
	}
	t.Fatalf("the log ended without %s:\n%s", text, strings.Join(r.log, "\n"))
	return ""
}

// logged returns a field of the line with this message, which must have been read already.
func (r *running) logged(t *testing.T, message, field string) string {
	t.Helper()
	for _, line := range r.log {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err == nil && fields["message"] == message {
			return fields[field].(string)
		}
	}
	t.Fatalf("no line says %q", message)
	return ""
}

func scrape(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (r *running) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.dir, "gatehouse.sock"))
	}}}
}

func (r *running) ask(t *testing.T, edit func(*http.Request)) *http.Response {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
	if err != nil {
		t.Fatal(err)
	}
	edit(request)
	response, err := r.client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response
}

func TestServe(t *testing.T) {
	r := launch(t, minimal, "GATEHOUSE_LOGGING__LEVEL=trace")
	metrics := r.logged(t, "metrics listening", "address")
	secret, err := os.ReadFile(filepath.Join(r.dir, "state", "jwt.secret"))
	if err != nil {
		t.Fatal("no secret was kept: ", err)
	}
	good := r.ask(t, func(q *http.Request) {
		q.SetBasicAuth("alice", "canary-password-1")
		q.Header.Set("X-Real-IP", "192.0.2.7")
		q.Header.Set("X-Request-ID", "req-1")
	})
	if good.StatusCode != 200 || good.Header.Get("X-Auth-Username") != "alice" {
		t.Errorf("%d %q, want alice", good.StatusCode, good.Header)
	}
	if line := r.until(t, `"result":"success"`); !strings.Contains(line, `"client":"192.0.2.7"`) || !strings.Contains(line, `"request_id":"req-1"`) {
		t.Errorf("the client and the request of the proxy beside us are not named: %s", line)
	}
	if two := r.ask(t, func(q *http.Request) { q.Header["X-Real-Ip"] = []string{"192.0.2.8", "192.0.2.9"} }); two.StatusCode != 401 {
		t.Errorf("two addresses: status %d", two.StatusCode)
	}
	if line := r.until(t, `"result":"invalid_header"`); !strings.Contains(line, `"client":"unix"`) {
		t.Errorf("one of two addresses was believed: %s", line)
	}
	bad := r.ask(t, func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-2") })
	down := r.ask(t, func(q *http.Request) { q.Header.Set("Authorization", "Bearer canary-key") })
	if bad.StatusCode != 401 || down.StatusCode != 503 {
		t.Errorf("wrong password %d, provider down %d; want 401, 503", bad.StatusCode, down.StatusCode)
	}
	r.until(t, `"result":"no_decision"`)
	counted := scrape(t, metrics)
	for _, line := range []string{
		`auth_requests_total{realm="local",result="success"} 1`,
		`auth_requests_total{realm="unknown",result="all_failed"} 1`,
		`auth_requests_total{realm="unknown",result="no_decision"} 1`,
		`auth_provider_attempts_total{provider_name="local",provider_type="Basic",realm="local",result="denied"} 1`,
		`auth_provider_attempts_total{provider_name="keys",provider_type="Bearer",realm="portal",result="error"} 1`,
		`auth_duration_seconds_count{realm="local",result="success"} 1`,
		`authotron_build_info{version=`,
	} {
		if !strings.Contains(counted, line) {
			t.Errorf("the metrics do not say %s:\n%s", line, counted)
		}
	}
	_ = r.Process.Signal(syscall.SIGHUP)
	r.until(t, `"message":"configuration loaded"`)
	health := []string{"health", "-c", filepath.Join(r.dir, "config.yaml")}
	if code, _, stderr := result(t, "", nil, health...); code != 0 {
		t.Errorf("health of a running gateway: exit %d, %s", code, stderr)
	}
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.until(t, `"message":"stopped"`)
	if code, _, stderr := result(t, "", nil, health...); code != 1 || !strings.Contains(stderr, "no answer") {
		t.Errorf("health of a stopped gateway: exit %d, %s", code, stderr)
	}
	if err := r.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit 0", err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "gatehouse.sock")); err == nil {
		t.Error("the socket is left behind")
	}
	token := strings.TrimPrefix(good.Header.Get("Authorization"), "Bearer ")
	for _, hidden := range []string{"canary", strings.TrimSpace(string(secret)), token, "Y2FuYXJ5"} {
		if all := strings.Join(r.log, "\n") + counted; strings.Contains(all, hidden) {
			t.Errorf("the log or the metrics show %.12s…:\n%s", hidden, all)
		}
	}
	for _, line := range r.log {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// net/http writes bytes that a service sends unasked to the standard log; they may be the key.
func TestStrayBytesOfAServiceAreNotPrinted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"uid\":\"kate\"}canary-key")
		}
	}()
	r := launch(t, strings.Replace(minimal, "http://127.0.0.1:1/", "http://"+l.Addr().String(), 1))
	for range 5 {
		if got := r.ask(t, func(q *http.Request) { q.Header.Set("Authorization", "Bearer canary-key") }); got.StatusCode != 200 {
			t.Fatalf("status %d", got.StatusCode)
		}
	}
	_ = r.Process.Signal(syscall.SIGTERM)
	r.until(t, `"message":"stopped"`)
	if err := r.Wait(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(r.log, "\n") + r.stderr.String(); strings.Contains(got, "canary") {
		t.Errorf("printed: %s", got)
	}
}

// Whoever reads the log, and stops, keeps nobody waiting: neither a login nor the end.
func TestAStalledLogReaderStallsNobody(t *testing.T) {
	r := launch(t, strings.Replace(minimal, "metrics: { port: 0 }", "metrics: { enabled: false }", 1), "GATEHOUSE_LOGGING__LEVEL=debug")
	for i := range 2000 { // more than a pipe holds; nobody reads from here on
		if got := r.ask(t, func(q *http.Request) { q.SetBasicAuth("alice", "canary-password-1") }); got.StatusCode != 200 {
			t.Fatalf("request %d: status %d", i, got.StatusCode)
		}
	}
	_ = r.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- r.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it has not ended 10 s after SIGTERM")
	}
}

// A gateway that cannot keep a secret, or cannot listen, says what to do and exits.
func TestServeStopsWithTheMend(t *testing.T) {
	for says, row := range map[string]struct{ config, stderr string }{
		"no folder for a secret":       {strings.Replace(minimal, "state_dir: state", "", 1), "set jwt.secret_file, or state_dir"},
		"a folder that is a file":      {strings.Replace(minimal, "state_dir: state", "state_dir: config.yaml", 1), "set jwt.secret_file"},
		"an empty secret":              {minimal + "jwt: { secret: \"\" }\n", "config.yaml:16: jwt.secret: is empty"},
		"a socket in a file's place":   {strings.Replace(minimal, "gatehouse.sock", "config.yaml", 1), "server.socket"},
		"a password file not there":    {withFile, "gatehouse hash NAME --file"},
		"a metrics port that is taken": {strings.Replace(minimal, "port: 0", "port: 1, host: 192.0.2.1", 1), "metrics.port"},
	} {
		dir := folder(t, map[string]string{"config.yaml": row.config})
		code, _, stderr := result(t, "", nil, "serve", "-c", filepath.Join(dir, "config.yaml"))
		if code != 1 || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%s: exit %d, %q; want 1, %q", says, code, stderr, row.stderr)
		}
	}
}

func TestConfigIsFound(t *testing.T) {
	dir := folder(t, map[string]string{"config.yaml": minimal})
	path := filepath.Join(dir, "config.yaml")
	for _, row := range []struct {
		environ []string
		args    []string
	}{
		{[]string{"GATEHOUSE_CONFIG=" + path, "AOT_CONFIG_PATH=/nothere"}, []string{"check"}},
		{[]string{"AOT_CONFIG_PATH=" + path}, []string{"check"}},
		{[]string{"GATEHOUSE_CONFIG=/nothere"}, []string{"check", "--config", path}},
		{[]string{"GATEHOUSE_CONFIG=/nothere"}, []string{"--config", path, "check"}},
	} {
		if code, _, stderr := result(t, "", row.environ, row.args...); code != 0 {
			t.Errorf("%q %q: exit %d, %s", row.environ, row.args, code, stderr)
		}
	}
}

// AOT_CONFIG_PATH is searched for in the folders above, as auth-o-tron does; of any other file that is said.
func TestConfigIsFoundAbove(t *testing.T) {
	top, err := filepath.EvalSymlinks(folder(t, map[string]string{"config.yaml": minimal, "aot.yaml": minimal}))
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(top, "a", "aot.yaml") // a folder of that name is passed over
	if err := os.MkdirAll(filepath.Join(below, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		folder  string
		environ []string
		code    int
		says    string
	}{
		{top, []string{"AOT_CONFIG_PATH=aot.yaml"}, 0, "aot.yaml: ok"},
		{below, []string{"AOT_CONFIG_PATH=aot.yaml"}, 0, top + "/aot.yaml: ok"},
		{filepath.Join(below, "b"), []string{"AOT_CONFIG_PATH=aot.yaml"}, 0, top + "/aot.yaml: ok"},
		{below, []string{"AOT_CONFIG_PATH=nothere.yaml"}, 1, "nothere.yaml: cannot be read: open nothere.yaml: no such file or directory\n"},
		{below, []string{"AOT_CONFIG_PATH=/aot.yaml"}, 1, "/aot.yaml: cannot be read"},
		{below, nil, 1, "config.yaml: cannot be read: open config.yaml: no such file or directory; auth-o-tron would take " + top + "/config.yaml: name it with --config\n"},
		{below, []string{"GATEHOUSE_CONFIG=config.yaml"}, 1, "name it with --config"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := command(ctx, row.environ, "check")
		cmd.Dir = row.folder
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != row.code || !strings.Contains(string(out), row.says) {
			t.Errorf("%s %q: exit %d, %s", row.folder, row.environ, code, out)
		}
	}
}

// A remembered login ends with its line in the password file; the others stay remembered.
func TestAChangedPasswordIsForgottenAtOnce(t *testing.T) {
	one, two, three := cheapHashOf(t, "one"), cheapHashOf(t, "two"), cheapHashOf(t, "three")
	users := filepath.Join(folder(t, map[string]string{"users": "alice:" + one + "\nbob:" + two + "\n"}), "users")
	config := strings.Replace(withFile, "file: users", "file: "+users, 1) +
		"server: { socket: gatehouse.sock }\nmetrics: { port: 0 }\nlogging: { level: debug }\n"
	r := launch(t, config)
	metrics := r.logged(t, "metrics listening", "address")
	login := func(user, password string) int {
		return r.ask(t, func(q *http.Request) { q.SetBasicAuth(user, password) }).StatusCode
	}
	for range 3 {
		if a, b := login("alice", "one"), login("bob", "two"); a != 200 || b != 200 {
			t.Fatalf("alice %d, bob %d", a, b)
		}
	}
	hashed := func(n string) bool {
		return strings.Contains(scrape(t, metrics), `auth_provider_attempts_total{provider_name="files",provider_type="Basic",realm="files",result="success"} `+n+"\n")
	}
	if !hashed("2") {
		t.Error("known logins were hashed again")
	}
	if err := os.WriteFile(users+".new", []byte("alice:"+three+"\nbob:"+two+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(users+".new", users); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); login("alice", "one") != 401; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the old password works 10 s after the change")
		}
	}
	if a, b := login("alice", "three"), login("bob", "two"); a != 200 || b != 200 {
		t.Errorf("alice by her new password %d, bob %d", a, b)
	}
	if !hashed("3") {
		t.Error("bob was forgotten with alice")
	}
}
