package systemd

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"
)

// listen is the service manager's end.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// heard is the next message, or "" if none comes.
func heard(conn *net.UnixConn, within time.Duration) string {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	text := make([]byte, 1024)
	n, err := conn.Read(text)
	if err != nil {
		return ""
	}
	return string(text[:n])
}

func TestWhatSystemdHears(t *testing.T) {
	conn := listen(t)
	for want, say := range map[string]func() error{
		`^READY=1\nSTATUS=answering$`:                                func() error { return Ready("answering") },
		`^READY=1\nSTATUS=two WATCHDOG=trigger$`:                     func() error { return Ready("two\nWATCHDOG=trigger") },
		`^RELOADING=1\nMONOTONIC_USEC=[1-9]\d{5,}\nSTATUS=reading .`: Reloading,
		`^STOPPING=1\nSTATUS=bye$`:                                   func() error { return Stopping("bye") },
	} {
		if err := say(); err != nil {
			t.Fatal(err)
		}
		if got := heard(conn, time.Second); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}

func TestNobodyHears(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready("answering"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if err := Ready("answering"); err == nil {
		t.Error("a socket that is gone: no error")
	}
}

// The watchdog hears a ping only when the service answers.
func TestWatch(t *testing.T) {
	conn := listen(t)
	t.Setenv("WATCHDOG_USEC", "40000")
	var silent atomic.Bool
	var timely atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Watch(ctx, func(ctx context.Context) error {
			end, ok := ctx.Deadline()
			timely.Store(ok && time.Until(end) <= 10*time.Millisecond)
			if silent.Load() {
				return errors.New("no answer")
			}
			return nil
		})
	}()
	for range 3 {
		if got := heard(conn, 5*time.Second); got != "WATCHDOG=1" {
			t.Fatalf("heard %q", got)
		}
	}
	if !timely.Load() {
		t.Error("the question may take longer than the next ping")
	}
	silent.Store(true)
	for n := 0; heard(conn, 200*time.Millisecond) != ""; n++ { // one may be on its way
		if n > 1 {
			t.Fatal("it pings although nobody answers")
		}
	}
	silent.Store(false)
	if got := heard(conn, 5*time.Second); got != "WATCHDOG=1" {
		t.Errorf("after it answers again: %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchdogSettings(t *testing.T) {
	for text, fault := range map[string]bool{"": false, "nonsense": true, "-1": true} {
		t.Setenv("WATCHDOG_USEC", text)
		if err := Watch(t.Context(), nil); (err != nil) != fault {
			t.Errorf("WATCHDOG_USEC=%q: %v", text, err)
		}
	}
	t.Setenv("WATCHDOG_USEC", "1000")
	t.Setenv("WATCHDOG_PID", "1")
	if err := Watch(t.Context(), nil); err != nil {
		t.Errorf("another process's watchdog: %v", err)
	}
}
