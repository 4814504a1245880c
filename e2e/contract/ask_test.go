package contract_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A question is a request to gatehouse. Its header lines are sent as they stand.
type question struct {
	line      string // METHOD PATH
	header    []string
	toMetrics bool
}

func ask(line string, header ...string) question { return question{line: line, header: header} }

// onMetrics puts the question to the port of metrics.
func (q question) onMetrics() question {
	q.toMetrics = true
	return q
}

// An answer is one as it came.
type answer struct {
	status int
	header http.Header
	body   string
	head   string // the lines as they were sent
}

func (q question) put(t *testing.T, s *site) answer {
	t.Helper()
	to := s.app
	if q.toMetrics {
		to = s.metrics
	}
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := append([]string{q.line + " HTTP/1.1", "Host: auth", "Connection: close"}, q.header...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(raw), "\r\n\r\n")
	method, _, _ := strings.Cut(q.line, " ")
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v in %q", q.line, err, raw)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodHead {
		body = []byte(rest) // which a client would not read
	}
	return answer{response.StatusCode, response.Header, string(body), head}
}

// anything is a body that nothing is said of.
const anything = "\x00"

// gets wants an answer with a status, a body byte for byte, and headers: "Name: value", "Name: *" for any value that
// is not empty, "!Name" for none.
func (q question) gets(status int, body string, headers ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		a := q.put(t, s)
		if a.status != status || body != anything && a.body != body {
			t.Errorf("%s: got %d %q, want %d %q", q.line, a.status, a.body, status, body)
		}
		for _, h := range headers {
			a.wants(t, q.line, h)
		}
	}
}

func (a answer) wants(t *testing.T, line, header string) {
	t.Helper()
	name, value, _ := strings.Cut(header, ": ")
	name, none := strings.CutPrefix(name, "!")
	got, ok := a.header[http.CanonicalHeaderKey(name)]
	switch {
	case none && ok:
		t.Errorf("%s: got %s: %q, want none", line, name, got)
	case none:
	case len(got) != 1, value == "*" && got[0] == "", value != "*" && got[0] != value:
		t.Errorf("%s: got %s: %q, want one: %q", line, name, got, value)
	}
}

// unauthorized is auth-o-tron's body of every 401.
const unauthorized = `{"error": "Unauthorized access"}`

// refused wants the 401, byte for byte, with a challenge.
func (q question) refused(challenge string) check {
	return q.gets(401, unauthorized, "Content-Type: application/json", "Content-Length: 32", "WWW-Authenticate: "+challenge)
}

// counts wants a status, and that auth_requests_total grows by one, for a result and a realm.
func (q question) counts(status int, result, realm string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		before := s.decisions(t)
		q.gets(status, anything)(t, s)
		after := s.decisions(t)
		before[[2]string{realm, result}]++
		if !maps.Equal(after, before) {
			t.Errorf("%s %q: counted are %v, want %v", q.line, q.header, after, before)
		}
	}
}

// lets wants the user to be let in by the realm's provider.
func (q question) lets(user, realm string) check {
	return q.gets(200, "Authenticated successfully", "X-Auth-Username: "+user, "X-Auth-Realm: "+realm)
}

func (s *site) scrape(t *testing.T) string {
	t.Helper()
	a := ask("GET /metrics").onMetrics().put(t, s)
	if a.status != 200 {
		t.Fatalf("/metrics: %d", a.status)
	}
	return a.body
}

// decisions is auth_requests_total by realm and result.
func (s *site) decisions(t *testing.T) map[[2]string]int {
	t.Helper()
	counted := map[[2]string]int{}
	for _, found := range regexp.MustCompile(`(?m)^auth_requests_total\{realm="(.*)",result="(.*)"\} (\d+)$`).FindAllStringSubmatch(s.scrape(t), -1) {
		counted[[2]string{found[1], found[2]}], _ = strconv.Atoi(found[3])
	}
	return counted
}

func basic(pair string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}
