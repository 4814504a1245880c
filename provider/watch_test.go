package provider

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/watch"
)

// The users of the files below: alice's password is always first, and bob's second.
const (
	aliceLine = "alice:" + firstBcrypt + "\n"
	bobLine   = "bob:" + secondBcrypt + "\n"
)

// A followed file is a watch whose clock the test turns, and whose steps the test makes.
type followed struct {
	*world
	t      *testing.T
	a      *htpasswd
	watch  *follower
	now    time.Time
	stamps int // so that no two versions have one modification time
}

// follows opens files that have not been touched for an hour.
func follows(t *testing.T, users, groups string) *followed {
	t.Helper()
	f := &followed{world: newWorld(t), t: t, now: time.Now()}
	f.Now = func() time.Time { return f.now }
	dir := t.TempDir()
	f.a = &htpasswd{Htpasswd: Htpasswd{File: filepath.Join(dir, "users")}, env: f.Env}
	f.write(f.a.File, users)
	if groups != "" {
		f.a.GroupFile = filepath.Join(dir, "groups")
		f.write(f.a.GroupFile, groups)
	}
	var err error
	if f.watch, err = newFollower(f.a); err != nil {
		t.Fatal(err)
	}
	return f
}

// write writes a file in place and gives it a modification time that it never had.
func (f *followed) write(path, text string) {
	f.t.Helper()
	writeFile(f.t, path, text)
	f.stamps++
	at := time.Now().Add(-time.Hour + time.Duration(f.stamps)*time.Second)
	if err := os.Chtimes(path, at, at); err != nil {
		f.t.Fatal(err)
	}
}

// rename puts a new file in the place of an old one.
func (f *followed) rename(path, text string) {
	f.t.Helper()
	f.write(path+".new", text)
	f.move(path+".new", path)
}

func (f *followed) move(from, to string) {
	f.t.Helper()
	if err := os.Rename(from, to); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) remove(path string) {
	f.t.Helper()
	if err := os.RemoveAll(path); err != nil {
		f.t.Fatal(err)
	}
}

// step is what follow does when it is told of a change.
func (f *followed) step() time.Duration {
	f.t.Helper()
	next := f.watch.step(f.now)
	if next <= 0 || next > meant {
		f.t.Errorf("the next look is in %s", next)
	}
	return next
}

// pass lets time pass as follow does, which looks again whenever the watch asked for it.
func (f *followed) pass(d time.Duration) {
	f.t.Helper()
	for end := f.now.Add(d); ; {
		next := f.step()
		if f.now.Add(next).After(end) {
			f.now = end
			return
		}
		f.now = f.now.Add(next)
	}
}

// want checks who can log in, and whether the metric says that the newest version is in force.
func (f *followed) want(when string, alice, bob outcome, bad float64) {
	f.t.Helper()
	if got := login(f.t, f.a, "alice", first); got != alice {
		f.t.Errorf("%s: alice: %s, want %s", when, got, alice)
	}
	if got := login(f.t, f.a, "bob", second); got != bob {
		f.t.Errorf("%s: bob: %s, want %s", when, got, bob)
	}
	if got := f.metric(f.t, `gatehouse_file_bad{provider_name="here"}`); got != bad {
		f.t.Errorf("%s: gatehouse_file_bad is %v, want %v", when, got, bad)
	}
}

// loads counts the versions that were put in force.
func (f *followed) loads() float64 {
	return f.metric(f.t, `gatehouse_file_reloads_total{provider_name="here",result="loaded"}`)
}

const aMoment = settled + 10*time.Millisecond

func TestAFileThatIsRenamedInIsTakenWhenItHasSettled(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.want("at the start", aUser, denied, 0)
	f.rename(f.a.File, bobLine)
	f.step()
	f.want("at once", aUser, denied, 0)
	f.now = f.now.Add(settled - time.Millisecond)
	f.step()
	f.want("too early", aUser, denied, 0)
	f.now = f.now.Add(time.Millisecond)
	if next := f.step(); next != watch.Every {
		t.Errorf("the next look is in %s", next)
	}
	f.want("settled", denied, aUser, 0)
}

func TestAnUntouchedFileIsNotReadAgain(t *testing.T) {
	f := follows(t, aliceLine, "staff: alice\n")
	f.pass(time.Minute)
	if n := f.loads(); n != 1 {
		t.Errorf("loaded %v times", n)
	}
	if n := strings.Count(f.log.String(), "\n"); n != 1 {
		t.Errorf("logged %s", f.log)
	}
}

func TestTruncateThenWriteKeepsTheOldUsersMeanwhile(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.write(f.a.File, "")
	f.pass(3 * time.Second)
	f.want("truncated", aUser, denied, 0)
	f.write(f.a.File, bobLine)
	f.pass(aMoment)
	f.want("written", denied, aUser, 0)
}

func TestAFileWrittenByteByByte(t *testing.T) {
	for name, pause := range map[string]time.Duration{"quickly": 20 * time.Millisecond, "slowly": 2 * settled} {
		t.Run(name, func(t *testing.T) {
			f := follows(t, aliceLine+bobLine, "")
			text := "alice:" + firstBcrypt + "\nbob:" + secondBcrypt
			for n := range len(text) {
				f.write(f.a.File, text[:n])
				f.pass(pause)
				if users := maps.Collect(f.a.current.Load().users.all()); users["alice"] != firstBcrypt || users["bob"] != secondBcrypt {
					t.Fatalf("after %d bytes somebody cannot log in", n)
				}
			}
			f.write(f.a.File, text)
			f.pass(aMoment)
			f.want("at the end", aUser, aUser, 0)
		})
	}
}

func TestAVersionThatLooksHalfWrittenIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"garbage":                      "\x7fELF\x00\x01\x02\nmore\n",
		"a page of HTML":               "<html>\n<body>not found</body>\n</html>\n",
		"passwords in clear text":      "alice:open sesame\nbob:" + canary + "\n",
		"a single newline and no line": "x\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := follows(t, aliceLine, "")
			f.write(f.a.File, text)
			f.pass(time.Minute)
			f.want("refused", aUser, denied, 1)
			if n := strings.Count(f.log.String(), `"level":"error"`); n != 1 {
				t.Errorf("%d errors are logged: %s", n, f.log)
			}
			if n := f.metric(t, `gatehouse_file_reloads_total{provider_name="here",result="refused"}`); n != 1 {
				t.Errorf("refused %v times", n)
			}
			if shows(f.log.String(), canary) || strings.Contains(f.log.String(), "sesame") || shows(f.log.String(), firstBcrypt[7:20]) {
				t.Errorf("shows the file: %s", f.log)
			}
			f.write(f.a.File, bobLine)
			f.pass(aMoment)
			f.want("mended", denied, aUser, 0)
		})
	}
}

// A last line that stops in the middle is waited for, and then it is only a line that cannot be used.
func TestALastLineThatStopsInTheMiddle(t *testing.T) {
	for name, end := range map[string]string{
		"in the hash":             "carol:" + firstBcrypt[:30],
		"in the name":             "car",
		"after the name":          "carol:",
		"a hash of no use, whole": "carol:abJnggxhB/yWI",
	} {
		t.Run(name, func(t *testing.T) {
			f := follows(t, aliceLine, "")
			f.write(f.a.File, bobLine+end)
			f.pass(meant - time.Millisecond)
			f.want("so far", aUser, denied, 1)
			f.pass(2 * time.Millisecond)
			f.want("meant", denied, aUser, 0)
			if n := strings.Count(f.log.String(), `"level":"error"`); n != 1 {
				t.Errorf("%d errors are logged: %s", n, f.log)
			}
		})
	}
}

// What is so far the same text may be the beginning of all of it, if it is still the same file.
func TestAFileThatIsTheBeginningOfItself(t *testing.T) {
	f := follows(t, aliceLine+bobLine, "")
	f.write(f.a.File, aliceLine)
	f.pass(unsettled - time.Millisecond)
	f.want("so far", aUser, aUser, 0)
	f.pass(2 * time.Millisecond)
	f.want("meant", aUser, denied, 0)
	f.write(f.a.File, aliceLine+bobLine)
	f.pass(aMoment)
	f.rename(f.a.File, aliceLine)
	f.pass(aMoment)
	f.want("another file is whole at once", aUser, denied, 0)
}

func TestTheSameFaultIsToldOfAgainAfterAGoodVersion(t *testing.T) {
	f := follows(t, aliceLine, "")
	for n := range 3 {
		f.write(f.a.File, "garbage\n")
		f.pass(time.Minute)
		f.want("refused", aUser, denied, 1)
		f.write(f.a.File, aliceLine)
		f.pass(time.Minute)
		f.want("mended", aUser, denied, 0)
		if told := strings.Count(f.log.String(), `"level":"error"`); told != n+1 {
			t.Errorf("told %d times of %d", told, n+1)
		}
	}
}

// A file that is touched, or put in place anew by a tool that runs each hour, is no new version.
func TestAVersionOfTheSameTextIsNoNewOne(t *testing.T) {
	f := follows(t, aliceLine, "staff: alice\n")
	for range 3 {
		f.rename(f.a.File, aliceLine)
		f.rename(f.a.GroupFile, "staff: alice\n")
		f.pass(aMoment)
	}
	if n := f.loads(); n != 1 {
		t.Errorf("loaded %v times", n)
	}
	f.rename(f.a.GroupFile, "")
	f.rename(f.a.File, aliceLine+"staff: alice\n") // the same bytes, in another file
	f.pass(meant + aMoment)
	if n := f.loads(); n != 2 {
		t.Errorf("loaded %v times", n)
	}
	f.wantRoles("")
}

// Some lines that cannot be used are no reason to refuse the others.
func TestAVersionWithSomeBadLinesIsTaken(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.write(f.a.File, "carol:x\nno colon\n"+bobLine+"bob:"+firstBcrypt)
	f.pass(aMoment)
	f.want("taken", denied, aUser, 0)
	if n := f.metric(t, `gatehouse_file_unusable_lines{provider_name="here"}`); n != 3 {
		t.Errorf("counts %v", n)
	}
}

func TestAFileOfCommentsIsAFileOfNobody(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.write(f.a.File, "# nobody yet\n")
	f.pass(aMoment)
	f.want("taken", denied, denied, 0)
}

// Root may read anything: a folder in a file's place is what even root cannot read.
func TestAFileThatCannotBeReadKeepsItsUsers(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":           func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to itself": func(path string) error { return os.Symlink(path, path) },
		"a link to a zero": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			f := follows(t, aliceLine, "")
			f.move(f.a.File, f.a.File+".old")
			if err := put(f.a.File); err != nil {
				t.Fatal(err)
			}
			f.pass(time.Minute)
			f.want("in its place", aUser, denied, 1)
			if n := strings.Count(f.log.String(), `"level":"error"`); n != 1 {
				t.Errorf("%d errors are logged: %s", n, f.log)
			}
			f.remove(f.a.File)
			f.rename(f.a.File, aliceLine+bobLine)
			f.pass(watch.Every + aMoment)
			f.want("back", aUser, aUser, 0)
		})
	}
}

// The very same file is back, with nothing in its stamp to tell: the metric must go back too.
func TestAFileThatCouldNotBeReachedForAWhile(t *testing.T) {
	f := follows(t, aliceLine, "")
	dir := filepath.Dir(f.a.File)
	f.move(dir, dir+".old")
	writeFile(t, dir, "not a folder")
	f.pass(time.Minute)
	f.want("no folder", aUser, denied, 1)
	f.remove(dir)
	f.move(dir+".old", dir)
	f.pass(watch.Every + aMoment)
	f.want("back", aUser, denied, 0)
}

func TestGoneIsMeantAfterTenSeconds(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.move(f.a.File, f.a.File+".old")
	f.step()
	f.now = f.now.Add(9900 * time.Millisecond)
	if next := f.step(); next != 100*time.Millisecond {
		t.Errorf("the next look is in %s", next)
	}
	f.want("gone for 9.9 s", aUser, denied, 0)
	f.now = f.now.Add(100 * time.Millisecond)
	f.step()
	f.want("gone for 10 s", noDecision, noDecision, 1)
	f.pass(time.Minute)
	if n := strings.Count(f.log.String(), `"level":"error"`); n != 1 {
		t.Errorf("%d errors are logged: %s", n, f.log)
	}
	f.move(f.a.File+".old", f.a.File)
	f.pass(aMoment)
	f.want("back", aUser, denied, 0)
}

func TestGoneForAMomentIsNothing(t *testing.T) {
	f := follows(t, aliceLine, "")
	for range 5 {
		f.move(f.a.File, f.a.File+".old")
		f.pass(9 * time.Second)
		f.move(f.a.File+".old", f.a.File)
		f.pass(time.Second)
		f.want("back", aUser, denied, 0)
	}
}

// A file that is gone is noticed within ten seconds of the first look, without any further change.
func TestGoneIsNoticedByTheTimerAlone(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.pass(time.Minute)
	f.remove(f.a.File)
	f.now = f.now.Add(watch.Every)
	f.pass(meant)
	f.want("gone", noDecision, noDecision, 1)
}

func TestEmptyIsMeantAfterTenSeconds(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.write(f.a.File, "")
	f.step()
	f.now = f.now.Add(9900 * time.Millisecond)
	f.step()
	f.want("empty for 9.9 s", aUser, denied, 0)
	f.now = f.now.Add(100 * time.Millisecond)
	f.step()
	f.want("empty for 10 s", denied, denied, 0)
	f.write(f.a.File, bobLine)
	f.pass(aMoment)
	f.want("written again", denied, aUser, 0)
}

func TestAGoneGroupFileIsAnOutageToo(t *testing.T) {
	f := follows(t, aliceLine, "staff: alice\n")
	f.remove(f.a.GroupFile)
	f.pass(9 * time.Second)
	f.want("gone for 9 s", aUser, denied, 0)
	f.pass(2 * time.Second)
	f.want("gone for 11 s", noDecision, noDecision, 1)
	f.rename(f.a.GroupFile, "admin: alice\n")
	f.pass(watch.Every + aMoment)
	f.want("back", aUser, denied, 0)
	f.wantRoles("admin")
}

func (f *followed) wantRoles(roles string) {
	f.t.Helper()
	u, err := f.a.Authenticate(f.t.Context(), basic("alice", first))
	if err != nil || strings.Join(u.Roles, " ") != roles {
		f.t.Errorf("got roles %q, %v, want %q", u.Roles, err, roles)
	}
}

func TestAGroupFileThatChangesAlone(t *testing.T) {
	f := follows(t, aliceLine, "staff: alice\n")
	f.wantRoles("staff")
	f.rename(f.a.GroupFile, "admin: alice\nstaff: alice\n")
	f.pass(aMoment)
	f.wantRoles("admin staff")
	f.write(f.a.GroupFile, "")
	f.pass(9 * time.Second)
	f.wantRoles("admin staff")
	f.pass(2 * time.Second)
	f.wantRoles("")
	f.want("no groups", aUser, denied, 0)
}

// A group file may be empty for good: that must not delay the password file.
func TestAnEmptyGroupFileDelaysNoPassword(t *testing.T) {
	f := follows(t, aliceLine, " ")
	f.write(f.a.GroupFile, "")
	f.pass(meant + aMoment)
	f.write(f.a.File, bobLine)
	f.pass(aMoment)
	f.want("written", denied, aUser, 0)
}

// On a coarse clock a file that is rewritten at once, in its length, has the stamp that it had.
func TestARewriteWithinTheSecondOfTheStartIsNoticed(t *testing.T) {
	f := follows(t, aliceLine, "")
	writeFile(t, f.a.File, aliceLine) // its time is now, and so is the clock's
	f.now = time.Now()
	var err error
	if f.watch, err = newFollower(f.a); err != nil {
		t.Fatal(err)
	}
	before := f.watch.seen
	carol := strings.Replace(bobLine, "bob", "carol", 1)
	if len(carol) != len(aliceLine) {
		t.Fatal("the lines differ in length")
	}
	writeFile(t, f.a.File, carol)
	after, err := f.watch.look()
	if err != nil {
		t.Fatal(err)
	}
	if f.watch.taken == before { // as the file system would have it
		f.watch.taken = after
	}
	f.watch.seen = after
	f.pass(aMoment)
	if got := login(t, f.a, "carol", second); got != aUser {
		t.Errorf("carol: %s", got)
	}
}

// A file that is removed right after the start must not pass for one that was never read.
func TestAFileThatIsGoneRightAfterTheStart(t *testing.T) {
	f := follows(t, aliceLine, "")
	writeFile(t, f.a.File, aliceLine)
	f.now = time.Now()
	var err error
	if f.watch, err = newFollower(f.a); err != nil {
		t.Fatal(err)
	}
	f.remove(f.a.File)
	f.pass(meant + aMoment)
	f.want("gone", noDecision, noDecision, 1)
}

// load is given the stamps that were looked at before a last write.
func TestAFileThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	f := follows(t, aliceLine, "")
	f.write(f.a.File, aliceLine+bobLine)
	s, err := f.watch.look()
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.a.File, bobLine)
	if next := f.watch.load(s, f.now); next != settled {
		t.Errorf("the next look is in %s", next)
	}
	f.want("changed", aUser, denied, 0)
	f.pass(aMoment)
	f.want("settled", denied, aUser, 0)
}

// Each change starts the wait again, but nobody can keep a removed user in by touching the file.
func TestAFileThatNeverRests(t *testing.T) {
	f := follows(t, aliceLine, "")
	for range 9 {
		f.write(f.a.File, bobLine)
		f.pass(settled - time.Millisecond)
	}
	f.want("restless", aUser, denied, 0)
	for range 3 {
		f.write(f.a.File, bobLine)
		f.pass(settled - time.Millisecond)
	}
	f.want("restless for too long", denied, aUser, 0)
}

func TestALinkThatIsTurned(t *testing.T) {
	f := follows(t, aliceLine, "")
	dir := filepath.Dir(f.a.File)
	f.write(filepath.Join(dir, "v2"), bobLine)
	f.remove(f.a.File)
	if err := os.Symlink("v2", f.a.File); err != nil {
		t.Fatal(err)
	}
	f.pass(aMoment)
	f.want("turned", denied, aUser, 0)
}

// real opens a file that has not been touched for long, and waits until it is followed.
func real(t *testing.T, ctx context.Context) (file string, a auth.Authenticator) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "users")
	writeFile(t, file, aliceLine)
	if err := os.Chtimes(file, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	env := newWorld(t).Env
	var asked atomic.Int64
	env.Now = func() time.Time { asked.Add(1); return time.Now() }
	if _, err := newFollower(&htpasswd{Htpasswd: Htpasswd{File: file}, env: env}); err != nil {
		t.Fatal(err)
	}
	atStart := asked.Swap(0) // how often the start asks for the time
	a = open(t, ctx, &Htpasswd{File: file}, env)
	until(t, "a first look", func() bool { return asked.Load() > atStart })
	return file, a
}

// The timer alone would take 5 s.
func TestTheSystemTellsOfAChange(t *testing.T) {
	file, a := real(t, t.Context())
	if got := login(t, a, "bob", second); got != denied {
		t.Fatal(got)
	}
	writeFile(t, file+".new", bobLine)
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	until(t, "the new user", func() bool { return login(t, a, "bob", second) == aUser })
	if got := login(t, a, "alice", first); got != denied {
		t.Errorf("the old user: %s", got)
	}
}

// followers counts the goroutines that follow files.
func followers() int {
	all := make([]byte, 1<<20)
	text := string(all[:runtime.Stack(all, true)])
	return strings.Count(text, "\ngatehouse/watch.Follow(") + strings.Count(text, "\ngatehouse/watch.discard(") +
		strings.Count(text, "fsnotify.(*inotify).readEvents(")
}

func TestTheEndOfTheHouseEndsTheWatch(t *testing.T) {
	until(t, "those of other tests are gone", func() bool { return followers() == 0 })
	ctx, cancel := context.WithCancel(t.Context())
	_, a := real(t, ctx)
	if n := followers(); n != 3 {
		t.Errorf("%d follow the file", n)
	}
	cancel()
	until(t, "all are gone", func() bool { return followers() == 0 })
	if got := login(t, a, "alice", first); got != aUser {
		t.Errorf("who still asks: %s", got)
	}
}

func TestAPanicWhileFollowingIsContained(t *testing.T) {
	w := newWorld(t)
	next := contained(w.Env, func(time.Time) time.Duration { panic(errors.New(canary)) })
	if next != watch.Every || w.metric(t, "gatehouse_panics_total") != 1 || shows(w.log.String(), canary) {
		t.Errorf("%s, %s", next, w.log)
	}
}

// A folder that cannot be watched is looked at by the timer.
func TestFollowWithoutNoticeOfChanges(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	steps := make(chan time.Time)
	ended := make(chan bool)
	go func() {
		follow(ctx, w.Env, []string{"/no/such/folder"}, func(now time.Time) time.Duration { steps <- now; return time.Millisecond })
		close(ended)
	}()
	for range 5 {
		<-steps
	}
	cancel()
	for done := false; !done; {
		select {
		case <-steps:
		case <-ended:
			done = true
		}
	}
	if !strings.Contains(w.log.String(), "no notice of file changes") {
		t.Error(w.log)
	}
}

// Of a changed file, exactly those are forgotten whose line or groups changed.
func TestExactlyWhoChangedIsForgotten(t *testing.T) {
	f := follows(t, aliceLine+bobLine+"carol:"+firstBcrypt+"\n", "ops: alice carol\n")
	var forget func(auth.User) bool
	f.a.env.Forget = func(match func(auth.User) bool) { forget = match }
	users := map[string]auth.User{}
	for name, password := range map[string]string{"alice": first, "bob": second, "carol": first} {
		u, err := f.a.Authenticate(t.Context(), auth.Credential{Scheme: auth.Basic, Form: auth.Password, Username: name, Secret: auth.Secret(password)})
		if err != nil {
			t.Fatal(err)
		}
		u.Provider = f.a.env.Name
		users[name] = u
	}
	want := func(when string, forgotten ...string) {
		t.Helper()
		for name, u := range users {
			if forget(u) != slices.Contains(forgotten, name) {
				t.Errorf("%s: %s is forgotten: %t", when, name, forget(u))
			}
		}
	}
	f.rename(f.a.File, aliceLine+"bob:"+firstBcrypt+"\ncarol:"+firstBcrypt+"\n")
	f.pass(aMoment)
	want("bob's password changed", "bob")
	f.rename(f.a.GroupFile, "ops: alice\n")
	f.pass(aMoment)
	want("carol left a group", "bob", "carol")
	other := auth.User{Provider: "another", Name: "carol", Record: "x"}
	if !forget(other) {
		t.Error("another provider's carol is not forgotten: it may be this one's turn now")
	}
	if other.Name = "bob"; forget(other) {
		t.Error("another provider's bob is forgotten, although nothing of bob changed")
	}
	f.remove(f.a.File)
	f.pass(meant + time.Second)
	want("the file is gone", "alice", "bob", "carol")
}
