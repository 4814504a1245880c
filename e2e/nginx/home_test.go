package nginx_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

const homeConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
metrics: { enabled: false }
state_dir: state
providers:
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: wonderland }] }
`

// The snippet shows the homepage and what it links to, and all else below its path stays behind the gate.
func TestTheHomepageIsShown(t *testing.T) {
	snippet, err := os.ReadFile("../../nginx/snippets/gatehouse-home.conf")
	if err != nil {
		t.Fatal(err)
	}
	g := rig.StartGateway(t, homeConfig, nil, []string{"wonderland"})
	b := startBackend(t)
	f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.Socket, Backend: b.address, Edits: []rig.Edit{insert(string(snippet))}})
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
