package examples_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

var listening = regexp.MustCompile(`listening.*?(127\.0\.0\.1:\d+)|(127\.0\.0\.1:\d+).*listening`)

// start runs a server until t ends, and returns the address that it says it listens on.
func start(t *testing.T, environ []string, program string, args ...string) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	address, printed := make(chan string, 1), &text{}
	var reading sync.WaitGroup
	reading.Go(func() { follow(read, address, printed) })
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s did not stop as asked: %v\n%s", program, err, printed)
		}
		late.Stop()
		reading.Wait()
		_ = read.Close()
	})
	select {
	case a, ok := <-address:
		if !ok {
			t.Fatalf("%s ended: %s", program, printed)
		}
		return a
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not listen: %s", program, printed)
	}
	return ""
}

// follow keeps what is printed, and tells the first address in it. At the end it closes address.
func follow(from *os.File, address chan<- string, printed *text) {
	defer close(address)
	told := false
	for lines := bufio.NewScanner(from); lines.Scan(); {
		printed.add(lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil && !told {
			told = true
			address <- m[1] + m[2]
		}
	}
}

// A text is what a process printed so far.
type text struct {
	mu   sync.Mutex // guards said
	said string
}

func (x *text) add(line string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.said += line + "\n"
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.said
}

// output runs a command to its end.
func output(t *testing.T, environ []string, program string, args ...string) (exit int, printed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
