package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// replaceUser puts line in the place of the lines of a user in a password file, or behind all others. The
// file is replaced whole, so nobody reads half of it; its mode and owner stay. A new one has mode 0640. It reports
// whether the user was there.
func replaceUser(path, name, line string) (bool, error) {
	mode, uid, gid := fs.FileMode(0o640), -1, -1
	old, err := os.ReadFile(path)
	if info, e := os.Stat(path); e == nil {
		mode = info.Mode().Perm()
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(s.Uid), int(s.Gid)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	text, there := withUser(string(old), name, line)
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync()); err == nil && uid >= 0 {
		err = f.Chown(uid, gid)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("%s is left as it is: %w", path, err)
	}
	return there, os.Rename(f.Name(), path)
}

// withUser is text with line in the place of name's first line, and without name's others; and whether there was one.
func withUser(text, name, line string) (string, bool) {
	var out strings.Builder
	done := false
	for old := range strings.Lines(text) {
		switch {
		case !strings.HasPrefix(old, name+":"):
			out.WriteString(strings.TrimSuffix(old, "\n") + "\n")
		case !done:
			out.WriteString(line + "\n")
			done = true
		}
	}
	if !done {
		out.WriteString(line + "\n")
	}
	return out.String(), done
}
