package lines

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatalf("%d %v", n, err)
	}
}

func TestALineIsNeverPartedByARotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := OpenFile(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, "one\ntwo\nthr")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "e")
	f.Reopen()
	write(t, f, "e\nfour\n")
	if got := read(t, path); got != "three\nfour\n" {
		t.Errorf("the new file holds %q", got)
	}
	if got := read(t, path+".1"); !strings.HasPrefix(got, "one\ntwo\n") {
		t.Errorf("the old file holds %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v %v, want 0640", info.Mode(), err)
	}
}

func TestALineThatACrashCutOffSpoilsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for before, want := range map[string]string{"": "new\n", "old\n": "old\nnew\n", "old\ncut of": "old\ncut of\nnew\n"} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path, 0o640)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, "new\n")
		_ = f.Close()
		if got := read(t, path); got != want {
			t.Errorf("after %q: %q, want %q", before, got, want)
		}
	}
}

func TestAFileThatCannotBeOpenedAnewIsTriedAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "log")
	f, err := OpenFile(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(folder, folder+".old"); err != nil {
		t.Fatal(err)
	}
	f.Reopen()
	if n, err := f.Write([]byte("one\n")); n != 0 || err == nil {
		t.Fatalf("%d %v, want an error", n, err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, "one\n")
	if got := read(t, path); got != "one\n" {
		t.Errorf("%q", got)
	}
}

// A pipe that nobody reads would else hold up the start.
func TestAPipeWithoutAReaderIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(path, 0o640); err == nil {
		t.Error("it was opened")
	}
}

// Who may read the file does not hang on the umask of the one that made it; a file that is there stays as it is.
func TestAFileHasTheModeThatIsAskedFor(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "log")
	for _, row := range []struct{ asked, want os.FileMode }{{0o640, 0o640}, {0o600, 0o640}} {
		f, err := OpenFile(path, row.asked)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != row.want {
			t.Errorf("asked for %v: %v, %v, want %v", row.asked, info.Mode(), err, row.want)
		}
		_ = f.Close()
	}
}
