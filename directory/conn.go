// Package directory asks an LDAP directory (RFC 4511). It alone knows the LDAP library.
package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// maxRead is how many bytes are read from one connection.
const maxRead = 1 << 20

// A Conn is one connection to a directory, for one question. It is for one goroutine.
type Conn struct {
	service *Service
	ctx     context.Context // of the question
	raw     net.Conn
	ldap    *ldap.Conn
	stop    func() bool
}

// Dial connects, TLS included; nothing of a user is sent yet. The connection ends with ctx. The error is an
// [Unreached], or a [Result] where the directory does not offer StartTLS.
func (s *Service) Dial(ctx context.Context) (*Conn, error) {
	at, err := parse(s.URI)
	if err != nil {
		return nil, err
	}
	roots, err := s.authorities()
	if err != nil {
		return nil, &Unreached{err}
	}
	raw, err := new(net.Dialer).DialContext(ctx, at.network, at.dial)
	if err != nil {
		return nil, unreached(ctx, err)
	}
	raw = &bounded{Conn: raw, rest: maxRead}
	conn := &Conn{service: s, ctx: ctx, raw: raw, stop: context.AfterFunc(ctx, func() { _ = raw.Close() })}
	over, err := conn.secure(at, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: at.host, RootCAs: roots})
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.ldap = ldap.NewConn(over, over != raw)
	conn.ldap.Start()
	return conn, nil
}

// secure makes TLS of the connection where the section wants it. It never goes on without.
func (c *Conn) secure(at address, config *tls.Config) (net.Conn, error) {
	if c.service.StartTLS {
		if err := c.startTLS(); err != nil {
			return nil, err
		}
	} else if at.scheme != "ldaps" {
		return c.raw, nil
	}
	over := tls.Client(c.raw, config)
	if err := over.HandshakeContext(c.ctx); err != nil {
		return nil, unreached(c.ctx, err)
	}
	return over, nil
}

// startTLSRequest is the message 1 with the extended operation 1.3.6.1.4.1.1466.20037 (RFC 4511, section 4.14).
const startTLSRequest = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"

// startTLS asks for TLS and reads the one answer, no byte more: what came before TLS counts for nothing after it.
func (c *Conn) startTLS() error {
	if _, err := io.WriteString(c.raw, startTLSRequest); err != nil {
		return unreached(c.ctx, err)
	}
	return c.ask(func() error {
		answer, err := ber.ReadPacket(c.raw)
		if err != nil {
			return err
		}
		if len(answer.Children) < 2 || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
			return ErrBroken
		}
		return ldap.GetLDAPError(answer)
	})
}

// Close ends the connection.
func (c *Conn) Close() {
	c.stop()
	_ = c.raw.Close() // first, so that nothing below waits for the peer
	if c.ldap != nil {
		_ = c.ldap.Close()
	}
}

// ask runs one exchange and returns its error in our words.
func (c *Conn) ask(exchange func() error) error {
	var result *ldap.Error
	switch err := exchange(); {
	case err == nil:
		return nil
	case errors.As(err, &result) && result.ResultCode < ldap.ErrorNetwork:
		return newResult(result)
	default:
		return broken(c.ctx)
	}
}

// bounded reads so much and no more: the library takes a message of any size that its peer announces.
type bounded struct {
	net.Conn
	rest int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.rest <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.Conn.Read(p[:min(len(p), b.rest)])
	b.rest -= n
	return n, err
}
