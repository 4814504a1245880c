package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/throttle"
)

// believing takes the word of loopback for the client's address.
func believing(h *House) {
	h.Clients = Config{ClientIPHeader: "X-Real-IP", TrustedProxies: []Network{Network(netip.MustParsePrefix("127.0.0.0/8"))}}.Clients()
}

// hold has a name fail at an address until it is held for more than a minute.
func hold(t *testing.T, th *throttle.Throttle, from, name string) {
	t.Helper()
	at := netip.MustParseAddr(from)
	now := time.Now()
	for n := byte(0); th.Held(at, name, time.Now()) < time.Minute; n++ {
		now = now.Add(th.Held(at, name, now))
		a, wait := th.Try(at, name, [32]byte{n}, now)
		if wait > 0 || n == 255 {
			t.Fatalf("%d failures, and a wait of %s", n, wait)
		}
		a.Denied(now)
	}
}

func aliceOnly(_ context.Context, c auth.Credential) (auth.User, error) {
	if c.Secret != "right" {
		return auth.User{}, auth.ErrDenied
	}
	return auth.User{Name: "alice"}, nil
}

// Every route that takes a credential goes through the same throttle.
func TestOneWhoIsHeldIsToldToWait(t *testing.T) {
	var log bytes.Buffer
	address, s := startWith(t, 4000, &log, aliceOnly, believing)
	hold(t, s.house.Load().Gate.Throttle, "192.0.2.7", "alice")
	for _, path := range []string{"/authenticate", "/authenticate?realm=here", "/whoami"} {
		r := dial(t, address).get(path, basic("alice", "right"), "X-Real-IP: 192.0.2.7")
		wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if r.StatusCode != 403 || r.Header.Get("X-Error-Status") != "429" || err != nil || wait < 60 || wait > 900 {
			t.Errorf("%s: %d %q, want 403 with X-Error-Status: 429 and Retry-After", path, r.StatusCode, r.Header)
		}
		if r.Header.Get("X-Auth-Username") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Auth-Reason") != "too many failed logins" {
			t.Errorf("%s: %q", path, r.Header)
		}
	}
	if r := dial(t, address).get("/authenticate", basic("alice", "right"), "X-Real-IP: 192.0.2.8"); r.StatusCode != 200 {
		t.Errorf("from elsewhere: %d, want 200", r.StatusCode)
	}
	if got := scrape(t, s); !strings.Contains(got, `auth_requests_total{realm="unknown",result="throttled"} 3`) {
		t.Error("not counted")
	}
	if !strings.Contains(log.String(), `"result":"throttled","client":"192.0.2.7"`) || strings.Contains(log.String(), "right") {
		t.Errorf("the log says %s", &log)
	}
}

func TestRefusalsOfNobodyInParticularAreShown(t *testing.T) {
	var log bytes.Buffer
	address, s := start(t, 4000, &log, aliceOnly)
	for i := range 30 {
		if r := dial(t, address).get("/authenticate", basic("alice", fmt.Sprint(i)), "X-Real-IP: 192.0.2.7"); r.StatusCode != 401 {
			t.Fatalf("%d: status %d, want 401", i, r.StatusCode)
		}
	}
	if got := scrape(t, s); !strings.Contains(got, "gatehouse_throttle_blind_total 30\n") {
		t.Error("not counted")
	}
	if n := strings.Count(log.String(), "counted against nobody"); n != 1 {
		t.Errorf("warned %d times, want once", n)
	}
}

// Whoever spells the name otherwise is held by it too, and the log says so.
func TestOneWhoIsHeldIsHeldInAnySpelling(t *testing.T) {
	var log bytes.Buffer
	address, s := startWith(t, 4000, &log, aliceOnly, believing)
	hold(t, s.house.Load().Gate.Throttle, "192.0.2.7", "alice")
	r := dial(t, address).get("/authenticate", basic("ALICE", "right"), "X-Real-IP: 192.0.2.7")
	if r.StatusCode != 403 || !strings.Contains(log.String(), `"held":"user","user":"ALICE"`) {
		t.Errorf("status %d, the log says %s", r.StatusCode, &log)
	}
}

// An outage says when to come again, if it knows.
func TestAnOutageTellsWhenToComeAgain(t *testing.T) {
	for want, err := range map[string]error{
		"5":  io.ErrUnexpectedEOF,
		"17": &auth.Later{After: 17 * time.Second, Err: io.ErrUnexpectedEOF},
		"2":  &auth.Later{After: 1100 * time.Millisecond, Err: io.ErrUnexpectedEOF},
		"1":  &auth.Later{After: time.Millisecond, Err: io.ErrUnexpectedEOF},
	} {
		address, _ := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) { return auth.User{}, err })
		r := dial(t, address).get("/authenticate", basic("alice", "right"))
		if r.StatusCode != 503 || r.Header.Get("Retry-After") != want {
			t.Errorf("%d, Retry-After %q, want 503 and %s", r.StatusCode, r.Header.Get("Retry-After"), want)
		}
	}
}
