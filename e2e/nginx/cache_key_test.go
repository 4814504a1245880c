package nginx_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A triple is everything that decides a question.
type triple struct{ path, realm, authorization string }

// name is one that no other triple has.
func (q triple) name() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", q))
	return hex.EncodeToString(sum[:])
}

// openNamer stands where gatehouse would. It lets everybody in, by the name of the question, lets nginx keep
// all of it, and counts the questions by name.
func openNamer(t *testing.T) (d *door, asked func(triple) int) {
	t.Helper()
	var mu sync.Mutex // guards counts
	counts := map[string]int{}
	d = openDoor(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			head, err := readHead(r)
			if err != nil {
				return
			}
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
			if err != nil {
				return
			}
			name := triple{request.RequestURI, request.Header.Get("X-Auth-Realm"), request.Header.Get("Authorization")}.name()
			mu.Lock()
			counts[name]++
			mu.Unlock()
			if _, err := io.WriteString(conn, strings.Replace(kept("4"), "alice", name, 1)); err != nil {
				return
			}
		}
	})
	return d, func(q triple) int {
		mu.Lock()
		defer mu.Unlock()
		return counts[q.name()]
	}
}

// triples differ, and many of them read the same if their parts are joined by nothing, a space or a tab.
func triples() []triple {
	var list []triple
	for _, path := range []string{"/authenticate", "/authenticate/operators"} {
		for _, realm := range []string{
			"", "x", "X", "y", "/operators", "Bearer", "x Bearer y", "x\tBearer y", "xBearer y", "x Bearer", `x\nBearer y`, "x\u2028Bearer y",
		} {
			for _, authorization := range []string{
				"", "Bearer z", "Bearer Z", "bearer z", "Bearer y", "Bearer y Bearer z", "Bearer y\tBearer z",
				"Bearer yBearer z", "y Bearer z", `Bearer y\nBearer z`, "Bearer y\u2028Bearer z", "Basic eDp5", "Basic eDp6",
			} {
				list = append(list, triple{path, realm, authorization})
			}
		}
	}
	return list
}

// lines are requests about which the paths are asked.
var lines = map[string]string{"/authenticate": "GET / HTTP/1.1", "/authenticate/operators": "GET /admin/ HTTP/1.1"}

// sentOn is a location that nginx leaves for another, with another policy.
const sentOn = `
    location /moved/ {
        set $gatehouse_backend http://site;
        set $gatehouse_policy anyone;
        include snippets/gatehouse-protect.conf;
        try_files /nothing-here /admin/x;
    }`

// Whatever clients send, and in whatever order, the answer is that to their own question: also where an
// operator has nginx remember more than Bearer, so that the key alone holds them apart.
func TestAnAnswerIsForItsOwnQuestionOnly(t *testing.T) {
	for _, variant := range []struct{ name, server string }{
		{"Bearer only", remember},
		{"everything", "set $gatehouse_cache gatehouse;"},
	} {
		t.Run(variant.name, func(t *testing.T) {
			gate, asked := openNamer(t)
			f, b := rememberingSite(t, gate.socket, variant.server+sentOn, rig.Uncommented(t, "gatehouse.conf", "    #location /admin/ {", "    #}"))
			conn := dial(t, f.Addresses()[0], "")
			defer conn.Close()
			q, begin := triple{"/authenticate", "", "Bearer z"}, time.Now()
			for range 2 {
				assertOwnAnswer(t, b, conn, lines[q.path], q)
			}
			assertAskedOnce(t, asked(q), begin)
			list := triples()
			for _, q := range append(slices.Clone(list), list...) {
				assertOwnAnswer(t, b, conn, lines[q.path], q)
			}
			for range 2 { // and what is asked second of one request
				assertOwnAnswer(t, b, conn, "GET /moved/x HTTP/1.1", triple{"/authenticate/operators", "", "Bearer z"})
			}
		})
	}
}

// assertOwnAnswer sends a request on a connection that stays open, and wants its own name at the backend.
func assertOwnAnswer(t *testing.T, b *backend, conn net.Conn, line string, q triple) {
	t.Helper()
	r := request{line: line, headers: []string{"Connection: keep-alive"}}
	if q.realm != "" {
		r.headers = append(r.headers, "X-Auth-Realm: "+q.realm)
	}
	if q.authorization != "" {
		r.headers = append(r.headers, "Authorization: "+q.authorization)
	}
	got := exchange(t, conn, r)
	records := b.take()
	if got.StatusCode != 200 || len(records) != 1 {
		t.Fatalf("%q: status %d, %d requests at the backend", q, got.StatusCode, len(records))
	}
	if names := records[0].folded("X-Auth-Username"); !slices.Equal(names, []string{q.name()}) {
		t.Errorf("%q got the answer to another question", q)
	}
}

// Many users at once, again and again: nobody is ever taken for another.
func TestNobodyIsTakenForAnother(t *testing.T) {
	gate, _ := openNamer(t)
	f, b := rememberingSite(t, gate.socket, remember)
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			conn := dial(t, f.Addresses()[0], "")
			defer conn.Close()
			for i := range 60 {
				user := (worker*7 + i*11) % 20
				exchange(t, conn, authorized(fmt.Sprintf("Bearer user-%d", user), "Connection: keep-alive").to(fmt.Sprintf("GET /%d HTTP/1.1", user)))
			}
		})
	}
	running.Wait()
	records := b.take()
	if len(records) != 480 {
		t.Errorf("%d requests reached the backend, want 480", len(records))
	}
	for _, r := range records {
		user, _, _ := strings.Cut(strings.TrimPrefix(r.line, "GET /"), " ")
		want := triple{"/authenticate", "", "Bearer user-" + user}.name()
		if names := r.folded("X-Auth-Username"); !slices.Equal(names, []string{want}) {
			t.Fatalf("user %s reached the backend as somebody else", user)
		}
	}
}

// Of two questions about one request, each answer says for itself whether it may be kept.
func TestEachAnswerOfARequestIsJudgedByItself(t *testing.T) {
	var asked atomic.Int64 // about the second location
	gate := openDoor(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			head, err := readHead(r)
			if err != nil {
				return
			}
			answer := kept("4")
			if strings.HasPrefix(head, "HEAD /authenticate/operators ") {
				asked.Add(1)
				answer = kept("40")
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	})
	f, _ := rememberingSite(t, gate.socket, remember+sentOn, rig.Uncommented(t, "gatehouse.conf", "    #location /admin/ {", "    #}"))
	// At the third, the answer to the first question is remembered.
	for _, key := range []string{"Bearer a", "Bearer b", "Bearer b"} {
		send(t, f.Addresses()[0], authorized(key).to("GET /moved/x HTTP/1.1"))
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("gatehouse was asked %d times about the second location, want 3", n)
	}
}

// A yes that came at the second attempt, as the first connection was hung up, is kept like any other.
func TestAYesAtTheSecondAttemptIsRemembered(t *testing.T) {
	var asked atomic.Int64
	gate := openDoor(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			if _, err := readHead(r); err != nil {
				return
			}
			answer := kept("4")
			switch asked.Add(1) {
			case 1:
				answer = fakeYes // so that nginx has a connection to use again
			case 2:
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	})
	f, _ := rememberingSite(t, gate.socket, remember)
	send(t, f.Addresses()[0], authorized("Bearer first"))
	begin := time.Now()
	for range 3 {
		if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != 200 {
			t.Errorf("status %d, want 200", got.StatusCode)
		}
	}
	assertAskedOnce(t, int(asked.Load())-2, begin)
}
