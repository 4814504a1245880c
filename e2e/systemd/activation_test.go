package systemd_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// opened is a socket as systemd opens one, at a path or at an address of TCP.
func opened(t *testing.T, network, address string) (*os.File, string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, l.Addr().String()
}

// Clients that come all the time, each by a connection of its own, do not notice restarts.
func TestARestartLosesNoConnection(t *testing.T) {
	dir := folder(t, config)
	socket, path := opened(t, "unix", filepath.Join(dir, "gatehouse.sock"))
	sockets := []*os.File{socket}
	command := []string{gatehouse, "-c", filepath.Join(dir, "config.yaml")}

	var answered, lost atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); clients.Wait() })
	t.Cleanup(end)
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, err := login("unix", path); status != 200 {
					lost.Add(1)
					t.Errorf("status %d, %v", status, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for range 3 { // the clients are there before the first one
		before := answered.Load()
		r := start(t, sockets, nil, command...)
		for late := time.Now().Add(10 * time.Second); answered.Load() < before+50 && lost.Load() == 0 && time.Now().Before(late); {
			time.Sleep(5 * time.Millisecond)
		}
		if answered.Load() < before+50 {
			t.Fatalf("%d answers since the start\n%s", answered.Load()-before, &r.log)
		}
		r.stop(t)
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("the socket's file is gone with the service: %v", err)
		}
		time.Sleep(50 * time.Millisecond) // down: the clients wait
	}
	last := start(t, sockets, nil, command...)
	end()
	last.stop(t)
	if lost.Load() > 0 {
		t.Errorf("%d of %d connections were lost", lost.Load(), answered.Load()+lost.Load())
	}
}

// systemd's own program opens the sockets, starts gatehouse with the first connection, and names the one of metrics.
func TestSystemdOpensTheSockets(t *testing.T) {
	activate := need(t, "systemd-socket-activate", "systemd")
	port, metrics := freePort(t), freePort(t)
	dir := folder(t, strings.Replace(config, "gatehouse.sock }\nmetrics: { port: 0, enabled: false", fmt.Sprintf("gatehouse.sock, port: %d }\nmetrics: { port: %d", port, metrics), 1))
	socket := filepath.Join(dir, "gatehouse.sock")
	address := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	r := start(t, nil, nil, activate, "-l", socket, "-l", address(port), "-l", address(metrics), "--fdname=gatehouse.socket:port:metrics",
		gatehouse, "-c", filepath.Join(dir, "config.yaml"))
	r.log.AwaitLine(t, 0, "Listening on "+address(metrics))
	if strings.Contains(r.log.String(), `"listening"`) {
		t.Fatal("it runs before the first connection")
	}
	if status, err := login("unix", socket); status != 200 {
		t.Errorf("by the socket: status %d, %v\n%s", status, err, &r.log)
	}
	if status, err := login("tcp", address(port)); status != 200 {
		t.Errorf("by the port: status %d, %v", status, err)
	}
	if status, err := login("tcp", address(metrics)); status != 404 {
		t.Errorf("by the port of metrics: status %d, %v, want 404", status, err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A socket that the configuration does not name stops the start, and the error says which.
func TestASocketThatNobodyNamed(t *testing.T) {
	for says, row := range map[string]struct{ network, address, names, fault string }{
		"another path":              {"unix", "other.sock", "gatehouse.socket", "server.socket: systemd opened"},
		"a port":                    {"tcp", "127.0.0.1:0", "gatehouse.socket", "server.port: systemd opened"},
		"metrics that are off":      {"tcp", "127.0.0.1:0", "metrics", "metrics.port: systemd opened"},
		"metrics on a Unix socket":  {"unix", "metrics.sock", "metrics", "metrics.port: systemd opened"},
		"a socket that cannot talk": {"unix", "", "gatehouse.socket", "ListenStream="},
	} {
		dir := folder(t, config)
		var socket *os.File
		switch {
		case row.address == "":
			socket = pair(t)
		case row.network == "unix":
			socket, _ = opened(t, "unix", filepath.Join(dir, row.address))
		default:
			socket, _ = opened(t, row.network, row.address)
		}
		r := start(t, []*os.File{socket}, []string{"LISTEN_FDNAMES=" + row.names}, gatehouse, "-c", filepath.Join(dir, "config.yaml"))
		if !r.fails() || !strings.Contains(r.log.String(), row.fault) {
			t.Errorf("%s: want it to end with %q\n%s", says, row.fault, &r.log)
		}
	}
}

// pair is one end of two sockets that are connected.
func pair(t *testing.T) *os.File {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	one, other := os.NewFile(uintptr(ends[0]), "one"), os.NewFile(uintptr(ends[1]), "other")
	t.Cleanup(func() { _, _ = one.Close(), other.Close() })
	return one
}
