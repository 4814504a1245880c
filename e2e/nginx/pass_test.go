package nginx_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

func TestTheBackendsOwnAnswersPass(t *testing.T) {
	f, b, _ := startSite(t, "    proxy_intercept_errors on;")
	for path, raw := range backendAnswers {
		t.Run(path, func(t *testing.T) {
			want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw+"\r\n")), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := send(t, f.Addresses()[0], authorized(alice).to("GET "+path+" HTTP/1.1"))
			assertReached(t, b, isAlice)
			if got.StatusCode != want.StatusCode || got.body != backendBody {
				t.Errorf("status %d, body %q, want %d and the backend's", got.StatusCode, got.body, want.StatusCode)
			}
			for _, name := range []string{"X-Of", "Www-Authenticate", "Retry-After", "X-Auth-Reason"} {
				assertHeader(t, got, name, want.Header.Get(name))
			}
		})
	}
}

// A backend that is not there is 502, which nobody takes for an outage of gatehouse.
func TestABackendThatIsNotThere(t *testing.T) {
	g := startGateway(t)
	f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.Socket, Backend: "127.0.0.1:1"})
	if got := send(t, f.Addresses()[0], authorized(alice)); got.StatusCode != 502 {
		t.Errorf("status %d, want 502", got.StatusCode)
	}
}

// A fault inside nginx, after gatehouse's yes, stays 500: here a redirection that never ends.
func TestAFaultOfNginxStays500(t *testing.T) {
	f, _, _ := startSite(t, `
    location /endless {
        include snippets/gatehouse-protect.conf;
        try_files /nothing-here /endless;
    }`)
	got := send(t, f.Addresses()[0], authorized(alice).to("GET /endless HTTP/1.1"))
	if got.StatusCode != 500 {
		t.Errorf("status %d, want 500", got.StatusCode)
	}
	assertHeader(t, got, "Retry-After", "")
}

// C14: an upload arrives as it was sent, and gatehouse is asked about it once.
func TestUploads(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)
	sum := sha256.Sum256(body)
	chunked := new(bytes.Buffer)
	for part := range slices.Chunk(body, 100_000) {
		fmt.Fprintf(chunked, "%x\r\n%s\r\n", len(part), part)
	}
	chunked.WriteString("0\r\n\r\n")
	for _, variant := range []struct{ name, server, location string }{
		{"as shipped", "", ""},
		{"not buffered, with a limit of the location's own", "client_max_body_size 1k;", "client_max_body_size 11m; proxy_request_buffering off;"},
	} {
		t.Run(variant.name, func(t *testing.T) {
			g, b := startGateway(t), startBackend(t)
			door, asked := openCounter(t, g.Socket)
			edits := []rig.Edit{}
			if variant.server != "" {
				edits = append(edits,
					rig.Edit{"gatehouse.conf", "client_max_body_size 64m;", variant.server},
					rig.Edit{"gatehouse.conf", "    location / {\n", "    location / {\n" + variant.location + "\n"})
			}
			f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: door.socket, Backend: b.address, Edits: edits})
			for _, test := range []struct {
				name string
				r    request
			}{
				{"with a length", request{headers: []string{fmt.Sprintf("Content-Length: %d", len(body))}, body: bytes.NewReader(body)}},
				{"in chunks", request{headers: []string{"Transfer-Encoding: chunked"}, body: bytes.NewReader(chunked.Bytes())}},
			} {
				t.Run(test.name, func(t *testing.T) {
					r := test.r.to("POST /upload HTTP/1.1")
					r.headers = append(r.headers, "Authorization: "+kate)
					before := asked.Load()
					if got := send(t, f.Addresses()[1], r); got.StatusCode != 200 {
						t.Errorf("status %d, want 200", got.StatusCode)
					}
					got := assertReached(t, b, isKate)
					if got.length != int64(len(body)) || got.sum != hex.EncodeToString(sum[:]) {
						t.Errorf("%d bytes with sum %s reached the backend, want %d with %x", got.length, got.sum, len(body), sum)
					}
					if n := asked.Load() - before; n != 1 {
						t.Errorf("gatehouse was asked %d times, want once", n)
					}
				})
			}
		})
	}
}

func TestHTTP2(t *testing.T) {
	f, b, _ := startSite(t, "", rig.Edit{"gatehouse.conf", " ssl;", " ssl http2;"})
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	defer client.CloseIdleConnections()
	post := func(headers http.Header, body io.Reader) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+f.Addresses()[0]+"/", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = headers
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, got.Body)
		_ = got.Body.Close()
		if got.ProtoMajor != 2 {
			t.Errorf("the protocol is %s", got.Proto)
		}
		return got.StatusCode
	}
	claims := http.Header{"X-Auth-Username": {"root", "admin"}, "X-Auth-Roles": {"operators"}, "X_auth_username": {"root"}}
	if status := post(claims, nil); status != 401 || len(b.take()) != 0 {
		t.Errorf("without a credential: status %d", status)
	}
	claims.Set("Authorization", bob)
	if status := post(claims, io.MultiReader(bytes.NewReader(make([]byte, 10<<20)))); status != 200 { // without a length
		t.Errorf("an upload: status %d", status)
	}
	if got := assertReached(t, b, isBob); got.length != 10<<20 {
		t.Errorf("%d bytes reached the backend", got.length)
	}
	claims.Add("Authorization", alice)
	if status := post(claims, nil); status != 400 || len(b.take()) != 0 {
		t.Errorf("two credentials: status %d", status)
	}
}

// C14: a client that waits for leave to send its body gets it only with a good credential.
func TestAClientThatAsksBeforeItSends(t *testing.T) {
	f, b, _ := startSite(t, "")
	headers := []string{"Content-Length: 4", "Expect: 100-continue"}
	r := authorized(wrongPass, headers...).to("POST / HTTP/1.1")
	assertNotReached(t, b, send(t, f.Addresses()[0], r), 401)

	conn := dial(t, f.Addresses()[0], "")
	defer conn.Close()
	r = authorized(alice, headers...).to("POST / HTTP/1.1")
	if got := exchange(t, conn, r); got.StatusCode != 100 {
		t.Fatalf("status %d, want 100", got.StatusCode)
	}
	if _, err := io.WriteString(conn, "body"); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || got.StatusCode != 200 {
		t.Fatalf("after the body: %v, %v", got, err)
	}
	if record := assertReached(t, b, isAlice); record.length != 4 {
		t.Errorf("%d bytes reached the backend, want 4", record.length)
	}
}

// C14: HEAD reaches the backend as HEAD.
func TestHeadStaysHead(t *testing.T) {
	f, b, _ := startSite(t, "")
	got := send(t, f.Addresses()[0], authorized(alice).to("HEAD /x HTTP/1.1"))
	if got.StatusCode != 200 || got.body != "" || got.Header.Get("X-Of") != "backend" {
		t.Errorf("status %d, body %q, headers %v", got.StatusCode, got.body, got.Header)
	}
	if record := assertReached(t, b, isAlice); record.line != "HEAD /x HTTP/1.1" {
		t.Errorf("the backend was asked %q", record.line)
	}
	assertNotReached(t, b, send(t, f.Addresses()[0], authorized(wrongKey).to("HEAD /x HTTP/1.1")), 401)
}

// C19: what is large is let in or refused, and is never a fault. How quickly: e2e/load.
func TestLargeHeaders(t *testing.T) {
	f, b, _ := startSite(t, "")
	var cookies []string
	for i := range 4 {
		cookies = append(cookies, fmt.Sprintf("Cookie: c%d=%s", i, strings.Repeat("x", 7500)))
	}
	t.Run("30 kB of cookies reach the backend", func(t *testing.T) {
		send(t, f.Addresses()[0], authorized(alice, cookies...))
		if got := assertReached(t, b, isAlice).folded("Cookie"); len(strings.Join(got, "")) < 30_000 {
			t.Errorf("%d cookies reached the backend", len(got))
		}
	})
	t.Run("30 kB of cookies and no credential are 401", func(t *testing.T) {
		assertNotReached(t, b, send(t, f.Addresses()[0], request{headers: cookies}), 401)
	})
	t.Run("a key of 8 kB is 401", func(t *testing.T) {
		key := "Bearer " + strings.Repeat("x", 8100)
		assertNotReached(t, b, send(t, f.Addresses()[0], authorized(key)), 401)
	})
	t.Run("a header larger than nginx takes is 400", func(t *testing.T) {
		key := "Bearer " + strings.Repeat("x", 9000)
		assertNotReached(t, b, send(t, f.Addresses()[0], authorized(key)), 400)
	})
	t.Run("a user with very many roles gets through", func(t *testing.T) {
		send(t, f.Addresses()[0], authorized(roleRich))
		got := assertReached(t, b, identity{"rich", "portal", strings.Join(roles(138), ",")})
		size := 0
		for _, name := range []string{"Authorization", "X-Auth-Username", "X-Auth-Realm", "X-Auth-Roles"} {
			size += len(strings.Join(got.folded(name), ""))
		}
		if size < 13_500 || size > 15_000 {
			t.Errorf("what gatehouse says measures %d bytes: that is not near the limit of 15000", size)
		}
	})
	t.Run("a user with too many roles is refused with the reason", func(t *testing.T) {
		got := send(t, f.Addresses()[0], authorized(roleLoad))
		assertNotReached(t, b, got, 403)
		assertHeader(t, got, "X-Auth-Reason", "too many roles")
	})
}

// C14: WebSocket passes with a credential, and no other tunnel does.
func TestWebSocket(t *testing.T) {
	f, b, _ := startSite(t, "")
	upgrade := func(to string) []string { return []string{"Connection: Upgrade", "Upgrade: " + to} }

	conn := dial(t, f.Addresses()[0], "")
	defer conn.Close()
	r := authorized(alice, upgrade("WebSocket")...).to("GET /socket HTTP/1.1")
	if got := exchangeHead(t, conn, r); got.StatusCode != 101 {
		t.Fatalf("status %d, want 101", got.StatusCode)
	}
	echo := make([]byte, 5)
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
		t.Errorf("the socket echoes %q: %v", echo, err)
	}
	assertReached(t, b, isAlice)

	r.headers = upgrade("websocket")
	assertNotReached(t, b, send(t, f.Addresses()[0], r), 401)

	// Any other protocol would be a tunnel that gatehouse does not see into.
	for _, protocol := range []string{"h2c", "websocket, h2c", "h2c,websocket", "TLS/1.2"} {
		r := authorized(alice, "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Connection: close, Upgrade, HTTP2-Settings", "Upgrade: "+protocol)
		if got := send(t, f.Addresses()[0], r.to("GET /socket HTTP/1.1")); got.StatusCode != 200 {
			t.Errorf("Upgrade: %s: status %d, want 200", protocol, got.StatusCode)
		}
		record := assertReached(t, b, isAlice)
		if got := append(record.folded("Upgrade"), record.folded("Connection")...); !slices.Equal(got, []string{"close"}) && len(got) != 0 {
			t.Errorf("Upgrade: %s: the backend sees %q", protocol, got)
		}
	}
}

func TestConnectionsToTheGatewayAreKept(t *testing.T) {
	b := startBackend(t)
	for _, socket := range []struct {
		name string
		open func(t *testing.T) *door
	}{
		{"by gatehouse", func(t *testing.T) *door { return openRelay(t, startGateway(t).Socket) }},
		{"by a fake", func(t *testing.T) *door { return startFake(t, fakeYes).door }},
	} {
		t.Run(socket.name, func(t *testing.T) {
			door := socket.open(t)
			f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: door.socket, Backend: b.address})
			for range 20 {
				for _, r := range []request{authorized(alice), authorized(wrongPass), authorized(brokenKey)} {
					send(t, f.Addresses()[0], r)
				}
			}
			if n := door.connections.Load(); n != 1 {
				t.Errorf("60 requests took %d connections, want 1", n)
			}
		})
	}
}

// A gateway that was started anew hangs up on the connections that nginx keeps: no client notices.
func TestAGatewayThatWasRestarted(t *testing.T) {
	g, b := startFake(t, fakeYes), startBackend(t)
	f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address})
	for range 5 {
		if got := send(t, f.Addresses()[0], authorized(alice)); got.StatusCode != 200 {
			t.Errorf("status %d, want 200", got.StatusCode)
		}
		g.hangUp()
	}
	if n := g.connections.Load(); n != 5 {
		t.Errorf("%d connections, want 5", n)
	}
}

func TestOneOfTwoGatewaysWillDo(t *testing.T) {
	g, b := startFake(t, fakeYes), startBackend(t)
	for _, other := range []string{g.socket, "/nowhere/gatehouse.sock"} {
		f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address, Edits: []rig.Edit{{
			"snippets/gatehouse-upstream.conf", "    keepalive 32;", "    server unix:" + other + ";\n    keepalive 32;",
		}}})
		for range 5 {
			if got := send(t, f.Addresses()[0], authorized(alice)); got.StatusCode != 200 {
				t.Errorf("status %d, want 200", got.StatusCode)
			}
		}
	}
}
