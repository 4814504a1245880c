package ecflowrc

import (
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/e2e/ecflow"
)

// The real client says whether the tables of this package are true.
func TestRealClientDoesWhatCheckSays(t *testing.T) {
	real := ecflow.Install(t)
	cases := slices.Clone(fileCases)
	for _, p := range patternCases {
		c := fileCase{"pattern: " + p.name, file(bearer(p.pattern, "key1")), p.want, -1, ""}
		if p.want == Bearer {
			c.used, c.sent = 0, "Bearer key1"
		}
		cases = append(cases, c)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.ask(t, real)
		})
	}
}

// ask runs the real client with c's file and compares what it sends with the table and with Check.
func (c fileCase) ask(t *testing.T, real ecflow.Programs) {
	server := listen(t)
	path := filepath.Join(t.TempDir(), ".ecflowapirc")
	data := c.at(server.host, server.port)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, output := real.Client(t.Context(), path, "--https", "--host", server.host, "--port", server.port, "--ping")
	v := Check(path, data, server.host+":"+server.port)
	if v.Sends != c.want || v.Used != c.used {
		t.Errorf("Check differs\n%s", v)
	}
	requests := server.authorizations()
	if v.Sends == NoConnection {
		if len(requests) > 0 || !strings.Contains(output, "Failed to connect") {
			t.Errorf("the client sent %q and said %s\n%s", requests, output, v)
		}
		return
	}
	if len(requests) != 1 || requests[0] != c.sent {
		t.Errorf("the client sent %q, want %q; it said %s\n%s", requests, c.sent, output, v)
	}
}

// A listener is a TLS server that refuses everybody and keeps what they present.
type listener struct {
	host, port string
	mu         sync.Mutex // guards seen
	seen       []string
}

func listen(t *testing.T) *listener {
	l := new(listener)
	server := httptest.NewUnstartedServer(l)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	l.host, l.port, _ = net.SplitHostPort(server.Listener.Addr().String())
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	header := strings.Join(r.Header.Values("Authorization"), " and ")
	if pair, ok := strings.CutPrefix(header, "Basic "); ok {
		clear, _ := base64.StdEncoding.DecodeString(pair)
		header = "Basic " + string(clear)
	}
	l.seen = append(l.seen, header)
	w.WriteHeader(http.StatusUnauthorized)
}

// authorizations are the Authorization headers of all requests so far.
func (l *listener) authorizations() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}
