package provider

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
)

// nginxLines are lines of one password file. Whoever is named twice in it is named so on purpose.
var nginxLines = []struct {
	name string // who logs in
	line string // with its newline
	// differs says why nginx and we are of two minds about this user.
	differs string
	also    []string // passwords to try, beside the common ones
}{
	{name: "bcrypt", line: "bcrypt:" + firstBcrypt + "\n"},
	{name: "bcrypt2a", line: "bcrypt2a:$2a" + firstBcrypt[3:] + "\n"},
	{name: "bcrypt2b", line: "bcrypt2b:$2b" + firstBcrypt[3:] + "\n"},
	{name: "apr1", line: "apr1:" + firstApr1 + "\n"},
	{name: "md5", line: "md5:" + firstMD5 + "\n"},
	{name: "sha256", line: "sha256:" + firstSHA256 + "\n"},
	{name: "sha512", line: "sha512:" + firstSHA512 + "\n"},
	{name: "yescrypt", line: "yescrypt:" + firstYes + "\n"},
	{name: "sha1", line: "sha1:" + firstSHA + "\n"},
	{name: "ssha1", line: "ssha1:" + firstSSHA + "\n"},
	{name: "plain", line: "plain:" + firstPlain + "\n"},

	{name: "commented", line: "#commented:" + firstApr1 + "\n"},
	{name: "#commented", line: "# a comment: with a colon\n"},
	{name: "after comment", line: "after comment:" + firstApr1 + "\n"},
	{name: "hash#mark", line: "hash#mark:" + firstApr1 + "\n"},
	{name: "crfirst", line: "\rcrfirst:" + firstApr1 + "\n"},
	{name: "blank", line: "\n\r\n\nblank:" + firstApr1 + "\n"},
	{name: "windows", line: "windows:" + firstApr1 + "\r\n"},
	{name: "windowsplain", line: "windowsplain:" + firstPlain + "\r\n"},
	{name: "gecos", line: "gecos:" + firstApr1 + ":Ge Cos:more\n"},
	{name: "gecosplain", line: "gecosplain:" + firstPlain + ":more\n"},
	{name: "crwithin", line: "crwithin:" + firstApr1 + "\rmore\n"},
	{name: "colonfirst", line: "colonfirst::" + firstApr1 + "\n"},
	{name: "nohash", line: "nohash:\n"},
	{name: "nohashcr", line: "nohashcr:\r\n"},
	{name: "clear", line: "clear:open sesame\n"},
	{name: "star", line: "star:*0\n", also: []string{"*0", "*1"}},
	{name: "locked", line: "locked:!" + firstApr1 + "\n"},
	{name: "unknownformat", line: "unknownformat:$9$abc$def\n"},
	{name: "unknownbraces", line: "unknownbraces:{MD5}abcdef\n"},
	{name: "badsha", line: "badsha:{SHA}????\n"},
	{name: "shortsha", line: "shortsha:{SHA}W8r/fyL/\n"},
	{name: "longsha", line: "longsha:" + firstSHA + "AAAA\n"},
	{name: "badapr", line: "badapr:$apr1$\n"},
	{name: "cutapr", line: "cutapr:" + firstApr1[:len(firstApr1)-3] + "\n"},
	{name: "cutbcrypt", line: "cutbcrypt:" + firstBcrypt[:40] + "\n"},
	{name: "spaceafter", line: "spaceafter:" + firstApr1 + " \n"},
	{name: "spacebefore", line: "spacebefore: " + firstApr1 + "\n"},
	{name: "plainspace", line: "plainspace:" + firstPlain + " \n", also: []string{"open sesame "}},
	{name: "inner space", line: "inner space:" + firstApr1 + "\n"},
	{name: "zoë", line: "zoë:" + firstApr1 + "\n"},
	{name: "zoe", line: "ZOE:" + firstApr1 + "\n"},
	{name: "twice", line: "twice:" + firstApr1 + "\ntwice:" + secondApr1 + "\n"},
	{name: "twicewrong", line: "twicewrong:$apr1$\ntwicewrong:" + secondApr1 + "\n"},
	{name: "twicecomment", line: "#twicecomment:" + firstApr1 + "\ntwicecomment:" + secondApr1 + "\n"},
	{name: "user", line: "userx:" + firstApr1 + "\n"},
	{name: "userxyz", line: "userxy:" + firstApr1 + "\n"},
	{name: "afterlong", line: "#" + strings.Repeat("c", 70_000) + "\n" + strings.Repeat("n", 70_000) + ":" + firstApr1 + "\nafterlong:" + secondApr1 + "\n"},
	{name: "longhash", line: "longhash:$6$" + strings.Repeat("x", 70_000) + "\n"},
	{name: "longrest", line: "longrest:" + firstApr1 + ":" + strings.Repeat("z", 70_000) + "\n"},
	{name: "afterlonghash", line: "afterlonghash:" + secondApr1 + "\n"},
	{name: "nosuchuser", line: ""},

	{name: "des", line: "des:WRRdn63r/jT0I\n", also: []string{"opensesa"}, differs: "DES is refused"},
	{name: " outer", line: " outer:" + firstApr1 + "\n", differs: "outer space in a name is refused"},
	{name: "\xef\xbb\xbfmarked", line: "\xef\xbb\xbfmarked:" + firstApr1 + "\n", differs: "a byte order mark in a name is refused"},
	{name: "nulhash", line: "nulhash:" + firstApr1 + "\x00more\n", differs: "nginx takes the hash up to a NUL"},
	{name: "nulplain", line: "nulplain:" + firstPlain + "\x00more\n", differs: "nginx takes the password up to a NUL"},
	{name: "emptypassword", line: "emptypassword:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n", differs: "an empty password is nobody's"},
	{
		name: "seventytwo", line: "seventytwo:" + seventyTwo + "\n", also: []string{strings.Repeat("a", 72), strings.Repeat("a", 73)},
		differs: "crypt(3) takes a longer password for its first 72 bytes",
	},
	{name: "swallowed", line: "swallow\nswallowed:" + firstApr1 + "\n", differs: "nginx skips the line after one that is the beginning of the name and has no colon"},

	{name: "last", line: "last:" + firstApr1},
}

// seventyTwo is the bcrypt hash of 72 times the letter a.
const seventyTwo = "$2y$04$7tkNZbrYHj4uX5KFlZDOO.RDNtwnF2FKngO2lrpZZoKiv66018/VO"

func TestLoginsAreThoseOfNginx(t *testing.T) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("NGINX IS NOT INSTALLED: nothing was compared with it")
	}
	var text strings.Builder
	for _, l := range nginxLines {
		text.WriteString(l.line)
	}
	a, _ := opened(t, newWorld(t), Htpasswd{WeakHashes: true}, text.String())
	a.current.Load().decoy = nil // what an unknown user costs is of no interest here
	url := startNginx(t, path, a.File)
	yes := 0
	for _, l := range nginxLines {
		differ := []string{}
		_, hash, _ := strings.Cut(strings.TrimSpace(l.line), ":")
		for _, secret := range append([]string{first, second, "", "wrong", "open sesam", hash[:min(len(hash), 300)]}, l.also...) {
			header := "Basic " + base64.StdEncoding.EncodeToString([]byte(l.name+":"+secret))
			ours, theirs := admits(t, a, header), nginxAdmits(t, url, header)
			if ours && theirs {
				yes++
			}
			if ours != theirs {
				differ = append(differ, fmt.Sprintf("with %q: we say %t, nginx says %t", secret, ours, theirs))
			}
		}
		if (len(differ) > 0) != (l.differs != "") {
			t.Errorf("user %q: differences %q, expected: %q", l.name, differ, l.differs)
		}
	}
	if yes < 20 {
		t.Errorf("both say yes %d times only: are both of one file?", yes)
	}
}

// admits is what gatehouse says to a raw header.
func admits(t *testing.T, a auth.Authenticator, header string) bool {
	t.Helper()
	var p auth.Presented
	if err := p.Parse(header); err != nil || len(p.Credentials()) != 1 {
		return false
	}
	_, err := a.Authenticate(t.Context(), p.Credentials()[0])
	if !isDecision(err) {
		t.Errorf("no decision: %v", err)
	}
	return err == nil
}

func nginxAdmits(t *testing.T, url, header string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", header)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK && string(body) != "inside" {
		t.Fatalf("another server answers: %q", body)
	}
	return resp.StatusCode == http.StatusOK
}

// startNginx runs nginx with auth_basic of this file until the test ends.
func startNginx(t *testing.T, path, users string) (url string) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "inside"), "inside")
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		writeFile(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
			daemon off; master_process off; pid nginx.pid; error_log error.log info;
			events { worker_connections 64; }
			http {
				access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
				server { listen %s; root %s; auth_basic here; auth_basic_user_file %s; }
			}`, address, dir, users))
		cmd := exec.Command(path, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if listens(address, ended) {
			t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); <-ended })
			return "http://" + address + "/inside"
		}
		_ = cmd.Process.Kill()
		t.Logf("nginx did not start, perhaps somebody took its port: %s", out.String())
	}
	t.Fatal("nginx does not start")
	return ""
}

// listens waits until something listens at address, or the process has ended.
func listens(address string, ended <-chan error) bool {
	for range 500 {
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return true
		}
	}
	return false
}
