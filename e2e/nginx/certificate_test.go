package nginx_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/pki"
	"gatehouse/e2e/rig"
)

const certificateConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
metrics: { enabled: false }
jwt: { secret: %s }
providers:
  - { name: ours, type: mtls, realm: machines, ca_file: ca.pem, username: %s, roles: ou }
  - { name: theirs, type: mtls, realm: partners, ca_file: partners.pem, username: cn }
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: wonderland, roles: [operators, staff] }] }
`

// A certifiedSite is nginx with clients' certificates, of whose authorities gatehouse knows ours and theirs.
type certifiedSite struct {
	*rig.Front
	backend              *backend
	gateway              *rig.Gateway
	ours, theirs, others *pki.Authority
}

// startCertified has nginx say what it does of certificates by certificates, which is a line of gatehouse.conf.
func startCertified(t *testing.T, username, certificates string, edits ...rig.Edit) certifiedSite {
	t.Helper()
	s := certifiedSite{backend: startBackend(t), ours: pki.New(t, "ours"), theirs: pki.New(t, "theirs"), others: pki.New(t, "others")}
	g := rig.StartGateway(t, fmt.Sprintf(certificateConfig, jwtSecret, username), map[string]string{
		"ca.pem": s.ours.PEM(), "partners.pem": s.theirs.PEM(),
	}, secrets())
	s.gateway = g
	s.Front = startFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: g.Socket, Backend: s.backend.address,
		Edits: append(trusting(t, certificates, s.ours, s.theirs, s.others), edits...),
	})
	return s
}

// trusting is what an operator does to gatehouse.conf for certificates of authorities.
func trusting(t *testing.T, certificates string, authorities ...*pki.Authority) []rig.Edit {
	t.Helper()
	file, text := filepath.Join(rig.Folder(t), "clients.pem"), ""
	for _, a := range authorities {
		text += a.PEM()
	}
	rig.Write(t, file, text)
	return []rig.Edit{
		{"gatehouse.conf", "#ssl_client_certificate /etc/ssl/gatehouse/clients.pem;", "ssl_client_certificate " + file + ";"},
		{"gatehouse.conf", "#ssl_verify_client optional;", "ssl_verify_client optional;"},
		{"gatehouse.conf", "#set $gatehouse_certificates on;", certificates},
	}
}

func (s certifiedSite) send(t *testing.T, cert *tls.Certificate, r request) answer {
	t.Helper()
	return sendCertified(t, s.Addresses()[0], cert, r)
}

// sendCertified sends r with a client's certificate, or none.
func sendCertified(t *testing.T, address string, cert *tls.Certificate, r request) answer {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "www.example.org"}
	if cert != nil { // whoever nginx says that it asks for
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return exchange(t, conn, r)
}

// claiming is what a client says of certificates itself.
func claiming(cert tls.Certificate, more ...string) request {
	return request{headers: append([]string{
		"X-SSL-Client-Verify: SUCCESS", "X-SSL-Client-Cert: " + pki.Escaped(cert.Certificate[0]), "Client-Cert: " + pki.Bytes(cert.Certificate[0]),
	}, more...)}
}

var isNode = identity{"node1", "machines", "ops"}

func node(c *x509.Certificate) {
	c.Subject = pkix.Name{CommonName: "node1", OrganizationalUnit: []string{"ops"}}
}

func TestClientsCertificates(t *testing.T) {
	on, only, off := startCertified(t, "cn", "set $gatehouse_certificates on;"), startCertified(t, "cn", "set $gatehouse_certificates only;"), startCertified(t, "cn", "")
	type row struct {
		name   string
		cert   *tls.Certificate
		r      request
		want   identity
		status int // where it is nobody
	}
	rows := func(s certifiedSite) (good, twin *tls.Certificate, common []row) {
		one, two, three := s.ours.Issue(t, node), s.theirs.Issue(t, node), s.others.Issue(t, node)
		expired := s.ours.Issue(t, func(c *x509.Certificate) { node(c); c.NotAfter = time.Now().Add(-time.Minute) })
		foreign := pki.New(t, "ours").Issue(t, node)
		odd := s.ours.Issue(t, func(c *x509.Certificate) { node(c); c.Subject.CommonName = "node1\x01" })
		double := s.ours.Issue(t, func(c *x509.Certificate) {
			cn := asn1.ObjectIdentifier{2, 5, 4, 3}
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: cn, Value: "node1"}, {Type: cn, Value: "root"}}
		})
		return &one, &two, []row{
			{name: "no certificate", status: 401},
			{name: "a client's own words", r: claiming(one), status: 401},
			{name: "a client's own words beside a certificate that nobody takes", cert: &three, r: claiming(one), status: 401},
			{name: "one that only nginx trusts", cert: &three, status: 401},
			{name: "an expired one", cert: &expired, status: 400},
			{name: "one of an authority that nobody trusts", cert: &foreign, status: 400},
			{name: "a name with a control character", cert: &odd, status: map[bool]int{true: 401, false: 403}[s == off]},
			{name: "two names", cert: &double, status: 401},
		}
	}
	check := func(kind string, s certifiedSite, list []row) {
		for _, row := range list {
			t.Run(kind+": "+row.name, func(t *testing.T) {
				for range 2 { // the second time from memory
					got := s.send(t, row.cert, row.r)
					if row.status != 0 {
						assertNotReached(t, s.backend, got, row.status)
						continue
					}
					if got.StatusCode != 200 {
						t.Fatalf("status %d", got.StatusCode)
					}
					seen := assertReached(t, s.backend, row.want)
					for _, name := range []string{"X-SSL-Client-Verify", "X-SSL-Client-Cert", "Client-Cert"} {
						if values := seen.folded(name); len(values) > 0 {
							t.Errorf("the backend sees %s: %q", name, values)
						}
					}
				}
			})
		}
	}
	good, twin, common := rows(on)
	check("on", on, append(common,
		row{name: "a good one", cert: good, want: isNode},
		row{name: "a good one beside a client's own words", cert: good, r: claiming(*twin), want: isNode},
		row{name: "the same name by another authority", cert: twin, want: identity{"node1", "partners", ""}},
		row{name: "a password beside one", cert: good, r: authorized(alice), want: isAlice},
		row{name: "a wrong password beside one", cert: good, r: authorized(wrongPass), status: 401},
		row{name: "a password", r: authorized(alice), want: isAlice},
	))
	line := on.gateway.Log.AwaitLine(t, 0, `"user":"node1"`)
	for _, field := range []string{`"provider":"ours"`, `"realm":"machines"`, `"client":"127.0.0.1"`, `"authenticated"`} {
		if !strings.Contains(line, field) {
			t.Errorf("the log does not say %s: %s", field, line)
		}
	}
	good, _, common = rows(only)
	check("only", only, append(common,
		row{name: "a password beside one", cert: good, r: authorized(alice), want: isNode},
		row{name: "a wrong password beside one", cert: good, r: authorized(wrongPass), want: isNode},
		row{name: "a password", r: authorized(alice), status: 401},
	))
	good, twin, common = rows(off)
	check("off", off, append(common,
		row{name: "a good one", cert: good, status: 401},
		row{name: "another good one", cert: twin, r: claiming(*good), status: 401},
		row{name: "a password beside one", cert: good, r: authorized(alice), want: isAlice},
	))
}

// The subject as a name is what nginx calls it.
func TestASubjectIsWhatNginxCallsIt(t *testing.T) {
	s := startCertified(t, "dn", "set $gatehouse_certificates on;", insert("location = /dn { return 200 $ssl_client_s_dn; }"))
	attribute := func(value string, oid ...int) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oid, Value: value}
	}
	for name, rdns := range map[string]pkix.RDNSequence{
		"a grid's": {
			{attribute("org", 0, 9, 2342, 19200300, 100, 1, 25)},
			{attribute("example", 0, 9, 2342, 19200300, 100, 1, 25)},
			{attribute("DE", 2, 5, 4, 6)},
			{attribute("Bonn", 2, 5, 4, 7)},
			{attribute("NRW", 2, 5, 4, 8)},
			{attribute("a b", 2, 5, 4, 10)},
			{attribute("Alice L", 2, 5, 4, 3)},
		},
		"one with odd signs":         {{attribute("1 Way", 2, 5, 4, 9)}, {attribute(` #a,b+c"d\e<f>g;h= `, 2, 5, 4, 10)}, {attribute("#x", 2, 5, 4, 3)}},
		"one with several in one":    {{attribute("example", 2, 5, 4, 10)}, {attribute("alice", 2, 5, 4, 3), attribute("al1", 0, 9, 2342, 19200300, 100, 1, 1)}},
		"one with a mail address":    {{attribute("a@example.org", 1, 2, 840, 113549, 1, 9, 1)}, {attribute("alice", 2, 5, 4, 3)}},
		"one with an unknown detail": {{attribute("x", 1, 2, 3, 4)}, {attribute("alice", 2, 5, 4, 3)}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := asn1.Marshal(rdns)
			if err != nil {
				t.Fatal(err)
			}
			cert := s.ours.Issue(t, func(c *x509.Certificate) { c.RawSubject = raw })
			want := s.send(t, &cert, request{line: "GET /dn HTTP/1.1"}).body
			s.send(t, &cert, request{})
			records := s.backend.take()
			if len(records) != 1 || len(records[0].folded("X-Auth-Username")) != 1 {
				t.Fatalf("%d requests reached the backend", len(records))
			}
			if got := records[0].folded("X-Auth-Username")[0]; got != want {
				t.Errorf("the user is %s, and nginx says %s", got, want)
			}
		})
	}
}

// Wherever nginx asks gatehouse, gatehouse hears of a client's headers what is named there and nothing else.
func TestNoLocationPassesTheClientsHeadersToGatehouse(t *testing.T) {
	found := 0
	for _, folder := range []string{"../../nginx", "../../docker", "../../examples", "../../docs"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			var block []string // since the last brace
			for lines := bufio.NewScanner(file); lines.Scan(); {
				if text := strings.TrimSpace(lines.Text()); !strings.HasSuffix(text, "{") && !strings.HasPrefix(text, "}") {
					block = append(block, text)
					continue
				}
				whole := "\n" + strings.Join(block, "\n") + "\n"
				if strings.Contains(whole, "proxy_pass http://gatehouse$") || strings.Contains(whole, "proxy_pass http://gatehouse/") {
					found++
					if !strings.Contains(whole, "\nproxy_pass_request_headers off;") {
						t.Errorf("%s: a location passes the client's headers on to gatehouse:\n%s", path, whole)
					}
				}
				block = nil
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 4 { // the question, two of keys, one of the sidecar
		t.Errorf("%d locations found", found)
	}
}

// The keys are shown without a login, and what a client says of certificates stays at nginx there too.
func TestTheKeysLocationsPassNoCertificate(t *testing.T) {
	snippet, err := os.ReadFile("../../nginx/snippets/gatehouse-keys.conf")
	if err != nil {
		t.Fatal(err)
	}
	g, b := startFake(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), startBackend(t)
	f := startFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: g.socket, Backend: b.address, Edits: []rig.Edit{insert(string(snippet))},
	})
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration"} {
		send(t, f.Addresses()[0], claiming(pki.New(t, "a").Client(t, "root")).to("GET "+path+" HTTP/1.1"))
	}
	heads := g.seen()
	for _, head := range heads {
		if strings.Contains(head, "SSL") || strings.Contains(head, "Client-Cert") {
			t.Errorf("gatehouse was told %q", head)
		}
	}
	if len(heads) != 2 {
		t.Errorf("gatehouse was asked %d times, want twice", len(heads))
	}
}

// Where the certificate alone counts, what nginx remembers of somebody's token says nothing of whoever presents it.
func TestNginxRemembersNoCertificate(t *testing.T) {
	ca := pki.New(t, "ours")
	one, two := ca.Client(t, "one"), ca.Client(t, "two")
	for line, want := range map[string]int{"set $gatehouse_certificates on;": 1, "set $gatehouse_certificates only;": 4} {
		g := startFake(t, kept("4"))
		f, _ := rememberingSite(t, g.socket, remember, trusting(t, line, ca)...)
		begin := time.Now()
		for _, cert := range []*tls.Certificate{&one, &two, &one, &two} {
			if got := sendCertified(t, f.Addresses()[0], cert, authorized(kate)); got.StatusCode != 200 {
				t.Errorf("%s: status %d", line, got.StatusCode)
			}
		}
		asked := g.seen()
		if want == 1 {
			assertAskedOnce(t, len(asked), begin)
		} else if len(asked) != want {
			t.Errorf("%s: gatehouse was asked %d times, want %d", line, len(asked), want)
		}
		if told := strings.Contains(asked[0], "\r\nX-SSL-Client-Cert: -----BEGIN%20CERTIFICATE-----%0A"); !told {
			t.Errorf("%s: gatehouse was not told of the certificate: %q", line, asked[0])
		}
	}
}
