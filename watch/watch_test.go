package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAStampTellsOneStateFromTheNext(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	look := func() Stamp {
		t.Helper()
		s, err := StampOf(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gone := look()
	if gone != (Stamp{}) || gone.Exists() || !gone.Empty() || gone == Unread {
		t.Errorf("of no file: %+v", gone)
	}
	write("file", "one")
	one := look()
	if one == gone || !one.Exists() || one.Empty() || time.Since(one.Written()) > time.Minute {
		t.Errorf("of a file: %+v", one)
	}
	if look() != one {
		t.Error("the same state has another stamp")
	}
	write("file", "longer")
	if longer := look(); longer == one || !longer.SameFile(one) {
		t.Errorf("written in place: %+v after %+v", longer, one)
	}
	write("other", "longer")
	if err := os.Rename(filepath.Join(folder, "other"), path); err != nil {
		t.Fatal(err)
	}
	if renamed := look(); renamed.SameFile(one) {
		t.Errorf("another file in its place: %+v after %+v", renamed, one)
	}
	before := look()
	write("target", "longer")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", path); err != nil {
		t.Fatal(err)
	}
	if through := look(); through == before || !through.Exists() {
		t.Errorf("through a link: %+v", through)
	}
}

func TestFollowTellsOfChangesAndOfTime(t *testing.T) {
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	steps, done := make(chan time.Duration), make(chan struct{})
	go func() {
		Follow(ctx, []string{folder}, func() time.Duration { return <-steps }, func(err error) { t.Error(err) })
		close(done)
	}()
	next := func(what string, d time.Duration) {
		t.Helper()
		select {
		case steps <- d:
		case <-time.After(10 * time.Second):
			t.Fatalf("no step %s", what)
		}
	}
	next("at first", time.Hour)
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next("after a change", time.Millisecond)
	next("after the time", time.Hour)
	cancel()
	for ended := false; !ended; { // a second notice of the change may still be under way
		select {
		case steps <- time.Hour:
		case <-done:
			ended = true
		case <-time.After(10 * time.Second):
			t.Fatal("it goes on after its context's end")
		}
	}
}

func TestWithoutNoticesTimeCounts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	deaf, steps := 0, 0
	Follow(ctx, []string{"/no/such/folder"}, func() time.Duration {
		if steps++; steps == 3 {
			cancel()
		}
		return time.Millisecond
	}, func(error) { deaf++ })
	if deaf != 1 || steps < 3 {
		t.Errorf("told %d times that it is deaf, %d steps", deaf, steps)
	}
}
