// Package faults_test has the real gatehouse ask services that fail in every way that we know, and sees to it
// that none of them lets anybody in, makes a no of an outage, or is felt by users of another service.
package faults_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// certificates are those that a service may show, by what is wrong with them; "" is a right one.
var certificates map[string]*tls.Certificate

// proxyTrap is where the environment of every gateway here says that a proxy is.
var proxyTrap *service

// elsewhere is where redirects lead. Nobody is to come.
var elsewhere *service

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run gives every gateway that is started the certificates' authority, and proxy variables.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "gatehouse")
	if err == nil {
		defer os.RemoveAll(folder)
		err = makeCertificates(filepath.Join(folder, "authority.pem"))
	}
	if err == nil {
		proxyTrap, err = listen(false)
	}
	if err == nil {
		elsewhere, err = listen(false)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer proxyTrap.close()
	defer elsewhere.close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		_ = os.Setenv(name, "http://"+proxyTrap.address)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("SSL_CERT_FILE", filepath.Join(folder, "authority.pem"))
	return rig.MainGateway(m)
}

// makeCertificates writes the authority that gateways know to a file.
func makeCertificates(file string) error {
	now := time.Now()
	certificates = map[string]*tls.Certificate{}
	for _, c := range []struct {
		fault    string
		address  string
		from, to time.Duration
	}{
		{"", "127.0.0.1", -time.Hour, time.Hour},
		{"out of date", "127.0.0.1", -2 * time.Hour, -time.Hour},
		{"of tomorrow", "127.0.0.1", time.Hour, 2 * time.Hour},
		{"of another name", "127.0.0.2", -time.Hour, time.Hour},
		{"of an unknown authority", "127.0.0.1", -time.Hour, time.Hour},
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.fault}, NotBefore: now.Add(c.from), NotAfter: now.Add(c.to),
			IPAddresses: []net.IP{net.ParseIP(c.address)}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return err
		}
		certificates[c.fault] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		if c.fault == "of an unknown authority" {
			continue
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
