package nginx_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hidden is a request that nobody let in.
const hidden = "GET /hidden HTTP/1.1\r\nHost: www.example.org\r\nX-Auth-Username: root\r\n\r\n"

// carriers are requests that a server may take to end elsewhere than nginx does. They are bob's.
func carriers(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{
		"a length that covers it":     fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"a length that does not":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
		"a GET with a length":         fmt.Sprintf("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"chunks that end before":      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks that cover it":        fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", len(hidden)),
		"a length and chunks":         fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5+len(hidden)),
		"chunks and a length":         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"chunks in capitals":          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"a length with underscores":   fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent_Length: %d\r\n\r\n", len(hidden)),
		"a body that is asked for":    fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"an upgrade":                  "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"an upgrade to HTTP/2":        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		"line ends in the target":     "GET /%0d%0aHost:%20x%0d%0a%0d%0aGET%20/hidden HTTP/1.1\r\nHost: x\r\n\r\n",
		"line ends without CR":        "GET / HTTP/1.1\nHost: x\n\n",
		"HTTP/1.0 that is kept alive": "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	}
	folder := os.Getenv("GATEHOUSE_CORPORA")
	if folder == "" {
		return list
	}
	text, err := os.ReadFile(filepath.Join(folder, "http11_strict.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		ID      string `json:"id"`
		Request []byte `json:"request_base64"`
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		list[c.ID] = string(c.Request)
	}
	return list
}

// C20: however nginx reads an odd request, the backend sees nothing that gatehouse did not let in.
func TestNothingIsSmuggledToTheBackend(t *testing.T) {
	f, b, g := startSite(t, "")
	var all sync.WaitGroup
	for name, text := range carriers(t) {
		all.Go(func() {
			conn := dial(t, f.Addresses()[0], "")
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(3 * time.Second)) // nginx waits longer for what is not whole
			request := strings.Replace(text, "HTTP/1.1\r\n", "HTTP/1.1\r\nAuthorization: "+bob+"\r\n", 1)
			if _, err := io.WriteString(conn, request+hidden+hidden); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			answer, _ := io.ReadAll(conn)
			if strings.Contains(string(answer), "X-Auth-Username") {
				t.Errorf("%s: %s", name, answer)
			}
		})
	}
	all.Wait()
	records := b.take()
	for _, r := range records {
		if names := r.folded("X-Auth-Username"); len(names) != 1 || names[0] != "bob" || strings.Contains(r.line, " /hidden") {
			t.Errorf("the backend got %q of %q", r.line, names)
		}
	}
	if allowed := strings.Count(g.Log.String(), `"result":"success"`); len(records) < 5 || allowed < len(records) {
		t.Errorf("%d requests reached the backend, and %d were let in", len(records), allowed)
	}
}
