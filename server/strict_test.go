package server

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// asNginx is a request as nginx sends it for a browser.
const asNginx = "HEAD /authenticate HTTP/1.1\r\nX-Real-IP: 192.0.2.7\r\nX-Request-ID: 0123456789abcdef0123456789abcdef\r\n" +
	"Host: gatehouse\r\nAuthorization: Basic YWxpY2UubGlkZGVsbDp0aHJvdWdoLXRoZS1sb29raW5nLWdsYXNzLTE4NzE=\r\nSec-Fetch-Mode: cors\r\n\r\n"

func parsed(tb testing.TB, request string) *fasthttp.RequestHeader {
	tb.Helper()
	h := new(fasthttp.RequestHeader)
	if err := h.Read(bufio.NewReader(strings.NewReader(request))); err != nil {
		tb.Fatal(err)
	}
	return h
}

func TestOddity(t *testing.T) {
	for name, row := range map[string]struct{ request, why string }{
		"as nginx asks":               {asNginx, ""},
		"HTTP/1.0":                    {"GET /authenticate HTTP/1.0\r\n\r\n", ""},
		"no body":                     {"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", ""},
		"absolute form":               {"GET http://x/authenticate HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		"a name in a query":           {"GET /authenticate?x=a@b HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		"another version":             {"GET /authenticate HTTP/1.2\r\nHost: x\r\n\r\n", oddVersion},
		"an old version":              {"GET /authenticate HTTP/0.9\r\nHost: x\r\n\r\n", oddVersion},
		"a fragment":                  {"GET /authenticate?x=#&realm=here HTTP/1.1\r\nHost: x\r\n\r\n", oddTarget},
		"a tunnel":                    {"CONNECT /authenticate HTTP/1.1\r\nHost: x\r\n\r\n", oddTarget},
		"another scheme":              {"GET ftp://x/authenticate HTTP/1.1\r\nHost: x\r\n\r\n", oddTarget},
		"a name in absolute form":     {"GET http://a@x/authenticate HTTP/1.1\r\nHost: x\r\n\r\n", oddTarget},
		"a name in Host":              {"GET /authenticate HTTP/1.1\r\nHost: a@x\r\n\r\n", oddHost},
		"a body":                      {"GET /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", oddBody},
		"chunks":                      {"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", oddBody},
		"identity and a length":       {"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", oddBody},
		"a bare LF":                   {"GET /authenticate HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", oddLine},
		"a fold by a blank":           {"GET /authenticate HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n", oddLine},
		"a fold by a tab":             {"GET /authenticate HTTP/1.1\r\nHost: x\r\nX: y\r\n\tz\r\n\r\n", oddLine},
		"a bare LF in the first line": {"GET /authenticate HTTP/1.1\nHost: x\r\n\r\n", ""}, // not to be seen here, and RFC 9112 lets it pass
	} {
		if got := oddity(parsed(t, row.request)); got != row.why {
			t.Errorf("%s: %q, want %q", name, got, row.why)
		}
	}
}

// What passes means to net/http what it means to fasthttp: path, query and every header that decides.
func FuzzStrict(f *testing.F) {
	f.Add([]byte(asNginx))
	f.Add([]byte("GET http://x/authenticate?realm=a HTTP/1.0\r\nX-Auth-Realm: b\r\nx-auth-realm:c \r\n\r\n"))
	f.Add([]byte("POST /authenticate/a%2fb HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	f.Fuzz(func(t *testing.T, request []byte) {
		h := new(fasthttp.RequestHeader)
		if err := h.Read(bufio.NewReaderSize(bytes.NewReader(request), maxRequestHeader)); err != nil || oddity(h) != "" {
			return
		}
		other, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
		if err != nil {
			return // net/http is stricter yet
		}
		if other.ContentLength > 0 || len(other.TransferEncoding) > 0 {
			t.Errorf("net/http sees a body of %d %v in %q", other.ContentLength, other.TransferEncoding, request)
		}
		if other.RequestURI != string(h.RequestURI()) || other.Method != string(h.Method()) {
			t.Errorf("%s %s, and to net/http %s %s: %q", h.Method(), h.RequestURI(), other.Method, other.RequestURI, request)
		}
		for _, name := range []string{"Authorization", headerRealm, "X-Real-Ip"} {
			ours, theirs := h.PeekAll(name), other.Header.Values(name)
			if len(ours) != len(theirs) {
				t.Fatalf("%q, and to net/http %q: %q", ours, theirs, request)
			}
			for i := range ours {
				if string(ours[i]) != theirs[i] {
					t.Errorf("%q, and to net/http %q: %q", ours[i], theirs[i], request)
				}
			}
		}
	})
}

// BenchmarkStrict is what every request pays for it.
func BenchmarkStrict(b *testing.B) {
	h := parsed(b, asNginx)
	b.ReportAllocs()
	for b.Loop() {
		strict(h)
	}
}
