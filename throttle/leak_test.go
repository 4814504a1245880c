package throttle

import (
	"os"
	"testing"

	"gatehouse/e2e/leaks"
)

// C42: what a test starts has ended with it.
func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
