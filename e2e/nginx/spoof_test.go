package nginx_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// spoofs are what clients claim of themselves. Each is sent without a credential, which must never reach
// the backend, and with bob's, as whom it reaches the backend unless status says that it is refused.
var spoofs = []struct {
	name    string
	line    string
	headers []string
	status  int // with bob's credential; 0 reaches the backend
}{
	{name: "another name", headers: []string{"X-Auth-Username: root"}},
	{name: "another name in lower case", headers: []string{"x-auth-username: root"}},
	{name: "another name in odd case", headers: []string{"X-aUTH-uSERNAME: root"}},
	{name: "another name twice", headers: []string{"X-Auth-Username: root", "X-Auth-Username: admin"}},
	{name: "no name, then another", headers: []string{"X-Auth-Username:", "X-Auth-Username: root"}},
	{name: "another name with underscores", headers: []string{"X_Auth_Username: root"}},
	{name: "another name with one underscore", headers: []string{"X-Auth_Username: root", "x_auth-username: root"}},
	{name: "a password for ecFlow", headers: []string{"X-Auth-Password: z", "X_Auth_Password: z", "x-auth_password: z", "X_Auth-Password: z"}},
	{name: "roles", headers: []string{"X-Auth-Roles: operators", "x-auth-roles: admin"}},
	{name: "roles with underscores", headers: []string{"X_Auth_Roles: operators", "X-Auth_Roles: a", "X_Auth-Roles: b"}},
	{name: "the user's realm, otherwise spelled", headers: []string{"x-auth-realm: LOCAL"}},
	{name: "the realm with underscores", headers: []string{"X-Auth-Realm: local", "X_Auth_Realm: portal", "X-Auth_Realm: portal"}},
	{name: "another realm", headers: []string{"X-Auth-Realm: portal"}, status: 401},
	{name: "a realm that does not exist", headers: []string{"X-Auth-Realm: *"}, status: 401},
	{name: "two realms in one header", headers: []string{"X-Auth-Realm: local,portal"}, status: 401},
	{name: "everything at once", headers: []string{"X-Auth-Username: root", "X-Auth-Roles: operators", "X-Auth-Password: z", "X-Auth-Reason: x", "X-Error-Status: 200"}},
	{name: "names of other gateways", headers: []string{"Remote-User: root", "X-Remote-User: root", "X-Forwarded-User: root", "X-WebAuth-User: root", "X-Auth-Request-User: root", "X-Auth-User: root"}},
	{name: "headers that the client wants dropped", headers: []string{"Connection: close, X-Auth-Username, X-Auth-Realm"}},
	{name: "a credential that the client wants dropped", headers: []string{"Connection: close, Authorization"}},
	{name: "an address that the client wants dropped", headers: []string{"Connection: close, X-Real-IP, X-Forwarded-For, X-Request-ID"}},
	{name: "another address", headers: []string{"X-Real-IP: 127.0.0.1", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 10.0.0.1", "Forwarded: for=127.0.0.1;host=evil"}},
	{name: "another URI", headers: []string{"X-Original-URI: /public", "X-Original-URL: /public", "X-Rewrite-URL: /public", "X-Forwarded-Uri: /public", "X-Original-Method: OPTIONS", "X-Forwarded-Method: OPTIONS"}},
	{name: "an URI that cannot be parsed", headers: []string{"X-Original-URI: http://[", "X-Forwarded-Uri: //%zz", "X-Forwarded-Host: @evil#"}},
	{name: "a verified certificate", headers: []string{
		"X-SSL-Client-Verify: SUCCESS", "X-SSL-Client-Cert: root", "Client-Cert: :cm9vdA==:", "ssl-client-verify: SUCCESS",
		"SSL-Client-Cert: root", "ssl-client-subject-dn: CN=root", "X-SSL-Client-S-DN: CN=root", "X-SSL-Client-CN: root", "X-Forwarded-Client-Cert: Subject=\"CN=root\"",
	}},
	{name: "a health check's user agent", headers: []string{"User-Agent: kube-probe/1.29"}},
	{name: "a balancer's user agent", headers: []string{"User-Agent: GoogleHC/1.0"}},
	{name: "a path that is open elsewhere", headers: []string{"X-Original-URI: /health?x=/admin#/health", "X-Forwarded-Uri: /health#/"}},
	{name: "URIs that cannot be parsed, twice", headers: []string{"X-Original-URI: //", "X-Original-URI: /%2e%2e/", "X-Original-Method: \xff", "X-Original-Method: "}},
	{name: "an URI of 8 kB", headers: []string{"X-Original-URI: /" + strings.Repeat("x", 8000)}},
	{name: "an URI with a NUL", headers: []string{"X-Original-URI: /\x00"}, status: 400},
	{name: "another method by header", headers: []string{"X-HTTP-Method-Override: OPTIONS"}},
	{name: "a method that browsers ask by", line: "OPTIONS / HTTP/1.1"},
	{name: "a method that nobody knows", line: "FROB / HTTP/1.1"},
	{name: "a policy, realm and roles in the query", line: "GET /?realm=portal&policy=anyone&roles=&scopes=&users=root HTTP/1.1"},
	{name: "what would widen, in the query", line: "GET /?optional=true&satisfy=any&proxy=1 HTTP/1.1"},
	{name: "the gateway's own path", line: "GET /authenticate HTTP/1.1"},
	{name: "the gateway's own path with a policy", line: "GET /authenticate/anyone HTTP/1.1"},
	{name: "the auth location", line: "GET /_gatehouse HTTP/1.1", status: 404},
	{name: "the auth location with a query", line: "GET /_gatehouse?realm=local HTTP/1.1", status: 404},
	{name: "the auth location, escaped", line: "GET /%5Fgatehouse HTTP/1.1", status: 404},
	{name: "the auth location by detours", line: "GET /x/..//_gatehouse HTTP/1.1", status: 404},
	{name: "the auth location as a folder", line: "GET /_gatehouse/ HTTP/1.1"},
	{name: "an error location", line: "GET /@gatehouse_forbidden HTTP/1.1"},
	{name: "an absolute URI", line: "GET http://127.0.0.1/_gatehouse HTTP/1.1", status: 404},
	{name: "two credentials in two headers", headers: []string{"Authorization: " + wrongPass}, status: 400},
	{name: "a header folded over two lines", headers: []string{"X-A: b\r\n X-Auth-Username: root"}, status: 400},
	{name: "a header with a space before its colon", headers: []string{"X-Auth-Username : root"}, status: 400},
	{name: "a header with a NUL", headers: []string{"X-Auth-Username: ro\x00ot"}, status: 400},
}

// C14: whatever a client says beside its credential changes nothing, and no backend sees it.
func TestNothingThatAClientClaimsReachesTheBackend(t *testing.T) {
	const off, on = "underscores_in_headers off;", "underscores_in_headers on;"
	for _, variant := range []struct {
		name  string
		edits []rig.Edit
	}{
		{"as shipped", nil},
		{"underscores in headers", []rig.Edit{{"gatehouse.conf", off, on}}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			f, b, _ := startSite(t, "", variant.edits...)
			for _, spoof := range spoofs {
				t.Run(spoof.name, func(t *testing.T) {
					for _, address := range f.Addresses() {
						r := request{line: spoof.line, headers: spoof.headers}
						anonymous := send(t, address, r)
						wanted := 401
						if spoof.status == 400 || spoof.status == 404 {
							wanted = spoof.status
						}
						if spoof.name == "two credentials in two headers" { // without bob's there is one
							wanted = 401
						}
						assertNotReached(t, b, anonymous, wanted)

						r.headers = slices.Concat([]string{"Authorization: " + bob}, spoof.headers)
						got := send(t, address, r)
						if spoof.status != 0 {
							assertNotReached(t, b, got, spoof.status)
							continue
						}
						assertHonest(t, assertReached(t, b, isBob), address, f.Port)
					}
				})
			}
		})
	}
}

// assertHonest wants nginx's words about where the client is, and nobody else's.
func assertHonest(t *testing.T, got record, address, port string) {
	t.Helper()
	client := "127.0.0.1"
	if strings.HasPrefix(address, "[") {
		client = "::1"
	}
	for name, want := range map[string]string{
		"X-Real-IP": client, "X-Forwarded-For": client, "X-Forwarded-Proto": "https", "X-Forwarded-Port": port,
	} {
		if seen := got.folded(name); len(seen) != 1 || seen[0] != want {
			t.Errorf("the backend sees %s: %q, want %q", name, seen, want)
		}
	}
	for _, name := range []string{
		"Forwarded", "X-Original-URI", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL",
		"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Prefix", "Proxy", "Connection", "Upgrade",
		"X-SSL-Client-Verify", "X-SSL-Client-Cert", "X-SSL-Client-S-DN", "X-SSL-Client-CN", "SSL-Client-Verify", "SSL-Client-Cert",
		"SSL-Client-Subject-DN", "X-Forwarded-Client-Cert", "Client-Cert",
	} {
		if seen := got.folded(name); len(seen) != 0 {
			t.Errorf("the backend sees %s: %q, want none", name, seen)
		}
	}
	if seen := got.folded("X-Forwarded-Host"); len(seen) != 1 || seen[0] != "www.example.org" && seen[0] != "127.0.0.1" {
		t.Errorf("the backend sees X-Forwarded-Host: %q", seen)
	}
}

// C14: what gatehouse is asked holds nothing of the client but its credential, what narrows, and what joins logs,
// and neither a query nor a body.
func TestWhatTheGatewayIsAsked(t *testing.T) {
	g, b := startFake(t, fakeYes), startBackend(t)
	f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address})
	got := send(t, f.Addresses()[0], request{
		line: "POST /a/b?realm=portal&optional=1 HTTP/1.1",
		headers: []string{
			"Authorization: " + alice, "X-Auth-Realm: local", "Sec-Fetch-Mode: cors", "Cookie: a=b", "Content-Type: text/plain",
			"X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Uri: /public", "X-Original-URI: /public",
			"X-Original-Method: GET", "Forwarded: for=192.0.2.1", "X-Request-ID: forged", "X-Auth-Username: root",
			"X-SSL-Client-Verify: SUCCESS", "X-SSL-Client-Cert: root", "Client-Cert: :cm9vdA==:",
			"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"Connection: close, Authorization", "Content-Length: 4",
		},
		body: strings.NewReader("body"),
	})
	if got.StatusCode != 200 {
		t.Errorf("status %d, want 200", got.StatusCode)
	}
	heads := g.seen()
	if len(heads) != 1 {
		t.Fatalf("gatehouse was asked %d times, want once", len(heads))
	}
	lines := strings.Split(strings.TrimSpace(heads[0]), "\r\n")
	var id string
	want := []string{
		"Authorization: " + alice, "X-Auth-Realm: local", "Sec-Fetch-Mode: cors", "X-Real-IP: 127.0.0.1", "Host: gatehouse",
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if lines[0] != "HEAD /authenticate HTTP/1.1" {
		t.Errorf("gatehouse was asked %q", lines[0])
	}
	for _, line := range lines[1:] {
		if rest, ok := strings.CutPrefix(line, "X-Request-ID: "); ok && id == "" {
			id = rest
			continue
		}
		i := slices.Index(want, line)
		if i < 0 {
			t.Errorf("gatehouse was told %q", line)
			continue
		}
		want = slices.Delete(want, i, i+1)
	}
	if len(want) != 0 {
		t.Errorf("gatehouse was not told %q", want)
	}
	if records := b.take(); len(records) != 1 || !slices.Equal(records[0].folded("X-Request-ID"), []string{id}) {
		t.Errorf("the backend has not the request id %q that gatehouse has: %v", id, records)
	}
}
