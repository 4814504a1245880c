package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
)

// Clients that keep their connections and heed "Connection: close" lose no request to a stop.
func TestAStopLosesNoRequest(t *testing.T) {
	address, s := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: "alice"}, nil
	})
	var all sync.WaitGroup
	var answered, lost atomic.Int64
	warm := make(chan struct{}, 20)
	for range 20 {
		all.Go(func() {
			for { // one connection after the other, until there is no listener
				conn, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				c := &client{t, conn, nil}
				c.in = bufio.NewReader(conn)
				if !c.useUp(&answered, &lost, warm) {
					return
				}
			}
		})
	}
	for range 20 {
		<-warm
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	all.Wait()
	if lost.Load() > 0 || answered.Load() < 20 {
		t.Errorf("%d requests were answered, %d lost", answered.Load(), lost.Load())
	}
}

// The last connection that is open gets as long as the others.
func TestAStopWaitsForTheLastConnection(t *testing.T) {
	address, s := start(t, 4000, io.Discard, func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: "alice"}, nil
	})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t, conn, bufio.NewReader(conn)}
	ask := func() *http.Response {
		t.Helper()
		if _, err := io.WriteString(c.conn, "GET /authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		return response
	}
	ask()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	time.Sleep(lameDuck / 5)
	if response := ask(); response.StatusCode != 200 || !response.Close {
		t.Errorf("got %d, close %t", response.StatusCode, response.Close)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// useUp sends requests on a connection until the server ends it, and reports whether to try another.
func (c *client) useUp(answered, lost *atomic.Int64, warm chan<- struct{}) bool {
	defer c.conn.Close()
	for n := 0; ; n++ {
		var response *http.Response
		_, err := io.WriteString(c.conn, "GET /authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n")
		if err == nil {
			response, err = http.ReadResponse(c.in, nil)
		}
		if err != nil {
			if n > 0 { // a new connection may have been in the listener's queue when that was closed
				lost.Add(1)
			}
			return false
		}
		_, _ = io.Copy(io.Discard, response.Body)
		answered.Add(1)
		select {
		case warm <- struct{}{}:
		default:
		}
		if response.Close {
			return true
		}
	}
}
