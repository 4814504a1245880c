// Package secrets_test has the real gatehouse tell, by what it prints and by the clock, what it must not.
package secrets_test

import (
	"fmt"
	"os"
	"testing"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "gatehouse")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if program, err = rig.Build(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// program is gatehouse, once run has built it.
var program string
