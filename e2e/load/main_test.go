// Package load_test has many clients at once before the real nginx and the real gatehouse: while gatehouse is
// stopped, started and reloaded, while users change, and beside clients that would keep others waiting.
package load_test

import (
	"os"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// during is how long a load goes on: long says it where GATEHOUSE_SOAK is set.
func during(short, long time.Duration) time.Duration {
	if os.Getenv("GATEHOUSE_SOAK") != "" {
		return long
	}
	return short
}
