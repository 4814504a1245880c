package docker_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startNginx runs nginx as compose.yaml does, with the paths of its container moved. It returns the socket
// that it listens on.
func startNginx(t *testing.T, api, gatehouse string) string {
	t.Helper()
	dir, command := nginx(t, api, gatehouse)
	test := command("-t")
	err := test.Run()
	if said := content(t, dir, "log"); err != nil || strings.Contains(said, "[") { // [warn], [emerg]
		t.Fatalf("nginx -t: %v\n%s", err, said)
	}
	cmd := command("-g", "daemon off;") // as the image does
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		said := content(t, dir, "log")
		if err != nil || !strings.Contains(said, `"alice" "local"`) || strings.Contains(said, "[warn]") || t.Failed() {
			t.Errorf("nginx: %v\n%s", err, said)
		}
	})
	front := filepath.Join(dir, "front.sock")
	await(t, front)
	return front
}

func content(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// nginx lays out the files of nginx's container; command runs it there as its user.
func nginx(t *testing.T, api, gatehouse string) (dir string, command func(args ...string) *exec.Cmd) {
	t.Helper()
	dir = filepath.Join(work, "nginx")
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	moved := strings.NewReplacer("/tmp/", dir+"/tmp/", "api:8081", api, "listen 8080;", "listen unix:"+dir+"/front.sock;",
		"unix:/run/gatehouse/", "unix:"+gatehouse+"/")
	for from, to := range map[string]string{
		"docker/nginx.conf":                      "etc/nginx.conf",
		"nginx/snippets/gatehouse-upstream.conf": "etc/snippets/gatehouse-upstream.conf",
		"nginx/snippets/gatehouse-server.conf":   "etc/snippets/gatehouse-server.conf",
		"nginx/snippets/gatehouse-protect.conf":  "etc/snippets/gatehouse-protect.conf",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), []byte(moved.Replace(content(t, root, from))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	place(t, "/etc/nginx/mime.types", filepath.Join(dir, "etc/mime.types"))
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	var id syscall.Credential
	if _, err := fmt.Sscanf(service(t, "nginx").User, "%d:%d", &id.Uid, &id.Gid); err != nil {
		t.Fatal(err)
	}
	// Docker gives a container's user its standard output; a pipe of ours would be root's. nginx opens it anew.
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	for _, writable := range []string{dir, filepath.Join(dir, "tmp"), log.Name()} { // dir for front.sock only
		if err := os.Chown(writable, int(id.Uid), int(id.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(args ...string) *exec.Cmd {
		cmd := exec.Command("/usr/sbin/nginx", append([]string{"-c", filepath.Join(dir, "etc/nginx.conf")}, args...)...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &id, Pdeathsig: syscall.SIGKILL}
		return cmd
	}
}

// On a read-only root nginx fails where one of its folders is not in /tmp. This machine's own would hide that.
func TestNginxWritesToTmpOnly(t *testing.T) {
	conf := content(t, root, "docker/nginx.conf")
	for _, name := range []string{"pid", "client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path"} {
		if !regexp.MustCompile(`(?m)^ *` + name + ` +/tmp/\w+(\.pid)?;$`).MatchString(conf) {
			t.Errorf("%s is not in /tmp", name)
		}
	}
	if tmpfs := service(t, "nginx").Tmpfs; len(tmpfs) != 1 || tmpfs[0] != "/tmp" {
		t.Errorf("nginx's tmpfs: %v", tmpfs)
	}
}

// await returns when somebody listens on the socket.
func await(t *testing.T, socket string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("nginx does not listen")
		}
	}
}

// ask is alice's request to nginx.
func ask(t *testing.T, socket, password string, headers http.Header) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if headers != nil {
		r.Header = headers
	}
	if password != "" {
		r.SetBasicAuth("alice", password)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
