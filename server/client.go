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
	if _, unix := peer.(*net.UnixAddr); !unix {
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
