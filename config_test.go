package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is not configured is shown to this machine only, and the socket to its group.
func TestDefaultsAreForThisMachineOnly(t *testing.T) {
	dir := folder(t, map[string]string{"config.yaml": "version: \"3\"\nstate_dir: state\n"})
	c, doc := load(dir+"/config.yaml", nil)
	if doc.Failed() {
		t.Fatal(doc.Faults())
	}
	if c.Server.Host != "127.0.0.1" || c.Metrics.Host != "127.0.0.1" {
		t.Errorf("listens on %q, metrics on %q", c.Server.Host, c.Metrics.Host)
	}
	if c.Server.SocketMode&0o007 != 0 {
		t.Errorf("the socket's mode is %o", c.Server.SocketMode)
	}
}

func TestFaultsOfWholeSections(t *testing.T) {
	for text, want := range map[string]string{
		"state_dir: state\n": "version: is missing",
		"version: \"3\"\nstate_dir: state\nserver: { trusted_proxies: [0.0.0.0/0] }\n":                                "server.trusted_proxies[0]: is everybody",
		"version: \"3\"\nstate_dir: state\nserver: { docs: \"mailto:desk@example.org\" }\n":                           "server.docs: is no https:// URL",
		"version: \"3\"\nstate_dir: state\naugmenters: [{ name: a, type: plain, realm: locla, roles: { x: [a] } }]\n": "augmenters[0].realm: no provider has the realm \"locla\": it changes nobody",
		"version: \"3\"\nstate_dir: state\nserver: { contact: desk@example.org }\n":                                   "server.contact: is neither mailto:ADDRESS nor",
		"version: \"3\"\nstate_dir: state\nserver: { client_ip_header: X-Forwarded-For }\n":                           "may hold what the client says",
		"version: \"3\"\nstate_dir: state\nthrottle: { exempt: [0.0.0.0/0] }\n":                                       "throttle.exempt[0]: is everybody",
		"version: \"3\"\nstate_dir: state\nthrottle: { exempt: [\"::/0\"] }\n":                                        "throttle.exempt[0]: is everybody",
	} {
		dir := folder(t, map[string]string{"config.yaml": text})
		_, doc := load(dir+"/config.yaml", nil)
		told := ""
		for _, f := range doc.Faults() {
			told += f.String() + "\n"
		}
		if !doc.Failed() || !strings.Contains(told, want) {
			t.Errorf("%s\ntells %q, want %q", text, told, want)
		}
	}
}

// A configuration with a fault is not built at all: not even a secret is made.
func TestServeStartsWithNoFault(t *testing.T) {
	// Were it built after all, the metrics' address would end it.
	text := strings.Replace(minimal, "port: 0", "port: 1, host: 192.0.2.1", 1) + "sokcet: here\n"
	dir := folder(t, map[string]string{"config.yaml": text})
	code, _, stderr := result(t, "", nil, "serve", "-c", filepath.Join(dir, "config.yaml"))
	if code != 1 || !strings.Contains(stderr, "sokcet: unknown key") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("a secret was made")
	}
}
