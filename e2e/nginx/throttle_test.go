package nginx_test

import (
	"fmt"
	"strconv"
	"testing"

	"gatehouse/e2e/rig"
)

// Who fails too often gets 429 from nginx, by the address that nginx sees and whatever the client says of
// itself. The victim gets in from elsewhere, and so does a neighbour who has logged in from there before.
func TestOneWhoFailsTooOftenMustWait(t *testing.T) {
	const attacker, victim = "127.0.0.5", "127.0.0.6"
	g := startGateway(t)
	b := startBackend(t)
	f := startFront(t, rig.Site{Files: []string{"gatehouse.conf"}, Gateway: g.Socket, Backend: b.address})
	address := f.Addresses()[0]
	ask := func(authorization, from string) answer {
		r := authorized(authorization, "X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1")
		r.from = from
		return send(t, address, r)
	}
	if got := ask(bob, attacker); got.StatusCode != 200 {
		t.Fatalf("bob: %d", got.StatusCode)
	}
	held := answer{}
	for i := range 100 {
		if held = ask(basic(fmt.Sprint("alice:lookingglass", i)), attacker); held.StatusCode != 401 {
			break
		}
	}
	if wait, err := strconv.Atoi(held.Header.Get("Retry-After")); held.StatusCode != 429 || err != nil || wait < 1 {
		t.Errorf("after many wrong passwords: %d %q, want 429 with Retry-After", held.StatusCode, held.Header)
	}
	for _, row := range []struct{ who, authorization, from string }{
		{"the victim from elsewhere", alice, victim},
		{"a neighbour", bob, attacker},
	} {
		if got := ask(row.authorization, row.from); got.StatusCode != 200 {
			t.Errorf("%s: %d, want 200", row.who, got.StatusCode)
		}
	}
}
