// Package oidc_test has the real gatehouse take the tokens of an OpenID provider that others wrote: npm's oidc-provider,
// and of one that issues them as Globus does.
package oidc_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// packages is the folder with npm's packages; missing says why there is none.
var packages, missing string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if packages, err = filepath.Abs("../../.cache/oidc"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	fetch := exec.CommandContext(ctx, "./fetch", packages)
	said, err := fetch.CombinedOutput()
	switch {
	case fetch.ProcessState != nil && fetch.ProcessState.ExitCode() == 3: // cannot be had here
		missing = string(bytes.TrimSpace(said))
		fmt.Fprintf(os.Stderr, "\n*** ALL TESTS WITH npm's oidc-provider ARE SKIPPED: %s\n", missing)
	case err != nil:
		fmt.Fprintf(os.Stderr, "e2e/oidc/fetch: %v\n%s", err, said)
		return 1
	}
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait, more than they work
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return rig.MainGateway(m)
}
