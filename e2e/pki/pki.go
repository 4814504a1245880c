// Package pki makes certificate authorities and clients' certificates for tests.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

// An Authority issues certificates.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// New returns an authority of a name, which signs its own certificate.
func New(t testing.TB, name string) *Authority {
	t.Helper()
	return (*Authority)(nil).Authority(t, name)
}

// Authority returns an authority that a certifies.
func (a *Authority) Authority(t testing.TB, name string) *Authority {
	t.Helper()
	made := a.Issue(t, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	})
	return &Authority{made.PrivateKey.(*ecdsa.PrivateKey), made.Leaf}
}

// PEM is the authority's own certificate.
func (a *Authority) PEM() string { return PEM(a.cert.Raw) }

// Issue returns a client's certificate, good for a day, with what change makes of it.
func (a *Authority) Issue(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Client returns a certificate with a common name.
func (a *Authority) Client(t testing.TB, name string) tls.Certificate {
	t.Helper()
	return a.Issue(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
}

// PEM writes a certificate as PEM does.
func PEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Escaped writes a certificate as nginx's $ssl_client_escaped_cert does.
func Escaped(der []byte) string { return strings.ReplaceAll(url.QueryEscape(PEM(der)), "+", "%20") }

// Bytes writes a certificate as the header Client-Cert has it (RFC 9440).
func Bytes(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }
