package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A Tree is a copy of the project, for one mutant at a time. Tests that read the source see the mutant there, as
// they would not through go's -overlay.
type Tree struct {
	dir   string
	limit time.Duration
}

// CopyTree copies what git knows or would add in root.
func CopyTree(ctx context.Context, root string, limit time.Duration) (*Tree, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-coz", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	dir, err := os.MkdirTemp("", "mutants.*")
	if err != nil {
		return nil, err
	}
	t := &Tree{dir, limit}
	for _, name := range strings.Split(strings.TrimRight(string(names), "\x00"), "\x00") {
		if err := t.take(root, name); err != nil {
			t.Remove()
			return nil, err
		}
	}
	return t, nil
}

// take copies one file with its mode. One that was deleted and not yet committed is no file.
func (t *Tree) take(root, name string) error {
	from, to := filepath.Join(root, name), filepath.Join(t.dir, name)
	info, err := os.Lstat(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// Remove removes the copy.
func (t *Tree) Remove() { _ = os.RemoveAll(t.dir) }

// A Verdict says what came of a mutant.
type Verdict struct {
	Caught bool
	Said   string
	Took   time.Duration
}

func (v Verdict) String() string {
	return fmt.Sprintf("%s in %.1f s", v.Said, v.Took.Seconds())
}

// Try makes the change, runs its tests, and takes the change back.
func (t *Tree) Try(ctx context.Context, m Mutant) Verdict {
	begin := time.Now()
	verdict := func(caught bool, said string) Verdict { return Verdict{caught, said, time.Since(begin)} }
	path := filepath.Join(t.dir, m.File)
	text, err := os.ReadFile(path)
	if err != nil {
		return verdict(false, "no longer applies: "+err.Error())
	}
	wrong, err := m.Apply(string(text))
	if err != nil {
		return verdict(false, err.Error())
	}
	if err := os.WriteFile(path, []byte(wrong), 0o644); err != nil {
		return verdict(false, err.Error())
	}
	defer func() { _ = os.WriteFile(path, text, 0o644) }()
	for _, tests := range m.Tests {
		out, err := t.test(ctx, tests, "-failfast")
		switch {
		case ctx.Err() != nil:
			return verdict(false, "not tried to its end")
		case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
			return verdict(false, "DOES NOT COMPILE: "+firstLines(out, 4))
		case err != nil:
			return verdict(true, "caught by "+catcher(out))
		}
	}
	return verdict(false, "SURVIVED")
}

// Baseline runs tests on the unchanged copy. It returns what would make their failure or success mean nothing.
func (t *Tree) Baseline(ctx context.Context, tests Tests) string {
	out, err := t.test(ctx, tests, "-v")
	if err != nil {
		return "its tests fail: " + firstLines(out, 40)
	}
	for _, name := range tests.Names {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			return name + " is not there, or was skipped"
		}
	}
	return ""
}

func (t *Tree) test(ctx context.Context, tests Tests, flag string) (string, error) {
	pattern := "^(" + strings.Join(tests.Names, "|") + ")$"
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-vet=off", "-trimpath", flag,
		"-timeout", t.limit.String(), "-run", pattern, tests.Package)
	cmd.Dir = t.dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	failed = regexp.MustCompile(`--- FAIL: (\S+)`)
	hung   = regexp.MustCompile(`panic: test timed out[^\n]*\n\s*running tests:\n\s*(\S+)`)
)

// catcher names what failed first in the output of go test.
func catcher(out string) string {
	if m := hung.FindStringSubmatch(out); m != nil {
		return m[1] + ", which hangs"
	}
	if m := failed.FindStringSubmatch(out); m != nil {
		return m[1]
	}
	return "the end of the test process"
}

func firstLines(text string, n int) string {
	lines := strings.SplitN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
