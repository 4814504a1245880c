package kubernetes_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serve runs the pod's gatehouse with its ports moved to free ones of the loopback address, and returns the
// addresses of the one that decides and of metrics.
func (m *mounted) serve(t *testing.T) (front, shown string) {
	t.Helper()
	front, shown = freeAddress(t), freeAddress(t)
	m.edit(t, "etc/gatehouse/config.yaml", func(text string) string {
		return strings.NewReplacer("0.0.0.0", "127.0.0.1", "port: 8080\n", "port: "+portOf(front)+"\n", "port: 9090\n", "port: "+portOf(shown)+"\n").Replace(text)
	})
	m.start(t, gatehouse, m.args...)
	listensOn(t, "tcp", front)
	return front, shown
}

// start runs a program of the pod until the test ends.
func (m *mounted) start(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = m.environ
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%s: %v\n%s", filepath.Base(program), err, log.String())
		}
	})
}

// listensOn returns when somebody does.
func listensOn(t *testing.T, network, address string) {
	t.Helper()
	eventually(t, "somebody listens on "+address, func() bool {
		conn, err := net.Dial(network, address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// eventually waits for what takes a moment: 20 s at most.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// site is a backend; told is what it was asked with at last.
func site(t *testing.T) (url string, told *atomic.Pointer[http.Header]) {
	t.Helper()
	told = new(atomic.Pointer[http.Header])
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told.Store(&r.Header) }))
	t.Cleanup(s.Close)
	return s.URL, told
}

// ask is a request of user, or of nobody, to a TCP address or a Unix socket.
func ask(t *testing.T, address, path, user string) *http.Response {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gatehouse"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Username", "root") // somebody's own word
	r.Header.Set("X-Auth-Roles", "admin")
	if user != "" {
		r.SetBasicAuth(user, "wonderland")
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response
}

// What the manifests say of gatehouse is true of the program: probes, metrics, the headers that are passed on; and
// a Secret and a ConfigMap that change are followed.
func TestGatehouseAnswersAsInThePod(t *testing.T) {
	all := manifests(t, read(t, examples, "gatehouse.yaml"))
	m := mountAll(t, all)
	front, shown := m.serve(t)
	c := only(t, all, "Deployment").Spec.Template.Spec.Containers[0]
	for _, path := range []string{c.ReadinessProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path} {
		if status := ask(t, front, path, "").StatusCode; path == "" || status != http.StatusOK {
			t.Errorf("the probe of %q is answered with %d", path, status)
		}
	}
	if status := ask(t, shown, "/metrics", "").StatusCode; status != http.StatusOK {
		t.Errorf("/metrics is answered with %d", status)
	}
	if status := ask(t, front, "/authenticate", "").StatusCode; status != http.StatusUnauthorized {
		t.Errorf("nobody is answered with %d", status)
	}
	answer := ask(t, front, "/authenticate/operators", "alice")
	for _, name := range headers {
		if answer.StatusCode != http.StatusOK || answer.Header.Get(name) == "" {
			t.Errorf("alice is answered with %d and %s %q", answer.StatusCode, name, answer.Header.Get(name))
		}
	}
	version(t, filepath.Join(m.dir, "run/secrets/gatehouse"), "..2", map[string]string{
		"jwt.secret": secrets["jwt.secret"], "users.htpasswd": "bob:" + bcryptHash + "\n",
	})
	eventually(t, "bob may log in, and alice no more", func() bool {
		return ask(t, front, "/authenticate", "bob").StatusCode == http.StatusOK &&
			ask(t, front, "/authenticate", "alice").StatusCode == http.StatusUnauthorized
	})
	config := read(t, m.dir, "etc/gatehouse/config.yaml")
	version(t, filepath.Join(m.dir, "etc/gatehouse"), "..2", map[string]string{
		"config.yaml": strings.Replace(config, "policies:\n", "policies:\n  everybody: {}\n", 1),
	})
	eventually(t, "a policy of the new ConfigMap is in force", func() bool {
		return ask(t, front, "/authenticate/everybody", "bob").StatusCode == http.StatusOK
	})
}
