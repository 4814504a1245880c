package ecflow

import (
	"fmt"
	"net"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A network is one of its own (network_namespaces(7)) with nothing in it but a loopback interface.
// What runs in it can be reached by [network.dial] only.
type network struct{ work chan func() }

// newNetwork needs the right to make a network namespace: root, or CAP_SYS_ADMIN.
func newNetwork() (*network, error) {
	n := &network{work: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread lives in the new network, and ends with this goroutine.
		runtime.LockOSThread()
		if err := enter(); err != nil {
			ready <- err
			return
		}
		ready <- nil
		for f := range n.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return n, nil
}

// enter moves the calling thread to a new network and brings its loopback interface up.
func enter() error {
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// do runs f on the thread that is in the network: the processes it starts and the sockets it opens
// belong there.
func (n *network) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}

// dial connects to a port on the network's loopback address.
func (n *network) dial(port string) (conn net.Conn, err error) {
	n.do(func() { conn, err = net.Dial("tcp4", net.JoinHostPort("127.0.0.1", port)) })
	return conn, err
}

// close gives the network up. Nothing may use it any more.
func (n *network) close() { close(n.work) }
