package provider

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/pki"
)

// A disk that hangs keeps one goroutine waiting, and no question.
func TestNoQuestionWaitsForTheFileOfAuthorities(t *testing.T) {
	one := pki.New(t, "one")
	ours := certified(one.Client(t, "alice"))
	m := mtlsBy(t, "cn", one)
	a := open(t, t.Context(), m, newWorld(t).Env)
	if err := os.Remove(m.CAFile); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(m.CAFile, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 100)
	for range cap(done) {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := a.Authenticate(ctx, ours)
			done <- err
		}()
	}
	for range cap(done) {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(3 * time.Second):
			for { // whoever waits for a writer has one
				f, err := os.OpenFile(m.CAFile, os.O_WRONLY|syscall.O_NONBLOCK, 0)
				if err != nil {
					break
				}
				_ = f.Close()
				time.Sleep(10 * time.Millisecond)
			}
			t.Fatal("a question waits for the disk")
		}
	}
}

// The timer alone would take 5 s.
func TestTheSystemTellsOfNewAuthorities(t *testing.T) {
	one, two := pki.New(t, "one"), pki.New(t, "two")
	theirs := certified(two.Client(t, "bob"))
	m := mtlsBy(t, "cn", one)
	env := newWorld(t).Env
	var asked atomic.Int64
	env.Now = func() time.Time { asked.Add(1); return time.Now() }
	if err := os.Chtimes(m.CAFile, time.Unix(1, 0), time.Unix(1, 0)); err != nil { // or it is read once more
		t.Fatal(err)
	}
	if _, err := newAuthoritiesFollower(&mtls{MTLS: *m, env: env}); err != nil {
		t.Fatal(err)
	}
	atStart := asked.Swap(0) // how often the start asks for the time
	a := open(t, t.Context(), m, env)
	until(t, "a first look", func() bool { return asked.Load() > atStart })
	time.Sleep(10 * time.Millisecond) // the look itself: its next is in 5 s
	writeFile(t, m.CAFile+".new", two.PEM())
	if err := os.Rename(m.CAFile+".new", m.CAFile); err != nil {
		t.Fatal(err)
	}
	until(t, "the new authority", func() bool { _, err := a.Authenticate(t.Context(), theirs); return err == nil })
}
