package docker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An instruction is one of a Dockerfile: its name and the rest of its line.
type instruction struct{ name, rest string }

// A stage is what begins with FROM.
type stage []instruction

// stages reads the Dockerfile. It knows as much of the language as ours has.
func stages() ([]stage, error) {
	text, err := os.ReadFile(filepath.Join(root, "docker/Dockerfile"))
	if err != nil {
		return nil, err
	}
	var list []stage
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(text), " ")
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			list = append(list, nil)
		}
		last := len(list) - 1
		list[last] = append(list[last], instruction{name, rest})
	}
	return list, nil
}

// all are the rests of the instructions with a name.
func (s stage) all(name string) (list []string) {
	for _, i := range s {
		if i.name == name {
			list = append(list, i.rest)
		}
	}
	return list
}

// release is the version that the image is built with.
const release = "1.2.3-test"

// build sends the context and runs the RUN lines of the first stage on it; what they write to /out is in
// the folder built.
func build() error {
	all, err := stages()
	if err != nil {
		return err
	}
	source := filepath.Join(work, "src")
	if err := sendContext(source); err != nil {
		return err
	}
	for _, line := range all[0].all("RUN") {
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "/out/", built+"/"))
		cmd.Dir = source
		cmd.Env = append(os.Environ(), "RELEASE="+release, "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("RUN %s: %w\n%s", line, err, out)
		}
	}
	return nil
}

// sendContext copies the repository without what Dockerfile.dockerignore names.
func sendContext(to string) error {
	text, err := os.ReadFile(filepath.Join(root, "docker/Dockerfile.dockerignore"))
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else's test cleans up
		}
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(root, name)
		switch {
		case ignored(string(text), relative) && entry.IsDir():
			return fs.SkipDir
		case ignored(string(text), relative):
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		return copyFile(name, filepath.Join(to, relative))
	})
}

// ignored matches as Docker does, for patterns without a !.
func ignored(patterns, name string) bool {
	for pattern := range strings.Lines(patterns) {
		pattern = strings.TrimSpace(pattern)
		of := name
		if rest, anywhere := strings.CutPrefix(pattern, "**/"); anywhere {
			pattern, of = rest, path.Base(name)
		}
		if ok, err := path.Match(pattern, of); err != nil || ok {
			return pattern != "" && pattern[0] != '#'
		}
	}
	return false
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// An image is what a stage makes of the build: a root folder, and how to run it.
type image struct {
	dir         string
	environ     []string
	uid, gid    uint32
	entrypoint  []string
	healthcheck []string
}

// newImage lays a final stage out. It needs root.
func newImage(t *testing.T, s stage, name string) image {
	t.Helper()
	i := image{dir: filepath.Join(work, name)}
	t.Cleanup(func() { _ = os.RemoveAll(i.dir) })
	if s.all("FROM")[0] != "scratch" && s.all("FROM")[0] != "scratch AS "+name {
		t.Fatalf("%s is not from scratch", name)
	}
	for _, line := range s.all("COPY") {
		i.copy(t, strings.Fields(line))
	}
	for _, line := range s.all("ENV") {
		i.environ = append(i.environ, strings.Fields(line)...)
	}
	user := s.all("USER")
	if _, err := fmt.Sscanf(user[len(user)-1], "%d:%d", &i.uid, &i.gid); err != nil {
		t.Fatal("USER: ", err) // a scratch image knows no names
	}
	i.entrypoint = list(t, s.all("ENTRYPOINT")[0])
	for _, line := range s.all("HEALTHCHECK") {
		_, command, _ := strings.Cut(line, "CMD ")
		i.healthcheck = list(t, command)
	}
	return i
}

func list(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		t.Fatalf("%s is not in the form of a list, and there is no shell: %v", text, err)
	}
	return words
}

// copy is COPY --from=build, of a file or of an empty folder.
func (i image) copy(t *testing.T, words []string) {
	t.Helper()
	owner := 0
	for ; strings.HasPrefix(words[0], "--"); words = words[1:] {
		if id, ok := strings.CutPrefix(words[0], "--chown="); ok {
			uid, gid, _ := strings.Cut(id, ":")
			if owner, _ = strconv.Atoi(uid); uid != gid || owner == 0 {
				t.Fatalf("--chown=%s", id)
			}
		} else if words[0] != "--from=build" {
			t.Fatalf("COPY %s", words)
		}
	}
	from, to := words[0], filepath.Join(i.dir, words[1])
	if name, ok := strings.CutPrefix(from, "/out/"); ok {
		from = filepath.Join(built, name)
	}
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	err = os.MkdirAll(filepath.Dir(to), 0o755)
	if err == nil && info.IsDir() {
		err = os.Mkdir(to, info.Mode().Perm())
	} else if err == nil {
		err = copyFile(from, to)
	}
	if err = errors.Join(err, os.Chown(to, owner, owner)); err != nil {
		t.Fatal(err)
	}
}
