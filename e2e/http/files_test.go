package http_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// C34: without a file descriptor for the next connection gatehouse goes on with those that it has, does not
// spin, says what it lacks, and takes those who waited when there is room again.
func TestALackOfFileDescriptors(t *testing.T) {
	g := start(t)
	kept := dial(t, g.endpoints()[0])
	if a := kept.ask(t, get("/authenticate", "Authorization: "+alice)); a.status != 200 {
		t.Fatalf("before: %d", a.status)
	}
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(g.PID, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Skip("the limit of another process cannot be set here: ", err)
	}
	var crowd []net.Conn
	for i := range 200 {
		e := g.endpoints()[i%2]
		conn, err := net.Dial(e.network, e.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		crowd = append(crowd, conn)
	}
	g.Log.AwaitLine(t, 0, "too many open files")

	used := g.cpu(t)
	begin := time.Now()
	for range 20 {
		if a := kept.ask(t, get("/authenticate", "Authorization: "+alice)); a.status != 200 {
			t.Fatalf("meanwhile: %d", a.status)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if used = g.cpu(t) - used; used > time.Since(begin)/4 {
		t.Errorf("%s of processor time in %s", used, time.Since(begin))
	}
	for _, conn := range crowd {
		_ = conn.Close()
	}
	for _, e := range g.endpoints() {
		if a := dial(t, e).ask(t, get("/authenticate", "Authorization: "+alice)); a.status != 200 {
			t.Errorf("by %s afterwards: %d", e.network, a.status)
		}
	}
	g.Log.AwaitLine(t, 0, "connections are accepted again")
	if n := strings.Count(g.Log.String(), "too many open files"); n > 4 {
		t.Errorf("the log says it %d times", n)
	}
}
