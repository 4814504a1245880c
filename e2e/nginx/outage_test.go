package nginx_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// quick makes nginx give up on gatehouse at once. The shipped time is longer than a decision may take.
var quick = rig.Edit{"snippets/gatehouse-server.conf", "proxy_read_timeout          6s;", "proxy_read_timeout 300ms;"}

const (
	plainNo  = "HTTP/1.1 403 Forbidden\r\nX-Auth-Reason: missing role\r\nContent-Length: 22\r\n\r\n"
	overload = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 39\r\n\r\n"
	tooOften = "HTTP/1.1 403 Forbidden\r\nX-Error-Status: 429\r\nRetry-After: 30\r\nContent-Length: 22\r\n\r\n"
	notYou   = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"local\"\r\nContent-Length: 32\r\n\r\n"
)

func status(line string) string {
	return "HTTP/1.1 " + line + "\r\nLocation: https://www.example.org/open/\r\nContent-Length: 0\r\n\r\n"
}

// gatewayFaults are what may come in place of gatehouse's answer, and what the client gets.
var gatewayFaults = []struct {
	name       string
	answer     string
	status     int
	retryAfter string
}{
	{"silence", silence, 503, "5"},
	{"a connection that is hung up", hangUp, 503, "5"},
	{"half an answer", "HTTP/1.1 200 OK\r\nX-Auth-Username: al", 503, "5"},
	{"an old protocol without headers", "hello\r\n", 503, "5"},
	{"garbage", "\x00\xff\x00\xff\r\n\r\n", 503, "5"},
	{"garbage among the headers", "HTTP/1.1 200 OK\r\n\x00\x01: \xff\r\n\r\n", 503, "5"},
	{"no decision", overload, 503, "7"},
	{"no decision, without a time", status("503 Service Unavailable"), 503, "5"},
	{"a fault of gatehouse's own", status("500 Internal Server Error"), 503, "5"},
	{"a page that is not there", status("404 Not Found"), 503, "5"},
	{"a bad request", status("400 Bad Request"), 503, "5"},
	{"headers that are too large", status("431 Request Header Fields Too Large"), 503, "5"},
	{"too many requests, told plainly", status("429 Too Many Requests"), 503, "5"},
	{"a move", status("302 Found"), 503, "5"},
	{"a permanent move", status("308 Permanent Redirect"), 503, "5"},
	{"not modified", "HTTP/1.1 304 Not Modified\r\n\r\n", 503, "5"},
	{"a yes larger than nginx takes", "HTTP/1.1 200 OK\r\nX-Auth-Username: alice\r\nX-Fill: " + strings.Repeat("x", 21<<10) + "\r\n\r\n", 503, "5"},
	{"a no that points elsewhere inside nginx", "HTTP/1.1 403 Forbidden\r\nX-Accel-Redirect: /open/\r\nContent-Length: 0\r\n\r\n", 403, ""},
	{"a fault that points elsewhere inside nginx", "HTTP/1.1 500 x\r\nX-Accel-Redirect: /open/\r\nContent-Length: 0\r\n\r\n", 503, "5"},
	{"a refusal", plainNo, 403, ""},
	{"too many failures", tooOften, 429, "30"},
	{"a wrong password", notYou, 401, ""},
}

// hostileServer is what an operator may have set further out. None of it may open the gate.
const hostileServer = `
    error_page 401 403 404 500 502 503 504 599 =200 /open/;
    proxy_intercept_errors on;
    proxy_set_header X-Auth-Username root;
    proxy_cache everything;
    proxy_cache_valid any 10m;
    proxy_cache_key one;
    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
    recursive_error_pages on;
    proxy_busy_buffers_size 16k;
    proxy_temp_file_write_size 8k;
    proxy_max_temp_file_size 8k;
    satisfy any;
    allow all;
    location /open/ {
        return 200 "open";
    }`

func TestAGatewayThatSaysNoYesLetsNobodyIn(t *testing.T) {
	for _, variant := range []struct{ name, server string }{
		{"as shipped", "    location /open/ { return 200 open; }"},
		{"in hostile surroundings", hostileServer},
	} {
		t.Run(variant.name, func(t *testing.T) {
			g, b := startFake(t, fakeYes), startBackend(t)
			folder := rig.Folder(t)
			f := startFront(t, rig.Site{
				Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address,
				HTTP:  fmt.Sprintf("    proxy_cache_path %s/cache keys_zone=everything:1m;\n", folder),
				Edits: []rig.Edit{quick, insert(variant.server)},
			})
			for _, fault := range gatewayFaults {
				t.Run(fault.name, func(t *testing.T) {
					g.set(fault.answer)
					for _, address := range f.Addresses() {
						got := send(t, address, authorized(alice))
						assertNotReached(t, b, got, fault.status)
						assertHeader(t, got, "Retry-After", fault.retryAfter)
						if strings.Contains(got.body, "open") {
							t.Errorf("the client got %q", got.body)
						}
						switch fault.answer {
						case plainNo:
							assertHeader(t, got, "X-Auth-Reason", "missing role")
						case notYou:
							assertHeader(t, got, "WWW-Authenticate", `Basic realm="local"`)
						}
					}
				})
			}
		})
	}
}

// insert puts configuration into the server of gatehouse.conf.
func insert(text string) rig.Edit {
	const before = "    location / {\n"
	return rig.Edit{"gatehouse.conf", before, text + "\n" + before}
}

func TestAGatewayThatIsNotThere(t *testing.T) {
	b := startBackend(t)
	f := startFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: rig.Folder(t) + "/nobody.sock", Backend: b.address,
		Edits: []rig.Edit{insert(strings.ReplaceAll(hostileServer, "proxy_cache everything;", ""))},
	})
	got := send(t, f.Addresses()[0], authorized(alice))
	assertNotReached(t, b, got, 503)
	assertHeader(t, got, "Retry-After", "5")
	if want := `{"error": "No decision could be made"}`; got.body != want {
		t.Errorf("body %q, want %q", got.body, want)
	}
}

// A cache further out must not answer in gatehouse's place.
func TestAYesIsNotRemembered(t *testing.T) {
	g, b := startFake(t, fakeYes), startBackend(t)
	f := startFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address,
		HTTP:  fmt.Sprintf("    proxy_cache_path %s/cache keys_zone=everything:1m;\n", rig.Folder(t)),
		Edits: []rig.Edit{insert(hostileServer)},
	})
	send(t, f.Addresses()[0], authorized(alice))
	b.take()
	g.set(notYou)
	assertNotReached(t, b, send(t, f.Addresses()[0], authorized(wrongPass)), 401)
}

// C14: an operator's own page for 401 keeps the challenge and does not open the gate, whatever its status.
func TestAPageFor401(t *testing.T) {
	f, b, _ := startSite(t, `
    location /pretty/ {
        set $gatehouse_backend http://site;
        include snippets/gatehouse-protect.conf;
        error_page 401 /login.html;
    }
    location /lenient/ {
        set $gatehouse_backend http://site;
        include snippets/gatehouse-protect.conf;
        error_page 401 =200 /login.html;
    }
    location /named/ {
        set $gatehouse_backend http://site;
        include snippets/gatehouse-protect.conf;
        error_page 401 = @login;
    }
    location /both/ {
        set $gatehouse_backend http://site;
        error_page 401 403 /login.html;
        include snippets/gatehouse-protect.conf;
    }
    location @login {
        return 200 "please log in";
    }
    location = /login.html {
        return 200 "please log in";
    }`)
	for _, test := range []struct {
		name, line string
		status     int
	}{
		{"a page of its own", "GET /pretty/x HTTP/1.1", 401},
		{"a page that hides the status", "GET /lenient/x HTTP/1.1", 200},
		{"a location that hides the status", "GET /named/x HTTP/1.1", 200},
		{"one page for 401 and 403", "GET /both/x HTTP/1.1", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := send(t, f.Addresses()[0], authorized(wrongPass).to(test.line))
			assertNotReached(t, b, got, test.status)
			assertHeader(t, got, "WWW-Authenticate", `Bearer realm="portal", Basic realm="local", Basic realm="file"`)
			if got.body != "please log in" {
				t.Errorf("body %q", got.body)
			}
			if got := send(t, f.Addresses()[0], authorized(alice).to(test.line)); got.StatusCode != 200 || got.body != backendBody {
				t.Errorf("with a good password: status %d, body %q", got.StatusCode, got.body)
			}
			assertReached(t, b, isAlice)
		})
	}
}
