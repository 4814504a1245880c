package server

import (
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/conf"
)

func TestListenOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "gatehouse.sock")
	c := Config{Socket: path, SocketMode: 0o620}
	listeners, err := c.Listen()
	if err != nil || len(listeners) != 1 {
		t.Fatal(listeners, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o620 {
		t.Errorf("mode %v %v, want 0620", info.Mode(), err)
	}
	if _, err := c.Listen(); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("a second gateway: %v, want a refusal", err)
	}
	listeners[0].(*net.UnixListener).SetUnlinkOnClose(false)
	_ = listeners[0].Close() // as after a crash: the socket's file stays
	if listeners, err = c.Listen(); err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	_ = listeners[0].Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Listen(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in the socket's place: %v, want a refusal", err)
	}
}

// A server that is too busy to accept is still a server.
func TestAFullBacklogIsNoDeadServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // one is taken, the next finds no room
		if conn, err := net.DialTimeout("unix", path, 100*time.Millisecond); err == nil {
			defer conn.Close()
		}
	}
	if _, err := (Config{Socket: path}).Listen(); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("%v, want a refusal", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("its socket is gone")
	}
}

func TestListenOnSocketAndPort(t *testing.T) {
	port := 0
	c := Config{Host: "127.0.0.1", Port: &port, Socket: filepath.Join(t.TempDir(), "s")}
	listeners, err := c.Listen()
	if err != nil || len(listeners) != 2 {
		t.Fatal(listeners, err)
	}
	taken := listeners[1].Addr().(*net.TCPAddr).Port
	second := Config{Host: "127.0.0.1", Port: &taken, Socket: filepath.Join(t.TempDir(), "s")}
	if _, err := second.Listen(); err == nil {
		t.Error("a taken port: no error")
	}
	if _, err := os.Stat(second.Socket); err == nil {
		t.Error("the socket stays although the port is taken")
	}
	for _, l := range listeners {
		_ = l.Close()
	}
}

func TestFileMode(t *testing.T) {
	for text, want := range map[string]FileMode{"0660": 0o660, "660": 0o660, "0o600": 0o600} {
		var m FileMode
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%s: %o %v, want %o", text, m, err, want)
		}
	}
	for _, text := range []string{"", "rw", "0999", "1777", "-1"} {
		var m FileMode
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	port := 65536
	faults := conf.Collect(Config{Port: &port, MaxHeaderBytes: 10, ClientIPHeader: "X-Real-IP", VerifyHeader: "V", CertHeader: "C", Socket: strings.Repeat("s", 108)}.Check)
	if len(faults) != 3 {
		t.Errorf("%v, want three faults", faults)
	}
}

func TestTheSocketsGroup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	c := Config{Socket: filepath.Join(t.TempDir(), "s"), SocketMode: 0o660, SocketGroup: "nogroup"}
	listeners, err := c.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer listeners[0].Close()
	want, err := user.LookupGroup("nogroup")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(c.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if got := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Gid)); got != want.Gid || info.Mode().Perm() != 0o660 {
		t.Errorf("group %s mode %o, want %s and 660", got, info.Mode().Perm(), want.Gid)
	}
	other := Config{Socket: filepath.Join(t.TempDir(), "s"), SocketGroup: "no-such-group"}
	if _, err := other.Listen(); err == nil || !strings.Contains(err.Error(), "server.socket_group") {
		t.Errorf("an unknown group: %v", err)
	}
}
