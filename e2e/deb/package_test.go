package deb_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The same source gives the same bytes, wherever and whenever it is built.
func TestTwoBuildsAreTheSame(t *testing.T) {
	for _, name := range []string{"gatehouse", "gatehouse.cdx.json", "SHA256SUMS", filepath.Base(deb(one))} {
		a, err := os.ReadFile(filepath.Join(one, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two, "bin", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two builds", name)
		}
		if bytes.Contains(a, []byte(work)) {
			t.Errorf("%s tells where it was built", name)
		}
	}
}

func TestTheSumsAreRight(t *testing.T) {
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = filepath.Join(one, "bin")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK") != 3 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWhatThePackageHolds(t *testing.T) {
	info := output(t, "dpkg-deb", "--info", deb(one))
	for _, want := range []string{"Version: 1.2.3\n", "Architecture: " + architecture() + "\n", "Depends: ", "conffiles", "postinst", "prerm", "postrm", "md5sums"} {
		if !strings.Contains(info, want) {
			t.Errorf("--info has no %q:\n%s", want, info)
		}
	}
	contents := output(t, "dpkg-deb", "--contents", deb(one))
	modes := map[string]string{}
	for line := range strings.Lines(contents) {
		fields := strings.Fields(line) // mode owner size date time path
		if fields[1] != "root/root" {
			t.Errorf("not root's: %s", line)
		}
		modes[strings.TrimPrefix(fields[5], ".")] = fields[0]
	}
	for path, mode := range map[string]string{
		"/usr/bin/gatehouse":                                       "-rwxr-xr-x",
		"/lib/systemd/system/gatehouse.service":                    "-rw-r--r--",
		"/lib/systemd/system/gatehouse.socket":                     "-rw-r--r--",
		"/usr/lib/sysusers.d/gatehouse.conf":                       "-rw-r--r--",
		"/usr/lib/tmpfiles.d/gatehouse.conf":                       "-rw-r--r--",
		"/etc/gatehouse/config.yaml":                               "-rw-r-----",
		"/etc/default/gatehouse":                                   "-rw-r--r--",
		"/etc/logrotate.d/gatehouse":                               "-rw-r--r--",
		"/usr/share/gatehouse/nginx/gatehouse.conf":                "-rw-r--r--",
		"/usr/share/gatehouse/nginx/snippets/gatehouse-cache.conf": "-rw-r--r--",
		"/usr/share/gatehouse/nginx/snippets/gatehouse-keys.conf":  "-rw-r--r--",
		"/usr/share/gatehouse/nginx/snippets/gatehouse-home.conf":  "-rw-r--r--",
		"/usr/share/doc/gatehouse/gatehouse.cdx.json":              "-rw-r--r--",
		"/usr/share/doc/gatehouse/install.md":                      "-rw-r--r--",
		"/usr/share/doc/gatehouse/copyright":                       "-rw-r--r--",
		"/usr/share/doc/gatehouse/changelog.Debian.gz":             "-rw-r--r--",
		"/usr/share/doc/gatehouse/examples/ecflow/config.yaml":     "-rw-r--r--",
		"/usr/share/man/man8/gatehouse.8.gz":                       "-rw-r--r--",
	} {
		if modes[path] != mode {
			t.Errorf("%s: %q, want %s", path, modes[path], mode)
		}
	}
	if strings.Contains(contents, "_test.go") {
		t.Errorf("holds tests:\n%s", contents)
	}
}

// Debian's own judge has nothing to say but what packaging/debian/lintian-overrides gives a reason for.
func TestLintian(t *testing.T) {
	if _, err := exec.LookPath("lintian"); err != nil {
		t.Skip("*** SKIPPED: there is no lintian: apt-get install lintian")
	}
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", deb(one)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "unused-override") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What git calls a version becomes one of Debian's, in the same order.
func TestVersions(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "scripts/deb"))
	if err != nil {
		t.Fatal(err)
	}
	from := strings.Index(string(text), "case $1 in")
	to := strings.Index(string(text), "esac")
	if from < 0 || to < from {
		t.Fatal("scripts/deb does not make a version of $1")
	}
	last := ""
	for _, row := range [][2]string{
		{"e8b7834", "0~git20261122024607.e8b7834"},
		{"v1.2.3-rc.1", "1.2.3~rc.1"},
		{"v1.2.3", "1.2.3"},
		{"v1.2.3-4-gabcdef0", "1.2.3+4.gabcdef0"},
		{"v1.2.3-dirty", "1.2.3+dirty"},
		{"v1.2.4", "1.2.4"},
		{"v1.10.0", "1.10.0"},
	} {
		script := string(text[from:to]) + "esac\necho $version"
		cmd := exec.Command("bash", "-euc", script, "deb", row[0])
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1795315567")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != row[1] {
			t.Errorf("%s: %s %v, want %s", row[0], got, err, row[1])
		}
		if last != "" && exec.Command("dpkg", "--compare-versions", last, "lt", row[1]).Run() != nil {
			t.Errorf("%s is not before %s", last, row[1])
		}
		last = row[1]
	}
}

// The manual page is one.
func TestManual(t *testing.T) {
	man, err := exec.LookPath("man")
	if err != nil {
		t.Skip("*** SKIPPED: there is no man: apt-get install man-db")
	}
	cmd := exec.Command(man, "--warnings", "-l", filepath.Join(root, "packaging/debian/gatehouse.8"))
	cmd.Env = append(os.Environ(), "MANWIDTH=100", "LC_ALL=C.UTF-8")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	page, err := cmd.Output()
	if err != nil || complaints.Len() > 0 || !strings.Contains(string(page), "/etc/gatehouse/config.yaml") {
		t.Errorf("%v\n%s\n%s", err, &complaints, page)
	}
}
