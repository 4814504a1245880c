package server

import (
	"os"
	"testing"

	"gatehouse/e2e/leaks"
)

// C42: what a test starts has ended with it. regexp2, by which the homepage's ecFlow files are checked, has a clock that
// stops by itself.
func TestMain(m *testing.M) {
	os.Exit(leaks.Run(m, append(leaks.Fasthttp, "github.com/dlclark/regexp2.runClock")...))
}
