package contract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/canary"
	"gatehouse/e2e/rig"
)

// A site is a running gatehouse, and the services that it asks.
type site struct {
	app, metrics string // addresses; metrics is "" where there are none
	out, err     *rig.Output
	services     *services
}

// start starts gatehouse with a config.yaml in which {{services}} is the URL of s. It is stopped when t ends; none of
// the config's secrets, and no token, may then be in what it printed. C16
func start(t *testing.T, s *services, config string, environ ...string) *site {
	t.Helper()
	folder := t.TempDir()
	rig.Write(t, filepath.Join(folder, "config.yaml"), strings.ReplaceAll(config, "{{services}}", s.URL()))
	g := &site{out: new(rig.Output), err: new(rig.Output), services: s}
	cmd := exec.Command(program)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, g.out, g.err
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("gatehouse: %v\n%s%s", err, g.err, g.out)
		}
		canary.Check(t, "what gatehouse printed", g.err.String()+g.out.String(), append(canary.InConfig(config, nil), clientSecret, digits, "eyJhbGciOiJ"))
	})
	g.app = g.await(t, "listening")
	g.metrics = listens(g.out, "metrics listening")
	return g
}

// listens finds the address of a line of the log, or "".
func listens(log *rig.Output, message string) string {
	found := regexp.MustCompile(`"address":"([^"]+)".*"message":"` + message + `"`).FindStringSubmatch(log.String())
	if found == nil {
		return ""
	}
	return found[1]
}

func (g *site) await(t *testing.T, message string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if address := listens(g.out, message); address != "" {
			return address
		}
	}
	t.Fatalf("gatehouse does not listen:\n%s%s", g.err, g.out)
	return ""
}

// A printed is what one run of a command came to.
type printed struct {
	exit     int
	out, err string
}

// command runs gatehouse to its end, in a folder.
func command(t *testing.T, folder string, environ []string, arguments ...string) printed {
	t.Helper()
	var out, err strings.Builder
	cmd := exec.Command(program, arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &err
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	if failure := cmd.Start(); failure != nil {
		t.Fatal(failure)
	}
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // the exit status tells
	return printed{cmd.ProcessState.ExitCode(), out.String(), err.String()}
}

// key is the secret that the sites sign with.
const key = "0123456789abcdef0123456789abcdef"

// A document is a config.yaml by its top-level keys, in the order in which they are written.
type document []string

// document2 and document1 have nothing but what auth-o-tron wants of its versions. Port 0 is a free one.
func document2() document {
	return document{
		`version: "2.0.0"`, `server: { host: 127.0.0.1, port: 0 }`, `metrics: { port: 0 }`, `logging: { level: info, format: json }`,
		`store: { enabled: false }`, `services: [{ name: s, scopes: [read] }]`, `providers: []`, `jwt: { iss: aot, exp: 3600, secret: ` + key + ` }`,
	}
}

func document1() document {
	return append(document{`version: "1.0.0"`, `bind_address: "127.0.0.1:0"`}, document2()[3:]...)
}

// with puts lines in the place of those of the same keys, or at the end.
func (d document) with(lines ...string) document {
	d = append(document{}, d...)
next:
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		for i := range d {
			if strings.HasPrefix(d[i], name+":") {
				d[i] = line
				continue next
			}
		}
		d = append(d, line)
	}
	return d
}

func (d document) without(name string) document {
	var rest document
	for _, line := range d {
		if !strings.HasPrefix(line, name+":") {
			rest = append(rest, line)
		}
	}
	return rest
}

func (d document) String() string { return strings.Join(d, "\n") + "\n" }

// checked is what gatehouse check says of the document.
func (d document) checked(t *testing.T, s *site, environ ...string) printed {
	t.Helper()
	folder := t.TempDir()
	rig.Write(t, filepath.Join(folder, "config.yaml"), strings.ReplaceAll(d.String(), "{{services}}", s.services.URL()))
	return command(t, folder, environ, "check")
}

// loads wants the document to be taken, by an environment.
func (d document) loads(environ ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		if p := d.checked(t, s, environ...); p.exit != 0 || !strings.HasPrefix(p.out, "config.yaml: ok") {
			t.Errorf("exit status %d: %s%s", p.exit, p.out, p.err)
		}
	}
}

// warns wants the document to be taken with a warning.
func (d document) warns(text string, environ ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		if p := d.checked(t, s, environ...); p.exit != 0 || !lineWith(p.err, "warning: ", text) {
			t.Errorf("exit status %d, want a warning %q: %s", p.exit, text, p.err)
		}
	}
}

// stops wants the document to be refused, with status 1, by check as by serve.
func (d document) stops(text string, environ ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		folder := t.TempDir()
		rig.Write(t, filepath.Join(folder, "config.yaml"), strings.ReplaceAll(d.String(), "{{services}}", s.services.URL()))
		for _, p := range []printed{command(t, folder, environ, "check"), command(t, folder, environ)} {
			if p.exit != 1 || !lineWith(p.err, "", text) {
				t.Errorf("exit status %d, want 1 with %q: %s", p.exit, text, p.err)
			}
		}
	}
}

// silent wants nothing to be said of a key.
func (d document) silent(text string, environ ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		if p := d.checked(t, s, environ...); p.exit != 0 || strings.Contains(p.err, text) {
			t.Errorf("exit status %d, want nothing of %q: %s", p.exit, text, p.err)
		}
	}
}

func lineWith(text, beginning, part string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, beginning) && strings.Contains(line, part) {
			return true
		}
	}
	return false
}
