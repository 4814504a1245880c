package server

import (
	"net"
	"net/netip"

	"github.com/gofiber/fiber/v2"
)

// clientAddress is the address to log. A peer on the Unix socket is the proxy beside us, whose X-Real-IP
// is believed; any other peer is its own client.
func clientAddress(c *fiber.Ctx) string {
	peer := c.Context().RemoteAddr()
	if !besideUs(c) {
		host, _, err := net.SplitHostPort(peer.String())
		if err != nil {
			return peer.String()
		}
		return host
	}
	named := c.Request().Header.PeekAll("X-Real-IP")
	if len(named) != 1 {
		return "unix"
	}
	ip, err := netip.ParseAddr(string(named[0]))
	if err != nil {
		return "unix"
	}
	return ip.Unmap().String()
}

// besideUs reports whether the request comes from the Unix socket, and so from the proxy on this machine.
func besideUs(c *fiber.Ctx) bool {
	_, unix := c.Context().RemoteAddr().(*net.UnixAddr)
	return unix
}

// maxRequestID is the length in bytes of the longest request id that is logged.
const maxRequestID = 128

// requestID is what the proxy beside us calls the request, so that its log and ours can be joined.
func requestID(c *fiber.Ctx) string {
	id := c.Get(fiber.HeaderXRequestID)
	if len(id) > maxRequestID || !besideUs(c) {
		return ""
	}
	return id
}
