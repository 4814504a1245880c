// Package examples_test runs what is in examples/ against a real gatehouse.
package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The repository, and the programs that TestMain builds.
const root = "../.."

var gatehouse, goAPI string

// scratch is a folder for what is fetched.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the programs once, for all tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	gatehouse, goAPI = filepath.Join(dir, "gatehouse"), filepath.Join(dir, "api")
	for program, source := range map[string]string{gatehouse: ".", goAPI: "./examples/api/go"} {
		build := exec.Command("go", "build", "-o", program, source)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build %s: %v\n%s", source, err, out)
			return 1
		}
	}
	return m.Run()
}
