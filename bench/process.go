package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process is a server under test. Its output goes to a file in the bench's folder.
type process struct {
	name   string
	output string
	cmd    *exec.Cmd
	ended  chan struct{}
}

// start starts a program in a process group of its own, so that Ctrl-C reaches the bench alone, which then
// stops everything.
func (b *bench) start(name, program string, args ...string) (*process, error) {
	p := &process{name: name, ended: make(chan struct{})}
	f, err := b.newLog(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p.output = f.Name()
	p.cmd = exec.Command(program, args...)
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.cmd.Dir = b.folder
	p.cmd.Env = append(os.Environ(), "HOME="+b.folder, "XDG_CONFIG_HOME="+b.folder, "XDG_DATA_HOME="+b.folder)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	b.onStop(p.stop)
	return p, nil
}

// newLog makes a file that may be emptied while a process writes to it.
func (b *bench) newLog(name string) (*os.File, error) {
	f, err := os.CreateTemp(b.folder, name+".*.log")
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	return os.OpenFile(f.Name(), os.O_WRONLY|os.O_APPEND, 0)
}

// stop ends the process and all its children. To call it again does nothing.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(8 * time.Second):
	}
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// await asks ready now and then until it reports no error, the process ends, or 30 s are over.
func (p *process) await(ctx context.Context, every time.Duration, ready func() error) error {
	end := time.Now().Add(30 * time.Second)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %s", p.name, p.lastWords())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s does not answer: %w: %s", p.name, err, p.lastWords())
		}
	}
}

func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.output)
	return string(text[max(0, len(text)-400):])
}

// cpu is the processor time, user's and system's, that the process and its children have used. The clock is
// what /proc/PID/stat shows as utime and stime, in nanoseconds.
func (p *process) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range p.pids() {
		var t unix.Timespec
		const wholeProcess = 2 // CPUCLOCK_SCHED of clock_getcpuclockid(3)
		if err := unix.ClockGettime(int32(^pid<<3|wholeProcess), &t); err == nil {
			sum += time.Duration(t.Nano())
		}
	}
	return sum
}

func (p *process) pids() []int {
	pid := p.cmd.Process.Pid
	all := []int{pid}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for child := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(child); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// settle waits until the process has nothing left to do: less than 5 ms in 100.
func (p *process) settle(ctx context.Context) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		before := p.cpu()
		time.Sleep(100 * time.Millisecond)
		if p.cpu()-before < 5*time.Millisecond {
			return
		}
	}
}

// resident is the memory in bytes that the process has.
func (p *process) resident() (int, error) { return p.status("VmRSS") }

// peak is the most that resident ever was.
func (p *process) peak() (int, error) { return p.status("VmHWM") }

func (p *process) status(key string) (int, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s shows no %s", p.name, key)
}
