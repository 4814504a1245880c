// Package ecflow runs the real ecflow_client and ecflow_server for tests.
//
//	real := ecflow.Install(t)                       // skips t where they cannot be had
//	server := real.Start(t)                         // stopped with the test
//	… start gatehouse, and nginx in front of server.Addr …
//	exit, output := real.Client(ctx, rcFile, "--https", "--host", host, "--port", port, "--stats")
//	… server.Identities() says whom the server took the request for …
//
// The server always allows the operating system's user who started it, by that name: a test must not
// use it as an ecFlow user.
package ecflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Programs are the real programs, ready to run.
type Programs struct{ client, server string }

// notToBeHad is the exit status with which fetch says that ecFlow cannot be had on this machine.
const notToBeHad = 3

// Install returns the real programs, fetching them if need be. Where they cannot be had it skips t and
// says so on standard error too; any other fault fails t.
func Install(t testing.TB) Programs {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dest := filepath.Join(root, ".cache", "ecflow")
	fetch := exec.CommandContext(ctx, filepath.Join(root, "e2e", "ecflow", "fetch"), dest)
	output, err := fetch.CombinedOutput()
	if fetch.ProcessState != nil && fetch.ProcessState.ExitCode() == notToBeHad {
		skip(t, string(bytes.TrimSpace(output)))
	}
	if err != nil {
		t.Fatalf("e2e/ecflow/fetch: %v\n%s", err, output)
	}
	return Programs{
		client: filepath.Join(dest, "bin", "ecflow_client"),
		server: filepath.Join(dest, "bin", "ecflow_server"),
	}
}

// skip skips t where somebody sees it, even without -v.
func skip(t testing.TB, why string) {
	t.Helper()
	fmt.Fprintf(os.Stderr, "\n*** %s IS SKIPPED: %s\n", t.Name(), why)
	t.Skip(why)
}

// repository finds the root of the module from the folder that go test runs in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no go.mod above the working directory")
}

// Client runs ecflow_client with args and returns its exit status and all it printed. It sees nothing
// of the caller's environment: rcFile is its .ecflowapirc, none if empty. The status is -1 where it did
// not start or was killed by ctx or another signal; output then says why.
func (p Programs) Client(ctx context.Context, rcFile string, args ...string) (exit int, output string) {
	home, err := os.MkdirTemp("", "ecflow-client-")
	if err != nil {
		return -1, err.Error()
	}
	defer os.RemoveAll(home)
	cmd := exec.CommandContext(ctx, p.client, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
	if rcFile != "" {
		cmd.Env = append(cmd.Env, "ECF_AUTHTOKENS="+rcFile)
	}
	printed, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
		return -1, string(printed) + err.Error()
	}
	return cmd.ProcessState.ExitCode(), string(printed)
}
