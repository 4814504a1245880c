package nginx_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// What nginx remembers is written into the folder on the tmpfs at once, and never to another place.
func TestNothingIsRememberedOutsideTheFolder(t *testing.T) {
	g := startFake(t, kept("4"))
	f, _ := rememberingSite(t, g.socket, remember+hostileCache)
	send(t, f.Addresses()[0], authorized(kate))
	if files := remembered(t, f); len(files) != 1 {
		t.Fatalf("nginx keeps %d answers, want 1", len(files))
	}
	err := filepath.WalkDir(f.Folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == f.CacheFolder():
			return fs.SkipDir
		case filepath.Dir(path) == filepath.Join(f.Folder, "proxy"): // folders outlive the files in them
			t.Errorf("nginx has written to proxy_temp_path: %s", path)
		case entry.Type().IsRegular():
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte(kate)) || bytes.Contains(text, []byte("Bearer signed")) {
				t.Errorf("%s holds a credential", path)
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What would take long to see, or cannot be seen as nginx lets no line end into a header, is read.
func TestTheFolderIsAsThePageSays(t *testing.T) {
	for _, test := range []struct{ name, setting, sentence string }{
		{"how long a file stays", " inactive=10s ", "A file that nobody asked for in 10 s is deleted"},
		{"how much there may be", " max_size=64m ", "64 MB (`max_size`)"},
		{"where it is", "proxy_cache_path /run/gatehouse-cache ", "`/run/gatehouse-cache`. Each file holds a credential"},
		{"what may be in the key", ` Bearer [\w.~+/=:-]{1,4000}\z" gatehouse;`, "at most 4,000 letters, digits and `._~+/=:-`, nothing else in the"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assertHolds(t, "../../nginx/"+cacheFile, test.setting)
			assertHolds(t, "../../docs/nginx-cache.md", test.sentence)
		})
	}
}

// assertHolds wants a text in a file.
func assertHolds(t *testing.T, path, want string) {
	t.Helper()
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%s does not have %q: %v", path, want, err)
	}
}

// nginx keeps open what it has used. What was deleted or replaced meanwhile lets nobody in for long.
func TestAnOpenFileIsNotUsedWhenItIsGone(t *testing.T) {
	for _, test := range []struct {
		name string
		gone func(*rig.Front) error
	}{
		{"the file is deleted", func(f *rig.Front) error { return os.RemoveAll(onlyFile(f)) }},
		{"the folder is deleted", func(f *rig.Front) error { return os.RemoveAll(f.CacheFolder()) }},
		{"the file is emptied", func(f *rig.Front) error { return os.Truncate(onlyFile(f), 0) }},
		{"the file is replaced", func(f *rig.Front) error {
			path := onlyFile(f)
			if err := os.WriteFile(path+".new", []byte("no answer"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := startFake(t, kept("4"))
			f, b := rememberingSite(t, g.socket, remember+hostileCache)
			for range 3 { // asked, opened, used open
				if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != 200 {
					t.Errorf("status %d, want 200", got.StatusCode)
				}
			}
			if err := test.gone(f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			b.take()
			g.set(plainNo)
			assertNotReached(t, b, send(t, f.Addresses()[0], authorized(kate)), 403)
		})
	}
}

// onlyFile is the path of what nginx keeps.
func onlyFile(f *rig.Front) string {
	list, _ := filepath.Glob(filepath.Join(f.CacheFolder(), "*"))
	return strings.Join(list, " ")
}

// Without its folder nginx hangs up on whom it would remember, and lets in nobody whom gatehouse has not.
func TestAFolderThatIsGoneOpensNothing(t *testing.T) {
	g := startFake(t, kept("4"))
	f, b := rememberingSite(t, g.socket, remember)
	if err := os.RemoveAll(f.CacheFolder()); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, f.Addresses()[0], "")
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\nAuthorization: "+kate+"\r\n\r\n")
	if page, _ := io.ReadAll(conn); len(page) != 0 || len(b.take()) != 0 {
		t.Errorf("nginx answers %q, and docs/nginx-cache.md says that it hangs up", page)
	}
	if got := send(t, f.Addresses()[0], authorized(alice)); got.StatusCode != 200 || len(b.take()) != 1 {
		t.Errorf("status %d for a password, want 200", got.StatusCode)
	}
	g.set(plainNo)
	assertNotReached(t, b, send(t, f.Addresses()[0], authorized(kate)), 403)
}
