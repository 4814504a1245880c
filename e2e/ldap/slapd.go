// Package ldap starts directories for tests: Debian's slapd, and one in this process for what slapd cannot be
// made to do. What it starts, it stops when the test ends.
package ldap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The logins of a [Slapd]: Gate may read, and the users' entries hold these.
const (
	Base         = "dc=example,dc=org"
	Gate         = "cn=gate," + Base
	GatePassword = "gate/5d1c+Qw="
	root         = "cn=root," + Base
	rootPassword = "root"
)

// A Slapd is a running slapd.
type Slapd struct {
	URI  string // ldap://, on loopback; StartTLS is offered if there is a certificate
	TLS  string // ldaps://
	CA   string // the file of the certificate's authority
	stop func()
}

// A Setting is what a [Slapd] is to be.
type Setting struct {
	Certificate bool   // whether it has a certificate, for 127.0.0.1
	More        string // more of slapd.conf, for its database
}

// Start starts slapd with users and groups, each a DN and its attributes. Without slapd the test is skipped.
func Start(t testing.TB, s Setting, entries ...*ldap.AddRequest) *Slapd {
	t.Helper()
	program, err := exec.LookPath("slapd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/slapd"); err != nil {
			t.Skip("there is no slapd: apt-get install slapd")
		}
	}
	folder, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	d := &Slapd{CA: filepath.Join(folder, "ca.pem")}
	configure(t, folder, s)
	d.run(t, program, folder)
	d.fill(t, entries)
	return d
}

func configure(t testing.TB, folder string, s Setting) {
	var certificate string
	if s.Certificate {
		Certificate(t, folder)
		certificate = fmt.Sprintf("TLSCertificateFile %[1]s/ca.pem\nTLSCertificateKeyFile %[1]s/key.pem\n", folder)
	}
	if err := os.Mkdir(filepath.Join(folder, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "slapd.conf"), fmt.Sprintf(`
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
%[2]s
database mdb
suffix %[3]s
rootdn %[4]s
rootpw %[5]s
directory %[1]s/db
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="%[6]s" read by self read by * none
overlay memberof
%[7]s
`, folder, certificate, Base, root, rootPassword, Gate, s.More))
}

// run starts it on ports that are free.
func (d *Slapd) run(t testing.TB, program, folder string) {
	var said bytes.Buffer
	for range 3 { // a port that was free may be taken by the time it is wanted
		plain, over := freePort(t), freePort(t)
		d.URI, d.TLS = "ldap://"+plain, "ldaps://"+over
		cmd := exec.Command(program, "-d", "0", "-f", filepath.Join(folder, "slapd.conf"), "-h", d.URI+"/ "+d.TLS+"/")
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		d.stop = func() { _ = cmd.Process.Kill(); <-ended }
		t.Cleanup(d.stop)
		if listens(plain, ended) {
			return
		}
		d.stop()
	}
	t.Fatalf("slapd does not start:\n%s", &said)
}

func listens(address string, ended chan struct{}) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		default:
		}
	}
	return false
}

// Stop ends it at once.
func (d *Slapd) Stop() { d.stop() }

func (d *Slapd) fill(t testing.TB, entries []*ldap.AddRequest) {
	first := []*ldap.AddRequest{
		Add(Base, "objectClass", "dcObject", "objectClass", "organization", "o", "example", "dc", "example"),
		Add("ou=people,"+Base, "objectClass", "organizationalUnit", "ou", "people"),
		Add("ou=groups,"+Base, "objectClass", "organizationalUnit", "ou", "groups"),
		Add(Gate, "objectClass", "organizationalRole", "objectClass", "simpleSecurityObject", "cn", "gate", "userPassword", GatePassword),
	}
	d.Change(t, func(c *ldap.Conn) error {
		for _, e := range append(first, entries...) {
			if err := c.Add(e); err != nil {
				return fmt.Errorf("%s: %w", e.DN, err)
			}
		}
		return nil
	})
}

// Change has its administrator change it.
func (d *Slapd) Change(t testing.TB, change func(*ldap.Conn) error) {
	t.Helper()
	c, err := ldap.DialURL(d.URI)
	if err == nil {
		defer c.Close()
		if err = c.Bind(root, rootPassword); err == nil {
			err = change(c)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Add is an entry of attributes and values.
func Add(dn string, pairs ...string) *ldap.AddRequest {
	values := map[string][]string{}
	var order []string
	for i := 0; i < len(pairs); i += 2 {
		if values[pairs[i]] == nil {
			order = append(order, pairs[i])
		}
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	a := ldap.NewAddRequest(dn, nil)
	for _, name := range order {
		a.Attribute(name, values[name])
	}
	return a
}

// Person is a user of ou=people by uid.
func Person(uid, password string, more ...string) *ldap.AddRequest {
	dn := "uid=" + ldap.EscapeDN(uid) + ",ou=people," + Base
	pairs := []string{"objectClass", "inetOrgPerson", "uid", uid, "cn", uid, "sn", "s"}
	if password != "" {
		pairs = append(pairs, "userPassword", password)
	}
	return Add(dn, append(pairs, more...)...)
}

// Group is a group of ou=groups by cn, of users by uid.
func Group(cn string, uids ...string) *ldap.AddRequest {
	pairs := []string{"objectClass", "groupOfNames", "cn", cn}
	for _, uid := range uids {
		pairs = append(pairs, "member", "uid="+ldap.EscapeDN(uid)+",ou=people,"+Base)
	}
	return Add("cn="+ldap.EscapeDN(cn)+",ou=groups,"+Base, pairs...)
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strings.TrimSpace(l.Addr().String())
}

func write(t testing.TB, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Certificate writes a certificate of 127.0.0.1, which is its own authority, and its key: ca.pem and key.pem.
func Certificate(t testing.TB, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(folder, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
