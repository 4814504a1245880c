package examples_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/ecflow"
	"gatehouse/ecflowrc"
)

const ecflowExample = root + "/examples/ecflow"

func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ecflowExample, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The config is good once a user is made as its README says, and says so itself until then.
func TestEcflowConfig(t *testing.T) {
	config := write(t, "config.yaml", shipped(t, "config.yaml"))
	users := filepath.Join(filepath.Dir(config), "users.htpasswd")
	if exit, said := output(t, nil, gatehouse, "check", "-c", config); exit != 1 || !strings.Contains(said, "gatehouse hash NAME") {
		t.Errorf("without users: exit %d, %s", exit, said)
	}
	hash := exec.CommandContext(t.Context(), gatehouse, "hash", "alice")
	hash.Stdin = strings.NewReader("wonderland\n")
	line, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(users, line, 0o640); err != nil {
		t.Fatal(err)
	}
	if exit, said := output(t, nil, gatehouse, "check", "--strict", "-c", config); exit != 0 {
		t.Errorf("exit %d, %s", exit, said)
	}
}

// Both halves of nginx's snippets and of the config that must fit do.
func TestEcflowConfigFitsTheSnippets(t *testing.T) {
	config, snippets := shipped(t, "config.yaml"), ""
	for _, name := range []string{"gatehouse-upstream.conf", "gatehouse-server.conf"} {
		text, err := os.ReadFile(filepath.Join(root, "nginx/snippets", name))
		if err != nil {
			t.Fatal(err)
		}
		snippets += string(text)
	}
	number := func(text, pattern string) (n int) {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m == nil {
			t.Errorf("nothing matches %s", pattern)
		} else {
			_, _ = fmt.Sscan(m[1], &n)
		}
		return n
	}
	if header, buffer := number(config, `max_header_bytes: (\d+)`), number(snippets, `proxy_buffer_size +(\d+)k;`)<<10; header >= buffer {
		t.Errorf("max_header_bytes is %d, and proxy_buffer_size %d", header, buffer)
	}
	if ours, theirs := number(config, `timeout_in_ms: (\d+)`), number(snippets, `proxy_read_timeout +(\d+)s;`)*1000; ours >= theirs {
		t.Errorf("timeout_in_ms is %d, and proxy_read_timeout %d ms", ours, theirs)
	}
	socket := regexp.MustCompile(`socket: (\S+)`).FindStringSubmatch(config)
	if socket == nil || !strings.Contains(snippets, "server unix:"+socket[1]+";") {
		t.Errorf("nginx asks another socket than %q", socket)
	}
}

func TestEcflowAPIRC(t *testing.T) {
	for name, sends := range map[string]ecflowrc.Sends{"ecflowapirc": ecflowrc.Bearer, "ecflowapirc.basic": ecflowrc.Basic} {
		path := write(t, ".ecflowapirc", shipped(t, name))
		v, err := ecflowrc.CheckFile(path, "https://ecflow.example.org:443")
		if err != nil {
			t.Fatal(err)
		}
		// What is left to warn of is not the file's fault.
		if !v.OK() || v.Sends != sends || len(v.Warnings) != 1 || !strings.Contains(v.Warnings[0], "does not verify the server's TLS") {
			t.Errorf("%s:\n%s", name, v)
		}
		for _, other := range []string{"https://ecflow.example.org:8443", "http://ecflow.example.org:443", "https://ecflow-example.org:443"} {
			if v := ecflowrc.Check(path, []byte(shipped(t, name)), other); v.Sends != ecflowrc.Nothing {
				t.Errorf("%s:\n%s", name, v)
			}
		}
	}
}

// The whitelist is the very text that the real server obeys in e2e/ecflow.
func TestEcflowWhitelist(t *testing.T) {
	if got := shipped(t, "whitelist"); got != ecflow.Whitelist {
		t.Errorf("whitelist is %q, the tested one is %q", got, ecflow.Whitelist)
	}
}

// The client looks for its file where the README says, in that order.
func TestEcflowFileOrder(t *testing.T) {
	ecflow.Install(t)
	client, err := filepath.Abs(root + "/.cache/ecflow/bin/ecflow_client")
	if err != nil {
		t.Fatal(err)
	}
	presented := make(chan string, 4)
	server := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := r.BasicAuth()
		presented <- name
		w.WriteHeader(http.StatusUnauthorized)
	}))
	host, port, _ := net.SplitHostPort(server)
	file := func(name string) string { return strings.Replace(matching, "carol", name, 1) }
	variable, home := write(t, "tokens", file("variable")), filepath.Dir(write(t, ".ecflowapirc", file("home")))
	here := filepath.Dir(write(t, ".ecflowapirc", file("here")))
	for _, row := range []struct{ says, variable, home, want string }{
		{"the variable comes first", variable, home, "variable"},
		{"and is the last word", "/nowhere/tokens", home, ""},
		{"then the home", "", home, "home"},
		{"then the current folder", "", "/nowhere", "here"},
	} {
		cmd := exec.CommandContext(t.Context(), client, "--https", "--host", host, "--port", port, "--stats")
		cmd.Dir, cmd.Env = here, []string{"HOME=" + row.home, "PATH=/usr/bin:/bin"}
		if row.variable != "" {
			cmd.Env = append(cmd.Env, "ECF_AUTHTOKENS="+row.variable)
		}
		out, _ := cmd.CombinedOutput() // it fails: the server refuses
		if len(presented) != 1 {
			t.Fatalf("%s: %d requests\n%s", row.says, len(presented), out)
		}
		if name := <-presented; name != row.want {
			t.Errorf("%s: %q was sent, want %q\n%s", row.says, name, row.want, out)
		}
	}
}

// A trouble brings the real client to say what a row of the README's table quotes. It returns the client's
// .ecflowapirc, and host and port.
type trouble func(t *testing.T, real ecflow.Programs) (rcFile, server string)

// matching is an .ecflowapirc for any server of this machine.
const matching = `{"version": 1, "tokens": [{"server": "https?://127\\.0\\.0\\.1:\\d+", "type": "basic",
	"api": {"username": "carol", "password": "p"}}]}`

// answers is a server that gives one status, and a client with the file.
func answers(status int, rc string) trouble {
	return func(t *testing.T, _ ecflow.Programs) (string, string) {
		path := "/nowhere/.ecflowapirc"
		if rc != "" {
			path = write(t, ".ecflowapirc", rc)
		}
		return path, serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://127.0.0.1/")
			w.WriteHeader(status)
		}))
	}
}

func serveTLS(t *testing.T, h http.Handler) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

var troubles = map[string]trouble{
	"`Unable to open : ` and `Unauthorized (401)`":              answers(401, ""),
	"`Unable to find token for URL: ` and `Unauthorized (401)`": answers(401, strings.Replace(matching, "https?://", "", 1)),
	"`Unable to load tokens, from: ` and `Unauthorized (401)`":  answers(401, strings.Replace(matching, `"password"`, `"passwort"`, 1)),
	"`Unauthorized (401)` alone":                                answers(401, matching),
	"`Forbidden (403)`":                                         answers(403, matching),
	"`Not Found (404)`":                                         answers(404, matching),
	"`Payload Too Large (413)`":                                 answers(413, matching),
	"`Bad Gateway (502)`":                                       answers(502, matching),
	"`Service Unavailable (503)`":                               answers(503, matching),
	"`Moved Permanently (301)`":                                 answers(301, matching),
	"`Insufficient permissions [`":                              notOnTheWhitelist,
	"`The TLS handshake did not complete`":                      plainPort,
	"`nothing is listening on that port`":                       closedPort,
	"`Failed to connect to` and `in regular expression`":        answers(401, strings.Replace(matching, `https?://127\\.0\\.0\\.1:\\d+`, "*", 1)),
}

// notOnTheWhitelist has nginx and gatehouse name carol, and the real server look at the whitelist.
func notOnTheWhitelist(t *testing.T, real ecflow.Programs) (rcFile, server string) {
	to := real.Start(t)
	return write(t, ".ecflowapirc", matching), serveTLS(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: to.Addr})
		r.Out.Header.Set("X-Auth-Username", "carol")
	}})
}

func plainPort(t *testing.T, real ecflow.Programs) (rcFile, server string) {
	return write(t, ".ecflowapirc", matching), real.Start(t).Addr
}

func closedPort(t *testing.T, _ ecflow.Programs) (rcFile, server string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return write(t, ".ecflowapirc", matching), l.Addr().String()
}

// Every row of the README's table of troubles is what the real client says.
func TestEcflowTroubles(t *testing.T) {
	_, table, _ := strings.Cut(shipped(t, "README.md"), "| the client says ")
	rows := regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(table, -1)
	if len(rows) != len(troubles) {
		t.Errorf("README.md has %d rows, and %d are tested", len(rows), len(troubles))
	}
	real := ecflow.Install(t)
	for _, row := range rows {
		t.Run(row[1], func(t *testing.T) {
			t.Parallel()
			cause, ok := troubles[row[1]]
			if !ok {
				t.Fatal("nobody tries this row")
			}
			rcFile, server := cause(t, real)
			host, port, _ := net.SplitHostPort(server)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			exit, said := real.Client(ctx, rcFile, "--https", "--host", host, "--port", port, "--stats")
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				if !strings.Contains(said, quoted[1]) {
					t.Errorf("not said: %q", quoted[1])
				}
			}
			if strings.HasSuffix(row[1], " alone") && strings.Contains(said, "Unable") || exit != 1 || t.Failed() {
				t.Errorf("exit %d, %s", exit, said)
			}
		})
	}
}
