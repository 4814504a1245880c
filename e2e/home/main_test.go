// Package home_test looks at the homepage with a real browser: Chromium, headless.
package home_test

import (
	"os"
	"testing"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.MainGateway(m)) }
