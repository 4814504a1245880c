package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// gauges are the lines of /metrics that begin with a text.
func (w *town) gauges(begin string) (lines []string) {
	r := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(r.Body.String()) {
		if strings.HasPrefix(line, begin) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// besieged has a town whose service k hangs until release, while many clients ask it; ended waits for them.
func besieged(t *testing.T, clients int) (w *town, release func(), ended *sync.WaitGroup) {
	t.Helper()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { <-hang; w.WriteHeader(500) }))
	t.Cleanup(s.Close)
	w = newTown(t, townHead+annsWay+keysAt(s.URL))
	source, begun := w.ways[1].source, sync.WaitGroup{}
	ended = new(sync.WaitGroup)
	for i := range clients {
		begun.Add(1)
		ended.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			ctx = auth.WithClient(ctx, auth.Client{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 7)})})
			begun.Done()
			_, _ = source.Authenticate(ctx, auth.Credential{Scheme: auth.Bearer, Form: auth.Opaque, Secret: auth.Secret(fmt.Sprint("key", i))})
		})
	}
	begun.Wait()
	time.Sleep(100 * time.Millisecond) // until they are under way
	return w, func() { close(hang) }, ended
}

func keysAt(url string) string {
	return "  - { name: k, type: http, realm: k, url: \"" + url + "\", user: id, max_concurrent: 64 }\n"
}

// What a provider of the old house still learns is not shown as the state of the new house's.
func TestALateAnswerShowsNothing(t *testing.T) {
	w, release, ended := besieged(t, 1)
	w.move(townHead + annsWay)
	release()
	ended.Wait()
	if got := w.gauges(`gatehouse_provider_up{provider_name="k"`); got != nil {
		t.Errorf("a provider that is no more: %q", got)
	}
	w, release, ended = besieged(t, 60)
	defer release()
	w.move(townHead + annsWay + keysAt("http://127.0.0.1:9"))
	ended.Wait() // and so the old one's breaker opens
	if up, open := w.gauges(`gatehouse_provider_up{provider_name="k"`), w.gauges(`gatehouse_breaker_open{provider_name="k"`); len(up) != 1 ||
		!strings.HasSuffix(up[0], " 1") || len(open) != 1 || !strings.HasSuffix(open[0], " 0") {
		t.Errorf("nobody has asked the new one, and %q %q", up, open)
	}
}

// A panic or an error on the way leaves nothing open and nothing shown.
func TestWhatDoesNotComeInForceIsNotThere(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("ann:"+cheapHashOf(t, "one")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTown(t, townHead+annsWay)
	pool, memory := w.hashes, w.memory
	filesWay := "  - { name: f, type: htpasswd, realm: f, file: " + users + " }\n"
	hashedWay := "  - { name: p, type: plain, realm: r, users: [{ username: p, password_hash: \"" + cheapHashOf(t, "p") + "\" }] }\n"
	for range 5 {
		w.memory = nil
		w.move(townHead + annsWay + filesWay)
		w.memory, w.hashes = memory, nil
		if log := w.move(townHead + annsWay + hashedWay); !strings.Contains(log, "panic") {
			t.Fatalf("no panic: %s", log)
		}
		w.hashes = pool
	}
	awaitFollowers(t, 0)
	if up := w.gauges("gatehouse_provider_up"); len(up) != 1 {
		t.Errorf("%q, want ann alone", up)
	}
}

// A provider more, of whatever kind and with whatever names, makes nobody log in anew; and a reload that changes
// nothing of the providers does not either.
func TestOneMoreProviderLeavesUsersKnown(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("ann:"+cheapHashOf(t, "another")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTown(t, townHead+annsWay)
	known := func() bool {
		t.Helper()
		ask := gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Basic, Form: auth.Password, Username: "ann", Secret: "first-password"}}}
		d, err := w.house.Gate.Decide(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		return d.Remembered
	}
	known()
	for says, config := range map[string]string{
		"a plain one": annsWay + bobsWay, "a password file": annsWay + "  - { name: f, type: htpasswd, realm: f, file: " + users + " }\n",
	} {
		w.move(townHead + config)
		w.move(strings.Replace(townHead, "providers", "logging: { level: warn }\nproviders", 1) + config) // ann does not come between
		if !known() {
			t.Errorf("%s more: ann has to log in anew", says)
		}
	}
}

// A logger that was handed out before a reload keeps to the new level too.
func TestTheLevelIsThatInForce(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	text := func(name string) {
		t.Helper()
		if err := os.WriteFile(users, []byte(name+":"+cheapHashOf(t, "one")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text("ann")
	filesWay := "  - { name: f, type: htpasswd, realm: f, file: " + users + " }\n"
	w := newTown(t, townHead+filesWay)
	w.move(strings.Replace(townHead, "providers", "logging: { level: error }\nproviders", 1) + filesWay)
	w.log.Reset()
	text("bob")
	for end := time.Now().Add(10 * time.Second); len(w.gauges(`gatehouse_file_reloads_total{provider_name="f",result="loaded"} 2`)) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the file is not loaded anew")
		}
	}
	w.reload.estate.log.Info().Msg("one more")
	if got := w.log.String(); got != "" {
		t.Errorf("logged below error: %s", got)
	}
}

// The shipped config.yaml is for everybody's machine, and names the socket that the shipped nginx files ask.
func TestTheShippedConfigurationFitsNginx(t *testing.T) {
	config, err := os.ReadFile("config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := os.ReadFile("nginx/snippets/gatehouse-upstream.conf")
	if err != nil {
		t.Fatal(err)
	}
	const socket = "/run/gatehouse/gatehouse.sock"
	if !strings.Contains(string(config), "\n  socket: "+socket+"\n") || !strings.Contains(string(upstream), "unix:"+socket) {
		t.Errorf("config.yaml and nginx's upstream do not both name %s", socket)
	}
	if home, err := os.Getwd(); err != nil || strings.Contains(string(config), home) {
		t.Errorf("config.yaml names %s, %v", home, err)
	}
}
