package server

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"gatehouse/auth"
)

// brokenLog cannot be written to.
type brokenLog struct{}

func (brokenLog) Write([]byte) (int, error) { panic("the log is broken") }

// C09: a panic while the log is written is one 500 too, though it cannot be told to the log.
func TestAPanicInTheLogIsOne500(t *testing.T) {
	address, s := start(t, 4000, brokenLog{}, aliceOnly)
	for _, header := range []string{"Authorization: Bearer right", "Authorization: Bearer wrong"} {
		response := dial(t, address).get("/authenticate", header)
		if response.StatusCode != 500 || !response.Close || response.Header.Get("X-Auth-Username") != "" || response.Header.Get("Authorization") != "" {
			t.Errorf("%s: %d %q, want a bare 500", header, response.StatusCode, response.Header)
		}
	}
	if got := scrape(t, s); !strings.Contains(got, "gatehouse_panics_total 2\n") {
		t.Error("not counted")
	}
	if got := dial(t, address).get("/health").StatusCode; got != 200 {
		t.Errorf("afterwards: %d, want 200", got)
	}
}

// C09: a panic of what is measured ends one scrape.
func TestAPanicInAScrapeEndsThatAlone(t *testing.T) {
	address, s := start(t, 4000, io.Discard, aliceOnly)
	s.metrics.Throttle(func() (addresses, pairs, known int) { panic("cannot be counted") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMetrics(s.metrics)
	m.ErrorLog = log.New(io.Discard, "", 0)
	done := make(chan error)
	go func() { done <- m.Serve(l) }()
	t.Cleanup(func() { _ = m.Close(); <-done })
	for path, fine := range map[string]bool{"/metrics": false, "/health": true} {
		response, err := http.Get("http://" + l.Addr().String() + path)
		if (err == nil && response.StatusCode == 200) != fine {
			t.Errorf("%s: %v %v", path, response, err)
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
	if got := dial(t, address).get("/authenticate", "Authorization: Bearer right").StatusCode; got != 200 {
		t.Errorf("a login afterwards: %d, want 200", got)
	}
}

// C09: a panic in a provider, in a goroutine that several wait for, is a 500 for each of them and counted for each.
func TestAPanicInAProviderReachesAllWhoWait(t *testing.T) {
	release := make(chan struct{})
	address, s := start(t, 4000, io.Discard, func(_ context.Context, c auth.Credential) (auth.User, error) {
		<-release
		panic("canary")
	})
	const waiting = 5
	statuses := make(chan int, waiting)
	for range waiting {
		c := dial(t, address)
		go func() { statuses <- c.get("/authenticate", "Authorization: Bearer same").StatusCode }()
	}
	close(release)
	for range waiting {
		if got := <-statuses; got != 500 {
			t.Errorf("%d, want 500", got)
		}
	}
	if got := scrape(t, s); !strings.Contains(got, "gatehouse_panics_total 5\n") {
		t.Error("not counted for each")
	}
}
