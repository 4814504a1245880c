package provider

import (
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"gatehouse/watch"
)

// misfortunes are what may be in a file's place for a while.
var misfortunes = map[string]func(path string) error{
	"a folder":          func(path string) error { return os.Mkdir(path, 0o700) },
	"a pipe":            func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"a link to itself":  func(path string) error { return os.Symlink(path, path) },
	"nothing":           func(string) error { return nil },
	"an empty file":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
	"half of the file":  func(path string) error { return os.WriteFile(path, []byte(aliceLine+bobLine[:20]), 0o600) },
	"garbage":           func(path string) error { return os.WriteFile(path, []byte("\x00\xff\n\x00\n"), 0o600) },
	"a link to nowhere": func(path string) error { return os.Symlink(path+".nowhere", path) },
}

// C03: whatever stands in the place of a password or group file at the nth look at it, for every n, while a new
// version with bob in it comes: alice, who is in both, is never refused; bob is let in when the file is whole; mallory
// never is; and in the end all is as if nothing had been.
func TestAFileThatFailsAtTheNthLook(t *testing.T) {
	const (
		looks = 5           // more than a new version needs
		lasts = 2 * settled // it has been left alone, and is not meant yet
	)
	for name, put := range misfortunes {
		for _, group := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " as the group file"}[group], func(t *testing.T) {
				for n := range looks {
					f := follows(t, aliceLine, "staff: alice\n")
					f.rename(f.a.File, aliceLine+bobLine)
					f.rename(f.a.GroupFile, "staff: alice bob\n")
					path := f.a.File
					if group {
						path = f.a.GroupFile
					}
					for look := range looks + n {
						if look == n {
							f.move(path, path+".old")
							if err := put(path); err != nil {
								t.Fatal(err)
							}
							f.pass(lasts)
						}
						f.now = f.now.Add(f.step() / 2)
						f.wantNoHarm(look)
						if look == n+1 {
							f.remove(path)
							f.move(path+".old", path)
						}
					}
					f.pass(meant + watch.Every + aMoment)
					f.want("in the end", aUser, aUser, 0)
					f.wantRoles("staff")
				}
			})
		}
	}
}

// wantNoHarm wants that the users are those of either version, and that alice is one.
func (f *followed) wantNoHarm(look int) {
	f.t.Helper()
	v := f.a.current.Load()
	if v == nil {
		f.t.Fatalf("look %d: there are no users", look)
	}
	users := maps.Collect(v.users.all())
	alice, bob := users["alice"], users["bob"]
	if alice != firstBcrypt || bob != "" && bob != secondBcrypt || len(users) > 2 || bob == "" && len(users) > 1 {
		f.t.Errorf("look %d: the users are %v", look, users)
	}
	if text := f.log.String(); strings.Contains(text, firstBcrypt[7:30]) || strings.Contains(text, secondBcrypt[7:30]) {
		f.t.Errorf("look %d: the log shows a hash", look)
	}
}
