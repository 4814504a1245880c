package rig

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/canary"
)

// A Gateway is a running gatehouse.
type Gateway struct {
	Socket string
	Log    *Output
	PID    int
}

// StartGateway starts the real gatehouse with a config.yaml, in which {{folder}} is its folder and whose
// socket is {{folder}}/gatehouse.sock, and more files beside it. It logs at debug, unless config says else. It is
// stopped when t ends; none of secrets, and none of those in config and files, may then be in its log. C16
func StartGateway(t *testing.T, config string, files map[string]string, secrets []string) *Gateway {
	t.Helper()
	folder := Folder(t)
	for name, text := range files {
		Write(t, filepath.Join(folder, name), text)
	}
	path := filepath.Join(folder, "config.yaml")
	Write(t, path, strings.ReplaceAll(config, "{{folder}}", folder))

	g := &Gateway{Socket: filepath.Join(folder, "gatehouse.sock"), Log: new(Output)}
	cmd := exec.Command(programs.gatehouse, "--config", path)
	cmd.Stdout, cmd.Stderr = g.Log, g.Log
	if canary.Level(config) == "" {
		cmd.Env = append(os.Environ(), "GATEHOUSE_LOGGING__LEVEL=debug")
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.PID = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("gatehouse: %v\n%s", err, g.Log)
		}
		canary.Check(t, "gatehouse's log", g.Log.String(), append(canary.InConfig(config, files), secrets...))
	})
	awaitSocket(t, g.Socket, g.Log)
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

// An Output keeps what a process prints. It is safe for concurrent use.
type Output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write keeps p.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// AwaitLine returns the first whole line after n bytes that has text in it.
func (o *Output) AwaitLine(t *testing.T, n int, text string) string {
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
