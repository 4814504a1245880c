package provider

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// authorities are what a file of certificates said at one time. They are not changed once they are made.
type authorities struct {
	pool *x509.CertPool
	list []listed
	has  map[string]bool // by fingerprint
	text string
}

// listed is a certificate, and where it stands.
type listed struct {
	*x509.Certificate
	at string // FILE:LINE
}

// readAuthorities reads a file of certificates in PEM. One that cannot be used makes the whole file bad: nobody is to
// miss an authority without notice.
func readAuthorities(path string) (*authorities, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseAuthorities(text, path)
}

func parseAuthorities(text, path string) (*authorities, error) {
	a := &authorities{pool: x509.NewCertPool(), has: map[string]bool{}, text: text}
	for rest := []byte(text); ; {
		start := beginning(rest)
		if start < 0 {
			break
		}
		at := fmt.Sprintf("%s:%d", path, 1+strings.Count(text[:len(text)-len(rest)+start], "\n"))
		block, after := pem.Decode(rest[start:])
		// Package pem skips what it cannot read.
		if block == nil || beginning(rest[start+1:len(rest)-len(after)]) >= 0 {
			return nil, fmt.Errorf("%s: is no whole block of PEM", at)
		}
		cert, err := certificateIn(block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		a.pool.AddCert(cert)
		a.list = append(a.list, listed{cert, at})
		a.has[fingerprint(cert)] = true
		rest = after
	}
	if len(a.list) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return a, nil
}

// beginning is where the next block begins, at the begin of a line as package pem has it; negative: nowhere.
func beginning(text []byte) int {
	const begin = "-----BEGIN "
	if bytes.HasPrefix(text, []byte(begin)) {
		return 0
	}
	if at := bytes.Index(text, []byte("\n"+begin)); at >= 0 {
		return at + 1
	}
	return -1
}

func certificateIn(block *pem.Block) (*x509.Certificate, error) {
	if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
		return nil, fmt.Errorf("is a %q with %d headers, and no plain CERTIFICATE", block.Type, len(block.Headers))
	}
	return x509.ParseCertificate(block.Bytes)
}

// odd says which certificates are most likely not what was meant.
func (a *authorities) odd(now time.Time) (odd []error) {
	for _, c := range a.list {
		switch {
		case now.After(c.NotAfter):
			odd = append(odd, fmt.Errorf("%s: has expired on %s: nobody can log in by it", c.at, c.NotAfter.UTC().Format(time.RFC3339)))
		case now.Before(c.NotBefore):
			odd = append(odd, fmt.Errorf("%s: is not good before %s: nobody can log in by it", c.at, c.NotBefore.UTC().Format(time.RFC3339)))
		case c.Version == 3 && !c.IsCA:
			odd = append(odd, fmt.Errorf("%s: is no authority's certificate: it lets in nobody but its owner", c.at))
		}
	}
	return odd
}
