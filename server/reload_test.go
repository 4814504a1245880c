package server

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
)

// moved is the house of s with another gate, whose one source for keys answers so.
func moved(s *Server, answer auth.Func) House {
	h := s.house.Load().House
	c := h.Gate.Config
	c.Sources = []gate.Source{{Authenticator: answer, Name: "new", Type: "fake", Realm: "there", Scheme: auth.Bearer, Forms: []auth.Form{auth.Opaque}}}
	h.Gate = gate.New(c)
	h.Providers = []Listing{{Name: "new", Type: "fake", Realm: "there"}}
	return h
}

// A request that has begun ends in the house that it began in, however late; the next one is in the new house.
func TestARequestEndsInTheHouseItBeganIn(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	address, s := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		close(begun)
		<-goOn
		return auth.User{Name: "alice"}, nil
	})
	early := dial(t, address)
	early.send("GET /authenticate HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer key\r\n\r\n")
	<-begun
	if err := s.Swap(moved(s, func(context.Context, auth.Credential) (auth.User, error) { return auth.User{Name: "bob"}, nil })); err != nil {
		t.Fatal(err)
	}
	late := dial(t, address)
	if r := late.get("/authenticate", "Authorization: Bearer key"); r.Header.Get("X-Auth-Username") != "bob" || r.Header.Get("X-Auth-Realm") != "there" {
		t.Errorf("in the new house: %d %q", r.StatusCode, r.Header)
	}
	close(goOn)
	if r := early.read(); r.Header.Get("X-Auth-Username") != "alice" || r.Header.Get("X-Auth-Realm") != "here" {
		t.Errorf("in the old house: %d %q", r.StatusCode, r.Header)
	}
	for path, want := range map[string]string{"/providers": `"name":"new"`, "/": "<bdi>there</bdi>"} {
		body, _ := io.ReadAll(late.get(path).Body)
		if !strings.Contains(string(body), want) {
			t.Errorf("%s does not show the new house: %s", path, body)
		}
	}
}

func TestReadyTellsOfTheHouseAndOfTheStop(t *testing.T) {
	loaded := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	address, s := startWith(t, 4000, io.Discard, aliceOnly, func(h *House) {
		h.Readiness = func() Readiness {
			return Readiness{
				Config:    ConfigState{Loaded: loaded, Refused: true},
				Providers: []SourceState{{Listing: Listing{"a", "fake", "here"}, State: "down", Since: &loaded}, {Listing: Listing{"b", "fake", "here"}, State: "unknown"}},
			}
		}
	})
	const want = `{"ready":true,"config":{"loaded":"2026-11-22T03:00:00Z","refused":true},"providers":[` +
		`{"name":"a","type":"fake","realm":"here","state":"down","since":"2026-11-22T03:00:00Z"},{"name":"b","type":"fake","realm":"here","state":"unknown"}]}`
	r := dial(t, address).get("/ready")
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != 200 || string(body) != want || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %s", r.StatusCode, r.Header, body)
	}
	s.Drain()
	r = dial(t, address).get("/ready")
	var state Readiness
	if err := json.NewDecoder(r.Body).Decode(&state); err != nil || r.StatusCode != 503 || state.Ready {
		t.Errorf("while it drains: %d %+v, %v", r.StatusCode, state, err)
	}
	if got := dial(t, address).get("/authenticate", "Authorization: Bearer right").StatusCode; got != 200 {
		t.Errorf("a request while it drains: %d", got)
	}
}
