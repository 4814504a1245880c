package nginx_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

const ecflowLine = "POST /v1/ecflow HTTP/1.1"

// startEcflow starts nginx with ecflow.conf and the listener for tasks.
func startEcflow(t *testing.T, gateway, backend string) *rig.Front {
	return startFront(t, rig.Site{Files: []string{"ecflow.conf", "ecflow-tasks.conf"}, Gateway: gateway, Backend: backend})
}

func TestEcflow(t *testing.T) {
	b := startBackend(t)
	f := startEcflow(t, startGateway(t).Socket, b.address)
	for _, test := range []struct {
		name    string
		request request
		status  int // 0 reaches the backend
	}{
		{"a good credential reaches ecFlow", authorized(alice, "X-Auth-Password: z").to(ecflowLine), 0},
		{"a query changes nothing", authorized(alice).to("POST /v1/ecflow?realm=portal HTTP/1.1"), 0},
		{"no credential does not", request{line: ecflowLine, headers: []string{"X-Auth-Username: alice", "Authorization: Bearer anything"}}, 401},
		{"a wrong password does not", authorized(wrongPass).to(ecflowLine), 401},
		{"a longer path is none of ecFlow's", authorized(alice).to("POST /v1/ecflowXYZ HTTP/1.1"), 404},
		{"a path below it neither", authorized(alice).to("POST /v1/ecflow/x HTTP/1.1"), 404},
		{"nothing else is served", authorized(alice), 404},
		{"nor the logs", authorized(alice).to("GET /access.ecflow.log HTTP/1.1"), 404},
		{"more than ecFlow takes is 413", authorized(alice, "Content-Length: 1500000").to(ecflowLine), 413},
		{"as much as it takes reaches it", request{line: ecflowLine, headers: []string{"Authorization: " + alice, "Content-Length: 1048576"}, body: strings.NewReader(strings.Repeat("x", 1<<20))}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, address := range f.Addresses() {
				r := test.request
				if body, ok := r.body.(*strings.Reader); ok {
					body.Reset(strings.Repeat("x", 1<<20))
				}
				got := send(t, address, r)
				if test.status != 0 {
					assertNotReached(t, b, got, test.status)
					continue
				}
				if record := assertReached(t, b, isAlice); !strings.HasPrefix(record.line, "POST /v1/ecflow") {
					t.Errorf("ecFlow was asked %q", record.line)
				}
			}
		})
	}
	for _, spoof := range spoofs {
		if spoof.line != "" || spoof.status != 0 {
			continue
		}
		t.Run(spoof.name, func(t *testing.T) {
			for _, address := range f.Addresses() {
				assertNotReached(t, b, send(t, address, request{line: ecflowLine, headers: spoof.headers}), 401)
				send(t, address, authorized(bob, spoof.headers...).to(ecflowLine))
				assertReached(t, b, isBob)
			}
		})
	}
}

// Without a name ecflow_server would take the one in the body.
func TestEcflowIsNotReachedWhenTheGatewayNamesNobody(t *testing.T) {
	g, b := startFake(t, fakeYes), startBackend(t)
	f := startEcflow(t, g.socket, b.address)
	send(t, f.Addresses()[0], authorized(alice).to(ecflowLine))
	if len(b.take()) != 1 {
		t.Fatal("a yes with a name does not reach ecFlow")
	}
	for name, answer := range map[string]string{
		"only a token":       "HTTP/1.1 200 OK\r\nAuthorization: Bearer signed\r\nContent-Length: 0\r\n\r\n",
		"nothing":            "HTTP/1.1 204 No Content\r\n\r\n",
		"an empty name":      "HTTP/1.1 200 OK\r\nX-Auth-Username:\r\nContent-Length: 0\r\n\r\n",
		"a name after none":  "HTTP/1.1 200 OK\r\nX-Auth-Username:\r\nX-Auth-Username: alice\r\nContent-Length: 0\r\n\r\n",
		"a name's wrong key": "HTTP/1.1 200 OK\r\nX-Auth-User: alice\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g.set(answer)
			for _, address := range f.Addresses() {
				assertNotReached(t, b, send(t, address, authorized(alice, "X-Auth-Username: alice").to(ecflowLine)), 502)
			}
		})
	}
}

func TestTheListenerForTasksCarriesNoIdentity(t *testing.T) {
	b := startBackend(t)
	f := startEcflow(t, startGateway(t).Socket, b.address)
	ask := func(from, line string) answer {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", "127.0.0.1:"+f.Tasks)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return exchange(t, conn, request{line: line, body: strings.NewReader("{}"), headers: []string{
			"Content-Type: application/json", "Content-Length: 2", "Authorization: " + alice, "X-Auth-Username: alice",
			"x-auth-username: alice", "X-Auth-Password: z", "X-Auth-Roles: r", "X-Auth-Realm: local",
		}})
	}
	if got := ask("127.0.0.1", ecflowLine); got.StatusCode != 200 {
		t.Errorf("status %d, want 200", got.StatusCode)
	}
	records := b.take()
	if len(records) != 1 || records[0].length != 2 {
		t.Fatalf("reached ecFlow: %v", records)
	}
	for _, h := range records[0].headers {
		if !slices.Contains([]string{"Host", "Content-Type", "Content-Length"}, h.name) {
			t.Errorf("ecFlow sees %s: %s", h.name, h.value)
		}
	}
	assertNotReached(t, b, ask("127.0.0.1", "POST / HTTP/1.1"), 404)
	assertNotReached(t, b, ask("127.0.0.9", ecflowLine), 403)
}
