package ecflow

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// Whitelist is the server's list of users (ECF_LISTS): alice may do everything, bob may only read,
// nobody else may do anything.
const Whitelist = "4.4.14\nalice\n-bob\n"

// port is the server's in its own network, where nobody else is.
const port = "3141"

// A Server is a running ecflow_server. It speaks plain HTTP and believes any X-Auth-Username. As it
// binds to every address and cannot be told otherwise, it runs in a network of its own.
type Server struct {
	// Addr is where it is reached: 127.0.0.1 and a port.
	Addr string

	process *os.Process
	relay   *relay
	log     string // the file that it prints to: a line is there before the answer is
}

// Start starts a server with [Whitelist] and an empty home of its own, waits until it answers, and stops
// it when t ends. It skips t, and says so on standard error, where t may not make a network namespace.
func (p Programs) Start(t testing.TB) *Server {
	t.Helper()
	own, err := newNetwork()
	if errors.Is(err, syscall.EPERM) {
		skip(t, err.Error()+" (ecflow_server must not listen on all addresses of this machine)")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.close)
	s := p.run(t, own)
	s.await(t, own)
	s.relay, err = newRelay(func() (net.Conn, error) { return own.dial(port) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.relay.close)
	s.Addr = s.relay.listener.Addr().String()
	return s
}

// run starts the process in its network, and stops it, by its own id, when t ends.
func (p Programs) run(t testing.TB, own *network) *Server {
	t.Helper()
	home := t.TempDir()
	lists := filepath.Join(home, "whitelist")
	if err := os.WriteFile(lists, []byte(Whitelist), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(home, "printed"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(p.server, "--http", "--port", port)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "ECF_HOME=" + home, "ECF_LISTS=" + lists}
	cmd.Stdout, cmd.Stderr = log, log
	// Should the test be killed, so is the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	own.do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // a SIGTERM it heeds only after many seconds
		_ = cmd.Wait()         // always "killed"
	})
	return &Server{process: cmd.Process, log: log.Name()}
}

// await returns when the server accepts connections.
func (s *Server) await(t testing.TB, own *network) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if conn, err := own.dial(port); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("ecflow_server does not answer: %v\n%s", context.Cause(ctx), s.Output())
		}
	}
}

// Connections is how many connections reached the server so far.
func (s *Server) Connections() int { return int(s.relay.accepted.Load()) }

// Output is what the server printed so far. All that it prints of a request is there before its answer.
func (s *Server) Output() string {
	printed, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(printed)
}

var identity = regexp.MustCompile(`Identity extracted is \{([^}]*)\}`)

// Identities are whom the server took its requests for, one each, in their order: "SecuredUserX: alice"
// where it read X-Auth-Username, "UserX: …" where the request's body named the user.
func (s *Server) Identities() []string {
	var list []string
	for _, m := range identity.FindAllStringSubmatch(s.Output(), -1) {
		list = append(list, m[1])
	}
	return list
}
