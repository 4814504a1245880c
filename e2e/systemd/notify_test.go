package systemd_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// systemd is the end of the service manager at which messages arrive.
type systemd struct{ *net.UnixConn }

func newSystemd(t *testing.T, dir string) (systemd, string) {
	t.Helper()
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return systemd{conn}, "NOTIFY_SOCKET=" + path
}

// hear returns the next message, or "" if there is none within the time.
func (s systemd) hear(within time.Duration) string {
	_ = s.SetReadDeadline(time.Now().Add(within))
	text := make([]byte, 1024)
	n, err := s.Read(text)
	if err != nil {
		return ""
	}
	return string(text[:n])
}

// await passes over pings, and wants the next message to begin with text.
func (s systemd) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		switch got := s.hear(time.Until(end)); {
		case got == "WATCHDOG=1":
		case strings.HasPrefix(got, text):
			return
		default:
			t.Fatalf("heard %q, want %q", got, text)
		}
	}
	t.Fatalf("only pings, want %q", text)
}

func TestSystemdHearsHowItGoes(t *testing.T) {
	dir := folder(t, config)
	heard, environ := newSystemd(t, dir)
	r := start(t, nil, []string{environ}, gatehouse, "-c", filepath.Join(dir, "config.yaml"))
	heard.await(t, "READY=1\nSTATUS=")
	if status, err := login("unix", filepath.Join(dir, "gatehouse.sock")); status != 200 { // at once: ready is ready
		t.Fatalf("status %d, %v", status, err)
	}
	_ = r.Process.Signal(syscall.SIGHUP)
	heard.await(t, "RELOADING=1\nMONOTONIC_USEC=")
	heard.await(t, "READY=1\nSTATUS=")
	r.stop(t)
	heard.await(t, "STOPPING=1\nSTATUS=")
}

// A gatehouse that cannot be reached does not ping: systemd restarts it.
func TestTheWatchdogHearsOnlyOneThatAnswers(t *testing.T) {
	dir := folder(t, config)
	heard, environ := newSystemd(t, dir)
	start(t, nil, []string{environ, "WATCHDOG_USEC=200000"}, gatehouse, "-c", filepath.Join(dir, "config.yaml"))
	heard.await(t, "READY=1")
	for range 3 {
		if got := heard.hear(10 * time.Second); got != "WATCHDOG=1" {
			t.Fatalf("heard %q, want a ping", got)
		}
	}
	socket := filepath.Join(dir, "gatehouse.sock")
	if err := os.Rename(socket, socket+".away"); err != nil {
		t.Fatal(err)
	}
	for n := 0; heard.hear(600*time.Millisecond) != ""; n++ {
		if n > 2 {
			t.Fatal("it pings although nobody can reach it")
		}
	}
	if err := os.Rename(socket+".away", socket); err != nil {
		t.Fatal(err)
	}
	if got := heard.hear(10 * time.Second); got != "WATCHDOG=1" {
		t.Errorf("heard %q, want a ping again", got)
	}
}

// One that does not start is never ready.
func TestOneThatCannotStartIsNotReady(t *testing.T) {
	dir := folder(t, config+"nonsense: 1\n")
	heard, environ := newSystemd(t, dir)
	r := start(t, nil, []string{environ}, gatehouse, "-c", filepath.Join(dir, "config.yaml"))
	if !r.fails() {
		t.Error("it starts")
	}
	if got := heard.hear(100 * time.Millisecond); got != "" {
		t.Errorf("heard %q", got)
	}
}
