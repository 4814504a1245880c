package http_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A wire is one connection to gatehouse, on which any bytes may be sent.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, e endpoint) *wire {
	t.Helper()
	conn, err := net.Dial(e.network, e.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newWire(conn)
}

func newWire(conn net.Conn) *wire { return &wire{conn, bufio.NewReader(conn)} }

// An answer is one as it came.
type answer struct {
	status  int
	header  http.Header
	body    string
	interim bool // whether another came before it, such as 100 Continue
}

// text is all of the answer that a client may read.
func (a answer) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.status)
	_ = a.header.Write(&b)
	return b.String() + a.body
}

// read returns the next final answer, which is to a request with this method. It waits for at most ten seconds.
func (w *wire) read(method string) (answer, error) {
	for interim := false; ; interim = true {
		_ = w.SetReadDeadline(time.Now().Add(10 * time.Second))
		response, err := http.ReadResponse(w.in, &http.Request{Method: method})
		if err != nil {
			return answer{}, err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return answer{}, err
		}
		if response.StatusCode >= 200 {
			return answer{response.StatusCode, response.Header, string(body), interim}, nil
		}
	}
}

// ask sends a request and returns its answer.
func (w *wire) ask(t *testing.T, request string) answer {
	t.Helper()
	if _, err := io.WriteString(w, request); err != nil {
		t.Fatalf("%.80q: %v", request, err)
	}
	method, _, _ := strings.Cut(request, " ")
	a, err := w.read(method)
	if err != nil {
		t.Fatalf("%.80q: %v", request, err)
	}
	return a
}

const plainHealth = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

// isOpen reports whether gatehouse still answers on the connection, or has more to say.
func (w *wire) isOpen() bool {
	_, _ = io.WriteString(w, plainHealth) // may fail where gatehouse has closed
	_, err := w.read(http.MethodGet)
	return err == nil
}

// get is a GET with header lines.
func get(path string, headers ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: gatehouse\r\n" + strings.Join(append(headers, "", ""), "\r\n")
}
