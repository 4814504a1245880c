// Package nginx_test runs the files of nginx/ as they are shipped: the real nginx, the real gatehouse and a
// backend that keeps what reaches it. Where nginx or IPv6 is not to be had, it says so and is skipped.
package nginx_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The programs, set by TestMain.
var nginxProgram, gatehouseProgram string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if nginxProgram, err = exec.LookPath("nginx"); err != nil {
		return skip("there is no nginx: apt-get install nginx-light")
	}
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return skip("this machine has no IPv6 loopback: " + err.Error())
	}
	_ = l.Close()
	folder, err := os.MkdirTemp("", "gatehouse")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	gatehouseProgram = filepath.Join(folder, "gatehouse")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", gatehouseProgram, "gatehouse")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatehouse: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func skip(why string) int {
	fmt.Fprintf(os.Stderr, "\n*** ALL TESTS OF nginx/ ARE SKIPPED: %s\n", why)
	return 0
}
