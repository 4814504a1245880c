package nginx_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shipped is where the files under test are.
const shipped = "../../nginx"

// An edit is what an operator does to one shipped file, or what a test does to see the file hold out. old
// must stand in it.
type edit struct{ file, old, new string }

// A site says what one nginx is to serve.
type site struct {
	files   []string // of nginx/, included in http {} in this order
	gateway string   // the socket
	backend string   // HOST:PORT
	http    string   // more in http {}, before the files
	edits   []edit
}

// A front is a running nginx.
type front struct {
	folder string
	port   string // of TLS, on 127.0.0.1 and [::1]
	plain  string // of port 80
	tasks  string // of ecflow-tasks.conf, on 127.0.0.1
}

// addresses are those under which clients reach the TLS port.
func (f *front) addresses() []string {
	return []string{net.JoinHostPort("127.0.0.1", f.port), net.JoinHostPort("::1", f.port)}
}

// startFront starts nginx with the shipped files and stops it when t ends. Nothing secret may then be in
// its logs.
func startFront(t *testing.T, s site) *front {
	t.Helper()
	var report string
	for range 3 { // a port that was free may be taken by the time nginx wants it
		f := &front{folder: shortFolder(t)}
		f.install(t, s)
		process, failure := f.run(t)
		if process != nil {
			t.Cleanup(func() {
				_ = process.Process.Signal(syscall.SIGTERM)
				if err := process.Wait(); err != nil {
					t.Errorf("nginx: %v", err)
				}
				assertNoSecrets(t, f.folder)
			})
			return f
		}
		if report = failure; !strings.Contains(report, "Address already in use") {
			break
		}
	}
	t.Fatalf("nginx does not start:\n%s", report)
	return nil
}

// install writes the configuration: each shipped file with its edits, and a main file around them.
func (f *front) install(t *testing.T, s site) {
	t.Helper()
	ports := freePorts(t, 3)
	f.port, f.plain, f.tasks = ports[0], ports[1], ports[2]
	certificate, key := selfSigned(t)
	write(t, filepath.Join(f.folder, "certificate.pem"), certificate)
	write(t, filepath.Join(f.folder, "key.pem"), key)

	edits := []edit{{"snippets/gatehouse-upstream.conf", "/run/gatehouse/gatehouse.sock", s.gateway}}
	var includes strings.Builder
	for _, file := range s.files {
		fmt.Fprintf(&includes, "    include %s;\n", file)
		edits = append(edits, f.operator(file, s.backend)...)
	}
	edits = append(edits, s.edits...)

	for _, file := range append([]string{
		"snippets/gatehouse-upstream.conf", "snippets/gatehouse-server.conf", "snippets/gatehouse-protect.conf",
	}, s.files...) {
		text, err := os.ReadFile(filepath.Join(shipped, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(f.folder, file), apply(t, file, string(text), edits))
	}
	write(t, filepath.Join(f.folder, "nginx.conf"), fmt.Sprintf(`
user root;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 256; }
http {
    access_log %[1]s/other.access.log;
    client_body_temp_path %[1]s/body;
    proxy_temp_path       %[1]s/proxy;
    fastcgi_temp_path     %[1]s/fastcgi;
    uwsgi_temp_path       %[1]s/uwsgi;
    scgi_temp_path        %[1]s/scgi;
%[2]s
%[3]s}
`, f.folder, s.http, includes.String()))
}

// operator is what is edited in a shipped file to have it run here.
func (f *front) operator(file, backend string) []edit {
	edits := []edit{{file, "/var/log/nginx/", f.folder + "/"}}
	if file == "ecflow-tasks.conf" {
		return append(edits, edit{file, "listen 127.0.0.1:8889;", "listen 127.0.0.1:" + f.tasks + ";"})
	}
	address := map[string]string{"gatehouse.conf": "127.0.0.1:3000", "ecflow.conf": "127.0.0.1:8888"}[file]
	return append(edits,
		edit{file, "listen 80;", "listen 127.0.0.1:" + f.plain + ";"},
		edit{file, "listen [::]:80;", "listen [::1]:" + f.plain + ";"},
		edit{file, "listen 443 ssl;", "listen 127.0.0.1:" + f.port + " ssl;"},
		edit{file, "listen [::]:443 ssl;", "listen [::1]:" + f.port + " ssl;"},
		edit{file, "/etc/ssl/gatehouse/fullchain.pem", f.folder + "/certificate.pem"},
		edit{file, "/etc/ssl/gatehouse/privkey.pem", f.folder + "/key.pem"},
		edit{file, "server " + address + ";", "server " + backend + ";"},
	)
}

func apply(t *testing.T, file, text string, edits []edit) string {
	t.Helper()
	for _, e := range edits {
		if e.file != file {
			continue
		}
		if !strings.Contains(text, e.old) {
			t.Fatalf("%s: does not have %q", file, e.old)
		}
		text = strings.ReplaceAll(text, e.old, e.new)
	}
	return text
}

// check returns what nginx -t says of the configuration.
func (f *front) check() (string, error) {
	out, err := exec.Command(nginxProgram, "-p", f.folder, "-c", filepath.Join(f.folder, "nginx.conf"), "-t").CombinedOutput()
	return string(out), err
}

// run starts nginx and waits until it answers, or returns what it said before it ended.
func (f *front) run(t *testing.T) (process *exec.Cmd, failure string) {
	t.Helper()
	var printed bytes.Buffer
	cmd := exec.Command(nginxProgram, "-p", f.folder, "-c", filepath.Join(f.folder, "nginx.conf"), "-g", "daemon off;")
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(f.folder, "nginx.pid") // written when every port is open
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(pid); err == nil {
			return cmd, ""
		}
		if ended(cmd.Process) {
			break
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return nil, printed.String()
}

// ended reports whether a child process is a zombie, without taking its exit status from Wait.
func ended(p *os.Process) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	return err != nil || bytes.Contains(stat, []byte(") Z "))
}

// uncommented returns the edit that takes the comment signs from a block of commented configuration.
func uncommented(t *testing.T, file, first, last string) edit {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shipped, file))
	if err != nil {
		t.Fatal(err)
	}
	from := strings.Index(string(text), first)
	to := strings.Index(string(text[max(from, 0):]), last)
	if from < 0 || to < 0 {
		t.Fatalf("%s: has no block from %q to %q", file, first, last)
	}
	block := string(text[from : from+to+len(last)])
	return edit{file, block, strings.ReplaceAll(block, "#", "")}
}

// freePorts returns n ports that are free on 127.0.0.1 and on [::1].
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for tries := 0; len(ports) < n; tries++ {
		l4, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l4.Close()
		_, port, _ := net.SplitHostPort(l4.Addr().String())
		l6, err := net.Listen("tcp", net.JoinHostPort("::1", port))
		if err != nil {
			if tries > 100 {
				t.Fatal(err)
			}
			continue
		}
		defer l6.Close()
		ports = append(ports, port)
	}
	return ports
}

// selfSigned makes the certificate once for all tests.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	pair, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return pair[0], pair[1]
}

var makeCertificate = sync.OnceValues(func() (pair [2]string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"www.example.org", "ecflow.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return pair, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair, err
	}
	pair[0] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	pair[1] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return pair, nil
})

// shortFolder is a temporary folder whose path leaves room for a Unix socket's name.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// assertNoSecrets looks for everything secret of [secrets] in the logs of a folder.
func assertNoSecrets(t *testing.T, folder string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Errorf("no logs in %s: %v", folder, err)
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Error(err)
		}
		for _, secret := range secrets() {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds the secret %q", filepath.Base(log), secret)
			}
		}
	}
}
