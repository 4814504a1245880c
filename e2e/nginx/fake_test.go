package nginx_test

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/e2e/rig"
)

// A door is a Unix socket that stands where gatehouse's would.
type door struct {
	socket      string
	connections atomic.Int64 // accepted so far
	mu          sync.Mutex   // guards open
	open        []net.Conn
}

// openDoor has handle answer every connection until t ends.
func openDoor(t *testing.T, handle func(net.Conn)) *door {
	t.Helper()
	d := &door{socket: filepath.Join(rig.Folder(t), "gatehouse.sock")}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.connections.Add(1)
			d.mu.Lock()
			d.open = append(d.open, conn)
			d.mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		d.hangUp()
		running.Wait()
	})
	return d
}

// hangUp closes every connection.
func (d *door) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.open {
		_ = conn.Close()
	}
}

// openRelay carries connections to another socket.
func openRelay(t *testing.T, to string) *door {
	return openDoor(t, func(in net.Conn) {
		out, err := net.Dial("unix", to)
		if err != nil {
			return
		}
		defer out.Close()
		var back sync.WaitGroup
		back.Go(func() {
			_, _ = io.Copy(in, out)
			_ = in.Close()
		})
		_, _ = io.Copy(out, in)
		_ = out.Close()
		back.Wait()
	})
}

// A fake gives one raw answer to every request.
type fake struct {
	*door
	mu     sync.Mutex // guards answer and heads
	answer string
	heads  []string // of the requests, as received
}

// What a fake may do instead of answering.
const (
	silence = "keep silent"
	hangUp  = "hang up"
)

func startFake(t *testing.T, answer string) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.door = openDoor(t, f.serve)
	return f
}

func (f *fake) serve(conn net.Conn) {
	for r := bufio.NewReader(conn); ; {
		head, err := readHead(r)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.heads = append(f.heads, head)
		answer := f.answer
		f.mu.Unlock()
		switch answer {
		case silence:
			continue
		case hangUp:
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

func (f *fake) set(answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// seen returns the heads of the requests so far.
func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.heads...)
}

// fakeYes is a yes as gatehouse gives it: without a body, as nginx asks by HEAD.
const fakeYes = "HTTP/1.1 200 OK\r\nAuthorization: Bearer signed\r\nX-Auth-Username: alice\r\n" +
	"X-Auth-Realm: local\r\nX-Auth-Roles: staff\r\nContent-Length: 26\r\n\r\n"
