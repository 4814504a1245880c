package deb_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gatehouse/e2e/rig"
)

// The life of an installation, by the commands of docs/install.md.
func TestInstallation(t *testing.T) {
	m := newMachine(t)
	m.write("/etc/apt/apt.conf.d/test", "APT::Install-Recommends \"false\";\n", 0o644) // there is no network
	m.bring(deb(one), "/root/gatehouse_1.2.3_amd64.deb")
	asked := m.systemctl()
	m.run("cd; " + documented(t, "install"))
	assertInstalled(t, m)
	if got := asked(); got != "--system daemon-reload\n" {
		t.Errorf("the first installation asks systemd for %q, want to read the units and start nothing", got)
	}

	m.run(strings.Replace(documented(t, "user"), "gatehouse hash", "echo wonderland | gatehouse hash", 1))
	if got := asked(); got != "start gatehouse.socket gatehouse.service\n" {
		t.Errorf("the start asks systemd for %q", got)
	}
	s := m.start()
	assertServes(t, m)
	stop(t, s)
	m.run("nginx -v 2>/dev/null || mkdir -p /etc/nginx/snippets /etc/nginx/conf.d; " + documented(t, "nginx"))
	m.run("! nginx -v 2>/dev/null || grep -q snippets/gatehouse-upstream.conf /etc/nginx/conf.d/gatehouse.conf")

	upgrade(t, m, asked)
	remove(t, m, asked)
}

func assertInstalled(t *testing.T, m *machine) {
	t.Helper()
	for path, want := range map[string]string{
		"/etc/gatehouse/config.yaml":    "640 root gatehouse",
		"/etc/gatehouse/users.htpasswd": "640 root gatehouse",
		"/etc/gatehouse":                "755 root root",
		"/run/gatehouse":                "755 gatehouse gatehouse",
		"/etc/systemd/system/multi-user.target.wants/gatehouse.service": "777 root root",
		"/etc/systemd/system/sockets.target.wants/gatehouse.socket":     "777 root root",
	} {
		if got := strings.TrimSpace(m.run("stat -c '%a %U %G' " + path)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := m.run("getent passwd gatehouse"); !strings.HasSuffix(got, ":/var/lib/gatehouse:/usr/sbin/nologin\n") {
		t.Errorf("the user: %s", got)
	}
	if got := m.run("gatehouse --version"); !strings.Contains(got, release) {
		t.Errorf("--version says %q", got)
	}
	if got := m.run("dpkg --verify gatehouse; dpkg-query -W -f='${Status}' gatehouse"); !strings.HasSuffix(got, "install ok installed") || strings.Contains(got, "??5") {
		t.Errorf("dpkg says %q", got)
	}
}

// assertServes asks a gatehouse that runs, as an operator and as nginx.
func assertServes(t *testing.T, m *machine) {
	t.Helper()
	answer := m.run(strings.Replace(documented(t, "try"), "-u alice", "-s -u alice:wonderland", 1))
	if !strings.HasPrefix(answer, "ok\nHTTP/1.1 200 ") || !strings.Contains(answer, "X-Auth-Username: alice") {
		t.Errorf("docs/install.md's commands answer:\n%s", answer)
	}
	for _, row := range [][3]string{
		{"www-data", "alice:wonderland", "200"}, {"www-data", "alice:queen", "401"}, {"gatehouse", "alice:wonderland", "200"}, {"nobody", "alice:wonderland", "000"},
	} {
		if got := m.login(row[0], row[1]); got != row[2] {
			t.Errorf("%s asks as %s: status %s, want %s", row[0], row[1], got, row[2])
		}
	}
	metrics := m.run("curl -s -m 10 http://127.0.0.1:9091/metrics")
	for _, want := range []string{"auth_requests_total", "process_start_time_seconds", "process_open_fds"} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("there is no %s in what the unit lets metrics show", want)
		}
	}
	if got := strings.TrimSpace(m.run("stat -c '%a %U' /var/lib/gatehouse/jwt.secret")); got != "600 gatehouse" {
		t.Errorf("the secret: %s", got)
	}
}

func stop(t *testing.T, s *service) {
	t.Helper()
	_ = s.Process.Signal(syscall.SIGTERM)
	if err := s.Wait(); err != nil {
		t.Errorf("gatehouse: %v\n%s", err, &s.log)
	}
}

// upgrade installs a higher version that has another config.yaml too: the edited one stays, and so do the users,
// and what was disabled.
func upgrade(t *testing.T, m *machine, asked func() string) {
	t.Helper()
	folder := filepath.Join(work, "upgrade")
	higher := filepath.Join(work, "higher.deb")
	output(t, "dpkg-deb", "--raw-extract", deb(one), folder)
	for name, edit := range map[string][2]string{"DEBIAN/control": {"Version: 1.2.3", "Version: 1.2.4"}, "etc/gatehouse/config.yaml": {"iss: gatehouse", "iss: theirs"}} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.Replace(string(text), edit[0], edit[1], 1)), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", folder, higher)
	m.bring(higher, "/root/gatehouse_1.2.4_amd64.deb")

	m.run("sed -i 's/iss: gatehouse/iss: mine/' /etc/gatehouse/config.yaml")
	m.run(documented(t, "change"))
	if got := asked(); got != "reload gatehouse\n" {
		t.Errorf("a change asks systemd for %q", got)
	}
	m.run("systemctl --root=/ disable gatehouse.service")
	m.write("/etc/apt/apt.conf.d/test", "APT::Install-Recommends \"false\";\nDpkg::Options { \"--force-confdef\"; };\n", 0o644)
	m.run("cd; " + documented(t, "upgrade") + " </dev/null")
	if got := asked(); !strings.Contains(got, "try-restart gatehouse.service\n") || regexp.MustCompile(`(?m)^(re)?start`).MatchString(got) {
		t.Errorf("the upgrade asks systemd for %q, want try-restart alone", got)
	}
	if !m.fails("test -e /etc/systemd/system/multi-user.target.wants/gatehouse.service") {
		t.Error("the upgrade enables what was disabled")
	}
	if got := m.run("grep iss: /etc/gatehouse/config.yaml; stat -c '%a %U %G' /etc/gatehouse/config.yaml /etc/gatehouse/users.htpasswd"); got != "  iss: mine\n640 root gatehouse\n640 root gatehouse\n" {
		t.Errorf("after the upgrade: %s", got)
	}
	s := m.start()
	if got := m.login("www-data", "alice:wonderland"); got != "200" {
		t.Errorf("after the upgrade: status %s", got)
	}
	stop(t, s)
	m.run("export DPKG_MAINTSCRIPT_PACKAGE=gatehouse; for n in 1 2; do /var/lib/dpkg/info/gatehouse.postinst configure 1.2.4; done")
	if got := m.run("cut -d: -f1 /etc/gatehouse/users.htpasswd"); got != "alice\n" {
		t.Errorf("the script is not to be run twice: users %q", got)
	}
	asked()
}

// remove keeps what was made, purge does not.
func remove(t *testing.T, m *machine, asked func() string) {
	t.Helper()
	steps := strings.Split(strings.TrimSpace(documented(t, "remove")), "\n")
	if len(steps) != 2 {
		t.Fatalf("%q: want a remove and a purge", steps)
	}
	m.run(strings.Replace(steps[0], "remove", "remove -y", 1))
	if got := asked(); !regexp.MustCompile(`(?m)stop .*gatehouse.socket gatehouse.service`).MatchString(got) {
		t.Errorf("remove asks systemd for %q, want to stop both", got)
	}
	m.run("test ! -e /usr/bin/gatehouse; test -s /etc/gatehouse/users.htpasswd; test -e /etc/gatehouse/config.yaml; test -e /var/lib/gatehouse/jwt.secret")
	m.run(strings.Replace(steps[1], "purge", "purge -y", 1))
	if left := m.run("find /etc /lib/ /usr /var /run -xdev -name '*gatehouse*' ! -path '/etc/nginx/*'; cut -d: -f1 /etc/passwd | grep gatehouse"); left != "gatehouse\n" {
		t.Errorf("purge leaves:\n%s", left)
	}
}

// In a container there is no systemd to ask.
func TestInstallationInAContainer(t *testing.T) {
	m := newMachine(t)
	m.bring(deb(one), "/root/gatehouse.deb")
	m.run("mv /usr/bin/systemctl /root")
	m.run("dpkg -i /root/gatehouse.deb")
	assertInstalled(t, m)
	m.run("dpkg -r gatehouse; dpkg -i /root/gatehouse.deb; dpkg -P gatehouse; test ! -e /etc/gatehouse; mv /root/systemctl /usr/bin")

	// By hand, from the source, is the same.
	binary, err := exec.Command("cp", "-r", filepath.Join(one, "packaging"), m.path("/root/packaging")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, binary)
	}
	m.bring(filepath.Join(one, "bin/gatehouse"), "/root/bin/gatehouse")
	m.run("chmod -R u=rwX,go=rX /root/packaging; userdel gatehouse")
	asked := m.systemctl()
	m.run("cd; " + documented(t, "by hand"))
	if got := asked(); got != "daemon-reload\nenable gatehouse.socket gatehouse.service\n" {
		t.Errorf("asks systemd for %q", got)
	}
	m.run("cp /etc/systemd/system/gatehouse.* /lib/systemd/system/; echo wonderland | gatehouse hash alice --file /etc/gatehouse/users.htpasswd")
	s := m.start()
	if got := m.login("www-data", "alice:wonderland"); got != "200" {
		t.Errorf("status %s", got)
	}
	stop(t, s)
}

// logrotate moves the audit file away, and gatehouse is told.
func TestLogrotate(t *testing.T) {
	m := newMachine(t)
	if m.fails("command -v logrotate") {
		t.Skip("*** SKIPPED: there is no logrotate: apt-get install logrotate")
	}
	m.bring(deb(one), "/root/gatehouse.deb")
	asked := m.systemctl()
	m.run("dpkg -i /root/gatehouse.deb; install -d -o gatehouse -g gatehouse /var/log/gatehouse; echo line >/var/log/gatehouse/audit.log")
	asked()
	m.run("logrotate --force /etc/logrotate.d/gatehouse")
	if got := asked(); got != "kill -s USR1 gatehouse.service\n" {
		t.Errorf("systemd is asked for %q", got)
	}
	if got := m.run("cd /var/log/gatehouse; stat -c '%n %a %U %G %s' audit.log; cat audit.log.1"); got != "audit.log 640 gatehouse adm 0\nline\n" {
		t.Errorf("left: %s", got)
	}
	m.run("rm -r /var/log/gatehouse; logrotate --force /etc/logrotate.d/gatehouse")
}

// Every command of docs/install.md is one that a test runs.
func TestEveryCommandIsRun(t *testing.T) {
	tests, err := os.ReadFile("install_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := rig.Blocks(t, filepath.Join(root, "docs/install.md"))
	if len(blocks) < 5 {
		t.Errorf("%d blocks of commands", len(blocks))
	}
	for _, b := range blocks {
		if b.Name == "" || !strings.Contains(string(tests), `documented(t, "`+b.Name+`")`) {
			t.Errorf("no test runs %q:\n%s", b.Name, b.Commands)
		}
	}
}
