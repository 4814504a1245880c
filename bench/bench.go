package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A bench is one run: how long to measure, and what is there to measure.
type bench struct {
	ctx         context.Context
	rounds      int
	seconds     int           // of one round
	window      time.Duration // of one measurement of waiting times
	connections int           // that wrk keeps
	junk        int           // different junk tokens
	users       int           // of the big password file

	root      string // of the repository
	folder    string // holds all that the run makes
	gatehouse string // the program
	floor     string // the program

	raw  io.Writer // gets each measurement as a line of JSON
	say  io.Writer // gets progress
	stop struct {
		sync.Mutex
		list []func()
	}
}

// open makes the folder and finds the repository.
func (b *bench) open() error {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env GOMOD: %w", err)
	}
	b.root = filepath.Dir(strings.TrimSpace(string(out)))
	b.folder, err = os.MkdirTemp("", "ghb") // short: a Unix socket's path has 107 bytes
	return err
}

// close stops all that runs and removes the folder.
func (b *bench) close() {
	b.stopAll()
	_ = os.RemoveAll(b.folder)
}

// onStop has f called, the last one first, when a family of rows is done.
func (b *bench) onStop(f func()) {
	b.stop.Lock()
	defer b.stop.Unlock()
	b.stop.list = append(b.stop.list, f)
}

func (b *bench) stopAll() {
	b.stop.Lock()
	defer b.stop.Unlock()
	for i := len(b.stop.list) - 1; i >= 0; i-- {
		b.stop.list[i]()
	}
	b.stop.list = nil
}

// build makes the programs; flags are for gatehouse alone.
func (b *bench) build(flags ...string) error {
	b.gatehouse, b.floor = filepath.Join(b.folder, "gatehouse"), filepath.Join(b.folder, "floor")
	for _, one := range []struct {
		out, pkg string
		flags    []string
	}{{b.gatehouse, "gatehouse", flags}, {b.floor, "gatehouse/bench/floor", nil}} {
		args := append([]string{"build", "-buildvcs=false"}, one.flags...)
		cmd := exec.CommandContext(b.ctx, "go", append(args, "-o", one.out, one.pkg)...)
		cmd.Dir, cmd.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", one.pkg, err, out)
		}
	}
	return nil
}

// path is a file's in the bench's folder.
func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

// write makes a file in the bench's folder and returns its path.
func (b *bench) write(name, text string) (string, error) {
	path := b.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// progress tells the person who waits.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.say, "bench: "+format+"\n", args...)
}

// note keeps one raw measurement.
func (b *bench) note(what string, values map[string]any) {
	values["what"] = what
	_ = json.NewEncoder(b.raw).Encode(values)
}

// phases is how often waiting times are measured. Their median counts.
func (b *bench) phases() int { return max(1, b.rounds/5) }

// freePort is one on 127.0.0.1 that nobody has.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// freeAddress is 127.0.0.1 with a free port.
func freeAddress() (string, error) {
	port, err := freePort()
	return "127.0.0.1:" + strconv.Itoa(port), err
}
