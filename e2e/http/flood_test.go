package http_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The server's limits of one connection.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second
	idleTimeout  = 60 * time.Second
)

// begun is the beginning of a request.
const begun = "GET /authenticate HTTP/1.1\r\nHost: x\r\nX-Slow: "

// ended reads until gatehouse ends the connection, and returns how long that took.
func ended(w net.Conn, since time.Time) (time.Duration, error) {
	_ = w.SetReadDeadline(since.Add(idleTimeout + 10*time.Second))
	_, err := io.Copy(io.Discard, w)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, errors.New("it is still open")
	}
	return time.Since(since), nil
}

// C31: whoever sends slowly, or nothing, or reads nothing is cut off in time, and who is good does not notice.
func TestManySlowClients(t *testing.T) {
	g, quiet := start(t), start(t)
	tcp, unix := g.endpoints()[0], g.endpoints()[1]
	before := g.files(t)
	stop, good := make(chan struct{}), make(chan times)
	go func() { good <- ask(t, stop, tcp, quiet.endpoints()[0]) }()

	var all sync.WaitGroup
	for i := range 500 {
		e := []endpoint{tcp, unix}[i%2]
		silent, slow, idle := dial(t, e), dial(t, e), dial(t, e)
		since := time.Now()
		if _, err := io.WriteString(slow, begun); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 { // the second request of a connection has no more time than the first
			if a := slow.ask(t, "\r\n\r\n"+begun); a.status != 401 {
				t.Fatalf("before: %d", a.status)
			}
			since = time.Now()
		}
		if a := idle.ask(t, plainHealth); a.status != 200 {
			t.Fatalf("health: %d", a.status)
		}
		all.Go(func() { drip(slow, since) })
		all.Go(func() { assertEnd(t, "half open", silent, since, readTimeout) })
		all.Go(func() { assertEnd(t, "slow headers", slow, since, readTimeout) })
	}
	all.Wait()
	const idle, spare = 500, 10
	for i := range 100 {
		all.Go(func() { ignore(t, []endpoint{tcp, unix}[i%2]) })
	}
	all.Wait()
	if n := g.files(t); n < before+idle+100 {
		t.Errorf("%d open files: who reads nothing is not held", n)
	}
	await(t, writeTimeout+time.Second, "those to be cut off who read nothing", func() bool { return g.files(t) <= before+idle+spare })
	close(stop)
	with, without := (<-good).p99()
	t.Logf("p99 of a good user: %s, and beside another gateway that nobody floods %s", with, without)
	if with > max(50*time.Millisecond, 5*without) {
		t.Errorf("p99 of a good user is %s, without the flood %s", with, without)
	}
}

// assertEnd fails unless gatehouse ends the connection by itself in time.
func assertEnd(t *testing.T, what string, w *wire, since time.Time, limit time.Duration) {
	took, err := ended(w, since)
	if err != nil || took < limit-time.Second || took > limit+time.Second {
		t.Errorf("%s: ended after %s, %v, want %s", what, took, err, limit)
	}
}

// drip sends a byte a second, until nobody reads on.
func drip(w net.Conn, since time.Time) {
	for time.Since(since) < 3*readTimeout {
		time.Sleep(time.Second)
		if _, err := io.WriteString(w, "x"); err != nil {
			return
		}
	}
}

// fillTime is within which a pipe that nobody empties is full.
const fillTime = time.Second

// ignore asks for 20 MB, with as small a window as the kernel gives, and reads nothing.
func ignore(t *testing.T, e endpoint) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1) })
	}}
	conn, err := d.Dial(e.network, e.address)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetWriteDeadline(time.Now().Add(fillTime)) // gatehouse stops reading when it cannot write
	_, _ = io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 10_000))
}

// times are how long a good user waited for the gateway that is flooded, and for the other.
type times [2][]time.Duration

// ask asks two gateways in turns until stop, on kept connections and on new ones.
func ask(t *testing.T, stop <-chan struct{}, both ...endpoint) (took times) {
	request := get("/authenticate", "Authorization: "+alice)
	kept := []*wire{dial(t, both[0]), dial(t, both[1])}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return took
		case <-time.After(2 * time.Millisecond):
		}
		i, begin := n%2, time.Now()
		w := kept[i]
		if n%8 < 2 {
			conn, err := net.Dial(both[i].network, both[i].address)
			if err != nil {
				t.Error(err)
				return took
			}
			w = newWire(conn)
		}
		if _, err := io.WriteString(w, request); err != nil {
			t.Error(err)
		}
		if a, err := w.read("GET"); err != nil || a.status != 200 {
			t.Errorf("a good user got %d, %v", a.status, err)
			return took
		}
		took[i] = append(took[i], time.Since(begin))
		if w != kept[i] {
			_ = w.Close()
		}
	}
}

func (list times) p99() (with, without time.Duration) {
	var at [2]time.Duration
	for i, one := range list {
		slices.Sort(one)
		if len(one) > 0 {
			at[i] = one[len(one)*99/100]
		}
	}
	return at[0], at[1]
}
