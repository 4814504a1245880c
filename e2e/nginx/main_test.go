// Package nginx_test runs the files of nginx/ as they are shipped: the real nginx, the real gatehouse and a
// backend that keeps what reaches it.
package nginx_test

import (
	"os"
	"testing"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
