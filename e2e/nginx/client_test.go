package nginx_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A request is sent as it is written here, with Host and Connection: close added.
type request struct {
	line    string // default: GET / HTTP/1.1
	headers []string
	body    io.Reader // sent after the head, framed by the headers
	from    string    // the local address, "" for any
}

// An answer is what the client got.
type answer struct {
	*http.Response
	body string
}

// dial opens a TLS connection. The certificate is self-signed, and who the server is does not matter here.
func dial(t *testing.T, address, from string) net.Conn {
	t.Helper()
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", address,
		&tls.Config{InsecureSkipVerify: true, ServerName: "www.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// send sends r to an address and reads the whole answer.
func send(t *testing.T, address string, r request) answer {
	t.Helper()
	conn := dial(t, address, r.from)
	defer conn.Close()
	return exchange(t, conn, r)
}

// exchange sends r and reads the whole answer.
func exchange(t *testing.T, conn net.Conn, r request) answer {
	t.Helper()
	response := exchangeHead(t, conn, r)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", r.line, err)
	}
	return answer{response, string(body)}
}

// exchangeHead sends r and reads the answer's head.
func exchangeHead(t *testing.T, conn net.Conn, r request) *http.Response {
	t.Helper()
	if r.line == "" {
		r.line = "GET / HTTP/1.1"
	}
	head := strings.Join(append([]string{r.line, "Host: www.example.org"}, r.headers...), "\r\n") + "\r\n"
	if !strings.Contains(head, "\r\nConnection:") {
		head += "Connection: close\r\n"
	}
	if r.body == nil {
		r.body = strings.NewReader("")
	}
	if _, err := io.Copy(conn, io.MultiReader(strings.NewReader(head+"\r\n"), r.body)); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(r.line, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", r.line, err)
	}
	return response
}

func authorized(authorization string, more ...string) request {
	return request{headers: append([]string{"Authorization: " + authorization}, more...)}
}

func (r request) to(line string) request {
	r.line = line
	return r
}

// An identity is whom the backend is to see.
type identity struct{ name, realm, roles string }

var (
	isAlice = identity{"alice", "local", "operators,staff"}
	isBob   = identity{"bob", "local", ""}
	isFiona = identity{"fiona", "file", ""}
	isKate  = identity{"kate", "portal", "readers"}
)

// assertReached wants exactly one request at the backend, and in it exactly the gateway's words: one of
// each header, under any spelling, and our own token. It returns the request.
func assertReached(t *testing.T, b *backend, want identity) record {
	t.Helper()
	records := b.take()
	if len(records) != 1 {
		t.Fatalf("%d requests reached the backend, want 1", len(records))
	}
	got := records[0]
	for name, value := range map[string]string{
		"X-Auth-Username": want.name, "X-Auth-Realm": want.realm, "X-Auth-Roles": want.roles,
	} {
		values := []string{value}
		if value == "" {
			values = nil // nginx sends no header without a value
		}
		if seen := got.folded(name); !slices.Equal(seen, values) {
			t.Errorf("the backend sees %s: %q, want %q", name, seen, values)
		}
		// ecflow_server knows this spelling only.
		if value != "" && !slices.Contains(got.headers, header{name, value}) {
			t.Errorf("the backend does not see %s spelled so: %q", name, got.headers)
		}
	}
	for _, h := range got.headers {
		switch folded := strings.ToLower(strings.ReplaceAll(h.name, "_", "-")); {
		case slices.Contains([]string{"x-auth-username", "x-auth-realm", "x-auth-roles"}, folded):
		case strings.HasPrefix(folded, "x-auth-"), strings.HasSuffix(folded, "remote-user"), strings.HasSuffix(folded, "-user"):
			t.Errorf("the backend sees %s: %s", h.name, h.value)
		}
	}
	assertOurToken(t, got.folded("Authorization"), want)
	return got
}

// assertOurToken wants one token that gatehouse signed for the user.
func assertOurToken(t *testing.T, authorizations []string, want identity) {
	t.Helper()
	if len(authorizations) != 1 {
		t.Errorf("the backend sees Authorization: %q, want one", authorizations)
		return
	}
	token, bearer := strings.CutPrefix(authorizations[0], "Bearer ")
	dot := strings.LastIndex(token, ".")
	if !bearer || dot < 0 {
		t.Errorf("the backend sees Authorization: %q, want a token of gatehouse", authorizations)
		return
	}
	mac := hmac.New(sha256.New, []byte(jwtSecret))
	mac.Write([]byte(token[:dot]))
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		t.Errorf("the token %q is not signed by gatehouse: %v", token, err)
		return
	}
	var claims struct {
		Username, Realm string
		Roles           []string
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.NewDecoder(bytes.NewReader(body)).Decode(&claims) != nil {
		t.Errorf("the token's claims %q: %v", body, err)
	}
	if got := (identity{claims.Username, claims.Realm, strings.Join(claims.Roles, ",")}); got != want {
		t.Errorf("the token is for %+v, want %+v", got, want)
	}
}

// assertNotReached wants the status, and nothing at the backend.
func assertNotReached(t *testing.T, b *backend, got answer, status int) {
	t.Helper()
	if got.StatusCode != status {
		t.Errorf("status %d, want %d", got.StatusCode, status)
	}
	if strings.Contains(got.body, strings.TrimSpace(backendBody)) {
		t.Errorf("the client got the backend's page with status %d", got.StatusCode)
	}
	if records := b.take(); len(records) != 0 {
		t.Errorf("%d requests reached the backend, want none: %q", len(records), records[0].line)
	}
}

// assertHeader wants one header with the value, or none where it is "".
func assertHeader(t *testing.T, got answer, name, want string) {
	t.Helper()
	values := []string{want}
	if want == "" {
		values = nil
	}
	if !slices.Equal(got.Header.Values(name), values) {
		t.Errorf("%s: %q, want %q", name, got.Header.Values(name), values)
	}
}

func dialPlain(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}
