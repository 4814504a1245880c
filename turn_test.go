package main

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// putKey makes the key of a folder that signs from a time on.
func putKey(t *testing.T, folder, kind string, from time.Time) (path, kid string) {
	t.Helper()
	key, err := jwt.Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, from.UTC().Format("20060102T150405Z")+".pem")
	if err := key.Write(path); err != nil {
		t.Fatal(err)
	}
	return path, key.ID
}

const keysHead = "jwt: { iss: \"https://auth.example.org\", keys_dir: %, exp: 60, publish_before: 1m }\n"

func keyedTown(t *testing.T, folder string) *town {
	t.Helper()
	return newTown(t, townHead+annsWay+strings.Replace(keysHead, "%", folder, 1))
}

func askAnn(t *testing.T, w *town) gate.Decision {
	t.Helper()
	d, err := w.house.Gate.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{
		{Scheme: auth.Basic, Form: auth.Password, Username: "ann", Secret: "first-password"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// signedBy reports whether a kid stands in the token of a decision.
func signedBy(t *testing.T, d gate.Decision, kid string) bool {
	t.Helper()
	head, _, _ := strings.Cut(strings.TrimPrefix(d.Authorization, "Bearer "), ".")
	return strings.Contains(decodedSegment(t, head), `"kid":"`+kid+`"`)
}

// A key signs when its time comes, though config.yaml is broken by then. Who is remembered needs no login.
func TestAKeySignsWhenItsTimeComes(t *testing.T) {
	folder := t.TempDir()
	_, first := putKey(t, folder, "ed25519", time.Now().Add(-time.Hour))
	w := keyedTown(t, folder)
	due := time.Now().Add(2 * time.Second).Truncate(time.Second)
	next, second := putKey(t, folder, "ec", due)
	w.reload.reload(t.Context())
	if log := w.log.String(); !strings.Contains(log, "configuration loaded") || !strings.Contains(string(w.house.Keys.KeySet), second) {
		t.Fatalf("the next key is not published: %s\n%s", w.house.Keys.KeySet, log)
	}
	if !slices.Contains(w.reload.last.files, folder) || !slices.Contains(w.reload.last.files, next) {
		t.Errorf("%q are followed", w.reload.last.files)
	}
	if d := askAnn(t, w); d.Remembered || !signedBy(t, d, first) {
		t.Error("the first key does not sign")
	}
	log := w.move("providers: [")
	if !strings.Contains(log, "configuration refused") {
		t.Fatal(log)
	}
	before := w.issuer
	ctx, cancel := context.WithDeadline(t.Context(), due.Add(time.Second/2))
	defer cancel()
	if w.reload.await(ctx) {
		t.Fatal("a reload is wanted")
	}
	d := askAnn(t, w)
	if w.issuer == before || !d.Remembered || !signedBy(t, d, second) || !w.refused.Load() {
		t.Errorf("remembered: %t; signed by the second: %t; refused: %t", d.Remembered, signedBy(t, d, second), w.refused.Load())
	}
	if set := string(w.house.Keys.KeySet); !strings.Contains(set, first) || !strings.Contains(set, second) {
		t.Errorf("the first is not published any more: %s", set)
	}
	if n := strings.Count(w.log.String(), "another key signs"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

// Files that are refused change nothing, and are followed until they are mended.
func TestBrokenKeyFilesAreRefused(t *testing.T) {
	folder := t.TempDir()
	path, kid := putKey(t, folder, "ed25519", time.Now().Add(-time.Hour))
	w := keyedTown(t, folder)
	issuer := w.issuer
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, breakIt := range map[string]func() error{
		"half written":       func() error { return os.WriteFile(path, text[:40], 0o600) },
		"readable by others": func() error { return os.Chmod(path, 0o644) },
		"gone":               func() error { return os.Remove(path) },
		"another beside it":  func() error { return os.WriteFile(filepath.Join(folder, "README"), nil, 0o600) },
	} {
		if err := breakIt(); err != nil {
			t.Fatal(err)
		}
		w.log.Reset()
		w.reload.reload(t.Context())
		if log := w.log.String(); !strings.Contains(log, "configuration refused") || !strings.Contains(log, "jwt.keys_dir") || strings.Contains(log, string(text[40:60])) {
			t.Errorf("%s: %s", name, log)
		}
		if w.issuer != issuer || !signedBy(t, askAnn(t, w), kid) || !w.refused.Load() || !slices.Contains(w.reload.last.files, folder) {
			t.Errorf("%s: something changed, or is not followed", name)
		}
		_ = os.Remove(filepath.Join(folder, "README"))
		_ = os.Remove(path)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.reload.reload(t.Context())
	if w.refused.Load() || w.issuer != issuer {
		t.Error("the same keys again are not taken, or made another issuer")
	}
}

// Every kind of key is the same key when it is read again.
func TestTheSameKeysKeepTheIssuer(t *testing.T) {
	for _, kind := range jwt.KeyKinds() {
		folder := t.TempDir()
		putKey(t, folder, kind, time.Now().Add(-time.Hour))
		w := keyedTown(t, folder)
		askAnn(t, w)
		issuer := w.issuer
		w.reload.reload(t.Context())
		if w.issuer != issuer {
			t.Errorf("%s: another issuer for the same key", kind)
		}
	}
}

func TestFromASecretToKeysAndBack(t *testing.T) {
	folder := t.TempDir()
	_, kid := putKey(t, folder, "rsa", time.Now().Add(-time.Hour))
	w := newTown(t, townHead+annsWay)
	if d := askAnn(t, w); signedBy(t, d, kid) || w.house.Keys.KeySet != nil {
		t.Error("a secret's keys are published")
	}
	w.move(townHead + annsWay + strings.Replace(keysHead, "%", folder, 1))
	if d := askAnn(t, w); !d.Remembered || !signedBy(t, d, kid) || w.house.Keys.KeySet == nil {
		t.Error("the key does not sign, or is not published, or a login was needed")
	}
	w.move(townHead + annsWay)
	if d := askAnn(t, w); !d.Remembered || signedBy(t, d, kid) || w.house.Keys.KeySet != nil || w.issuer.Patience() >= 0 {
		t.Error("the secret does not sign again")
	}
}

func TestKeyCommands(t *testing.T) {
	folder := t.TempDir()
	config := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(config, []byte(townHead+annsWay+strings.Replace(keysHead, "%", "keys", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	gatehouse := func(args ...string) (string, int) {
		t.Helper()
		var said strings.Builder
		exit := run(args, &process{out: &said, err: &said, environ: []string{"GATEHOUSE_CONFIG=" + config}})
		return said.String(), exit
	}
	for _, row := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"check"}, 1, "jwt.keys_dir: open " + folder + "/keys: no such file"},
		{[]string{"key", "list"}, 1, "no such file"},
		{[]string{"key", "rotate", "--kind", "dsa"}, 2, "--kind"},
		{[]string{"key", "rotate", "--kind", "ec"}, 0, ": ES256 "},
		{[]string{"check"}, 0, "ok"},
		{[]string{"key", "list"}, 0, "signs"},
		{[]string{"key", "rotate"}, 0, ": ES256 "},
		{[]string{"key", "rotate"}, 1, "is there already: it signs from 20"},
		{[]string{"key", "list"}, 0, "published"},
		{[]string{"key", "generate", filepath.Join(folder, "a.pem")}, 0, "a.pem: EdDSA "},
		{[]string{"key", "generate", filepath.Join(folder, "a.pem"), "--kind", "rsa"}, 1, "a.pem: is there already\n"},
		{[]string{"key", "generate"}, 2, "<file>"},
	} {
		said, exit := gatehouse(row.args...)
		if exit != row.exit || !strings.Contains(said, row.want) || strings.Contains(said, "PRIVATE") {
			t.Errorf("%q: exit %d, %s; want %d, %s", row.args, exit, said, row.exit, row.want)
		}
	}
	if said, _ := gatehouse("key", "list"); strings.Count(said, "\n") != 2 || !strings.Contains(said, "signs\n") || !strings.Contains(said, "published\n") {
		t.Error(said)
	}
	files, err := os.ReadDir(filepath.Join(folder, "keys"))
	if err != nil || len(files) != 3 || files[0].Name() != ".lock" {
		t.Errorf("%v, %v", files, err)
	}
}

func decodedSegment(t *testing.T, segment string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
