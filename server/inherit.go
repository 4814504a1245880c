package server

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// inherit finds the place of each socket that was opened for us: of a Unix socket it is that of server.socket,
// of a TCP one that of server.host and server.port. Each must be what the section names, or what is told of the
// configuration (which clients are trusted, where health asks) would not be true.
func (c Config) inherit(opened []net.Listener) (unix, tcp net.Listener, err error) {
	for _, l := range opened {
		switch a := l.Addr().(type) {
		case *net.UnixAddr:
			if unix != nil || c.Socket == "" || !sameFile(a.Name, c.Socket) {
				return nil, nil, fmt.Errorf("server.socket: systemd opened %s, and the configuration names %s: name the same in both", a.Name, orNone(c.Socket))
			}
			unix = l
		case *net.TCPAddr:
			if tcp != nil || c.port() < 0 || !SameAddress(a, c.Host, c.port()) {
				want := ""
				if c.port() >= 0 {
					want = net.JoinHostPort(c.Host, strconv.Itoa(c.port()))
				}
				return nil, nil, fmt.Errorf("server.port: systemd opened %s, and the configuration names %s: name the same in both", a, orNone(want))
			}
			tcp = l
		}
	}
	return unix, tcp, nil
}

// port is the port to listen on, or -1 for none.
func (c Config) port() int {
	switch {
	case c.Port != nil:
		return *c.Port
	case c.Socket != "":
		return -1
	}
	return DefaultPort
}

// SameAddress reports whether a socket opened for us at a is what the configuration calls host and port, 0 being
// any port. A host that is a name is taken to be a's.
func SameAddress(a *net.TCPAddr, host string, port int) bool {
	if port != 0 && port != a.Port {
		return false
	}
	ip := net.ParseIP(host)
	switch {
	case host == "":
		return a.IP.IsUnspecified()
	case ip == nil:
		return true
	case ip.IsUnspecified():
		return a.IP.IsUnspecified()
	}
	return ip.Equal(a.IP)
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func orNone(address string) string {
	if address == "" {
		return "none"
	}
	return address
}
