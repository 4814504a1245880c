package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/jwt"
	"gatehouse/metrics"
)

// daily rotates each day, in a folder that is not there yet.
func daily(t *testing.T) jwt.Config {
	t.Helper()
	state := t.TempDir()
	c := jwt.Config{
		KeysDir: filepath.Join(state, "keys"), Lifetime: jwt.Seconds(time.Hour), PublishBefore: time.Hour, RotateEvery: 24 * time.Hour,
	}
	c.KeepIn(state)
	return c
}

// keyNames are those of a folder's keys.
func keyNames(t *testing.T, folder string) (names []string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		names = append(names, filepath.Base(path))
	}
	return names
}

// Three gateways share a folder for four days: each day one key is made, and somebody is told if none can be.
func TestGatewaysThatShareAFolderRotateTogether(t *testing.T) {
	keys := daily(t)
	synctest.Test(t, func(t *testing.T) {
		first, err := keys.FirstKey(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var log scroll
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var towns []*estate
		for range 3 {
			e := &estate{log: zerolog.New(&log), metrics: metrics.New("test")}
			e.inForce.Store(&Config{JWT: keys})
			towns = append(towns, e)
			all.Go(func() { e.rotateKeys(ctx) })
		}
		bad := func() (n int) {
			for _, e := range towns {
				if slices.Contains((&town{estate: e, t: t}).gauges("gatehouse_key_rotation_bad"), "gatehouse_key_rotation_bad 1") {
					n++
				}
			}
			return n
		}
		for day := range 4 {
			time.Sleep(time.Until(first.From.Add(time.Duration(day+1)*24*time.Hour - keys.PublishBefore)))
			synctest.Wait()
			due := first.From.Add(time.Duration(day+1) * 24 * time.Hour).Format("20060102T150405Z.pem")
			if got := keyNames(t, keys.KeysDir); !slices.Contains(got, due) || len(got) > 3 {
				t.Fatalf("%s is not published at its time: %s", due, got)
			}
		}
		if n := strings.Count(log.String(), "made the next key"); n != 4 || bad() != 0 {
			t.Errorf("%d keys were made in four days, %d are bad: %s", n, bad(), log.String())
		}
		if err := os.Rename(keys.KeysDir, keys.KeysDir+".away"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		if n := strings.Count(log.String(), "the next key cannot be made"); n != 3 || bad() != 3 {
			t.Errorf("%d of three say that no key can be made, %d show it", n, bad())
		}
		if err := os.Rename(keys.KeysDir+".away", keys.KeysDir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if n := strings.Count(log.String(), "made the next key"); n != 5 || bad() != 0 {
			t.Errorf("when it is there again: %d keys, %d are bad", n, bad())
		}
		cancel()
		all.Wait()
	})
}

const scheduled = "jwt: { iss: \"https://auth.example.org\", keys_dir: %, exp: 60, publish_before: 1m, rotate_every: 24h }\n"

// The first start makes a key, and the second gateway takes it. A folder that is empty later has no other made.
func TestTheFirstStartMakesAKey(t *testing.T) {
	folder := t.TempDir()
	config := townHead + annsWay + strings.Replace(scheduled, "%", folder, 1)
	one, two := newTown(t, config), newTown(t, config)
	files := keyNames(t, folder)
	if len(files) != 1 || one.issuer.KeyID() == "" || one.issuer.KeyID() != two.issuer.KeyID() {
		t.Fatalf("%s; %s and %s sign", files, one.issuer.KeyID(), two.issuer.KeyID())
	}
	if n := strings.Count(one.log.String()+two.log.String(), "made the first key"); n != 1 || !signedBy(t, askAnn(t, one), two.issuer.KeyID()) {
		t.Errorf("%d made one", n)
	}
	issuer := one.issuer
	if one.reload.reload(t.Context()); one.issuer != issuer || !slices.Contains(one.reload.last.files, folder) {
		t.Error("another issuer for the same key, or the folder is not followed")
	}
	since := fmt.Sprintf("gatehouse_signing_key_since_timestamp_seconds %s", strconv.FormatFloat(float64(signingSince(t, files[0]).Unix()), 'g', -1, 64))
	if got := one.gauges("gatehouse_signing_key_"); !slices.Contains(got, since) || !slices.Contains(got, "gatehouse_signing_key_until_timestamp_seconds 0") {
		t.Errorf("got %q, want %s", got, since)
	}
	if err := os.Remove(filepath.Join(folder, files[0])); err != nil {
		t.Fatal(err)
	}
	one.log.Reset()
	one.reload.reload(t.Context())
	if log := one.log.String(); !strings.Contains(log, "configuration refused") || !strings.Contains(log, "is empty, and held keys before") {
		t.Error(log)
	}
	if err := os.RemoveAll(filepath.Join(one.config.StateDir, ".keys_dir")); err != nil { // as where there is no state_dir
		t.Fatal(err)
	}
	one.log.Reset()
	one.reload.reload(t.Context())
	if log := one.log.String(); !strings.Contains(log, "configuration refused") || !strings.Contains(log, "holds no key any more") {
		t.Error(log)
	}
	if got := keyNames(t, folder); len(got) != 0 || one.issuer != issuer || !signedBy(t, askAnn(t, one), issuer.KeyID()) {
		t.Errorf("the key in force does not sign on, or there are %s", got)
	}
}

// A start at which the disk with the keys is not mounted makes no key, and no folder in its place; with whom it
// shared the folder knows that too. Who says so gets a key all the same.
func TestAStartWithoutTheKeysMakesNone(t *testing.T) {
	state, disk := t.TempDir(), filepath.Join(t.TempDir(), "disk")
	folder := filepath.Join(disk, "keys")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	config := "state_dir: " + state + "\n" + townHead + annsWay + strings.Replace(scheduled, "%", folder, 1)
	first := newTown(t, strings.Replace(config, state, t.TempDir(), 1)).issuer.KeyID()
	w := newTown(t, config) // it has the key of the other one
	p := &process{config: w.path}
	start := func() (faults string) {
		for _, f := range p.read([]string{w.path}).doc.Faults() {
			faults += f.String() + "\n"
		}
		return faults
	}
	if err := os.Rename(disk, disk+".away"); err != nil {
		t.Fatal(err)
	}
	if said := start(); !strings.Contains(said, "is empty, and held keys before") {
		t.Errorf("without the folder: %q", said)
	}
	if _, err := os.Stat(disk); err == nil {
		t.Error("a folder was made")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if said := start(); !strings.Contains(said, "is empty, and held keys before") || len(keyNames(t, folder)) > 0 {
		t.Errorf("with an empty folder: %q", said)
	}
	if err := errors.Join(os.RemoveAll(disk), os.Rename(disk+".away", disk)); err != nil {
		t.Fatal(err)
	}
	if got := newTown(t, config).issuer.KeyID(); got != first || len(keyNames(t, folder)) != 1 {
		t.Errorf("mounted again: %s signs, not %s", got, first)
	}
	if err := os.Remove(filepath.Join(folder, keyNames(t, folder)[0])); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if exit := run([]string{"key", "rotate"}, &process{out: &said, err: &said, environ: []string{"GATEHOUSE_CONFIG=" + w.path}}); exit != 0 {
		t.Fatal(said.String())
	}
	if got := newTown(t, config).issuer.KeyID(); got == first || !strings.Contains(said.String(), got) {
		t.Errorf("%s signs, after: %s", got, said.String())
	}
}

// A key is made by the configuration that is in force when the folder is free.
func TestARotationThatWaitsKnowsTheConfigurationInForce(t *testing.T) {
	keys := daily(t)
	if _, err := keys.FirstKey(time.Now().Add(-48 * time.Hour).Truncate(time.Second)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(keys.KeysDir, ".lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	e := &estate{log: zerolog.Nop(), metrics: metrics.New("test")}
	e.inForce.Store(&Config{JWT: keys})
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		if wait, err := e.rotateOnce(now); err == nil || wait != mostUnrotated || !strings.Contains(err.Error(), ".lock is held") {
			t.Errorf("%v, %v", wait, err)
		}
		time.AfterFunc(time.Second, func() {
			other := keys
			other.PublishBefore = 20 * time.Hour
			e.inForce.Store(&Config{JWT: other})
			_ = f.Close()
		})
		if wait, err := e.rotateOnce(now); err != nil || wait != 0 || len(keyNames(t, keys.KeysDir)) != 1 {
			t.Errorf("a key was made by what was in force: %v, %v", wait, err)
		}
		if _, err := e.rotateOnce(now); err != nil || len(keyNames(t, keys.KeysDir)) != 2 {
			t.Errorf("and then none: %v", err)
		}
	})
	if from := signingSince(t, keyNames(t, keys.KeysDir)[1]); from.Before(now.Add(20 * time.Hour)) {
		t.Errorf("it signs from %v", from)
	}
}

func signingSince(t *testing.T, name string) time.Time {
	t.Helper()
	from, err := time.Parse("20060102T150405Z.pem", name)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// While config.yaml is faulty the key that another gateway makes is published here, too, and signs at its time; and
// the same keys again change nothing.
func TestANewKeyWaitsForNoConfiguration(t *testing.T) {
	folder := t.TempDir()
	_, first := putKey(t, folder, "ed25519", time.Now().Add(-time.Hour))
	config := townHead + annsWay + strings.Replace(keysHead, "%", folder, 1)
	w := newTown(t, config)
	askAnn(t, w)
	before := w.issuer
	if w.move("providers: ["); w.issuer != before {
		t.Error("another issuer for the same keys")
	}
	path, second := putKey(t, folder, "ec", time.Now().Add(time.Hour))
	if log := w.move("providers: ["); !strings.Contains(log, "configuration refused") || !strings.Contains(log, "though the configuration is refused") {
		t.Error(log)
	}
	set := string(w.house.Keys.KeySet)
	if !w.refused.Load() || !strings.Contains(set, first) || !strings.Contains(set, second) || !signedBy(t, askAnn(t, w), first) {
		t.Errorf("published is %s", set)
	}
	before = w.issuer
	if log := w.move("providers: ["); w.issuer != before || strings.Contains(log, "though") {
		t.Error("another issuer for the same keys")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if w.move("providers: ["); w.issuer != before {
		t.Error("a broken file changes something")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if w.move("providers: ["); strings.Contains(string(w.house.Keys.KeySet), second) {
		t.Error("a key that is gone is published on")
	}
	before = w.issuer
	if w.move(config); w.issuer != before || w.refused.Load() || !askAnn(t, w).Remembered {
		t.Error("the mended configuration makes another issuer of the same keys")
	}
}

func TestAPanicInARotationIsContained(t *testing.T) {
	var log scroll
	e := &estate{log: zerolog.New(&log), metrics: metrics.New("test")} // without a configuration
	if wait, err := e.rotateOnce(time.Now()); err == nil || wait != mostUnrotated || !strings.Contains(log.String(), "panic while making a key") {
		t.Errorf("%v, %v: %s", wait, err, log.String())
	}
}

// Before the first start there is no key, which is no fault where one may be made, and nobody but serve makes one.
func TestCommandsBeforeTheFirstKey(t *testing.T) {
	dir := folder(t, map[string]string{"config.yaml": townHead + annsWay + strings.Replace(scheduled, "%", "state/keys", 1)})
	for _, row := range []struct {
		args  []string
		state string
		exit  int
		want  string
	}{
		{[]string{"check", "--strict"}, "state", 0, ": ok"},
		{[]string{"key", "list"}, "state", 1, "holds no key yet: gatehouse makes the first one when it starts"},
		{[]string{"check"}, "", 1, "make it, and the first key, with: gatehouse key rotate"},
		{[]string{"check"}, "state2", 1, "no such file or directory: make it"},
	} {
		environ := []string{"GATEHOUSE_CONFIG=" + filepath.Join(dir, "config.yaml")}
		if row.state != "" {
			environ = append(environ, "STATE_DIRECTORY="+filepath.Join(dir, row.state))
		}
		var said strings.Builder
		exit := run(row.args, &process{out: &said, err: &said, environ: environ})
		if exit != row.exit || !strings.Contains(said.String(), row.want) {
			t.Errorf("%q: exit %d, %s; want %d, %s", row.args, exit, said.String(), row.exit, row.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("a key was made")
	}
}
