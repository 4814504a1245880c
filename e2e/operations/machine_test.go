package operations_test

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/e2e/rig"
)

const source = "../.."

// A machine is a folder that stands for /, with the files that the package installs. Commands are run with its paths
// in the place of the real ones, and with stand-ins for what would need a running systemd. gatehouse runs as nobody
// there, if this is root, and else as who this is.
type machine struct {
	t           *testing.T
	root        string
	port        string // of metrics
	user, group string // in gatehouse's place
	service     service
	marked      int // bytes of the journal that are of what was done before
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, root: rig.Folder(t), port: freePort(t)}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	id := me.Gid
	m.user = me.Username
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skipf("*** SKIPPED: %v", err)
		}
		m.user, id = nobody.Username, nobody.Gid
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		m.service.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	group, err := user.LookupGroupId(id)
	if err != nil {
		t.Skipf("*** SKIPPED: %v", err)
	}
	m.group = group.Name
	m.install()
	m.service.supervise(t, m.root)
	m.standIns()
	return m
}

// install is what packaging/debian/postinst makes of scripts/deb's package, but for units.
func (m *machine) install() {
	m.t.Helper()
	m.shell("umask 022; mkdir -p etc/default etc/nginx/conf.d etc/nginx/snippets etc/gatehouse var/log/nginx bin root/bin usr/bin")
	m.shell("chmod 0755 .; cp " + binary + " usr/bin/gatehouse; cp " + binary + " root/bin/gatehouse")
	m.shell("install -d -o " + m.user + " -g " + m.group + " -m 0755 var/log/gatehouse run/gatehouse; install -d -o " + m.user + " -g " + m.group + " -m 0700 var/lib/gatehouse")
	m.write("etc/gatehouse/config.yaml", m.here(read(m.t, source+"/packaging/debian/config.yaml")))
	m.write("etc/default/gatehouse", read(m.t, source+"/packaging/debian/gatehouse.default"))
	m.write("etc/gatehouse/users.htpasswd", "")
	m.shell("chmod 0640 etc/gatehouse/*; chgrp " + m.group + " etc/gatehouse/*")
}

// standIns puts programs into PATH that do what the real ones would do with gatehouse.
func (m *machine) standIns() {
	for name, script := range map[string]string{
		"sudo": `if [ "$1" = -u ]; then shift 2; [ "$(id -u)" != 0 ] || exec runuser -u ` + m.user + ` -- "$@"; fi
exec "$@"`,
		"systemctl": `verb=$1; case $verb in kill) verb=$3 ;; esac
exec curl -sS --fail-with-body --unix-socket ` + m.service.control + ` "http://systemd/$verb"`,
		"journalctl": `n=+1; while [ $# -gt 0 ]; do case $1 in -n) n=$2; shift ;; esac; shift; done
exec tail -n $n ` + m.service.journal,
		"apt": `for file; do :; done; dpkg-deb -x "$file" ` + m.root + ` && systemctl restart gatehouse`,
	} {
		m.write("bin/"+name, "#!/bin/sh\n"+script+"\n")
	}
	m.shell("chmod 0755 bin/*")
}

// absolute are the paths of the page that are the machine's.
var absolute = regexp.MustCompile(`(^|[\s'"=])/(etc|var|run|root|usr/bin/gatehouse)\b`)

// here is a text of the page with the machine's paths, port and group in it.
func (m *machine) here(text string) string {
	text = absolute.ReplaceAllString(text, "${1}"+m.root+"/$2")
	return strings.NewReplacer("-C / ", "-C "+m.root+" ", "-C /\n", "-C "+m.root+"\n", "-g gatehouse", "-g "+m.group,
		"127.0.0.1:9091", "127.0.0.1:"+m.port, "port: 9091", "port: "+m.port).Replace(text)
}

// there is what a command printed, with the paths of the page.
func (m *machine) there(text string) string { return strings.ReplaceAll(text, m.root+"/", "/") }

// command is a shell's command line with the machine's programs before all others, and no terminal.
func (m *machine) command(script, typed string) *exec.Cmd {
	cmd := exec.Command("bash", "-uc", script)
	cmd.Dir = filepath.Join(m.root, "root")
	cmd.Stdin = strings.NewReader(typed)
	cmd.Env = []string{
		"PATH=" + m.root + "/bin:" + m.root + "/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + cmd.Dir, "LC_ALL=C.UTF-8", "TZ=UTC",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// shell runs a command line of the test's own in the machine's root.
func (m *machine) shell(script string) string {
	m.t.Helper()
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = m.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// ask is the status of gatehouse's answer to curl with these arguments.
func (m *machine) ask(args ...string) string {
	m.t.Helper()
	args = append(args, "-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", m.root+"/run/gatehouse/gatehouse.sock")
	out, _ := exec.Command("curl", args...).Output()
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
