package jwt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/conf"
	"gatehouse/jwt"
)

// Where a first key may be made, and where a disk may not be mounted.
func TestAFirstKeyIsMadeWhereThereWasNone(t *testing.T) {
	const gone, empty = "no such file", "is empty, and held keys before: is it mounted? gatehouse key rotate"
	for name, row := range map[string]struct {
		folder, state string // "": there is none
		spoil         func(dir string, c jwt.Config) error
		want          string
	}{
		"in state_dir":                {"state/keys", "state", nil, ""},
		"state_dir itself":            {"state", "state", nil, ""},
		"empty":                       {"empty", "state", nil, ""},
		"empty, without state_dir":    {"empty", "", nil, ""},
		"not there":                   {"mount/keys", "state", nil, gone},
		"not there, without state":    {"mount/keys", "", nil, gone},
		"beside state_dir":            {"state2", "state", nil, gone},
		"empty, and was not":          {"empty", "state", noted, empty},
		"empty in state_dir, was not": {"state/keys", "state", noted, empty},
		"gone, and was there":         {"mount/keys", "state", noted, empty},
		"another one held keys": {"empty", "state", func(dir string, c jwt.Config) error {
			c.KeysDir = filepath.Join(dir, "empty2")
			return noted(dir, c)
		}, ""},
		"a folder above held keys": {"state/keys/keys", "state", func(dir string, c jwt.Config) error {
			c.KeysDir = filepath.Join(dir, "state/keys")
			return noted(dir, c)
		}, ""},
		"nobody knows": {"empty", "state", func(dir string, _ jwt.Config) error {
			return os.MkdirAll(filepath.Join(dir, "state/.keys_dir"), 0o700)
		}, "whether it did before is not known"},
	} {
		dir := t.TempDir()
		for _, made := range []string{"empty", "empty2"} {
			if err := os.Mkdir(filepath.Join(dir, made), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		c := keyedHour
		c.KeysDir, c.RotateEvery = filepath.Join(dir, row.folder), 720*time.Hour
		if row.state != "" {
			c.KeepIn(filepath.Join(dir, row.state))
		}
		if row.spoil != nil {
			if err := row.spoil(dir, c); err != nil {
				t.Fatal(err)
			}
		}
		faults := conf.Collect(func(r conf.Report) { c.ReadKeys(r) })
		made, err := c.FirstKey(second)
		if row.want == "" {
			if len(faults) > 0 || err != nil || len(names(t, c.KeysDir)) != 1 {
				t.Errorf("%s: %v, %v", name, faults, err)
			}
			continue
		}
		if len(faults) != 1 || faults[0].Path != "keys_dir" || !strings.Contains(faults[0].Message, row.want) {
			t.Errorf("%s: %v, want %s", name, faults, row.want)
		}
		if err == nil || !strings.Contains(err.Error(), row.want) || made.File != "" {
			t.Errorf("%s: %+v, %v, want %s", name, made, err, row.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "mount")); err == nil {
			t.Errorf("%s: a folder was made", name)
		}
		if _, err := c.Rotate("", false, second); err != nil {
			t.Errorf("%s: whoever knows better makes a key: %v", name, err)
		}
		if got := conf.Collect(func(r conf.Report) { c.ReadKeys(r) }); len(got) > 0 || c.AwaitsFirst() {
			t.Errorf("%s: after that: %v", name, got)
		}
	}
}

// noted has held keys, which are gone.
func noted(_ string, c jwt.Config) error {
	if _, err := c.Rotate("", false, second); err != nil {
		return err
	}
	var failed error
	for range 2 { // who notes it twice has one line
		c.ReadKeys(conf.Report{})
		if err := c.NoteKeys(); err != nil {
			failed = err
		}
	}
	if failed != nil {
		return failed
	}
	if filepath.Base(c.KeysDir) == "empty" {
		return os.Remove(filepath.Join(c.KeysDir, stamp(second)))
	}
	if strings.Contains(c.KeysDir, "mount") {
		return os.RemoveAll(filepath.Dir(c.KeysDir))
	}
	return os.RemoveAll(c.KeysDir)
}

func TestKeysAreNotedOnce(t *testing.T) {
	c := monthly(t)
	state := t.TempDir()
	c.KeepIn(filepath.Join(state, "made"))
	if err := os.Mkdir(c.KeysDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.NoteKeys(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(state, "made")); err == nil {
		t.Error("what holds no key is noted")
	}
	firstKey(t, &c, second)
	for range 3 {
		if err := c.NoteKeys(); err != nil {
			t.Fatal(err)
		}
	}
	mark := filepath.Join(state, "made", ".keys_dir")
	if text, err := os.ReadFile(mark); err != nil || string(text) != c.KeysDir+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(mark); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	c.KeepIn(mark) // no folder
	if err := c.NoteKeys(); err == nil || !strings.Contains(err.Error(), "note that keys_dir holds keys") {
		t.Error(err)
	}
}
