package http_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// A malformed request is one of Http11Probe's that a strict server refuses.
type malformed struct {
	ID          string `json:"id"`
	Request     []byte `json:"request_base64"`
	CloseIsFine bool   `json:"close_is_fine"`
}

// notHeld are the cases that gatehouse does not refuse, and why that harms nobody.
var notHeld = map[string]string{
	"RFC9112-2.2-BARE-LF-REQUEST-LINE": "RFC 9112 lets a server take it, a request line has no second reading, and no body follows",
}

// C20: what two parsers may read in two ways is refused by the port and by the socket, and ends its connection:
// with a good login too, or a 401 would pass for a refusal.
func TestMalformedRequestsAreRefused(t *testing.T) {
	cases := corpus(t)
	g := start(t)
	var all sync.WaitGroup // at once, as some are refused when ReadTimeout is over
	for _, e := range g.endpoints() {
		all.Go(func() { assertRefused(t, e, "as they are", cases, slices.Clone[[]byte]) })
		all.Go(func() { assertRefused(t, e, "with a good login", cases, withLogin) })
	}
	all.Wait()
}

// assertRefused sends every case in this form, and wants refused what is not in notHeld.
func assertRefused(t *testing.T, e endpoint, name string, cases []malformed, form func([]byte) []byte) {
	taken := map[string]string{}
	var mu sync.Mutex // guards taken
	var all sync.WaitGroup
	for _, c := range cases {
		all.Go(func() {
			if why := refusal(e, c, form(c.Request)); why != "" {
				mu.Lock()
				taken[c.ID] = why
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(cases) != 69 || len(cases)-len(taken) < 55 {
		t.Errorf("by %s, %s: %d of %d are refused, want 55 of 69", e.network, name, len(cases)-len(taken), len(cases))
	}
	if got, want := slices.Sorted(maps.Keys(taken)), slices.Sorted(maps.Keys(notHeld)); !slices.Equal(got, want) {
		t.Errorf("by %s, %s: not refused: %v, want %v", e.network, name, taken, want)
	}
}

func corpus(t *testing.T) []malformed {
	t.Helper()
	folder := os.Getenv("GATEHOUSE_CORPORA")
	if folder == "" {
		t.Skip("GATEHOUSE_CORPORA is not set: there are no malformed requests to send")
	}
	text, err := os.ReadFile(filepath.Join(folder, "http11_strict.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []malformed
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// withLogin makes a request for / one for /authenticate that would be let in.
func withLogin(request []byte) []byte {
	request = bytes.Replace(request, []byte(" /"), []byte(" /authenticate"), 1)
	return bytes.Replace(request, []byte("\r\n\r\n"), []byte("\r\nAuthorization: "+alice+"\r\n\r\n"), 1)
}

// refusal says how gatehouse fails to refuse a case, or "".
func refusal(e endpoint, c malformed, request []byte) string {
	conn, err := net.Dial(e.network, e.address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	w := newWire(conn)
	if _, err := w.Write(request); err != nil {
		return err.Error()
	}
	switch first, err := w.read("POST"); {
	case err == io.EOF && c.CloseIsFine:
		return ""
	case err != nil:
		return err.Error()
	case first.status < 400:
		return first.text()
	case first.header.Get("X-Auth-Username") != "" || first.body != "":
		return "an answer that says more than its status: " + first.text()
	case w.isOpen():
		return "the connection stays open"
	}
	return ""
}
