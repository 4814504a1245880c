package jwt_test

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/auth"
	"gatehouse/jwt"
)

func kept(t *testing.T, dir string) (auth.Secret, bool) {
	t.Helper()
	secret, made, err := jwt.KeptSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	return secret, made
}

// wantOnly looks for what was left behind.
func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

func TestASecretIsMadeAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	first, made := kept(t, dir)
	if !made {
		t.Error("the first call did not make a secret")
	}
	raw, err := base64.StdEncoding.DecodeString(string(first))
	if err != nil || len(raw) < jwt.MinSecret {
		t.Errorf("a secret of %d bytes, %v", len(raw), err)
	}
	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, jwt.SecretFile): 0o600} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	if second, made := kept(t, dir); made || second != first {
		t.Errorf("the second call: made %t, the same %t", made, second == first)
	}
	if other, _ := kept(t, t.TempDir()); other == first {
		t.Error("two folders have one secret")
	}
	wantOnly(t, dir, jwt.SecretFile)
}

func TestConcurrentFirstCallsAgree(t *testing.T) {
	for range 20 {
		dir := filepath.Join(t.TempDir(), "state")
		const callers = 20
		secrets, makers := make([]auth.Secret, callers), make([]bool, callers)
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range callers {
			wg.Go(func() {
				<-begin
				var err error
				if secrets[i], makers[i], err = jwt.KeptSecret(dir); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		wg.Wait()
		made := 0
		for i := range callers {
			if secrets[i] != secrets[0] || len(secrets[i]) < jwt.MinSecret {
				t.Fatal("two callers have two secrets")
			}
			if makers[i] {
				made++
			}
		}
		if made != 1 {
			t.Fatalf("%d callers made the secret", made)
		}
		wantOnly(t, dir, jwt.SecretFile)
	}
}

func TestASecretThatAnAdministratorPutThere(t *testing.T) {
	const text = "an-administrator's-own-secret-of-enough-bytes"
	for name, content := range map[string]string{"as it is": text, "with a newline": text + "\n", "of DOS": text + "\r\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, content, 0o400)
			if got, made := kept(t, dir); made || string(got) != text {
				t.Errorf("got %q, made %t", string(got), made)
			}
		})
	}
}

func write(t *testing.T, dir, content string, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(dir, jwt.SecretFile)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestKeptSecretRefuses(t *testing.T) {
	long := strings.Repeat("Zq7", 20)
	for name, row := range map[string]struct {
		content string
		mode    fs.FileMode
		want    string
	}{
		"a file its group may read":         {long, 0o640, "may be read by others (mode 0640)"},
		"a file that all may read":          {long, 0o604, "may be read by others (mode 0604)"},
		"a file its group may write":        {long, 0o620, "may be read by others (mode 0620)"},
		"an empty file":                     {"", 0o600, "holds fewer than 32 bytes"},
		"31 bytes":                          {long[:31], 0o600, "holds fewer than 32 bytes"},
		"31 bytes and space around to fill": {" " + long[:31] + "\n\n\n", 0o600, "holds fewer than 32 bytes"},
		"space alone":                       {strings.Repeat(" \n", 40), 0o600, "holds fewer than 32 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, row.content, row.mode)
			secret, made, err := jwt.KeptSecret(dir)
			if err == nil || !strings.Contains(err.Error(), row.want) || secret != "" || made {
				t.Fatalf("got %d bytes, made %t, %v, want %q", len(secret), made, err, row.want)
			}
			if strings.Contains(err.Error(), "Zq7") {
				t.Errorf("the error shows the secret: %v", err)
			}
			left, err := os.ReadFile(filepath.Join(dir, jwt.SecretFile))
			if err != nil || string(left) != row.content {
				t.Errorf("the file became %q, %v", left, err)
			}
			wantOnly(t, dir, jwt.SecretFile)
		})
	}
}

func TestAFolderThatCannotHoldASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked := t.TempDir()
	if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"a file": file, "below a file": filepath.Join(file, "state"), "a locked folder": locked} {
		t.Run(name, func(t *testing.T) {
			if dir == locked && os.Geteuid() == 0 {
				t.Skip("root may write anywhere")
			}
			secret, made, err := jwt.KeptSecret(dir)
			if err == nil || secret != "" || made {
				t.Errorf("got %d bytes, made %t, %v", len(secret), made, err)
			}
		})
	}
	wantOnly(t, locked)
}

// A name that points nowhere is neither a secret nor a place for one.
func TestADanglingLinkIsAFault(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, jwt.SecretFile)); err != nil {
		t.Fatal(err)
	}
	secret, made, err := jwt.KeptSecret(dir)
	if !errors.Is(err, fs.ErrNotExist) || secret != "" || made {
		t.Errorf("got %d bytes, made %t, %v", len(secret), made, err)
	}
	wantOnly(t, dir, jwt.SecretFile)
}
