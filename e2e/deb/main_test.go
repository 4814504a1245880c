// Package deb_test builds the Debian package and lives with it: it is installed by dpkg in a copy of this system, its
// gatehouse runs as the unit says, it is upgraded, removed and purged. docs/install.md's commands are how.
package deb_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const root = "../.."

// release is what the package under test is built as.
const release = "v1.2.3"

// work holds the packages; one and two are copies of the source with what was built there.
var work, one, two string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		fmt.Fprintln(os.Stderr, "\n*** ALL TESTS OF THE DEBIAN PACKAGE ARE SKIPPED: there is no dpkg-deb")
		return 0
	}
	dir, err := os.MkdirTemp("", "gh-deb-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	work, one, two = dir, filepath.Join(dir, "one"), filepath.Join(dir, "another/folder/two")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build runs make release on two copies of the source, in surroundings that differ.
func build() error {
	done := make(chan error, 2)
	for folder, surroundings := range map[string]string{
		one: "umask 022; export TZ=UTC LC_ALL=C",
		two: "umask 077; export TZ=Asia/Tokyo LC_ALL=C.UTF-8",
	} {
		if err := copySource(folder); err != nil {
			return err
		}
		go func() {
			cmd := exec.Command("bash", "-euc", surroundings+"; exec make release RELEASE="+release)
			cmd.Dir = folder
			cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1795315567")
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("make release: %w\n%s", err, out)
			}
			done <- err
		}()
	}
	err := <-done
	if other := <-done; err == nil {
		err = other
	}
	return err
}

// copySource copies what is or would be in git.
func copySource(to string) error {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		from := filepath.Join(root, name)
		info, err := os.Stat(from)
		if os.IsNotExist(err) { // removed, and not committed yet
			continue
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// deb is the package of a copy of the source.
func deb(folder string) string {
	return filepath.Join(folder, "bin", "gatehouse_"+strings.TrimPrefix(release, "v")+"_"+architecture()+".deb")
}

func architecture() string {
	return map[string]string{"386": "i386", "arm": "armhf"}[runtime.GOARCH] + map[string]string{"amd64": "amd64", "arm64": "arm64"}[runtime.GOARCH]
}

// output is what a program prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
