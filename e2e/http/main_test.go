// Package http_test asks the real gatehouse what no well-meaning client would, byte by byte.
package http_test

import (
	"os"
	"testing"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.MainGateway(m)) }
