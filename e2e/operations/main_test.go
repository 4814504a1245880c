// Package operations_test does what docs/operations.md tells an operator, in its order, with the real gatehouse: it is
// installed, reloaded, refused a configuration, rotated, backed up, lost and restored.
package operations_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the gatehouse under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	for _, program := range []string{"curl", "jq", "python3", "openssl", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Fprintf(os.Stderr, "\n*** ALL TESTS OF docs/operations.md ARE SKIPPED: there is no %s\n", program)
			return 0
		}
	}
	dir, err := os.MkdirTemp("", "gh-operations-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-X main.release=v1.2.3", "-o", binary, "gatehouse")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatehouse: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
