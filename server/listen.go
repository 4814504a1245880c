package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Config is the section server of config.yaml.
type Config struct {
	Host           string        `yaml:"host" doc:"The address to listen on."`
	Port           *int          `yaml:"port" doc:"The port to listen on; 0 takes a free one. Default: 8080, or none where a socket is set."`
	Socket         string        `yaml:"socket" path:"true" doc:"The Unix socket to listen on, beside or instead of a port."`
	SocketMode     FileMode      `yaml:"socket_mode" doc:"The socket's permissions, in octal."`
	SocketGroup    string        `yaml:"socket_group" doc:"The group that the socket is given to: that of the proxy, such as www-data. Default: gatehouse's own."`
	ClientIPHeader string        `yaml:"client_ip_header" doc:"The header in which a trusted proxy tells the client's address: exactly one."`
	TrustedProxies []Network     `yaml:"trusted_proxies" doc:"The addresses and networks of proxies that come by the port. Every other peer is then a client itself; [] says that there are no such proxies. The peer at the Unix socket is always trusted."`
	VerifyHeader   string        `yaml:"client_verify_header" doc:"The header in which a trusted proxy tells how it verified the client's certificate: SUCCESS, NONE, or why not. Read for providers of type mtls only."`
	CertHeader     string        `yaml:"client_cert_header" doc:"The header in which it hands the certificate over, as nginx's $ssl_client_escaped_cert has it, or as RFC 9440 does."`
	DrainDelay     time.Duration `yaml:"drain_delay" doc:"How long after SIGTERM requests are still taken while /ready says 503, for a balancer to notice."`
	MaxHeaderBytes int           `yaml:"max_header_bytes" doc:"The size in bytes under which the header block of an answer stays: less than nginx's proxy_buffer_size."`
	Listings       bool          `yaml:"listings" doc:"Whether everybody may read the names of providers, augmenters and realms, and the version: at /, /providers, /augmenters and /ready."`
	Contact        string        `yaml:"contact" doc:"Where users can ask, shown on the page at /: mailto:ADDRESS or an https URL."`
	Docs           string        `yaml:"docs" doc:"Where users can read how to use the services here, shown on the page at /: an https URL."`
}

// DefaultPort is listened on where neither a port nor a socket is set.
const DefaultPort = 8080

// FileMode is a file's permissions, written in octal.
type FileMode fs.FileMode

// UnmarshalText reads 0660, 660 or 0o660.
func (m *FileMode) UnmarshalText(text []byte) error {
	digits := string(text)
	if len(digits) > 2 && digits[:2] == "0o" {
		digits = digits[2:]
	}
	n, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || n > 0o777 {
		return errors.New("is no file mode such as 0660")
	}
	*m = FileMode(n)
	return nil
}

// Network is an address or a network in CIDR notation (RFC 4632).
type Network netip.Prefix

// UnmarshalText reads 192.0.2.1, 192.0.2.0/24, ::1 or 2001:db8::/32.
func (n *Network) UnmarshalText(text []byte) error {
	if ip, err := netip.ParseAddr(string(text)); err == nil && ip.Zone() == "" {
		*n = Network(netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errors.New("is no address and no network such as 192.0.2.0/24")
	}
	if p != p.Masked() {
		return fmt.Errorf("is an address within %s: write that, or the address alone", p.Masked())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 { // clients' addresses are written as IPv4
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	*n = Network(p)
	return nil
}

// IsEverybody reports whether every address is in the network.
func (n Network) IsEverybody() bool { return netip.Prefix(n).Bits() == 0 }

// minHeaderBytes is what a token with few roles needs.
const minHeaderBytes = 1000

// maxDrainDelay leaves room within the grace that service managers and clusters give.
const maxDrainDelay = time.Minute

// Check reports what is wrong with the section.
func (c Config) Check(r conf.Report) {
	if c.Port != nil && (*c.Port < 0 || *c.Port > 65535) {
		r.Fault("port", "%d is no port", *c.Port)
	}
	if c.MaxHeaderBytes < minHeaderBytes || c.MaxHeaderBytes > 64<<10 {
		r.Fault("max_header_bytes", "must be between %d and %d", minHeaderBytes, 64<<10)
	}
	if c.SocketGroup != "" {
		if _, err := user.LookupGroup(c.SocketGroup); err != nil {
			r.Fault("socket_group", "there is no group %q on this machine", c.SocketGroup)
		}
	}
	switch header := strings.ToLower(c.ClientIPHeader); {
	case !auth.IsToken(header):
		r.Fault("client_ip_header", "%q is no header name", c.ClientIPHeader)
	case header == "x-forwarded-for" || header == "forwarded":
		r.Fault("client_ip_header", "%s may hold what the client says: have the proxy set a header of its own, such as X-Real-IP", c.ClientIPHeader)
	}
	c.checkCertificates(r)
	for i, n := range c.TrustedProxies {
		if n.IsEverybody() {
			r.At("trusted_proxies", i).Fault("", "is everybody: whoever reaches the port could say that they are somebody else")
		}
	}
	if c.DrainDelay < 0 || c.DrainDelay > maxDrainDelay {
		r.Fault("drain_delay", "must be between 0s and %s", maxDrainDelay)
	}
	if c.Contact != "" && contactText(c.Contact) == "" {
		r.Fault("contact", "is neither mailto:ADDRESS nor an https:// URL")
	}
	if c.Docs != "" && !(strings.HasPrefix(c.Docs, "https:") && contactText(c.Docs) != "") {
		r.Fault("docs", "is no https:// URL")
	}
	if len(c.Socket) > 107 {
		r.Fault("socket", "is longer than the 107 bytes that a Unix socket's path may have")
	}
}

// Listen opens what the section names, but for what was opened for us already: those sockets take its place.
// The error says what to do.
func (c Config) Listen(opened ...net.Listener) ([]net.Listener, error) {
	socket, tcp, err := c.inherit(opened)
	if err == nil && socket == nil && c.Socket != "" {
		socket, err = c.listenUnix()
	}
	if err == nil && tcp == nil && c.port() >= 0 {
		if tcp, err = net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.port()))); err != nil {
			err = fmt.Errorf("server.port: %w", err)
		}
	}
	var list []net.Listener
	for _, l := range []net.Listener{socket, tcp} {
		switch {
		case l == nil:
		case err != nil:
			_ = l.Close()
		default:
			list = append(list, l)
		}
	}
	return list, err
}

// listenUnix takes the place of a socket whose server is gone, and never that of one that answers.
func (c Config) listenUnix() (net.Listener, error) {
	path := c.Socket
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("server.socket: %w; make its folder, or set another path", err)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("server.socket: %s is there already and no socket", path)
		}
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // only that says that nobody listens: one may be too busy
			return nil, fmt.Errorf("server.socket: another process listens on %s", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("server.socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("server.socket: %w; make its folder one that this user may write to, or set another path", err)
	}
	if err := c.permit(); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// permit lets in whom the section names: first the group, for until then nobody else may enter.
func (c Config) permit() error {
	if err := os.Chmod(c.Socket, 0o600); err != nil {
		return fmt.Errorf("server.socket: %w", err)
	}
	if c.SocketGroup != "" {
		group, err := user.LookupGroup(c.SocketGroup)
		if err != nil {
			return fmt.Errorf("server.socket_group: %w", err)
		}
		id, err := strconv.Atoi(group.Gid)
		if err != nil {
			return fmt.Errorf("server.socket_group: %w", err)
		}
		if err := os.Chown(c.Socket, -1, id); err != nil {
			return fmt.Errorf("server.socket_group: %w; gatehouse must be in the group itself", err)
		}
	}
	if err := os.Chmod(c.Socket, fs.FileMode(c.SocketMode)); err != nil {
		return fmt.Errorf("server.socket_mode: %w", err)
	}
	return nil
}
