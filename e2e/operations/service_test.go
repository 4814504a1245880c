package operations_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A service is gatehouse.service, and what systemctl asks is asked of it over a socket.
type service struct {
	as      *syscall.Credential // nil: as the test
	root    string
	control string // socket
	journal string // file

	mu      sync.Mutex // guards what follows
	process *exec.Cmd
	ended   chan struct{} // closed when process has ended
}

// supervise answers systemctl until t ends.
func (s *service) supervise(t *testing.T, root string) {
	t.Helper()
	s.root, s.control, s.journal = root, filepath.Join(root, "systemd.sock"), filepath.Join(root, "journal")
	if err := os.WriteFile(s.journal, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", s.control)
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.Serve(l) }()
	t.Cleanup(func() {
		_ = h.Close()
		if err := s.do("stop"); err != nil {
			t.Error(err)
		}
	})
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	if err := s.do(strings.TrimPrefix(r.URL.Path, "/")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// do does what a verb of systemctl, or a signal's name, says.
func (s *service) do(verb string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch verb {
	case "reset-failed":
		return nil
	case "start":
		return s.start()
	case "stop":
		return s.stop()
	case "restart":
		return errors.Join(s.stop(), s.start())
	case "reload":
		err := s.signal(syscall.SIGHUP)
		s.say("Reloaded gatehouse.service - gatehouse, an authentication gateway beside nginx.")
		return err
	case "USR1":
		return s.signal(syscall.SIGUSR1)
	}
	return fmt.Errorf("systemctl %s has no stand-in", verb)
}

// start runs what the unit's ExecStart and Environment say until it answers. s.mu is held.
func (s *service) start() error {
	s.say("Starting gatehouse.service - gatehouse, an authentication gateway beside nginx...")
	journal, err := os.OpenFile(s.journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer journal.Close()
	p := exec.Command(filepath.Join(s.root, "usr/bin/gatehouse"), "serve")
	p.Dir, p.Stdout, p.Stderr = "/", journal, journal
	p.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	p.Env = append(s.environment(), "GATEHOUSE_CONFIG="+filepath.Join(s.root, "etc/gatehouse/config.yaml"), "STATE_DIRECTORY="+filepath.Join(s.root, "var/lib/gatehouse"))
	if err := p.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = p.Wait(); close(ended) }()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if conn, err := net.Dial("unix", filepath.Join(s.root, "run/gatehouse/gatehouse.sock")); err == nil {
			s.process, s.ended = p, ended
			return conn.Close()
		}
		select {
		case <-ended:
			return errors.New("gatehouse.service failed: its process has ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
	_ = p.Process.Kill()
	<-ended
	return errors.New("gatehouse does not answer")
}

// say writes a line of systemd's own, among gatehouse's, into the journal.
func (s *service) say(line string) {
	if f, err := os.OpenFile(s.journal, os.O_APPEND|os.O_WRONLY, 0); err == nil {
		_, _ = fmt.Fprintln(f, line)
		_ = f.Close()
	}
}

// environment are the lines of /etc/default/gatehouse.
func (s *service) environment() (list []string) {
	f, err := os.Open(filepath.Join(s.root, "etc/default/gatehouse"))
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// stop ends what runs, if anything does. s.mu is held.
func (s *service) stop() error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	_ = p.Process.Signal(syscall.SIGTERM)
	<-s.ended
	s.say("Stopped gatehouse.service - gatehouse, an authentication gateway beside nginx.")
	if code := p.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("gatehouse ended with %d", code)
	}
	return nil
}

// signal sends what runs a signal. s.mu is held.
func (s *service) signal(sig os.Signal) error {
	if s.process == nil {
		return errors.New("gatehouse.service is not active")
	}
	return s.process.Process.Signal(sig)
}
