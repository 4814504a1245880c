// Package systemd_test runs the real gatehouse as systemd does, where no systemd is the first process: sockets that
// are open before it runs, the messages that it sends, the system calls that it may make.
package systemd_test

import (
	"context"
	"fmt"
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

	"gatehouse/e2e/rig"
)

const units = "../../packaging/systemd/"

var gatehouse string // the program

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	gatehouse = filepath.Join(dir, "gatehouse")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", gatehouse, "gatehouse").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatehouse: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// config listens on a socket beside it. alice's password is wonderland.
const config = `
version: "3"
server: { socket: gatehouse.sock }
metrics: { port: 0, enabled: false }
state_dir: state
providers: [{ name: a, type: plain, realm: a, users: [{ username: alice, password: wonderland }] }]
`

// folder holds config.yaml.
func folder(t *testing.T, config string) string {
	t.Helper()
	dir := rig.Folder(t)
	rig.Write(t, filepath.Join(dir, "config.yaml"), config)
	return dir
}

// A running gatehouse.
type running struct {
	*exec.Cmd
	log rig.Output
}

// start starts a command line of gatehouse, with sockets as systemd gives them. It is stopped when t ends.
func start(t *testing.T, sockets []*os.File, environ []string, command ...string) *running {
	t.Helper()
	r := &running{}
	if len(sockets) > 0 { // the number of the process is known to itself only
		command = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}, command...)
		environ = append(environ, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)))
	}
	r.Cmd = exec.Command(command[0], command[1:]...)
	r.Env, r.ExtraFiles = append([]string{"PATH=" + os.Getenv("PATH")}, environ...), sockets
	r.Stdout, r.Stderr = &r.log, &r.log
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			r.stop(t)
		}
	})
	return r
}

// fails waits for its end, and reports whether that was a failure of its own.
func (r *running) fails() bool {
	late := time.AfterFunc(10*time.Second, func() { _ = r.Process.Kill() })
	err := r.Wait()
	return late.Stop() && err != nil
}

// stop stops it as systemd does.
func (r *running) stop(t *testing.T) {
	t.Helper()
	_ = r.Process.Signal(syscall.SIGTERM)
	if err := r.Wait(); err != nil {
		t.Errorf("gatehouse: %v\n%s", err, &r.log)
	}
}

// login is the status of alice's login over a connection of its own.
func login(network, address string) (int, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	request, err := http.NewRequest(http.MethodGet, "http://gatehouse/authenticate", nil)
	if err != nil {
		return 0, err
	}
	request.SetBasicAuth("alice", "wonderland")
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// need returns a program's path, or skips t.
func need(t *testing.T, program, pack string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("*** SKIPPED: there is no %s: apt-get install %s", program, pack)
	}
	return path
}

// unit is the text of a unit.
func unit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(units + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settings are the values of a key of a unit, in order.
func settings(text, key string) (values []string) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			values = append(values, value)
		}
	}
	return values
}
