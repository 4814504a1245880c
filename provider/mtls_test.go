package provider

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/e2e/pki"
)

// mtlsBy takes the certificates of authorities.
func mtlsBy(t testing.TB, username string, authorities ...*pki.Authority) *MTLS {
	t.Helper()
	var text strings.Builder
	for _, a := range authorities {
		text.WriteString(a.PEM())
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, file, text.String())
	return &MTLS{CAFile: file, Username: username}
}

func handed(text string) auth.Credential {
	return auth.Credential{Scheme: auth.TLS, Form: auth.Certificate, Secret: auth.Secret(text)}
}

func certified(c tls.Certificate) auth.Credential { return handed(pki.Escaped(c.Certificate[0])) }

func uris(t *testing.T, list ...string) (parsed []*url.URL) {
	t.Helper()
	for _, text := range list {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, u)
	}
	return parsed
}

// subject is a subject with attributes in an order of its own: values by type, one RDN each.
func subject(pairs ...any) (name pkix.Name) {
	for i := 0; i < len(pairs); i += 2 {
		name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: oids[pairs[i].(string)], Value: pairs[i+1]})
	}
	return name
}

var oids = map[string][]int{
	"CN": {2, 5, 4, 3}, "OU": {2, 5, 4, 11}, "O": {2, 5, 4, 10}, "DC": {0, 9, 2342, 19200300, 100, 1, 25},
	"UID": {0, 9, 2342, 19200300, 100, 1, 1}, "odd": {1, 2, 3, 4},
}

func TestWhatOfACertificateIsTheName(t *testing.T) {
	ca := pki.New(t, "clients")
	for name, row := range map[string]struct {
		username string
		change   func(*x509.Certificate)
		want     string // "" is a denial
	}{
		"the common name": {"cn", func(c *x509.Certificate) { c.Subject = subject("O", "example", "CN", "alice", "OU", "staff") }, "alice"},
		"no common name":  {"cn", func(c *x509.Certificate) { c.Subject = subject("O", "example") }, ""},
		"two common names, of which one library takes the first and another the last": {"cn", func(c *x509.Certificate) { c.Subject = subject("CN", "alice", "CN", "root") }, ""},
		"the same common name twice": {"cn", func(c *x509.Certificate) { c.Subject = subject("CN", "alice", "CN", "alice") }, ""},
		"a host is no common name":   {"cn", func(c *x509.Certificate) { c.DNSNames = []string{"alice"} }, ""},
		"the whole subject": {"dn", func(c *x509.Certificate) {
			c.Subject = subject("DC", "org", "DC", "example", "OU", "staff", "CN", "Alice")
		}, "CN=Alice,OU=staff,DC=example,DC=org"},
		"a subject with a user id": {"dn", func(c *x509.Certificate) { c.Subject = subject("O", "example", "UID", "al1") }, "UID=al1,O=example"},
		"what would read as two":   {"dn", func(c *x509.Certificate) { c.Subject = subject("O", "a,CN=root", "CN", " x+y#\\ ") }, `CN=\ x\+y#\\\ ,O=a\,CN=root`},
		"a type that has no name":  {"dn", func(c *x509.Certificate) { c.Subject = subject("odd", "x") }, "1.2.3.4=#130178"},
		"no subject":               {"dn", func(c *x509.Certificate) { c.DNSNames = []string{"a.example"} }, ""},
		"a host, in any case":      {"san_dns", func(c *x509.Certificate) { c.Subject.CommonName, c.DNSNames = "x", []string{"Node1.Example.org"} }, "node1.example.org"},
		"two hosts":                {"san_dns", func(c *x509.Certificate) { c.DNSNames = []string{"a.example", "b.example"} }, ""},
		"a wildcard names no host": {"san_dns", func(c *x509.Certificate) { c.DNSNames = []string{"*.example.org"} }, ""},
		"a common name is no host": {"san_dns", func(c *x509.Certificate) { c.Subject.CommonName = "a.example" }, ""},
		"a mail address":           {"san_email", func(c *x509.Certificate) { c.EmailAddresses = []string{"Alice@example.org"} }, "Alice@example.org"},
		"two mail addresses":       {"san_email", func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.org", "b@example.org"} }, ""},
		"a SPIFFE ID beside a host": {"san_uri", func(c *x509.Certificate) {
			c.DNSNames, c.URIs = []string{"a.example"}, uris(t, "spiffe://example.org/a%2fb")
		}, "spiffe://example.org/a%2fb"},
		"two URIs": {"san_uri", func(c *x509.Certificate) { c.URIs = uris(t, "spiffe://example.org/a", "spiffe://example.org/b") }, ""},
		"no URI":   {"san_uri", func(c *x509.Certificate) { c.Subject.CommonName = "spiffe://example.org/a" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.Context(), mtlsBy(t, row.username, ca), newWorld(t).Env)
			u, err := a.Authenticate(t.Context(), certified(ca.Issue(t, row.change)))
			if u.Name != row.want || (err == nil) != (row.want != "") || err != nil && !errors.Is(err, auth.ErrDenied) {
				t.Errorf("got %q, %v, want %q", u.Name, err, row.want)
			}
		})
	}
}

// nothing package url makes of a URI can make one user of two.
func TestAURIIsTheNameByteByByte(t *testing.T) {
	ca := pki.New(t, "clients")
	a := open(t, t.Context(), mtlsBy(t, "san_uri", ca), newWorld(t).Env)
	for _, uri := range []string{"spiffe://example.org/a", "spiffe://example.org/a#", "spiffe://example.org/%61"} {
		list := append([]byte{0x30, byte(len(uri) + 2), 0x86, byte(len(uri))}, uri...)
		cert := ca.Issue(t, func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAltName, Value: list}} })
		if u, err := a.Authenticate(t.Context(), certified(cert)); err != nil || u.Name != uri {
			t.Errorf("%s: got %q, %v", uri, u.Name, err)
		}
	}
}

func TestWhoseCertificatesAreTaken(t *testing.T) {
	clients, others := pki.New(t, "clients"), pki.New(t, "others")
	twin := pki.New(t, "clients") // by its name it is the first one
	child := clients.Authority(t, "child")
	posing := others.Authority(t, "clients")
	good := clients.Client(t, "alice")
	now := time.Now()
	for name, row := range map[string]struct {
		trusted []*pki.Authority
		cert    tls.Certificate
		denied  bool
	}{
		"one of the authority":                            {[]*pki.Authority{clients}, good, false},
		"one of either authority":                         {[]*pki.Authority{others, clients}, good, false},
		"one of another authority that the proxy trusts":  {[]*pki.Authority{clients}, others.Client(t, "alice"), true},
		"one of another authority of the same name":       {[]*pki.Authority{clients}, twin.Client(t, "alice"), true},
		"one of another authority's child with that name": {[]*pki.Authority{clients}, posing.Client(t, "alice"), true},
		"one that it signed itself":                       {[]*pki.Authority{clients}, (*pki.Authority)(nil).Client(t, "alice"), true},
		"one of a child, which the file names too":        {[]*pki.Authority{clients, child}, child.Client(t, "alice"), false},
		"one of a child that nobody shows":                {[]*pki.Authority{clients}, child.Client(t, "alice"), true},
		"one that has ended":                              {[]*pki.Authority{clients}, clients.Issue(t, func(c *x509.Certificate) { c.Subject.CommonName, c.NotAfter = "alice", now.Add(-time.Minute) }), true},
		"one that has not begun":                          {[]*pki.Authority{clients}, clients.Issue(t, func(c *x509.Certificate) { c.Subject.CommonName, c.NotBefore = "alice", now.Add(time.Minute) }), true},
		"one of a server": {[]*pki.Authority{clients}, clients.Issue(t, func(c *x509.Certificate) {
			c.Subject.CommonName, c.ExtKeyUsage = "alice", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), true},
		"one for whatever use": {[]*pki.Authority{clients}, clients.Issue(t, func(c *x509.Certificate) { c.Subject.CommonName, c.ExtKeyUsage = "alice", nil }), false},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.Context(), mtlsBy(t, "cn", row.trusted...), newWorld(t).Env)
			u, err := a.Authenticate(t.Context(), certified(row.cert))
			if row.denied != errors.Is(err, auth.ErrDenied) || row.denied != (u.Name == "") || !row.denied && err != nil {
				t.Errorf("got %q, %v", u.Name, err)
			}
		})
	}
}

// A connection can outlive its certificate.
func TestACertificatesUserEndsWithIt(t *testing.T) {
	ca := pki.New(t, "clients")
	cert := ca.Client(t, "alice")
	w := newWorld(t)
	var later atomic.Int64 // than now
	w.Env.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	a := open(t, t.Context(), mtlsBy(t, "cn", ca), w.Env)
	u, err := a.Authenticate(t.Context(), certified(cert))
	if err != nil || !u.Until.Equal(cert.Leaf.NotAfter) {
		t.Errorf("got %v until %s, want %s", err, u.Until, cert.Leaf.NotAfter)
	}
	later.Store(int64(time.Until(cert.Leaf.NotAfter.Add(time.Second))))
	if _, err := a.Authenticate(t.Context(), certified(cert)); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("after its end: %v", err)
	}
}

func TestUnitsAreRolesWhereTheyAreWanted(t *testing.T) {
	ca := pki.New(t, "clients")
	cert := ca.Issue(t, func(c *x509.Certificate) { c.Subject = subject("CN", "alice", "OU", "staff", "OU", "ops") })
	for roles, want := range map[string][]string{"": nil, "ou": {"staff", "ops"}} {
		m := mtlsBy(t, "cn", ca)
		m.Roles = roles
		u, err := open(t, t.Context(), m, newWorld(t).Env).Authenticate(t.Context(), certified(cert))
		if err != nil || !slices.Equal(u.Roles, want) {
			t.Errorf("roles: %q: got %q, %v, want %q", roles, u.Roles, err, want)
		}
	}
}

func TestHowACertificateIsHandedOver(t *testing.T) {
	ca := pki.New(t, "clients")
	der := ca.Client(t, "alice").Certificate[0]
	plain, bytes := pki.PEM(der), pki.Bytes(der)
	a := open(t, t.Context(), mtlsBy(t, "cn", ca), newWorld(t).Env)
	for name, row := range map[string]struct {
		text string
		good bool
	}{
		"as nginx does":                {pki.Escaped(der), true},
		"as RFC 9440 says":             {bytes, true},
		"nothing":                      {"", false},
		"a word":                       {"alice", false},
		"a broken escape":              {pki.Escaped(der) + "%", false},
		"a broken PEM":                 {pki.Escaped(der)[:200], false},
		"two certificates":             {url.PathEscape(plain + plain), false},
		"text before it":               {url.PathEscape("CN=root\n" + plain), false},
		"text behind it":               {url.PathEscape(plain + "CN=root"), false},
		"headers in it":                {url.PathEscape(strings.Replace(plain, "-----\n", "-----\nA: b\n\n", 1)), false},
		"another PEM":                  {url.PathEscape(strings.ReplaceAll(plain, "CERTIFICATE", "PUBLIC KEY")), false},
		"bytes without an end":         {strings.TrimSuffix(bytes, ":"), false},
		"bytes that are no base64":     {":" + strings.Repeat("*", 20) + ":", false},
		"bytes with a line end":        {":" + "\n" + bytes[1:], false},
		"bytes and a second item":      {bytes + ", " + bytes, false},
		"bytes that are no cert":       {":YWxpY2U=:", false},
		"a byte behind the cert":       {pki.Bytes(append(slices.Clone(der), 0)), false},
		"a changed byte of the cert":   {pki.Bytes(append(slices.Clone(der[:len(der)-1]), der[len(der)-1]^1)), false},
		"a subject and no certificate": {"CN=alice", false},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := a.Authenticate(t.Context(), handed(row.text))
			if row.good != (err == nil && u.Name == "alice") || !row.good && !errors.Is(err, auth.ErrDenied) {
				t.Errorf("got %q, %v", u.Name, err)
			}
		})
	}
}

// The log tells an operator why.
func TestADeniedCertificateIsExplained(t *testing.T) {
	w := newWorld(t)
	a := open(t, t.Context(), mtlsBy(t, "cn", pki.New(t, "clients")), w.Env)
	_, _ = a.Authenticate(t.Context(), certified(pki.New(t, "others").Client(t, "alice")))
	if text := w.log.String(); !strings.Contains(text, "unknown authority") || !strings.Contains(text, `"debug"`) {
		t.Errorf("the log says %s", text)
	}
}

func FuzzReadCertificate(f *testing.F) {
	der := pki.New(f, "clients").Client(f, "alice").Certificate[0]
	for _, text := range []string{pki.Escaped(der), pki.Bytes(der), "", ":", "::", "%", "-----BEGIN CERTIFICATE-----"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cert, err := readCertificate(text)
		if (cert == nil) != (err != nil) {
			t.Fatalf("%v, %v", cert, err)
		}
		if cert == nil {
			return
		}
		for _, written := range []string{pki.Escaped(cert.Raw), pki.Bytes(cert.Raw)} { // what is read is that one certificate
			if again, err := readCertificate(written); err != nil || !again.Equal(cert) {
				t.Fatalf("%v", err)
			}
		}
		for _, names := range namesIn {
			if list, err := names(cert); err != nil && len(list) > 0 {
				t.Fatalf("%q, %v", list, err)
			}
		}
	})
}
