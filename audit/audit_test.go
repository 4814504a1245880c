package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 13, 0, 0, 123e6, time.FixedZone("CET", 3600))

// open opens a record whose clock stands still.
func open(t *testing.T, path string, trouble func(error, uint64)) *Log {
	t.Helper()
	if trouble == nil {
		trouble = func(err error, _ uint64) { t.Errorf("trouble: %v", err) }
	}
	l, err := Open(Config{File: path, Now: func() time.Time { return noon }, Trouble: trouble, room: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(10 * time.Second) })
	return l
}

func TestTheLinesOfEachEvent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path, nil)
	l.Start("1.2.3")
	l.Login(Login{
		Result: "all_failed", Reason: "credential denied", Client: "192.0.2.7", User: "alice", Policy: "p", RequestID: "r1",
		TraceID: "t", SpanID: "s", Took: Milliseconds(1234567 * time.Nanosecond),
	})
	l.Login(Login{Result: "success", Peer: "unix", User: "zoë", Realm: "local", Provider: "files"})
	l.Reload("refused", "jwt.secret: is empty")
	l.Stop("")
	if left := l.Close(10 * time.Second); left != 0 {
		t.Fatalf("%d bytes are left", left)
	}
	want := `{"time":"2026-03-01T12:00:00.123Z","event":"start","version":"1.2.3"}
{"time":"2026-03-01T12:00:00.123Z","event":"login","result":"all_failed","reason":"credential denied","client":"192.0.2.7","user":"alice","policy":"p","request_id":"r1","trace_id":"t","span_id":"s","took_ms":1.235}
{"time":"2026-03-01T12:00:00.123Z","event":"login","result":"success","peer":"unix","user":"zoë","realm":"local","provider":"files"}
{"time":"2026-03-01T12:00:00.123Z","event":"reload","result":"refused","reason":"jwt.secret: is empty"}
{"time":"2026-03-01T12:00:00.123Z","event":"stop"}
`
	if got, _ := os.ReadFile(path); string(got) != want {
		t.Errorf("the file holds\n%s\nwant\n%s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v %v, want 0640", info.Mode(), err)
	}
}

// Whatever a user is called, it is one line, and the same name when it is read.
func TestANameCannotEndALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path, nil)
	names := []string{
		"a\nb", "a\r\n{\"event\":\"login\"}", `a","client":"192.0.2.9`, "\x1b[2J\x1b[31mred", "a\u2028b\u2029c\u0085d", "\u202eecila", "\u009b2J", `\`, `\u000a`, "<&>", "\x00", "\x7f",
	}
	for _, name := range names {
		l.Login(Login{Result: "all_failed", Client: "192.0.2.7", User: name, Policy: name, RequestID: name})
	}
	l.Close(10 * time.Second)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if odd := strings.IndexFunc(string(text), func(r rune) bool { return r != '\n' && (r < ' ' || r >= 0x7f) }); odd >= 0 {
		t.Errorf("the file holds %q", text[odd])
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(got) != len(names) {
		t.Fatalf("%d lines of %d logins", len(got), len(names))
	}
	for i, line := range got {
		var read map[string]string
		if err := json.Unmarshal([]byte(line), &read); err != nil || read["user"] != names[i] || read["client"] != "192.0.2.7" {
			t.Errorf("%q: %v, want %q", line, err, names[i])
		}
		if !strings.HasPrefix(line, `{"time":"2026-03-01T12:00:00.123Z","event":"login","result":"all_failed","client":"192.0.2.7",`) {
			t.Errorf("a name stands before the address: %s", line)
		}
	}
}

func TestAFullDiskIsToldOnceAndLosesNothingThatFindsRoom(t *testing.T) {
	var mu sync.Mutex
	var told []error
	l := open(t, "/dev/full", func(err error, _ uint64) { mu.Lock(); defer mu.Unlock(); told = append(told, err) })
	big := strings.Repeat("x", 10_000)
	for range 120 { // 1.2 MB
		l.Login(Login{Result: "all_failed", User: big})
	}
	for end := time.Now().Add(10 * time.Second); !l.Bad(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody says that it is bad")
		}
	}
	if lost := l.Lost(); lost < 10 || lost > 20 {
		t.Errorf("%d lines are lost, want those over 1 MiB", lost)
	}
	begin := time.Now()
	if left := l.Close(time.Minute); left < 1_000_000 || time.Since(begin) > 10*time.Second {
		t.Errorf("%d bytes left after %s, want 1 MiB at once", left, time.Since(begin))
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.ENOSPC) {
		t.Errorf("told %v, want once", told)
	}
}

// When the file can be written again it says itself that lines are missing.
func TestTheFileTellsOfItsGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l := open(t, path, func(error, uint64) {})
	big := strings.Repeat("x", 30_000)
	for range 40 {
		l.Login(Login{User: big})
	}
	lost := l.Lost()
	if lost == 0 {
		t.Fatal("nothing is lost")
	}
	l.turn(nil)
	go l.Login(Login{})
	in := bufio.NewReaderSize(reader, 2<<20)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Event string
			Lines uint64
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Event == "lost" {
			if r.Lines != lost {
				t.Errorf("it tells of %d lines, want %d", r.Lines, lost)
			}
			return
		}
	}
}

func TestNoRecordIsAsked(t *testing.T) {
	var l *Log
	l.Start("")
	l.Login(Login{})
	l.Reload("", "")
	l.Stop("")
}

func TestAFolderThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "audit.log")
	if _, err := Open(Config{File: path, Now: time.Now}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want an error that names the file", err)
	}
}
