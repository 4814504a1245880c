// Package run_test does what README tells a stranger to do first: make run, and the commands that it prints.
package run_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A step is a command that was printed, and the answer that was printed below it.
type step struct{ command, answer string }

func TestMakeRun(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
			t.Skip("*** SKIPPED: there is no nginx")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "make", "-C", "../..", "run")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	ports := freePorts(t, 5)
	for i, name := range []string{"HTTPS_PORT", "HTTP_PORT", "PORT", "METRICS_PORT", "SERVICE_PORT"} {
		cmd.Env = append(cmd.Env, name+"="+ports[i])
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal does: Ctrl-C reaches all of it
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
			_ = cmd.Wait()
		}
	})

	steps := printed(bufio.NewScanner(out))
	if len(steps) != 3 {
		t.Fatalf("%d commands are printed, want 3: %q", len(steps), steps)
	}
	for i, want := range []string{`"username":"demo"`, "401 Basic realm=", `"username":"demo"`} {
		if !strings.Contains(steps[i].answer, want) {
			t.Errorf("%s\nprinted %q, want %q", steps[i].command, steps[i].answer, want)
		}
		again, err := exec.CommandContext(ctx, "bash", "-c", steps[i].command).CombinedOutput()
		if err != nil || strings.TrimSpace(string(again)) != steps[i].answer {
			t.Errorf("%s\nanswers %q %v, but printed was %q", steps[i].command, again, err, steps[i].answer)
		}
	}

	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	_ = cmd.Wait()
	stopped = true
	for _, port := range ports {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = conn.Close()
			t.Errorf("port %s is still open after Ctrl-C", port)
		}
	}
	left, err := os.ReadDir(strings.TrimPrefix(cmd.Env[len(os.Environ())], "TMPDIR="))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// printed reads up to the last line that run prints.
func printed(lines *bufio.Scanner) []step {
	var steps []step
	for lines.Scan() {
		line := lines.Text()
		if command, ok := strings.CutPrefix(line, "  $ "); ok {
			steps = append(steps, step{command: command})
		} else if answer, ok := strings.CutPrefix(line, "    "); ok && len(steps) > 0 {
			steps[len(steps)-1].answer += answer
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			break
		}
	}
	return steps
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
