package provider

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
)

// readCertificate reads the one certificate that a proxy hands over in a header: in PEM with what is not unreserved in
// URLs escaped, as nginx writes it ($ssl_client_escaped_cert), or as the byte sequence of RFC 9440.
func readCertificate(text string) (*x509.Certificate, error) {
	var der []byte
	if inner, ok := strings.CutPrefix(text, ":"); ok {
		word, ended := strings.CutSuffix(inner, ":")
		var err error // package base64 would skip line ends
		if der, err = base64.StdEncoding.Strict().DecodeString(word); err != nil || !ended || strings.ContainsAny(word, "\r\n") {
			return nil, errNoCertificate
		}
	} else {
		plain, err := url.PathUnescape(text)
		if err != nil || !strings.HasPrefix(plain, "-----BEGIN CERTIFICATE-----") {
			return nil, errNoCertificate
		}
		block, rest := pem.Decode([]byte(plain))
		if block == nil || len(block.Headers) > 0 || strings.TrimSpace(string(rest)) != "" {
			return nil, errNoCertificate
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("what the proxy hands over: %w", err)
	}
	return cert, nil
}

// namesIn are the values in a certificate that a user could be named by, for each of what can be configured.
var namesIn = map[string]func(*x509.Certificate) ([]string, error){
	"cn":        commonNames,
	"dn":        func(c *x509.Certificate) ([]string, error) { return distinguishedName(c.RawSubject) },
	"san_dns":   hostNames,
	"san_email": func(c *x509.Certificate) ([]string, error) { return alternativeNames(c, tagEmail) },
	"san_uri":   func(c *x509.Certificate) ([]string, error) { return alternativeNames(c, tagURI) },
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func commonNames(c *x509.Certificate) (names []string, err error) {
	for _, attribute := range c.Subject.Names {
		if attribute.Type.Equal(oidCommonName) {
			names = append(names, fmt.Sprint(attribute.Value))
		}
	}
	return names, nil
}

// hostNames are in lower case, as they mean the same in any. A wildcard names no host.
func hostNames(c *x509.Certificate) ([]string, error) {
	names, err := alternativeNames(c, tagDNS)
	for i, name := range names {
		if strings.Contains(name, "*") {
			return nil, fmt.Errorf("is for %q, which names no host", name)
		}
		names[i] = strings.ToLower(name)
	}
	return names, err
}

// Kinds of a GeneralName (RFC 5280, section 4.2.1.6).
const (
	tagEmail = 1
	tagDNS   = 2
	tagURI   = 6
)

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// alternativeNames are the subject's other names of a kind, byte by byte: package x509 has URIs only as what it made
// of them, where two can become one.
func alternativeNames(c *x509.Certificate, tag int) (names []string, err error) {
	for _, extension := range c.Extensions {
		if !extension.Id.Equal(oidSubjectAltName) {
			continue
		}
		var list asn1.RawValue
		if _, err := asn1.Unmarshal(extension.Value, &list); err != nil {
			return nil, fmt.Errorf("has alternative names that cannot be read: %w", err)
		}
		for rest := list.Bytes; len(rest) > 0; {
			var name asn1.RawValue
			if rest, err = asn1.Unmarshal(rest, &name); err != nil {
				return nil, fmt.Errorf("has alternative names that cannot be read: %w", err)
			}
			if name.Class == asn1.ClassContextSpecific && name.Tag == tag {
				names = append(names, string(name.Bytes))
			}
		}
	}
	return names, nil
}
