package http_test

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soak skips what takes minutes.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("GATEHOUSE_SOAK") == "" {
		t.Skip("takes minutes: make soak")
	}
}

// C31, C42: idle connections end in their time, and leave neither files nor goroutines behind.
func TestIdleConnectionsEndSoak(t *testing.T) {
	soak(t)
	t.Parallel()
	g := start(t)
	files, goroutines := g.files(t), g.goroutines(t)
	var all sync.WaitGroup
	for i := range 500 {
		w := dial(t, g.endpoints()[i%2])
		if a := w.ask(t, plainHealth); a.status != 200 {
			t.Fatalf("health: %d", a.status)
		}
		since := time.Now()
		all.Go(func() { assertEnd(t, "idle", w, since, idleTimeout) })
	}
	all.Wait()
	await(t, time.Second, "the files to be closed", func() bool { return g.files(t) <= files+2 })
	// A worker of fasthttp's waits up to 20 s for the next connection.
	await(t, 30*time.Second, "the goroutines to end", func() bool { return g.goroutines(t) <= goroutines+10 })
}

// Whoever opens more connections than there can be takes a bounded memory, is told so, and takes them from one
// listener only: those who come by the other do not notice.
func TestMoreConnectionsThanThereCanBeSoak(t *testing.T) {
	soak(t)
	const most, more = 8192, 9000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 2*more {
		t.Skipf("at most %d open files here, %v", limit.Max, err)
	}
	g := start(t)
	tcp, socket := g.endpoints()[0], g.endpoints()[1]
	good := dial(t, socket)
	header := begun + strings.Repeat("x", 39_000)
	begin := time.Now()
	for n := range more {
		w := dial(t, tcp)
		if _, err := io.WriteString(w, header); err != nil && n < most {
			t.Fatalf("connection %d: %v", n, err)
		}
		if n%100 > 0 {
			continue
		}
		if a := good.ask(t, get("/authenticate", "Authorization: "+alice)); a.status != 200 {
			t.Fatalf("by the socket: %d", a.status)
		}
	}
	took, held := time.Since(begin), g.resident(t)
	t.Logf("%d connections in %s; %d kB", more, took, held)
	if took > readTimeout {
		t.Skip("too slow to hold all of them at once")
	}
	if a := dial(t, tcp).ask(t, plainHealth); a.status != 503 {
		t.Errorf("one more: %d, want 503", a.status)
	}
	if held > 600<<10 {
		t.Errorf("%d kB", held)
	}
	await(t, readTimeout+time.Second, "room again", func() bool {
		conn, err := net.Dial(tcp.network, tcp.address)
		if err != nil {
			return false
		}
		defer conn.Close()
		w := newWire(conn)
		_, _ = io.WriteString(w, plainHealth)
		a, err := w.read("GET")
		return err == nil && a.status == 200
	})
}
