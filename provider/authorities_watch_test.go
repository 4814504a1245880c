package provider

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/e2e/pki"
)

// authoritiesFollowed is a file of authorities that a test follows by a clock of its own.
type authoritiesFollowed struct {
	*world
	t         *testing.T
	m         *mtls
	watch     *authoritiesFollower
	now       time.Time
	stamps    int // so that no two versions have one modification time
	forgotten []func(auth.User) bool
}

func followsAuthorities(t *testing.T, text string) *authoritiesFollowed {
	t.Helper()
	f := &authoritiesFollowed{world: newWorld(t), t: t, now: time.Now()}
	f.Now = func() time.Time { return f.now }
	f.Forget = func(match func(auth.User) bool) { f.forgotten = append(f.forgotten, match) }
	f.m = &mtls{MTLS: MTLS{CAFile: filepath.Join(t.TempDir(), "ca.pem"), Username: "cn"}, env: f.Env}
	f.write(text)
	var err error
	if f.watch, err = newAuthoritiesFollower(f.m); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *authoritiesFollowed) write(text string) {
	f.t.Helper()
	writeFile(f.t, f.m.CAFile, text)
	f.stamps++
	at := time.Now().Add(-time.Hour + time.Duration(f.stamps)*time.Second)
	if err := os.Chtimes(f.m.CAFile, at, at); err != nil {
		f.t.Fatal(err)
	}
}

// must is for what a test does to the file.
func (f *authoritiesFollowed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// pass lets time pass as follow does.
func (f *authoritiesFollowed) pass(d time.Duration) {
	f.t.Helper()
	for end := f.now.Add(d); ; {
		next := f.watch.step(f.now)
		if next <= 0 || next > meant {
			f.t.Fatalf("the next look is in %s", next)
		}
		if f.now.Add(next).After(end) {
			f.now = end
			return
		}
		f.now = f.now.Add(next)
	}
}

// want checks whether a credential lets somebody in, and whether the metric says that the newest version is in force.
func (f *authoritiesFollowed) want(when string, c auth.Credential, in bool, bad float64) {
	f.t.Helper()
	if _, err := f.m.Authenticate(f.t.Context(), c); in != (err == nil) || err != nil && !errors.Is(err, auth.ErrDenied) {
		f.t.Errorf("%s: got %v", when, err)
	}
	if got := f.metric(f.t, `gatehouse_file_bad{provider_name="here"}`); got != bad {
		f.t.Errorf("%s: gatehouse_file_bad is %v, want %v", when, got, bad)
	}
}

func TestNewAuthoritiesAreTakenWhenTheirFileHasSettled(t *testing.T) {
	one, two := pki.New(t, "one"), pki.New(t, "two")
	ours, theirs := certified(one.Client(t, "alice")), certified(two.Client(t, "bob"))
	f := followsAuthorities(t, one.PEM())
	f.want("at the start", ours, true, 0)
	f.want("at the start", theirs, false, 0)
	f.write(two.PEM())
	f.pass(settled - time.Millisecond)
	f.want("too early", ours, true, 0)
	f.pass(time.Millisecond)
	f.want("settled", ours, false, 0)
	f.want("settled", theirs, true, 0)
	before := f.log.String()
	f.pass(time.Minute)
	f.write(two.PEM())
	f.pass(time.Minute)
	if f.log.String() != before {
		t.Errorf("the same text is told again: %s", f.log)
	}
}

// No withdrawal is a mistake of an editor's, a full disk's, or a server's that is away.
func TestTheLastGoodAuthoritiesStay(t *testing.T) {
	one := pki.New(t, "one")
	ours := certified(one.Client(t, "alice"))
	key := strings.ReplaceAll(one.PEM(), "CERTIFICATE", "PRIVATE KEY")
	for name, spoil := range map[string]func(f *authoritiesFollowed){
		"half a certificate":    func(f *authoritiesFollowed) { f.write(one.PEM()[:100]) },
		"no certificate":        func(f *authoritiesFollowed) { f.write("to do\n") },
		"another, and a key":    func(f *authoritiesFollowed) { f.write(pki.New(t, "two").PEM() + key) },
		"nothing":               func(f *authoritiesFollowed) { f.write("") },
		"no file":               func(f *authoritiesFollowed) { f.must(os.Remove(f.m.CAFile)) },
		"a folder":              func(f *authoritiesFollowed) { f.must(os.Remove(f.m.CAFile)); f.must(os.Mkdir(f.m.CAFile, 0o700)) },
		"a pipe":                func(f *authoritiesFollowed) { f.must(os.Remove(f.m.CAFile)); f.must(syscall.Mkfifo(f.m.CAFile, 0o600)) },
		"a link to itself":      func(f *authoritiesFollowed) { f.must(os.Remove(f.m.CAFile)); f.must(os.Symlink("ca.pem", f.m.CAFile)) },
		"a file with no rights": func(f *authoritiesFollowed) { unreadable(t, f) },
	} {
		t.Run(name, func(t *testing.T) {
			f := followsAuthorities(t, one.PEM())
			spoil(f)
			f.pass(time.Minute)
			f.want("spoilt", ours, true, 1)
			if n := strings.Count(f.log.String(), "those of the old one stay"); n != 1 || len(f.forgotten) > 0 {
				t.Errorf("told %d times, forgot %d times: %s", n, len(f.forgotten), f.log)
			}
			f.must(os.RemoveAll(f.m.CAFile))
			f.write(one.PEM())
			f.pass(time.Minute)
			f.want("mended", ours, true, 0)
		})
	}
}

// unreadable takes the rights of everybody but root away, for whom it is a folder.
func unreadable(t *testing.T, f *authoritiesFollowed) {
	if os.Geteuid() == 0 {
		f.must(os.Remove(f.m.CAFile))
		f.must(os.Mkdir(f.m.CAFile, 0))
		return
	}
	f.must(os.Chmod(f.m.CAFile, 0))
}

// A link that is turned to something odd and back leads to a file that never changed.
func TestAFileOfAuthoritiesThatIsBackUnchanged(t *testing.T) {
	one := pki.New(t, "one")
	f := followsAuthorities(t, one.PEM())
	dir := filepath.Dir(f.m.CAFile)
	turn := func(to string) {
		_ = os.Remove(f.m.CAFile)
		f.must(os.Symlink(to, f.m.CAFile))
	}
	f.must(os.Rename(f.m.CAFile, filepath.Join(dir, "v1")))
	turn("v1")
	f.pass(time.Minute)
	for _, to := range []string{dir, "none", "ca.pem"} {
		turn(to)
		f.pass(time.Minute)
		f.want(to, certified(one.Client(t, "alice")), true, 1)
		turn("v1")
		f.pass(time.Minute)
		f.want("back from "+to, certified(one.Client(t, "alice")), true, 0)
	}
}

// However long it was away: it may be half written.
func TestAuthoritiesThatAreBackSettleToo(t *testing.T) {
	one, two := pki.New(t, "one"), pki.New(t, "two")
	ours := certified(one.Client(t, "alice"))
	f := followsAuthorities(t, one.PEM())
	f.must(os.Remove(f.m.CAFile))
	f.pass(time.Minute)
	f.write(two.PEM())
	f.pass(settled - time.Millisecond)
	f.want("too early", ours, true, 1)
	f.pass(time.Millisecond)
	f.want("settled", ours, false, 0)
}

// A withdrawn authority's users are forgotten at once, and nobody else is.
func TestExactlyWhoCameByAWithdrawnAuthorityIsForgotten(t *testing.T) {
	root, other := pki.New(t, "root"), pki.New(t, "other")
	child := root.Authority(t, "child")
	f := followsAuthorities(t, root.PEM()+child.PEM()+other.PEM())
	users := map[string]auth.User{"another provider's": {Provider: "another", Name: "root's", Record: "x"}}
	for name, a := range map[string]*pki.Authority{"root's": root, "child's": child, "other's": other} {
		u, err := f.m.Authenticate(t.Context(), certified(a.Client(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		u.Provider = f.Name
		users[name] = u
	}
	for i, step := range []struct{ text, gone string }{
		{root.PEM() + child.PEM() + other.PEM() + pki.New(t, "new").PEM(), ""}, // who was refused may come now
		{root.PEM() + child.PEM(), "other's"},
		{child.PEM(), "other's root's"},
	} {
		f.write(step.text)
		f.pass(aMoment)
		if len(f.forgotten) != i+1 {
			t.Fatalf("step %d: forgot %d times", i, len(f.forgotten))
		}
		for name, u := range users {
			if got := f.forgotten[i](u); got != strings.Contains(step.gone, name) {
				t.Errorf("step %d: %s is forgotten: %t", i, name, got)
			}
		}
	}
}

// What is in force when somebody is forgotten is the new version: who asks then is not let in again by the old one.
func TestTheWithdrawnAuthorityIsGoneBeforeItsUsersAreForgotten(t *testing.T) {
	one := pki.New(t, "one")
	ours := certified(one.Client(t, "alice"))
	f := followsAuthorities(t, one.PEM())
	asked := 0
	f.m.env.Forget = func(func(auth.User) bool) {
		asked++
		if _, err := f.m.Authenticate(t.Context(), ours); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("got %v", err)
		}
	}
	f.write(pki.New(t, "two").PEM())
	f.pass(aMoment)
	if asked != 1 {
		t.Errorf("forgot %d times", asked)
	}
}
