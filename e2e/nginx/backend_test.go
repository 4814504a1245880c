package nginx_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A header is one line of a request, spelled as it came.
type header struct{ name, value string }

// A record is one request as it reached the backend.
type record struct {
	line    string // the request line
	headers []header
	length  int64 // of the body
	sum     string
}

// folded returns the values of every header that some backend could read as name: any case, and with
// underscores for hyphens as CGI and WSGI do.
func (r record) folded(name string) []string {
	var values []string
	for _, h := range r.headers {
		if strings.EqualFold(strings.ReplaceAll(h.name, "_", "-"), name) {
			values = append(values, h.value)
		}
	}
	return values
}

// A backend keeps every request that reaches it. It answers by the path: with that of
// [backendAnswers], /socket… with a WebSocket that echoes, all else with 200.
type backend struct {
	address string
	mu      sync.Mutex // guards records
	records []record
}

// backendAnswers are whole answers that must reach the client as they are.
var backendAnswers = map[string]string{
	"/named/":     "HTTP/1.1 200 OK\r\nX-Of: backend\r\nX-Auth-Username: root\r\n",
	"/status/401": "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"backend\"\r\nX-Of: backend\r\n",
	"/status/403": "HTTP/1.1 403 Forbidden\r\nX-Of: backend\r\nX-Error-Status: 429\r\n",
	"/status/404": "HTTP/1.1 404 Not Found\r\nX-Of: backend\r\n",
	"/status/429": "HTTP/1.1 429 Too Many Requests\r\nX-Of: backend\r\nRetry-After: 77\r\n",
	"/status/500": "HTTP/1.1 500 Internal Server Error\r\nX-Of: backend\r\n",
	"/status/503": "HTTP/1.1 503 Service Unavailable\r\nX-Of: backend\r\nRetry-After: 77\r\n",
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{address: l.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				b.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return b
}

// serve answers one request: every connection is closed after it.
func (b *backend) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	head, err := readHead(r)
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	got := record{line: lines[0]}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		got.headers = append(got.headers, header{name, strings.Trim(value, " \t")})
	}
	rest := bufio.NewReader(io.MultiReader(strings.NewReader(head), r))
	request, err := http.ReadRequest(rest)
	if err != nil {
		return
	}
	hash := sha256.New()
	if got.length, err = io.Copy(hash, request.Body); err != nil {
		return
	}
	got.sum = hex.EncodeToString(hash.Sum(nil))
	b.mu.Lock()
	b.records = append(b.records, got)
	b.mu.Unlock()

	if strings.HasPrefix(request.URL.Path, "/socket") && request.Header.Get("Upgrade") != "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, rest)
		return
	}
	answer, ok := backendAnswers[request.URL.Path]
	if !ok {
		answer = "HTTP/1.1 200 OK\r\nX-Of: backend\r\n"
	}
	answer += "Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
	if request.Method != http.MethodHead {
		answer += backendBody
	}
	_, _ = io.WriteString(conn, answer)
}

const backendBody = "the backend\n"

// take returns the requests since the last take.
func (b *backend) take() []record {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.records
	b.records = nil
	return list
}

// readHead reads a request's head as it is, with its empty line.
func readHead(r *bufio.Reader) (string, error) {
	var head bytes.Buffer
	for {
		line, err := r.ReadSlice('\n')
		head.Write(line)
		if err != nil && err != bufio.ErrBufferFull {
			return "", err
		}
		if bytes.HasSuffix(head.Bytes(), []byte("\r\n\r\n")) {
			return head.String(), nil
		}
	}
}
