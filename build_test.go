package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/e2e/pki"
	"gatehouse/gate"
	"gatehouse/metrics"
	"gatehouse/provider"
	"gatehouse/server"
)

// What the keys of a provider and of the throttle say is what the gate is given.
func TestWhatIsConfiguredIsBuilt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	const text = `
version: "3"
server: { trusted_proxies: [] }
throttle: { enabled: %s, exempt: [192.0.2.0/24] }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: keys, type: http, realm: r, url: "https://keys.example.org", user: id, cache: 3m, stale_if_error: 7m, proxy_cache: true }
  - { name: users, type: plain, realm: r, users: [{ username: a, password: b }] }
`
	for enabled, want := range map[string]bool{"true": true, "false": false} {
		if err := os.WriteFile(path, fmt.Appendf(nil, text, enabled), 0o600); err != nil {
			t.Fatal(err)
		}
		c, doc := load(path, nil)
		if doc.Failed() {
			t.Fatal(doc.Faults())
		}
		e, err := newEstate(t.Context(), zerolog.Nop(), new(level), nil, metrics.New("test"))
		if err == nil {
			err = e.enter(t.Context(), c)
		}
		if err != nil {
			t.Fatal(err)
		}
		sources := e.ways.sources()
		if s := sources[0]; s.Cache != 3*time.Minute || s.StaleIfError != 7*time.Minute || !s.ProxyCache {
			t.Errorf("keys: %+v", s)
		}
		if s := sources[1]; s.Cache >= 0 || s.StaleIfError != 0 || s.ProxyCache {
			t.Errorf("users: %+v", s)
		}
		for name, row := range map[string]struct {
			from string
			held bool
		}{
			"an address":        {"198.51.100.7", want},
			"an exempt address": {"192.0.2.7", false},
		} {
			from, now := netip.MustParseAddr(row.from), time.Now()
			for n := range byte(21) {
				if a, wait := e.throttle.Try(from, string('a'+rune(n)), [32]byte{n}, now); wait == 0 {
					a.Denied(now)
				}
			}
			if got := e.throttle.Held(from, "somebody", now) > 0; got != row.held {
				t.Errorf("throttle.enabled is %s: %s that failed 21 times is held: %t", enabled, name, got)
			}
		}
	}
}

// A kind of provider whose credentials the homepage has no words for would not stand there.
func TestTheHomepageHasWordsForEveryKind(t *testing.T) {
	_, kinds := new(provider.Entry).Variant("")
	var sources []gate.Source
	for _, kind := range kinds {
		entry := provider.Entry{Type: kind}
		sources = append(sources, gate.Source{Name: "n", Realm: kind, Forms: entry.Forms()})
	}
	s, err := server.New("test", metrics.New("test"), server.House{Listings: true, Gate: &gate.Gate{Config: gate.Config{Sources: sources}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve([]net.Listener{l}) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	response, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range kinds {
		_, section, _ := strings.Cut(string(page), "<bdi>"+kind+"</bdi>")
		section, _, _ = strings.Cut(section, "</section>")
		if n := strings.Count(section, "<pre>"); n != len(sources[i].Forms) {
			t.Errorf("%s: %d ways to log in, want %d", kind, n, len(sources[i].Forms))
		}
	}
}

// Where no provider takes certificates nobody can hand one over.
func TestCertificatesAreReadWhereAProviderTakesThem(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), []byte(pki.New(t, "clients").PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = `
version: "3"
server: { socket: gatehouse.sock, client_verify_header: ssl-client-verify, client_cert_header: ssl-client-cert }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: users, type: plain, realm: r, users: [{ username: a, password: b }] }
`
	const mtls = "  - { name: machines, type: mtls, realm: r, ca_file: ca.pem, username: cn }\n"
	for more, want := range map[string]server.Certificates{
		"":   {},
		mtls: server.Config{VerifyHeader: "ssl-client-verify", CertHeader: "ssl-client-cert"}.Certificates(),
	} {
		if err := os.WriteFile(path, []byte(text+more), 0o600); err != nil {
			t.Fatal(err)
		}
		c, doc := load(path, nil)
		if doc.Failed() {
			t.Fatal(doc.Faults())
		}
		e, err := newEstate(t.Context(), zerolog.Nop(), new(level), nil, metrics.New("test"))
		if err == nil {
			err = e.enter(t.Context(), c)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := e.house.Certificates; got != want {
			t.Errorf("with %q: %+v, want %+v", more, got, want)
		}
	}
}
