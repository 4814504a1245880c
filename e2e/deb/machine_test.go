package deb_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A machine is a copy of this one: its files, over which what is written goes to memory, and a network of its own
// that leads nowhere. No process of its is there but those that a test starts.
type machine struct {
	t      *testing.T
	holder *exec.Cmd // keeps its namespaces
	folder string    // where its root is, in its own view
}

// newMachine starts a machine, or skips t. It ends with t.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("*** SKIPPED: only root can mount a copy of this system")
	}
	for _, program := range []string{"unshare", "nsenter", "setpriv", "ip", "curl", "deb-systemd-helper", "systemd-sysusers", "systemd-socket-activate"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("*** SKIPPED: there is no %s", program)
		}
	}
	m := &machine{t: t, folder: filepath.Join(work, "machine")}
	if err := os.MkdirAll(m.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	m.holder = exec.Command("unshare", "--mount", "--net", "--propagation", "private", "sh", "-euc", `
cd "$0"
mount -t tmpfs -o mode=0755 tmpfs .
cd "$0"
mkdir up work root
mount -t overlay overlay -o lowerdir=/,upperdir="$0/up",workdir="$0/work" root
mount --bind /proc root/proc
mount --bind /dev root/dev
mount -t tmpfs -o mode=0755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
rm -f root/usr/sbin/policy-rc.d # of whoever installs packages for tests: it keeps services from being started
ip link set lo up
echo ready
exec sleep infinity`, m.folder)
	out, err := m.holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	m.holder.Stderr = &complaints
	if err := m.holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.holder.Process.Kill(); _ = m.holder.Wait() })
	if n, err := out.Read(make([]byte, 16)); n == 0 || err != nil {
		_ = m.holder.Wait()
		t.Skipf("*** SKIPPED: this system cannot be copied: %s", &complaints)
	}
	return m
}

// command is a shell's command line in the machine.
func (m *machine) command(script string, args ...string) *exec.Cmd {
	inside := []string{
		fmt.Sprintf("--target=%d", m.holder.Process.Pid), "--mount", "--net", "chroot", filepath.Join(m.folder, "root"),
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		"bash", "-euc", script, "sh",
	}
	return exec.Command("nsenter", append(inside, args...)...)
}

// run runs a command line and returns what it prints.
func (m *machine) run(script string) string {
	m.t.Helper()
	out, err := m.command(script).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// fails reports whether a command line does.
func (m *machine) fails(script string) bool { return m.command(script).Run() != nil }

// path is where this process finds a file of the machine.
func (m *machine) path(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", m.holder.Process.Pid), m.folder, "root", name)
}

// write writes a file in the machine.
func (m *machine) write(name, text string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.path(name), []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
}

// bring copies a file of this system into the machine.
func (m *machine) bring(from, to string) {
	m.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(to, string(text), 0o755)
}

// systemctl puts a program in systemctl's place that only records what a running systemd is asked for. asked returns
// that, since the last time. Links for the next boot, which need none that runs, are made (--root).
func (m *machine) systemctl() (asked func() string) {
	m.run("mv /usr/bin/systemctl /usr/bin/systemctl.real")
	m.write("/usr/bin/systemctl", `#!/bin/sh
case $1 in --root=*) exec systemctl.real "$@" ;; esac
echo "$@" >>/systemctl.log
`, 0o755)
	if err := os.MkdirAll(m.path("/run/systemd/system"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	return func() string {
		text, err := os.ReadFile(m.path("/systemctl.log"))
		if err != nil {
			return ""
		}
		_ = os.Remove(m.path("/systemctl.log"))
		return string(text)
	}
}

// documented returns the commands of docs/install.md under a name, for who is root already.
func documented(t *testing.T, name string) string {
	t.Helper()
	for _, b := range rig.Blocks(t, filepath.Join(root, "docs/install.md")) {
		if b.Name == name {
			return strings.ReplaceAll(b.Commands, "sudo ", "")
		}
	}
	t.Fatalf("docs/install.md has no commands named %q", name)
	return ""
}

// A service is a gatehouse that runs in a machine.
type service struct {
	*exec.Cmd
	log strings.Builder // to be read when it has ended
}

// start runs ExecStart of the installed unit, as far as that goes without systemd: with its user, without groups and
// capabilities, in its environment, on the socket of the socket unit, with files it may not write to and processes
// it may not see.
func (m *machine) start() *service {
	m.t.Helper()
	unit, socket := m.run("cat /lib/systemd/system/gatehouse.service"), m.run("cat /lib/systemd/system/gatehouse.socket")
	m.run("rm -f " + setting(m.t, socket, "ListenStream")) // of the one before
	environ := "STATE_DIRECTORY=/var/lib/" + setting(m.t, unit, "StateDirectory")
	for _, line := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1) {
		environ += " " + line[1]
	}
	s := &service{Cmd: m.command(`
user=$1 group=$2 listen=$3 start=$4 environ=$5
for folder in /var/lib/gatehouse /var/log/gatehouse; do
	[ -e $folder ] || install -d -o $user -g $group -m 0700 $folder
done
exec unshare --mount sh -euc '
	for folder in /var/lib/gatehouse /var/log/gatehouse /run/gatehouse; do mount --bind $folder $folder; done
	mount -o remount,bind,ro /
	mount -t proc -o hidepid=invisible proc /proc
	exec systemd-socket-activate -l $0 setpriv --reuid $1 --regid $2 --clear-groups --bounding-set=-all --inh-caps=-all \
		--no-new-privs env -i $3 $4' $listen $user $group "LISTEN_FDS=1 LISTEN_FDNAMES=gatehouse.socket LISTEN_PID=$$ $environ" "$start"`,
		setting(m.t, unit, "User"), setting(m.t, unit, "Group"), setting(m.t, socket, "ListenStream"), setting(m.t, unit, "ExecStart"), environ)}
	s.Stdout, s.Stderr = &s.log, &s.log
	if err := s.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = s.Process.Kill() })
	path := m.path(setting(m.t, socket, "ListenStream"))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(path); err == nil {
			break
		} else if time.Now().After(end) {
			m.t.Fatal("there is no socket 10 s after the start")
		}
	}
	m.run(fmt.Sprintf("chown %s:%s %s; chmod %s %[3]s", setting(m.t, socket, "SocketUser"), setting(m.t, socket, "SocketGroup"),
		setting(m.t, socket, "ListenStream"), setting(m.t, socket, "SocketMode")))
	return s
}

func setting(t *testing.T, unit, key string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(unit)
	if line == nil {
		t.Fatalf("no %s= in:\n%s", key, unit)
	}
	return line[1]
}

// login is the status that a user of the machine gets from gatehouse for a user name and a password.
func (m *machine) login(as, credentials string) string {
	m.t.Helper()
	out, _ := m.command(`setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups curl -s -o /dev/null -w '%{http_code}' -m 10 -u "$2" \
		--unix-socket /run/gatehouse/gatehouse.sock http://gatehouse/authenticate`, as, credentials).Output()
	return string(out)
}
