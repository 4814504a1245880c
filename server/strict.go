package server

import (
	"bytes"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// What is said in the log of a request that is refused before it is looked at.
const (
	oddVersion = "version"
	oddTarget  = "target"
	oddHost    = "host with a user"
	oddBody    = "body"
	oddLine    = "line end"
)

// strict marks a request that fasthttp lets pass and that another parser on the way here may have read
// otherwise, so that [Server.refuseOdd] refuses it. fasthttp calls it when a header is read, and before the
// body: that is not waited for.
func strict(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if why := oddity(h); why != "" {
		h.SetProtocol(why) // no request brings one of these itself
		h.SetContentLength(0)
		h.Del(fiber.HeaderExpect)
		h.SetConnectionClose() // what comes after it may be a part of it
	}
	return fasthttp.RequestConfig{}
}

// oddity says what is wrong with a header, or "". No proxy asks an authentication gateway by CONNECT or with a
// body, and behind a fragment's # a query that narrows would not be read.
func oddity(h *fasthttp.RequestHeader) string {
	target := h.RequestURI()
	switch {
	case string(h.Protocol()) != "HTTP/1.1" && string(h.Protocol()) != "HTTP/1.0":
		return oddVersion
	case h.IsConnect(), bytes.IndexByte(target, '#') >= 0, target[0] != '/' && !isAbsolute(target):
		return oddTarget
	case bytes.IndexByte(h.Host(), '@') >= 0:
		return oddHost
	case h.ContentLength() != 0 && h.ContentLength() != noLength:
		return oddBody
	case isOddlyBroken(h.RawHeaders()):
		return oddLine
	}
	return ""
}

// isAbsolute reports whether a target is in absolute form, which every server must take (RFC 9112, section
// 3.2.2), and names nobody.
func isAbsolute(target []byte) bool {
	scheme, _, ok := bytes.Cut(target, []byte("://"))
	return ok && (bytes.EqualFold(scheme, []byte("http")) || bytes.EqualFold(scheme, []byte("https"))) && bytes.IndexByte(target, '@') < 0
}

// noLength is what fasthttp says of a request without Content-Length and without chunks.
const noLength = -2

// isOddlyBroken reports whether a line does not end in CR LF, or goes on in the next (RFC 9112, sections 2.2
// and 5.2).
func isOddlyBroken(lines []byte) bool {
	for {
		n := bytes.IndexByte(lines, '\n')
		if n < 0 {
			return false
		}
		if n == 0 || lines[n-1] != '\r' {
			return true
		}
		lines = lines[n+1:]
		if len(lines) > 0 && (lines[0] == ' ' || lines[0] == '\t') {
			return true
		}
	}
}

// refuseOdd answers what strict has marked.
func (s *Server) refuseOdd(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		switch why := string(c.Request.Header.Protocol()); why {
		case oddVersion, oddTarget, oddHost, oddBody, oddLine:
			s.house.Load().Log.Info().Str("peer", c.RemoteAddr().String()).Str("odd", why).Msg("malformed request refused")
			c.SetStatusCode(fiber.StatusBadRequest)
			c.Response.Header.SetCanonical(nameProxyCache, []byte("0"))
		default:
			next(c)
		}
	}
}
