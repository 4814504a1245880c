package rig

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/canary"
)

// shipped is where the files under test are.
const shipped = "../../nginx"

// An Edit is what an operator does to one shipped file, or what a test does to see the file hold out:
// the file, a text that must stand in it, and what comes in its place.
type Edit [3]string

// A Site says what one nginx is to serve.
type Site struct {
	Files   []string // of nginx/, included in http {} in this order
	Gateway string   // the socket
	Backend string   // HOST:PORT
	HTTP    string   // more in http {}, before the files
	Edits   []Edit
	Secrets []string // what no log may hold when the test ends
}

// A Front is a running nginx.
type Front struct {
	Folder string
	Port   string // of TLS, on 127.0.0.1 and [::1]
	Plain  string // of port 80
	Tasks  string // of ecflow-tasks.conf, on 127.0.0.1
}

// Addresses are those under which clients reach the TLS port.
func (f *Front) Addresses() []string {
	return []string{net.JoinHostPort("127.0.0.1", f.Port), net.JoinHostPort("::1", f.Port)}
}

// CacheFolder is where nginx keeps what it remembers of gatehouse's answers.
func (f *Front) CacheFolder() string { return filepath.Join(f.Folder, "cache") }

// StartFront starts nginx with the shipped files and stops it when t ends. None of s.Secrets may then be in
// its logs.
func StartFront(t *testing.T, s Site) *Front {
	t.Helper()
	var report string
	for range 3 { // a port that was free may be taken by the time nginx wants it
		f := &Front{Folder: Folder(t)}
		f.Install(t, s)
		process, failure := f.run(t)
		if process != nil {
			t.Cleanup(func() {
				_ = process.Process.Signal(syscall.SIGTERM)
				if err := process.Wait(); err != nil {
					t.Errorf("nginx: %v", err)
				}
				assertNoSecrets(t, f.Folder, s.Secrets)
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

// Install writes the configuration: each shipped file with its edits, and a main file around them.
func (f *Front) Install(t *testing.T, s Site) {
	t.Helper()
	ports := freePorts(t, 3)
	f.Port, f.Plain, f.Tasks = ports[0], ports[1], ports[2]
	certificate, key := selfSigned(t)
	Write(t, filepath.Join(f.Folder, "certificate.pem"), certificate)
	Write(t, filepath.Join(f.Folder, "key.pem"), key)

	edits := []Edit{{"snippets/gatehouse-upstream.conf", "/run/gatehouse/gatehouse.sock", s.Gateway}}
	var includes strings.Builder
	for _, file := range s.Files {
		fmt.Fprintf(&includes, "    include %s;\n", file)
		edits = append(edits, f.operator(file, s.Backend)...)
	}
	edits = append(edits, s.Edits...)

	for _, file := range append([]string{
		"snippets/gatehouse-upstream.conf", "snippets/gatehouse-server.conf", "snippets/gatehouse-protect.conf",
	}, s.Files...) {
		text, err := os.ReadFile(filepath.Join(shipped, file))
		if err != nil {
			t.Fatal(err)
		}
		Write(t, filepath.Join(f.Folder, file), apply(t, file, string(text), edits))
	}
	Write(t, filepath.Join(f.Folder, "nginx.conf"), fmt.Sprintf(`
user root;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 256; }
http {
    access_log %[1]s/other.access.log;
    client_body_temp_path %[1]s/body;
    proxy_temp_path       %[1]s/proxy 1 2; # folders in it, as in the packages: they tell that a file was there
    fastcgi_temp_path     %[1]s/fastcgi;
    uwsgi_temp_path       %[1]s/uwsgi;
    scgi_temp_path        %[1]s/scgi;
%[2]s
%[3]s}
`, f.Folder, s.HTTP, includes.String()))
}

// operator is what is edited in a shipped file to have it run here.
func (f *Front) operator(file, backend string) []Edit {
	if file == "snippets/gatehouse-cache.conf" {
		return []Edit{{file, "/run/gatehouse-cache", f.CacheFolder()}}
	}
	edits := []Edit{{file, "/var/log/nginx/", f.Folder + "/"}}
	if file == "ecflow-tasks.conf" {
		return append(edits, Edit{file, "listen 127.0.0.1:8889;", "listen 127.0.0.1:" + f.Tasks + ";"})
	}
	address := map[string]string{"gatehouse.conf": "127.0.0.1:3000", "ecflow.conf": "127.0.0.1:8888"}[file]
	return append(edits,
		Edit{file, "listen 80;", "listen 127.0.0.1:" + f.Plain + ";"},
		Edit{file, "listen [::]:80;", "listen [::1]:" + f.Plain + ";"},
		Edit{file, "listen 443 ssl;", "listen 127.0.0.1:" + f.Port + " ssl;"},
		Edit{file, "listen [::]:443 ssl;", "listen [::1]:" + f.Port + " ssl;"},
		Edit{file, "/etc/ssl/gatehouse/fullchain.pem", f.Folder + "/certificate.pem"},
		Edit{file, "/etc/ssl/gatehouse/privkey.pem", f.Folder + "/key.pem"},
		Edit{file, "server " + address + ";", "server " + backend + ";"},
	)
}

func apply(t *testing.T, file, text string, edits []Edit) string {
	t.Helper()
	for _, e := range edits {
		if e[0] != file {
			continue
		}
		if !strings.Contains(text, e[1]) {
			t.Fatalf("%s: does not have %q", file, e[1])
		}
		text = strings.ReplaceAll(text, e[1], e[2])
	}
	return text
}

// Check returns what nginx -t says of the configuration.
func (f *Front) Check() (string, error) {
	out, err := exec.Command(programs.nginx, "-p", f.Folder, "-c", filepath.Join(f.Folder, "nginx.conf"), "-t").CombinedOutput()
	return string(out), err
}

// run starts nginx and waits until it answers, or returns what it said before it ended.
func (f *Front) run(t *testing.T) (process *exec.Cmd, failure string) {
	t.Helper()
	var printed bytes.Buffer
	cmd := exec.Command(programs.nginx, "-p", f.Folder, "-c", filepath.Join(f.Folder, "nginx.conf"), "-g", "daemon off;")
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(f.Folder, "nginx.pid") // written when every port is open
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

// Uncommented returns the Edit that takes the comment signs from a block of commented configuration.
func Uncommented(t *testing.T, file, first, last string) Edit {
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
	return Edit{file, block, strings.ReplaceAll(block, "#", "")}
}

// assertNoSecrets looks for secrets in the logs of a folder.
func assertNoSecrets(t *testing.T, folder string, secrets []string) {
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
		canary.Check(t, filepath.Base(log), string(text), secrets)
	}
}
