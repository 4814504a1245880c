package contract_test

import (
	"fmt"
	"os"
	"testing"

	"gatehouse/e2e/rig"
)

// program is the gatehouse that is asked. Main sets it.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "gatehouse")
	if err == nil {
		defer os.RemoveAll(folder)
		program, err = rig.Build(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
