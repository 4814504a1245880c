package docker_test

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// A scratch image has no dynamic linker and no libraries.
func TestProgramsAreStatic(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gatehouse", "api"} {
		file, err := elf.Open(filepath.Join(built, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, p := range file.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is linked dynamically: %v", name, p.Type)
			}
		}
		data, err := os.ReadFile(filepath.Join(built, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{here + "/", work} {
			if bytes.Contains(data, []byte(path)) {
				t.Errorf("%s tells where it was built: %s", name, path)
			}
		}
	}
}

func TestProgramKnowsItsRelease(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(built, "gatehouse"), "version").Output()
	if err != nil || string(out) != "gatehouse "+release+"\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// Nothing that may hold a secret, and nothing that is not needed, is sent to the build.
func TestContext(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docker/Dockerfile.dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"main.go": false, "go.sum": false, "server": false, "server/home.html": false, "examples/api/go/main.go": false,
		".git": true, ".cache": true, "gatehouse": true, "docker": true, "state": true, "main_test.go": true, "jwt/issuer_test.go": true,
		"jwt.secret": true, "examples/jwt.secret": true, "users.htpasswd": true, "a/b/key.pem": true, ".env": true,
	} {
		if got := ignored(string(text), name); got != want {
			t.Errorf("%s: ignored is %v", name, got)
		}
	}
}

func TestImageHasNothingElse(t *testing.T) {
	needRoot(t)
	got := map[string]uint32{}
	i := newImage(t, final(t), "gatehouse")
	err := filepath.WalkDir(i.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		relative := strings.TrimPrefix(name, i.dir)
		if owner := info.Sys().(*syscall.Stat_t).Uid; !entry.IsDir() || owner != 0 {
			got[relative] = owner
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint32{"/gatehouse": 0, "/etc/ssl/certs/ca-certificates.crt": 0, "/var/lib/gatehouse": 65532}
	if !reflect.DeepEqual(got, want) || i.uid != 65532 || i.gid != 65532 {
		t.Errorf("%v, run as %d:%d; want %v as 65532", got, i.uid, i.gid, want)
	}
	if volumes := final(t).all("VOLUME"); len(volumes) != 1 || volumes[0] != "/var/lib/gatehouse" {
		t.Errorf("VOLUME %v", volumes)
	}
}

// final is the last stage, which docker build makes unless told otherwise.
func final(t *testing.T) stage {
	t.Helper()
	all, err := stages()
	if err != nil {
		t.Fatal(err)
	}
	return all[len(all)-1]
}

// target is the stage with a name.
func target(t *testing.T, name string) stage {
	t.Helper()
	all, err := stages()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if strings.HasSuffix(s.all("FROM")[0], " AS "+name) {
			return s
		}
	}
	t.Fatalf("there is no target %q", name)
	return nil
}
