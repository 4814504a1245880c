package secrets_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/e2e/rig"
)

// config has a secret in every place that takes one; the first is the section jwt.
const config = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
logging: { level: trace }
metrics: { port: 0 }
state_dir: state
%s
auth: { timeout_in_ms: 900, proxy: "http://user:%s@%s" }
store: { enabled: false, uri: "mongodb://user:%s@db/x?password=%[4]s" }
providers:
  - name: users
    type: plain
    realm: local
    users:
      - { username: alice, password: "%s" }
      - { username: hashed, password_hash: "%s" }
      - { username: filed, password_file: filed.txt }
  - { name: file, type: htpasswd, realm: file, file: users }
  - { name: header, type: http, realm: h, url: "http://127.0.0.1:9/?tenant=%s", key: { in: header }, user: uid, attributes: { exp: until } }
  - { name: query, type: http, realm: q, url: "http://127.0.0.1:9/me", key: { in: query }, user: uid, roles: groups, cache: 1ms }
  - { name: bearer, type: http, realm: b, url: "http://127.0.0.1:9/me", user: uid }
  - { name: ecmwf, type: ecmwf-api, realm: e, uri: "http://127.0.0.1:9/v1", stale_if_error: 1m }
`

// beside are the files that config names.
var beside = []string{"filed.txt", "jwt.txt", "users"}

// C16: whatever happens, no secret is printed, counted, answered or written.
func TestNoSecretIsSaid(t *testing.T) {
	s := newSweep(t)
	service := rudeService(t)
	alice, hashed, filed, fiona := s.secret(""), s.secret(""), s.secret(""), s.secret("")
	value, file := s.secret(""), s.secret("")
	of := func(jwt string) string {
		return fmt.Sprintf(config, jwt, s.word(), strings.TrimPrefix(service.URL, "http://"), s.secret(""), alice, s.hash(hashed), s.secret(""))
	}
	p := rig.StartProcess(t, program, of(`jwt: { secret: "`+value+`" }`), map[string]string{
		"filed.txt": filed, "jwt.txt": file,
		"users": "fiona:" + s.hash(fiona) + "\nweak:" + s.secret("{PLAIN}") + "\nclear:" + s.secret("") + "\n" + s.secret("") + "\n",
	}, "GATEHOUSE_PROVIDERS__0__USERS__0__PASSWORD="+alice, "MY_API_TOKEN="+s.secret(""), "HTTPS_PROXY=http://u:"+s.word()+"@127.0.0.1:9")
	c := newClient(s, p)

	logins := map[string]string{"alice": alice, "hashed": hashed, "filed": filed, "fiona": fiona}
	c.askAll(logins)
	for _, jwt := range []string{"jwt: { secret_file: jwt.txt }", ""} { // "" is one that gatehouse makes and keeps
		c.reload("a good one", of(jwt), "configuration loaded")
		c.askAll(logins)
	}
	kept, err := os.ReadFile(filepath.Join(p.Folder, "state", "jwt.secret"))
	if err != nil {
		t.Fatal(err)
	}
	s.hide(strings.TrimSpace(string(kept)))
	for title, text := range faulty(s, of("")) {
		c.reload(title, text, "configuration refused")
		c.command(title, text)
	}
	c.holdOut(100)
	c.scrape()
	p.Stop(t)
	s.tell("the log", p.Out.String())
	c.files(append(beside, "config.yaml", "state/jwt.secret")...)
	c.wasAll()
	if n := service.unnamed.Load(); n > 0 {
		t.Errorf("%d questions came to the proxy without its password", n)
	}
	s.check()
}

// C16: the stacks that Go prints at SIGQUIT show no secret of a question that is under way.
func TestNoSecretIsInTheStacks(t *testing.T) {
	s := newSweep(t)
	service := rudeService(t)
	secret, alice, hash := s.secret(""), s.secret(""), s.secret("")
	p := rig.StartProcess(t, program, fmt.Sprintf(config, `jwt: { secret: "`+secret+`" }`, s.word(), strings.TrimPrefix(service.URL, "http://"),
		s.secret(""), alice, s.hash(hash), s.secret("")), map[string]string{"filed.txt": s.secret(""), "users": "fiona:" + s.hash(s.secret("")) + "\n"},
		"GOTRACEBACK=system")
	c := newClient(s, p)
	c.ask("a login", "GET", "/authenticate", basic("alice", alice), nil)
	for i := range 4 {
		go func() { // hangs, and is cut off
			request, _ := http.NewRequest("GET", "http://gatehouse/authenticate", nil)
			request.Header.Set("Authorization", "Bearer "+s.secret(fmt.Sprintf("hang-%d-", i)))
			if response, err := c.http.Do(request); err == nil {
				_ = response.Body.Close()
			}
		}()
	}
	service.awaitHanging(t, 4)
	_ = p.Process.Signal(syscall.SIGQUIT)
	if err := p.Wait(); err == nil {
		t.Error("it ended well after SIGQUIT")
	}
	if got := p.Out.String(); !strings.Contains(got, "SIGQUIT: quit") || !strings.Contains(got, "gatehouse/provider.(*httpService).Authenticate") {
		t.Errorf("these are not the stacks of a question:\n%s", got)
	}
	s.tell("the stacks", p.Out.String())
	s.check()
}

// reload puts a config.yaml in the place of the one that is there, and waits until the log says what came of it.
func (c *client) reload(title, text, outcome string) {
	c.t.Helper()
	seen := len(c.gateway.Out.String())
	rig.Write(c.t, filepath.Join(c.gateway.Folder, "config.yaml"), strings.ReplaceAll(text, "{{folder}}", c.gateway.Folder))
	_ = c.gateway.Process.Signal(syscall.SIGHUP)
	if line := c.gateway.Out.AwaitLine(c.t, seen, `"message":"configuration `); !strings.Contains(line, outcome) {
		c.t.Errorf("%s: %s", title, line)
	}
}

// command runs each command on a configuration.
func (c *client) command(title, text string) {
	c.t.Helper()
	folder := rig.Folder(c.t)
	path := filepath.Join(folder, "config.yaml")
	rig.Write(c.t, path, strings.ReplaceAll(text, "{{folder}}", folder))
	for _, name := range beside {
		if err := os.Link(filepath.Join(c.gateway.Folder, name), filepath.Join(folder, name)); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"check"}, {"check", "--strict"}, {"health"}, {"serve"}} {
		out, err := exec.CommandContext(c.t.Context(), program, append(arguments, "--config", path)...).CombinedOutput()
		if err == nil {
			c.t.Errorf("%s: %s finds no fault", title, arguments[0])
		}
		c.sweep.tell("what "+arguments[0]+" says of "+title, string(out))
	}
}

// scrape keeps all pages.
func (c *client) scrape() {
	c.t.Helper()
	for _, page := range []string{"/", "/health", "/ready", "/providers", "/augmenters", "/nothing", "/authenticate/nothing"} {
		c.ask("page "+page, "GET", page, "", nil)
	}
	line := c.gateway.Out.AwaitLine(c.t, 0, "metrics listening")
	_, address, _ := strings.Cut(line, `"address":"`)
	address, _, _ = strings.Cut(address, `"`)
	for _, page := range []string{"/metrics", "/health", "/debug/pprof/goroutine?debug=2", "/debug/vars"} {
		response, err := http.Get("http://" + address + page)
		if err != nil {
			c.t.Fatal(err)
		}
		c.keep("the metrics' "+page, response)
	}
}

// files keeps what stands in all files but ours.
func (c *client) files(ours ...string) {
	c.t.Helper()
	err := fs.WalkDir(os.DirFS(c.gateway.Folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || slices.Contains(ours, path) {
			return err
		}
		text, err := os.ReadFile(filepath.Join(c.gateway.Folder, path))
		c.sweep.tell("the file "+path, string(text))
		return err
	})
	if err != nil {
		c.t.Error(err)
	}
}
