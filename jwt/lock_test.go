package jwt_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/jwt"
)

// held locks a folder as another process does.
func held(t *testing.T, folder string) (unlock func()) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func() { _ = f.Close() }
}

// steps are all that lock a folder.
func steps(due time.Time) map[string]func(c jwt.Config) (jwt.Rotation, error) {
	return map[string]func(c jwt.Config) (jwt.Rotation, error){
		"the first": func(c jwt.Config) (jwt.Rotation, error) { return c.FirstKey(second) },
		"the next": func(c jwt.Config) (jwt.Rotation, error) {
			done, _, err := c.Scheduled(due, stands)
			return done, err
		},
		"the command": func(c jwt.Config) (jwt.Rotation, error) { return c.Rotate("", false, due) },
	}
}

func TestALockThatIsHeldIsTold(t *testing.T) {
	due := second.Add(720*time.Hour - time.Hour - time.Minute)
	for name, step := range steps(due) {
		c := monthly(t)
		if name != "the first" {
			firstKey(t, &c, second)
		}
		unlock := held(t, c.KeysDir)
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			done, err := step(c)
			want := filepath.Join(c.KeysDir, ".lock") + " is held by another process for more than 5s"
			if took := time.Since(began); err == nil || !strings.Contains(err.Error(), want) || done.File != "" || took < 5*time.Second || took > 6*time.Second {
				t.Errorf("%s: after %v: %+v, %v", name, took, done, err)
			}
		})
		unlock()
		if done, err := step(c); err != nil || done.File == "" {
			t.Errorf("%s, then: %+v, %v", name, done, err)
		}
	}
}

// Who gets the lock late publishes as long as ever.
func TestALockThatIsFreedInTime(t *testing.T) {
	due := second.Add(720*time.Hour - 30*time.Minute)
	for name, step := range steps(due) {
		c := monthly(t)
		if name != "the first" {
			firstKey(t, &c, second)
		}
		unlock := held(t, c.KeysDir)
		synctest.Test(t, func(t *testing.T) {
			time.AfterFunc(4*time.Second, unlock)
			done, err := step(c)
			want := due.Add(c.PublishBefore + 5*time.Second)
			if name == "the first" {
				want = second.Add(4 * time.Second)
			}
			if err != nil || done.File == "" || !done.From.Equal(want) {
				t.Errorf("%s: signs from %v, not %v: %v", name, done.From, want, err)
			}
		})
	}
}

// Nobody makes a key by a configuration that is not in force any more.
func TestAConfigurationThatEndsWhileItWaitsMakesNoKey(t *testing.T) {
	c := monthly(t)
	firstKey(t, &c, second)
	asked := 0
	done, wait, err := c.Scheduled(second.Add(720*time.Hour), func() bool { asked++; return false })
	if done.File != "" || wait != 0 || err != nil || asked != 1 || len(names(t, c.KeysDir)) != 1 {
		t.Errorf("%+v, %v, %v; asked %d times", done, wait, err, asked)
	}
}
