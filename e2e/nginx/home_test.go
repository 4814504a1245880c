package nginx_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
	"gatehouse/jwt"
)

const homeConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
metrics: { enabled: false }
jwt: { iss: https://www.example.org, keys_dir: "%s" }
providers:
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: wonderland }] }
`

// The snippet shows the homepage and what it links to, and all else below its path stays behind the gate.
func TestTheHomepageIsShown(t *testing.T) {
	snippet, err := os.ReadFile("../../nginx/snippets/gatehouse-home.conf")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "keys")
	if _, err := (jwt.Config{KeysDir: folder}).Rotate("", false, time.Now()); err != nil {
		t.Fatal(err)
	}
	g := rig.StartGateway(t, fmt.Sprintf(homeConfig, folder), nil, []string{"wonderland"})
	t.Run("as shipped", func(t *testing.T) { showsTheHomepage(t, g.Socket, string(snippet), "") })
	t.Run("in hostile surroundings", func(t *testing.T) { showsTheHomepage(t, g.Socket, string(snippet), hostileHome) })
}

// hostileHome has nginx remember and replace what it can.
const hostileHome = `
    proxy_cache everything;
    proxy_cache_valid any 10m;
    proxy_cache_key $uri;
    proxy_ignore_headers X-Accel-Expires Cache-Control Expires Set-Cookie Vary;
    error_page 401 403 =200 /open/;
    proxy_intercept_errors on;
    location /open/ { return 200 "open"; }
`

func showsTheHomepage(t *testing.T, gateway, snippet, around string) {
	b := startBackend(t)
	s := rig.Site{Files: []string{"gatehouse.conf"}, Gateway: gateway, Backend: b.address, Edits: []rig.Edit{insert(snippet + around)}}
	if around != "" {
		s.HTTP = "    proxy_cache_path " + rig.Folder(t) + "/cache keys_zone=everything:1m;\n"
	}
	f := startFront(t, s)
	site := "https://" + f.Addresses()[0]
	for _, row := range []struct {
		path, login string
		status      int
		text        string
	}{
		{"/gatehouse/", "", 200, "<h1>gatehouse</h1>"},
		{"/gatehouse/providers", "", 200, `{"name":"users","type":"plain","realm":"local"}`},
		{"/gatehouse/augmenters", "", 200, `"augmenters":[]`},
		{"/gatehouse/health", "", 200, "OK"},
		{"/gatehouse/favicon.ico", "", 200, "\x00\x00\x01\x00"},
		{"/gatehouse/whoami", "", 401, "Unauthorized"},
		{"/gatehouse/whoami", alice, 200, `"username":"alice"`},
		{"/gatehouse/whoami", "", 401, "Unauthorized"}, // again, and nobody remembers alice's
		{"/gatehouse/authenticate", "", 401, ""},
		{"/gatehouse/ready", "", 401, ""},
		{"/gatehouse/whoami/", "", 401, ""},
		{"/gatehouse/authenticate", alice, 200, ""}, // the backend's
	} {
		answer, text, err := get(t.Context(), site+row.path, row.login)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != row.status || !strings.Contains(string(text), row.text) {
			t.Errorf("%s: %d %.200q", row.path, answer.StatusCode, text)
		}
		if row.path == "/gatehouse/" {
			for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
				if linked, _, err := get(t.Context(), site+row.path+link[1], alice); err != nil || linked.StatusCode != 200 {
					t.Errorf("the link %s: %v, %v", link[1], linked, err)
				}
			}
			b.take()
		}
		if row.path == "/gatehouse/" && !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the page's headers are %v", answer.Header)
		}
	}
	if n := len(b.take()); n != 1 {
		t.Errorf("the backend was asked %d times, want once", n)
	}
	if out, err := f.Check(); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	post, err := insecure.Post(site+"/gatehouse/whoami", "text/plain", strings.NewReader("x"))
	if err != nil || post.StatusCode != http.StatusForbidden {
		t.Errorf("POST: %v, %v", post, err)
	}
	if err == nil {
		_ = post.Body.Close()
	}
}
