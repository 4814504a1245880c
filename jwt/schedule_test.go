package jwt_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/conf"
	"gatehouse/jwt"
)

// stands is a configuration that stays in force.
func stands() bool { return true }

// monthly rotates each 30 days, in a folder of its own.
func monthly(t *testing.T) jwt.Config {
	t.Helper()
	c := keyedHour
	state := t.TempDir()
	c.KeysDir, c.RotateEvery = filepath.Join(state, "keys"), 720*time.Hour
	c.KeepIn(state)
	return c
}

// names are those of a folder's keys.
func names(t *testing.T, folder string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			list = append(list, e.Name())
		}
	}
	return list
}

func firstKey(t *testing.T, c *jwt.Config, now time.Time) jwt.Rotation {
	t.Helper()
	made, err := c.FirstKey(now)
	if err != nil || made.File == "" || !made.From.Equal(now) {
		t.Fatalf("%+v, %v", made, err)
	}
	return made
}

// Three gateways whose clocks differ, and who look when they do: each key signs 30 days after the one before it, is
// there in time, and is made once. Of the old ones not more is left than is needed.
func TestTheScheduleIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := monthly(t)
	if c.ReadKeys(conf.Report{}); !c.AwaitsFirst() {
		t.Fatal("there is a key already")
	}
	firstKey(t, &c, second)
	want := second
	made := 0
	for now := second; now.Before(second.Add(366 * 24 * time.Hour)); now = now.Add(20 * time.Second) {
		if random.IntN(3) > 0 && now.Sub(want) < 720*time.Hour-2*time.Hour { // most of the time nothing is to be done
			now = now.Add(time.Hour)
		}
		clock := now.Add(time.Duration(random.IntN(20)-10) * time.Second)
		done, wait, err := c.Scheduled(clock, stands)
		if err != nil || wait < 0 || wait > c.RotateEvery {
			t.Fatal(wait, err)
		}
		if done.File == "" {
			continue
		}
		made++
		if want = want.Add(c.RotateEvery); !done.From.Equal(want) || done.From.Sub(clock) < c.PublishBefore || done.From.Sub(clock) > c.PublishBefore+2*time.Minute {
			t.Fatalf("made at %v, signs %v later, and not at %v", clock, done.From.Sub(clock), want)
		}
		if len(done.Removed) != max(min(made-2, 1), 0) || len(names(t, c.KeysDir)) > 3 {
			t.Errorf("removed %s, of %s", done.Removed, names(t, c.KeysDir))
		}
	}
	if made != 12 {
		t.Errorf("%d keys in a year", made)
	}
}

// Whoever was off for months publishes the next key first, as the command does.
func TestNothingIsMadeInAHurry(t *testing.T) {
	c := monthly(t)
	first := firstKey(t, &c, second)
	for off, from := range map[time.Duration]time.Duration{
		720*time.Hour - 62*time.Minute:   0,
		720*time.Hour - 61*time.Minute:   720 * time.Hour,
		720*time.Hour - time.Hour - 1:    720*time.Hour + time.Second, // a second late
		720*time.Hour - 30*time.Minute:   720*time.Hour + 30*time.Minute + time.Second,
		720 * time.Hour * 12:             720*time.Hour*12 + time.Hour + time.Second,
		720*time.Hour*12 + time.Second/2: 720*time.Hour*12 + time.Hour + time.Second,
	} {
		done, wait, err := c.Scheduled(second.Add(off), stands)
		if err != nil || (done.File == "") != (from == 0) || (wait == 0) != (from != 0) {
			t.Fatalf("after %v: %+v, %v, %v", off, done, wait, err)
		}
		if from == 0 {
			continue
		}
		if got := done.From.Sub(second); got != from && got != from-time.Second || got < off+c.PublishBefore {
			t.Errorf("after %v: it signs after %v, not %v", off, got, from)
		}
		if k := keyed(t, c, at(done.From.Add(-1))).KeyID(); k != first.Key.ID {
			t.Errorf("after %v: it signs before it is its time", off)
		}
		if err := os.Remove(done.File); err != nil {
			t.Fatal(err)
		}
	}
}

// Gateways that come at once make one key, with the lock and without it.
func TestGatewaysAtOnceMakeOneKey(t *testing.T) {
	due := second.Add(720*time.Hour - time.Hour - time.Minute)
	for name, make := range map[string]func(c *jwt.Config) (jwt.Rotation, error){
		"the first": func(c *jwt.Config) (jwt.Rotation, error) { return c.FirstKey(second) },
		"the next": func(c *jwt.Config) (jwt.Rotation, error) {
			done, _, err := c.Scheduled(due, stands)
			return done, err
		},
		"the next, without a lock": func(c *jwt.Config) (jwt.Rotation, error) {
			done, err := c.ScheduledUnlocked(due)
			if errors.Is(err, fs.ErrExist) {
				return jwt.Rotation{}, nil
			}
			return done, err
		},
	} {
		c := monthly(t)
		if name != "the first" {
			firstKey(t, &c, second)
		}
		before := 0
		if name != "the first" {
			before = 1
		}
		var mu sync.Mutex // guards made
		made := 0
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				one := c
				done, err := make(&one)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if mu.Lock(); done.File != "" {
					made++
				}
				mu.Unlock()
			})
		}
		all.Wait()
		if got := names(t, c.KeysDir); made != 1 || len(got) != before+1 {
			t.Errorf("%s: %d were made: %s", name, made, got)
		}
	}
}

// A folder that is empty all at once may be a disk that is not mounted, and a file that is none of ours is looked at
// by somebody.
func TestTheScheduleStopsWhereItDoesNotKnow(t *testing.T) {
	due := second.Add(720 * time.Hour)
	for name, row := range map[string]struct {
		spoil func(folder string) error
		want  string
	}{
		"empty": {func(folder string) error { return os.Remove(filepath.Join(folder, stamp(second))) }, "holds no key any more: is it mounted?"},
		"gone":  {os.RemoveAll, "holds no key any more: is it mounted?"},
		"another file": {func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "20000101T000000Z.txt"), nil, 0o600)
		}, "the name is not the time"},
		"a broken key": {func(folder string) error {
			return os.WriteFile(filepath.Join(folder, stamp(second)), nil, 0o600)
		}, "neither a PEM block nor a JWK"},
		"not to be locked": {func(folder string) error {
			return errors.Join(os.Remove(filepath.Join(folder, ".lock")), os.Mkdir(filepath.Join(folder, ".lock"), 0o700))
		}, ".lock: is a directory"},
	} {
		c := monthly(t)
		firstKey(t, &c, second)
		if err := row.spoil(c.KeysDir); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadDir(c.KeysDir)
		done, _, err := c.Scheduled(due, stands)
		if err == nil || !strings.Contains(err.Error(), row.want) || done.File != "" {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
		if after, _ := os.ReadDir(c.KeysDir); len(after) != len(before) {
			t.Errorf("%s: %v became %v", name, before, after)
		}
	}
}

func TestRotateKeepsToTheSchedule(t *testing.T) {
	c := monthly(t)
	firstKey(t, &c, second)
	next, err := c.Rotate("rsa", false, second.Add(100*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if done, wait, err := c.Scheduled(next.From.Add(-1), stands); done.File != "" || wait == 0 || err != nil {
		t.Errorf("beside one that is yet to sign: %+v, %v, %v", done, wait, err)
	}
	done, _, err := c.Scheduled(next.From.Add(719*time.Hour-time.Second), stands)
	if err != nil || !done.From.Equal(next.From.Add(720*time.Hour)) || done.Key.Kind() != "rsa" {
		t.Errorf("%+v, %v", done, err)
	}
	if c.ReadKeys(conf.Report{}); !slices.Equal(names(t, c.KeysDir), []string{stamp(second), filepath.Base(next.File), filepath.Base(done.File)}) {
		t.Error(names(t, c.KeysDir))
	}
	clock := next.From
	i := keyed(t, c, func() time.Time { return clock })
	if began, until := i.Term(); !began.Equal(next.From) || !until.Equal(done.From) {
		t.Errorf("signs from %v to %v", began, until)
	}
	clock = done.From
	if i, err = i.Current(); err != nil {
		t.Fatal(err)
	}
	if began, until := i.Term(); !began.Equal(done.From) || !until.IsZero() {
		t.Errorf("signs from %v to %v", began, until)
	}
	if began, until := newIssuer(t, hour, true, secret, second).Term(); !began.IsZero() || !until.IsZero() {
		t.Error("a secret has a time")
	}
}

func TestSchedulesThatCannotBe(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*jwt.Config)
		want   string
	}{
		"a good one":           {func(*jwt.Config) {}, ""},
		"the shortest":         {func(c *jwt.Config) { c.RotateEvery = time.Hour + 1 }, ""},
		"without a folder":     {func(c *jwt.Config) { c.KeysDir = "" }, "is for keys_dir"},
		"as long as published": {func(c *jwt.Config) { c.RotateEvery = time.Hour }, "must be longer than publish_before, 1h0m0s"},
		"too many at once":     {func(c *jwt.Config) { c.Lifetime = jwt.Seconds(800 * 24 * time.Hour) }, "more than 12 keys"},
	} {
		c := monthly(t)
		row.change(&c)
		got := conf.Collect(c.Check)
		if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || got[0].Path != "rotate_every" || !strings.Contains(got[0].Message, row.want)) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestInspectFindsAFolderThatCannotBeWritten(t *testing.T) {
	c := monthly(t)
	if got := conf.Collect(c.Inspect); len(got) > 0 {
		t.Errorf("one that is to be made: %v", got)
	}
	file := keyFile(t, filepath.Join(t.TempDir(), "file"), nil)
	c.KeysDir = filepath.Join(file, "keys")
	if got := conf.Collect(c.Inspect); len(got) != 1 || !got[0].Warning || !strings.Contains(got[0].Message, "cannot be written") {
		t.Errorf("below a file: %v", got)
	}
	if c.RotateEvery = 0; len(conf.Collect(c.Inspect)) > 0 {
		t.Error("nobody is to write there")
	}
	if os.Geteuid() == 0 {
		return // may write everywhere
	}
	c = monthly(t)
	if err := os.Mkdir(c.KeysDir, 0o500); err != nil {
		t.Fatal(err)
	}
	if got := conf.Collect(c.Inspect); len(got) != 1 {
		t.Errorf("one that may only be read: %v", got)
	}
}
