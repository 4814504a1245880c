package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"gatehouse/metrics"
)

// FuzzConfig reads any text as config.yaml, with a secret before it and one in the environment. C40: nothing panics,
// no fault shows a secret, the same text means the same, and what is said to be good can be put in force.
func FuzzConfig(f *testing.F) {
	shipped, err := os.ReadFile("config.yaml")
	if err != nil {
		f.Fatal(err)
	}
	_, shippedRest, _ := strings.Cut(string(shipped), "version: \"3\"\n")
	_, minimalRest, _ := strings.Cut(minimal, "version: \"3\"\n")
	for _, seed := range []string{
		"", shippedRest, minimalRest, "throttle: { exempt: [0.0.0.0/0, ::1] }\nserver: { trusted_proxies: [10.0.0.0/8, x], drain_delay: 9h }",
		"providers: [{ name: a, type: http, realm: r, url: 'https://h/?k=v', user: /a~1b/0, key: { in: query, name: 'a b' }, deny_statuses: [429], stale_if_error: -1s, cache: 1e9h }]",
		"providers: [{ name: a, type: ecmwf-api, realm: R, uri: http://h, max_concurrent: 0 }, { name: a, type: plain, realm: r, users: [{ username: 'a:b', password_hash: $2y$04$ }] }]",
		"augmenters: [{ name: a, type: plain_advanced, realm: r, match: { role: [x] }, augment: { roles: [y], attributes: { exp: '1' } } }]",
		"augmenters: [{ name: a, type: rewrite, realm: r, steps: [{ regex: '(a)|b', to: '${1}x' }, { prefix: '', to: y }, { role: x, drop: true }] }]",
		"policies: { a: { realm: r, roles: [] }, 'a/b': {} }\naugmenters: [{ name: b, type: plain, realm: r, roles: { x: [a, a] } }]",
		"auth: { proxy: 'http://u:p@h:1/x', timeout_in_ms: 300001 }\nstore: { enabled: true, uri: x }\nbind_address: 1:2",
		"metrics: { port: -1, host: é }\nlogging: { level: no, format: xml }\nstate_dir: '\\0'\n<<: { a: b }",
	} {
		f.Add(`"3"`, seed, "JWT__EXP", "90m")
		f.Add("2.0.0", seed, "SERVER__PORT", "x")
	}
	path := filepath.Join(f.TempDir(), "config.yaml")
	f.Fuzz(func(t *testing.T, version, text, name, value string) {
		const canary = "Canary-4711-must-not-be-seen-by-anybody"
		if strings.ContainsAny(version, "\n&") || strings.Contains(text, "&") || strings.Contains(text+value, "type: htpasswd") {
			t.Skip() // an anchor carries the secret to a field that is none; a password file may be any
		}
		text = "version: " + version + "\njwt:\n  secret: " + canary + "\n" + text
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		environ := []string{"STATE_DIRECTORY=/nothere", "GATEHOUSE_" + name + "=" + value, "GATEHOUSE_STORE__URI=" + canary}
		first, doc := load(path, environ)
		for _, fault := range doc.Faults() {
			if strings.Contains(fault.String(), canary) || strings.ContainsAny(fault.String(), "\n\x1b") {
				t.Fatalf("a fault shows the secret, or is no line: %q", fault)
			}
		}
		second, again := load(path, environ)
		if !reflect.DeepEqual(doc.Faults(), again.Faults()) || !doc.Failed() && !reflect.DeepEqual(first, second) {
			t.Fatalf("read twice:\n%v %+v\n%v %+v", doc.Faults(), first, again.Faults(), second)
		}
		if !doc.Failed() {
			reports(t, newMigration(path, environ, first, doc), canary)
			enters(t, first)
		}
	})
}

// reports wants what is told of a configuration of auth-o-tron to be text, and no secret.
func reports(t *testing.T, m *migration, canary string) {
	t.Helper()
	if m == nil {
		return
	}
	var told strings.Builder
	if err := m.report(&told); err != nil || !utf8.ValidString(told.String()) || strings.Contains(told.String(), canary) || strings.ContainsRune(told.String(), '\x1b') {
		t.Fatalf("the report shows the secret, or is no text: %v, %q", err, told.String())
	}
}

// enters wants a configuration without a fault to be one that can be put in force.
func enters(t *testing.T, c *Config) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e, err := newEstate(ctx, zerolog.Nop(), new(level), nil, metrics.New("test"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.enter(ctx, c); err != nil {
		t.Fatalf("%v, and there was no fault: %+v", err, c)
	}
}
