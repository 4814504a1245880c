package server

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Certificates names the headers in which a trusted proxy hands a client's certificate over.
type Certificates struct {
	verify string // how it was verified
	cert   string // the certificate
}

// Certificates returns what the section says of clients' certificates.
func (c Config) Certificates() Certificates { return Certificates{c.VerifyHeader, c.CertHeader} }

// TrustsNobody reports whether there is no peer whose word on a certificate would be taken.
func (c Config) TrustsNobody() bool { return c.Socket == "" && len(c.TrustedProxies) == 0 }

// ownHeaders have a meaning of their own.
var ownHeaders = []string{"authorization", "x-auth-realm", "x-request-id", "traceparent", "sec-fetch-mode", "host", "cookie"}

// checkCertificates reports names of headers in which no certificate can be handed over.
func (c Config) checkCertificates(r conf.Report) {
	taken := append(slices.Clone(ownHeaders), strings.ToLower(c.ClientIPHeader))
	for _, h := range []struct{ key, name string }{{"client_verify_header", c.VerifyHeader}, {"client_cert_header", c.CertHeader}} {
		switch name := strings.ToLower(h.name); {
		case !auth.IsToken(name):
			r.Fault(h.key, "%q is no header name", h.name)
		case slices.Contains(taken, name):
			r.Fault(h.key, "%s says something else: have the proxy set a header of its own, such as X-SSL-Client-Cert", h.name)
		default:
			taken = append(taken, name)
		}
	}
}

// certificate has p hold the client's certificate, if a trusted proxy hands one over and the house wants it. From
// anybody else the headers are as if they were not there.
func (s *house) certificate(c *fiber.Ctx, p *auth.Presented) error {
	if s.Certificates == (Certificates{}) {
		return auth.ErrNone
	}
	if _, believed := s.Clients.peer(c); !believed {
		return auth.ErrNone
	}
	verify, sole := soleHeader(c, s.Certificates.verify)
	cert, soleToo := soleHeader(c, s.Certificates.cert)
	if !sole || !soleToo { // one of two may be the client's own
		return auth.ErrMalformed
	}
	return p.Certify(verify, cert)
}

// soleHeader returns the value of a header, "" if it is not there; !sole: it stands there more than once.
func soleHeader(c *fiber.Ctx, name string) (value string, sole bool) {
	switch told := c.Request().Header.PeekAll(name); len(told) {
	case 0:
		return "", true
	case 1:
		return utils.UnsafeString(told[0]), true
	}
	return "", false
}
