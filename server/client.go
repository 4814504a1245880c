package server

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"gatehouse/auth"
)

// Clients says whose word is taken for a client's address. The Unix socket's peer is the proxy beside us, and
// always believed.
type Clients struct {
	header  string         // exactly one address stands in it
	proxies []netip.Prefix // of other peers that are believed
	direct  bool           // whether every other peer is a client itself, and no proxy that nobody named
}

// Clients returns what the section says of clients' addresses.
func (c Config) Clients() Clients {
	k := Clients{header: c.ClientIPHeader, direct: c.TrustedProxies != nil}
	for _, n := range c.TrustedProxies {
		k.proxies = append(k.proxies, netip.Prefix(n))
	}
	return k
}

// Blind reports whether there are clients whose address nobody trusted tells: those who come by a port while
// nothing is said of proxies.
func (c Config) Blind() bool {
	return c.TrustedProxies == nil && (c.Port != nil || c.Socket == "")
}

// of returns the address of the client whom a request is from, or the zero Addr where nobody trusted tells it.
// clear is false where a trusted proxy tells two: one of them may be the client's own word.
func (k *Clients) of(c *fiber.Ctx) (ip netip.Addr, clear bool) {
	peer, believed := k.peer(c)
	if !believed {
		if k.direct {
			return peer, true
		}
		return netip.Addr{}, true
	}
	told := c.Request().Header.PeekAll(k.header)
	if len(told) != 1 {
		return netip.Addr{}, len(told) == 0
	}
	ip, err := netip.ParseAddr(utils.UnsafeString(told[0]))
	if err != nil || ip.Zone() != "" { // a zone is text of the request's, and says nothing outside the sender
		return netip.Addr{}, true
	}
	return ip.Unmap(), true
}

// peer returns the address of the connection's other end, if it has one, and whether it is a trusted proxy.
func (k *Clients) peer(c *fiber.Ctx) (ip netip.Addr, believed bool) {
	switch a := c.Context().RemoteAddr().(type) {
	case *net.UnixAddr:
		return netip.Addr{}, true
	case *net.TCPAddr:
		ip = a.AddrPort().Addr().WithZone("").Unmap()
	}
	return ip, slices.ContainsFunc(k.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// text is the client's address for the log: where nobody trusted tells one, what is at the connection's
// other end.
func (k *Clients) text(c *fiber.Ctx) string {
	if ip, _ := k.of(c); ip.IsValid() {
		return ip.String()
	}
	if peer, _ := k.peer(c); peer.IsValid() {
		return peer.String()
	}
	return "unix"
}

// maxRequestID is the length in bytes of the longest request id that is logged.
const maxRequestID = 128

// requestID is what a trusted proxy calls the request, so that its log and ours can be joined. Where none does
// it is one of our own, new with each call.
func (k *Clients) requestID(c *fiber.Ctx) string {
	id := c.Get(fiber.HeaderXRequestID)
	if _, believed := k.peer(c); believed && id != "" && len(id) <= maxRequestID {
		return id
	}
	var made [16]byte
	_, _ = rand.Read(made[:]) // never fails
	return hex.EncodeToString(made[:])
}

// trace is the request's place in a trace, if a trusted proxy tells exactly one.
func (k *Clients) trace(c *fiber.Ctx) auth.Trace {
	told := c.Request().Header.PeekAll("traceparent")
	if len(told) != 1 {
		return auth.Trace{}
	}
	if _, believed := k.peer(c); !believed {
		return auth.Trace{}
	}
	t, _ := auth.ParseTrace(utils.UnsafeString(told[0]))
	return t
}
