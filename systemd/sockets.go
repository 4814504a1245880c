package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// A Socket is one that systemd listens on for us. To close it leaves it open there, with its file: whoever
// connects meanwhile waits for the next process that takes it.
type Socket struct {
	net.Listener
	Name string // FileDescriptorName= of the .socket unit, or that unit's name
}

// Sockets returns the sockets that this process was started with. It is to be called once. The error is that
// one of them is none that takes connections.
func Sockets() ([]Socket, error) { return sockets(activation.Files(true)) }

func sockets(files []*os.File) (list []Socket, err error) {
	for _, f := range files {
		l, fault := listener(f)
		_ = f.Close()
		if fault != nil {
			err = fmt.Errorf("systemd: socket %q takes no connections: its .socket unit must say ListenStream=, and not Accept=yes", f.Name())
			continue
		}
		list = append(list, Socket{Listener: l, Name: f.Name()})
	}
	if err != nil {
		for _, s := range list {
			_ = s.Close()
		}
		return nil, err
	}
	return list, nil
}

// listener returns the socket f. [net.FileListener] takes any that has an address.
func listener(f *os.File) (net.Listener, error) {
	fd := int(f.Fd())
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return nil, errors.New("no stream")
	}
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || n != 1 {
		return nil, errors.New("does not listen")
	}
	return net.FileListener(f)
}
