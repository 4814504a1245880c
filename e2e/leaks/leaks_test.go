package leaks

import (
	"net"
	"os"
	"testing"
)

// tests stand for a package's.
type tests func() int

func (run tests) Run() int { return run() }

func TestWhatGoesOnIsFound(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	end := make(chan struct{})
	var l net.Listener
	for _, row := range []struct {
		says string
		run  tests
		exit int
	}{
		{"nothing", func() int { return 0 }, 0},
		{"tests that fail", func() int { return 3 }, 3},
		{"a file that was open before", func() int { _, _ = null.Stat(); return 0 }, 0},
		{"a goroutine", func() int { go func() { <-end }(); return 0 }, 1},
		{"a listener", func() int { l, err = net.Listen("tcp", "127.0.0.1:0"); return 0 }, 1},
	} {
		if row.says == "a listener" {
			close(end)
		}
		if got := Run(row.run); got != row.exit {
			t.Errorf("%s: exit %d, want %d", row.says, got, row.exit)
		}
	}
	if err == nil {
		_ = l.Close()
	}
}
