// Package rig starts the real programs for the end-to-end tests: nginx with the files of nginx/ as they are
// shipped, and gatehouse. What it starts, it stops when the test ends.
package rig

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are set by [Main] and [MainGateway].
var programs struct{ nginx, gatehouse string }

// Main runs a package's tests with gatehouse built. Where nginx or IPv6 is not to be had, it says so and
// runs none.
func Main(m *testing.M) (exit int) {
	var err error
	if programs.nginx, err = exec.LookPath("nginx"); err != nil {
		return skip("there is no nginx: apt-get install nginx-light")
	}
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return skip("this machine has no IPv6 loopback: " + err.Error())
	}
	_ = l.Close()
	return MainGateway(m)
}

// MainGateway is Main for a package that needs nothing but gatehouse.
func MainGateway(m *testing.M) (exit int) {
	folder, err := os.MkdirTemp("", "gatehouse")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs.gatehouse = filepath.Join(folder, "gatehouse")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", programs.gatehouse, "gatehouse")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatehouse: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func skip(why string) int {
	fmt.Fprintf(os.Stderr, "\n*** ALL TESTS WITH A REAL nginx ARE SKIPPED: %s\n", why)
	return 0
}

// freePorts returns n ports that are free on 127.0.0.1 and on [::1].
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for tries := 0; len(ports) < n; tries++ {
		l4, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l4.Close()
		_, port, _ := net.SplitHostPort(l4.Addr().String())
		l6, err := net.Listen("tcp", net.JoinHostPort("::1", port))
		if err != nil {
			if tries > 100 {
				t.Fatal(err)
			}
			continue
		}
		defer l6.Close()
		ports = append(ports, port)
	}
	return ports
}

// Folder is a temporary folder whose path leaves room for a Unix socket's name.
func Folder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// Write writes a file, and makes its folder.
func Write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
