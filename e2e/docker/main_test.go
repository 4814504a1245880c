// Package docker_test does with docker/ what can be done without a Docker engine.
package docker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

// work is a folder that every user may enter; built is where the Dockerfile's build stage puts its files.
var work, built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the Dockerfile's build once, for all tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gh-docker-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	work, built = dir, filepath.Join(dir, "out")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "docker/Dockerfile:", err)
		return 1
	}
	return m.Run()
}

// needRoot skips t, where everybody sees it, for who cannot become the users of the containers.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		fmt.Fprintf(os.Stderr, "\n*** %s IS SKIPPED: only root can run programs as 65532 and 101\n", t.Name())
		t.Skip("not root")
	}
}
