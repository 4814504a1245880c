package systemd_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// confine lets the program behind it make the system calls that it is told, and answers all others, and sockets
// of other families, with EPERM, as systemd does by the unit.
const confine = `
import errno, os, seccomp, sys
names, families, command = sys.argv[1].split(), [1, 2, 10], sys.argv[2:]
f = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
for name in names:
    if name == "socket":
        for family in families:
            f.add_rule(seccomp.ALLOW, name, seccomp.Arg(0, seccomp.EQ, family))
        continue
    try:
        f.add_rule(seccomp.ALLOW, name)
    except (ValueError, RuntimeError, OSError):
        pass # not of this processor
f.load()
os.execv(command[0], command)
`

// gatehouse serves, hashes, reloads and stops within the system calls that the unit leaves it.
func TestTheSystemCallFilter(t *testing.T) {
	need(t, "systemd-analyze", "systemd")
	if err := exec.Command("/usr/bin/python3", "-c", "import seccomp").Run(); err != nil {
		t.Skip("*** SKIPPED: there is no python3-seccomp: apt-get install python3-seccomp")
	}
	service := unit(t, "gatehouse.service")
	if got := settings(service, "RestrictAddressFamilies"); !slices.Equal(got, []string{"AF_UNIX AF_INET AF_INET6"}) {
		t.Fatalf("RestrictAddressFamilies=%q is not what this test confines to", got)
	}
	allowed := map[string]bool{"execve": true} // of systemd itself, before the filter holds
	for _, line := range settings(service, "SystemCallFilter") {
		names, deny := strings.CutPrefix(line, "~")
		for _, name := range strings.Fields(names) {
			for _, call := range calls(t, name) {
				allowed[call] = !deny
			}
		}
	}
	var names []string
	for name, ok := range allowed {
		if ok {
			names = append(names, name)
		}
	}
	if len(names) < 150 || allowed["chroot"] || allowed["setuid"] || allowed["ptrace"] {
		t.Fatalf("%d system calls: %v", len(names), names)
	}

	dir := folder(t, strings.Replace(config, "password: wonderland", "password_hash: '"+hash(t)+"'", 1))
	heard, environ := newSystemd(t, dir)
	r := start(t, nil, []string{environ, "WATCHDOG_USEC=500000"}, "/usr/bin/python3", "-c", confine, strings.Join(names, " "),
		gatehouse, "-c", filepath.Join(dir, "config.yaml"))
	heard.await(t, "READY=1")
	if status, err := login("unix", filepath.Join(dir, "gatehouse.sock")); status != 200 {
		t.Errorf("status %d, %v\n%s", status, err, &r.log)
	}
	_ = r.Process.Signal(syscall.SIGHUP)
	heard.await(t, "RELOADING=1")
	heard.await(t, "READY=1")
	if got := heard.hear(5 * time.Second); got != "WATCHDOG=1" { // its question to itself passes too
		t.Errorf("heard %q, want a ping", got)
	}
	r.stop(t)
}

// calls are the system calls of a group of systemd's, or name itself.
func calls(t *testing.T, name string) (list []string) {
	t.Helper()
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	out, err := exec.Command("systemd-analyze", "syscall-filter", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if inner := strings.TrimSpace(line); strings.HasPrefix(line, " ") && !strings.HasPrefix(inner, "#") {
			list = append(list, calls(t, inner)...)
		}
	}
	return list
}

// hash is that of alice's password.
func hash(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(gatehouse, "hash")
	cmd.Stdin = strings.NewReader("wonderland\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
