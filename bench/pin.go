package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// pinned reports whether a server and who loads it get a processor each, so that neither waits for the other
// and the system moves nothing about. With nginx between them there are three for two processors.
func (c contender) pinned() bool { return c.front == nil && runtime.NumCPU() > 1 }

// pin keeps all threads of a process, and those that they will start, on one processor.
func (p *process) pin(cpu int) error {
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "task", "*"))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(cpu)
	for _, task := range tasks {
		id, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
