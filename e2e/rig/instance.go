package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An Instance is a gatehouse that a test stops and starts again by itself. It is for one goroutine.
type Instance struct {
	Folder  string // has config.yaml
	Socket  string
	Log     *Output // of every process so far
	process *exec.Cmd
	ended   chan error
}

// NewInstance starts gatehouse as [StartGateway] does. The test may stop it; if not, it is stopped when t ends.
func NewInstance(t *testing.T, config string, files map[string]string) *Instance {
	t.Helper()
	i := &Instance{Folder: Folder(t), Log: new(Output)}
	i.Socket = filepath.Join(i.Folder, "gatehouse.sock")
	for name, text := range files {
		i.Put(t, name, text)
	}
	i.Put(t, "config.yaml", config)
	i.Start(t)
	t.Cleanup(func() {
		if i.process != nil {
			i.Stop(t)
		}
	})
	return i
}

// Put writes a file of the folder in one step, so that nobody sees half of it.
func (i *Instance) Put(t *testing.T, name, text string) {
	t.Helper()
	Write(t, filepath.Join(i.Folder, name+".new"), strings.ReplaceAll(text, "{{folder}}", i.Folder))
	if err := os.Rename(filepath.Join(i.Folder, name+".new"), filepath.Join(i.Folder, name)); err != nil {
		t.Fatal(err)
	}
}

// Start starts a process and waits until it listens.
func (i *Instance) Start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(programs.gatehouse, "--config", filepath.Join(i.Folder, "config.yaml"))
	cmd.Stdout, cmd.Stderr = i.Log, i.Log
	begin := len(i.Log.String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	i.process, i.ended = cmd, ended
	go func() { ended <- cmd.Wait() }()
	i.Log.AwaitLine(t, begin, `"listening"`)
	awaitSocket(t, i.Socket, i.Log)
}

// Process is the process that was started last.
func (i *Instance) Process() *os.Process { return i.process.Process }

// Signal sends a signal to the process.
func (i *Instance) Signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := i.process.Process.Signal(s); err != nil {
		t.Errorf("%s: %v", s, err)
	}
}

// Stop sends SIGTERM and wants the process to end by itself, with exit status 0.
func (i *Instance) Stop(t *testing.T) {
	t.Helper()
	i.Signal(t, syscall.SIGTERM)
	if err := i.Await(t, 20*time.Second); err != nil {
		t.Errorf("gatehouse: %v\n%s", err, i.Log)
	}
}

// Await returns how the process ended, which must be within the time.
func (i *Instance) Await(t *testing.T, within time.Duration) error {
	t.Helper()
	process := i.process
	i.process = nil
	select {
	case err := <-i.ended:
		return err
	case <-time.After(within):
		_ = process.Process.Kill()
		<-i.ended
		t.Errorf("gatehouse did not end within %s:\n%s", within, i.Log)
		return nil
	}
}
