package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Build builds gatehouse into a folder, with more arguments for go build.
func Build(folder string, arguments ...string) (path string, err error) {
	path = filepath.Join(folder, "gatehouse")
	build := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", path}, arguments...), "gatehouse")...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gatehouse: %w\n%s", err, out)
	}
	return path, nil
}

// A Process is a gatehouse in a folder of its own, which the test itself signals. It is killed when the test ends,
// if it has not ended by then.
type Process struct {
	*exec.Cmd
	Folder, Socket string
	Out            *Output // both standard output and standard error
}

// StartProcess starts a program that [Build] made, as [StartGateway] does, with an environment of its own.
func StartProcess(t *testing.T, program, config string, files map[string]string, environ ...string) *Process {
	t.Helper()
	p := &Process{Folder: Folder(t), Out: new(Output)}
	p.Socket = filepath.Join(p.Folder, "gatehouse.sock")
	for name, text := range files {
		Write(t, filepath.Join(p.Folder, name), text)
	}
	path := filepath.Join(p.Folder, "config.yaml")
	Write(t, path, strings.ReplaceAll(config, "{{folder}}", p.Folder))
	p.Cmd = exec.Command(program, "--config", path)
	p.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	p.Stdout, p.Stderr = p.Out, p.Out
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	awaitSocket(t, p.Socket, p.Out)
	return p
}

// Stop asks the process to end, and wants it to do so without an error.
func (p *Process) Stop(t *testing.T) {
	t.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("gatehouse: %v\n%s", err, p.Out)
	}
}
