package provider

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"gatehouse/auth"
	"gatehouse/password"
)

// maxFile is the size in bytes over which a password or group file is refused.
const maxFile = 256 << 20

// readFile returns the content of a regular file. It does not block on anything else.
func readFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file", path)
	case info.Size() > maxFile:
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	var text strings.Builder
	text.Grow(int(info.Size()))
	_, err = io.Copy(&text, io.LimitReader(f, maxFile))
	return text.String(), err
}

// A problem is a line that cannot be used. It holds nothing of the line.
type problem struct {
	key  string // the key in config.yaml that names the file
	file string
	line int
	err  error
}

func (p problem) String() string { return fmt.Sprintf("%s:%d: %v", p.file, p.line, p.err) }

// parseUsers reads NAME:HASH lines as nginx does: the first line of a name counts, a line that begins
// with # is a comment, the hash ends at a colon, a carriage return or the end of the line.
func parseUsers(text, file string, weak bool) *version {
	v := &version{users: newRoster(text)}
	bad := map[string]bool{} // names of lines that cannot be used
	for number, rest := 1, text; rest != ""; number++ {
		at := len(text) - len(rest)
		line, after, ended := strings.Cut(rest, "\n")
		rest = after
		if skipped(line) {
			continue
		}
		name, err := checkUser(line, weak)
		v.torn = err != nil && !ended
		if _, seen := v.users.hash(name); err == nil && (seen || bad[name]) {
			err = errors.New("an earlier line has the same name, and that one counts: delete it")
		}
		if err == nil {
			v.users.add(name, at)
			continue
		}
		bad[name] = true
		v.problems = append(v.problems, problem{"file", file, number, err})
	}
	return v
}

func skipped(line string) bool {
	return line == "" || line[0] == '#' || line[0] == '\r'
}

// checkUser returns the name in a line, and why nobody can log in by it.
func checkUser(line string, weak bool) (name string, err error) {
	if !strings.Contains(line, ":") {
		return "", errors.New("has no colon")
	}
	name, hash := splitUser(line)
	if err := auth.CheckName(name); err != nil {
		return name, fmt.Errorf("the name %w", err)
	}
	_, err = password.Parse(hash, weak)
	return name, err
}

// parseGroups reads GROUP: NAME NAME lines, and returns each name's groups in the order of the file.
func parseGroups(text, file string) (map[string][]string, []problem) {
	groups := map[string][]string{}
	var problems []problem
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		group, names, colon := strings.Cut(line, ":")
		group = strings.Clone(strings.TrimSpace(group)) // remembered users keep it: not the whole file with it
		err := auth.CheckName(group)
		switch {
		case !colon:
			problems = append(problems, problem{"group_file", file, number, errors.New("has no colon")})
			continue
		case err != nil:
			problems = append(problems, problem{"group_file", file, number, fmt.Errorf("the group %w", err)})
			continue
		}
		for _, name := range strings.Fields(names) {
			if !slices.Contains(groups[name], group) {
				groups[name] = append(groups[name], group)
			}
		}
	}
	return groups, problems
}
