package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/tools/txtar"

	"gatehouse/e2e/canary"
	"gatehouse/e2e/rig"
	"gatehouse/metrics"
)

// TestScenarios runs every testdata/*.txt: a config, then requests with their answers, or the faults that
// the config has. testdata/README.md says how such a file is written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			newScenario(t, archive).run(t)
		})
	}
}

type scenario struct {
	sections []txtar.File
	folder   string
	environ  []string
	address  string
	last     *http.Response
}

func newScenario(t *testing.T, archive *txtar.Archive) *scenario {
	s := &scenario{sections: archive.Files, folder: t.TempDir()}
	service := ""
	for _, f := range archive.Files {
		if f.Name == "service" {
			service = keyService(t, string(f.Data))
		}
	}
	for _, f := range archive.Files {
		text := strings.ReplaceAll(string(f.Data), "{{service}}", service)
		switch {
		case f.Name == "env":
			s.environ = strings.Split(strings.TrimSpace(text), "\n")
		case strings.Contains(f.Name, "."):
			if err := os.WriteFile(filepath.Join(s.folder, f.Name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// keyService answers like a remote API-key service: one line for each key, with a status and a body.
func keyService(t *testing.T, table string) string {
	answers := map[string][2]string{}
	for line := range strings.Lines(table) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		status, body, _ := strings.Cut(rest, " ")
		answers[key] = [2]string{status, body}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Query().Get("token")
		if key == "" {
			_, key, _ = strings.Cut(r.Header.Get("Authorization"), " ")
		}
		answer, ok := answers[key]
		if !ok {
			t.Errorf("the key service was asked for %q, which no line names", key)
		}
		if status, err := strconv.Atoi(answer[0]); err == nil {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer[1])
			return
		}
		panic(http.ErrAbortHandler) // "reset"
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (s *scenario) run(t *testing.T) {
	c, doc := load(filepath.Join(s.folder, "config.yaml"), s.environ)
	var faults strings.Builder
	for _, f := range doc.Faults() {
		fmt.Fprintln(&faults, strings.ReplaceAll(f.String(), s.folder+"/", ""))
	}
	want := ""
	for _, f := range s.sections {
		if f.Name == "faults" {
			want = string(f.Data)
		}
	}
	if got := faults.String(); got != want {
		t.Errorf("faults:\n%s\nwant:\n%s", got, want)
	}
	if doc.Failed() {
		return
	}
	s.address = startHouse(t, c, s.secrets()) // C16
	for _, f := range s.sections {
		switch kind, title, _ := strings.Cut(f.Name, ": "); kind {
		case "request":
			s.send(t, title, string(f.Data))
		case "response":
			s.compare(t, title, string(f.Data))
		case "claims":
			s.compareClaims(t, title, f.Data)
		}
	}
}

// secrets are those of config.yaml and its files, and every password and key that the requests present.
func (s *scenario) secrets() (list []string) {
	files := map[string]string{}
	for _, f := range s.sections {
		files[f.Name] = string(f.Data)
	}
	for _, f := range s.sections {
		for _, m := range basicMacro.FindAllStringSubmatch(string(f.Data), -1) {
			_, password, _ := strings.Cut(m[1], ":")
			list = append(list, password)
		}
		for _, m := range bearer.FindAllStringSubmatch(string(f.Data), -1) {
			list = append(list, m[1])
		}
	}
	return append(list, canary.InConfig(files["config.yaml"], files)...)
}

// bearer finds keys. Shorter ones of the scenarios are words that the log may say.
var bearer = regexp.MustCompile(`(?i)Bearer ([A-Za-z0-9+/._~=-]{10,})`)

// startHouse builds what c says and answers on a loopback port until the test ends. None of secrets may then have
// been logged, at whatever level.
func startHouse(t *testing.T, c *Config, secrets []string) string {
	t.Helper()
	c.Logging.Level = "trace"
	said := new(rig.Output)
	t.Cleanup(func() { canary.Check(t, "the log", said.String(), secrets) })
	return answer(t, zerolog.New(io.MultiWriter(said, zerolog.NewTestWriter(t))), c, nil)
}

// answer answers on a loopback port for the house of c until the test ends; out is nil for its own.
func answer(t *testing.T, log zerolog.Logger, c *Config, out *wayOut) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := newEstate(ctx, log, new(level), nil, metrics.New("test"))
	if err != nil {
		t.Fatal(err)
	}
	e.out = out
	if err := e.enter(ctx, c); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- e.server.Serve([]net.Listener{l}) }()
	t.Cleanup(func() {
		if err := e.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-done
		cancel()
	})
	return l.Addr().String()
}

var basicMacro = regexp.MustCompile(`\{\{basic (.*?)\}\}`)

// send writes the request as it stands, but for {{basic USER:PASSWORD}} and a Host.
func (s *scenario) send(t *testing.T, title, text string) {
	text = basicMacro.ReplaceAllStringFunc(text, func(m string) string {
		pair, err := strconv.Unquote(`"` + basicMacro.FindStringSubmatch(m)[1] + `"`)
		if err != nil {
			t.Fatal(err)
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	})
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	request := lines[0] + "\r\nHost: gatehouse\r\nConnection: close\r\n" + strings.Join(lines[1:], "\r\n")
	if len(lines) > 1 {
		request += "\r\n"
	}
	s.last = exchange(t, s.address, request+"\r\n", title)
}

// exchange sends raw bytes and returns the answer with its body read.
func exchange(t *testing.T, address, request, title string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// compare wants the status, the headers that are named, and the body where there is one. Values are
// patterns as of path.Match; !NAME wants no such header.
func (s *scenario) compare(t *testing.T, title, text string) {
	head, body, hasBody := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	if got := strconv.Itoa(s.last.StatusCode); got != lines[0] {
		t.Errorf("%s: status %s, want %s", title, got, lines[0])
	}
	for _, line := range lines[1:] {
		if absent, ok := strings.CutPrefix(line, "!"); ok {
			if got := s.last.Header.Values(absent); len(got) != 0 {
				t.Errorf("%s: %s: %q, want none", title, absent, got)
			}
			continue
		}
		name, want, _ := strings.Cut(line, ":")
		got := s.last.Header.Values(name)
		if len(got) != 1 || !matches(strings.TrimSpace(want), got[0]) {
			t.Errorf("%s: %s: %q, want one %q", title, name, got, strings.TrimSpace(want))
		}
	}
	if !hasBody {
		return
	}
	got, _ := io.ReadAll(s.last.Body)
	if strings.TrimRight(body, "\n") != string(got) {
		t.Errorf("%s: body %q, want %q", title, got, body)
	}
}

// matches compares with *, which stands for anything but nothing.
func matches(pattern, text string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == text
	}
	ok, err := path.Match(pattern, strings.ReplaceAll(text, "/", "_"))
	return err == nil && ok && text != ""
}

// compareClaims wants the token's claims, but for those of the clock.
func (s *scenario) compareClaims(t *testing.T, title string, text []byte) {
	got := claimsOf(t, s.last)
	for _, clock := range []string{"iat", "exp"} {
		if _, ok := got[clock].(float64); !ok {
			t.Errorf("%s: claim %s is %v, want a number", title, clock, got[clock])
		}
		delete(got, clock)
	}
	var want map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: claims\n%v\nwant\n%v", title, got, want)
	}
}

func claimsOf(t *testing.T, response *http.Response) map[string]any {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(response.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		t.Fatalf("no token in %q", response.Header)
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
