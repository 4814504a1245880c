package directory

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Config says where a directory is, how it is come to, and where in it users are.
type Config struct {
	URI          string      `yaml:"uri" doc:"The directory: ldaps://HOST, ldap://HOST, or ldapi://%2Frun%2Fslapd%2Fldapi."`
	StartTLS     bool        `yaml:"start_tls" doc:"Whether an ldap:// connection becomes TLS before anything is said (StartTLS)."`
	CAFile       string      `yaml:"ca_file" path:"true" doc:"The certificates (PEM) that the directory's must be signed by. Default: the system's. It is read for each connection."`
	InsecureLDAP bool        `yaml:"insecure_ldap" doc:"Whether passwords may travel to another host without TLS."`
	BindDN       string      `yaml:"bind_dn" doc:"As whom gatehouse searches. Without it: as nobody."`
	Password     auth.Secret `yaml:"ldap_password" secret:"true" doc:"The password of bind_dn."`
	SearchBase   string      `yaml:"search_base" doc:"Under which entry users are, at any depth."`
	UserFilter   string      `yaml:"user_filter" doc:"The filter (RFC 4515) that finds a user's entry; {username} is the name, escaped."`
}

// Check reports what is wrong with the section.
func (c *Config) Check(r conf.Report) {
	c.checkURI(r)
	switch {
	case c.BindDN != "" && c.Password == "":
		r.Fault("bind_dn", "has no ldap_password: a directory would take that for a login as nobody")
	case c.BindDN == "" && c.Password != "":
		r.Strict("ldap_password", "stands without bind_dn: gatehouse would search as nobody")
	}
	if c.CAFile != "" {
		if _, err := c.authorities(); err != nil {
			r.Fault("ca_file", "%v", err)
		}
	}
}

// CheckUsers reports what is wrong with where users are, and returns whether the filter can be used. It is not for
// those who find them by their DN.
func (c *Config) CheckUsers(r conf.Report) bool {
	if c.SearchBase == "" {
		r.Fault("search_base", "is missing: it says where users are, such as ou=people,dc=example,dc=org")
	} else {
		CheckDN(r, "search_base", c.SearchBase)
	}
	return CheckFilter(r, "user_filter", c.UserFilter, "{username}")
}

// CheckFilter reports why filter finds nobody, and returns whether it finds somebody: it must hold one of the places.
func CheckFilter(r conf.Report, key, filter string, places ...string) bool {
	holds := false
	for _, place := range places {
		holds = holds || strings.Contains(filter, place)
	}
	_, err := ldap.CompileFilter(fill(filter, "x", "x", ldap.EscapeFilter))
	if err != nil {
		r.Fault(key, "%q is no filter (RFC 4515), such as (uid={username})", filter)
	} else if !holds {
		r.Fault(key, "has no %s: it would find the same for everybody", strings.Join(places, " or "))
	}
	return err == nil && holds
}

// CheckDN reports why text is no distinguished name.
func CheckDN(r conf.Report, key, text string) {
	if parsed, err := ldap.ParseDN(text); err != nil || len(parsed.RDNs) == 0 {
		r.Fault(key, "%q is no distinguished name (RFC 4514)", text)
	}
}

// attributeName is what an attribute can be called (RFC 4512, section 2.5), with options.
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*)(;[A-Za-z0-9-]+)*$`)

// CheckAttribute reports why name is none of an attribute.
func CheckAttribute(r conf.Report, key, name string) {
	if !attributeName.MatchString(name) {
		r.Fault(key, "%q is no attribute's name, such as mail", name)
	}
}

// CheckTemplate reports why a template is no distinguished name of a user.
func CheckTemplate(r conf.Report, key, template string) {
	if _, err := ldap.ParseDN(fill(template, "x", "x", ldap.EscapeDN)); err != nil || !strings.Contains(template, "={username}") {
		r.Fault(key, "%q is no distinguished name (RFC 4514) with a place for the name, such as uid={username},ou=people,dc=example,dc=org", template)
	}
}

func (c *Config) checkURI(r conf.Report) {
	at, err := parse(c.URI)
	switch {
	case c.URI == "":
		r.Fault("uri", "is missing")
	case err != nil:
		r.Fault("uri", "%v", err)
	case at.scheme != "ldap" && c.StartTLS:
		r.Fault("start_tls", "is for ldap://, and uri is %s://: remove it", at.scheme)
	case at.scheme == "ldap" && !c.StartTLS && !c.InsecureLDAP && !isLoopback(at.host):
		r.Strict("uri", "passwords would travel to %s without TLS; use ldaps://, or start_tls: true, or set insecure_ldap: true", at.host)
	case c.CAFile != "" && at.scheme != "ldaps" && !c.StartTLS:
		r.Fault("ca_file", "is for TLS, which is not spoken to %s", c.URI)
	}
}

// An address is what a URI says (RFC 4516, of which only the beginning is used).
type address struct {
	scheme  string // ldap, ldaps, ldapi
	network string
	host    string // as the certificate must name it
	dial    string
}

func parse(uri string) (address, error) {
	scheme, rest, _ := strings.Cut(uri, "://")
	if scheme == "ldapi" {
		path, err := url.PathUnescape(strings.TrimSuffix(rest, "/"))
		if err != nil || !strings.HasPrefix(path, "/") {
			return address{}, errors.New("must be ldapi:// and the socket's path with %2F for each slash")
		}
		return address{scheme, "unix", "", path}, nil
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return address{}, errors.New("is no URI")
	case scheme != "ldap" && scheme != "ldaps", u.Hostname() == "":
		return address{}, errors.New("must begin with ldaps://HOST, ldap://HOST or ldapi://")
	case u.User != nil:
		return address{}, errors.New("has a user name or password in it: they are bind_dn and ldap_password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return address{}, errors.New("has more than a host and a port: where users are is search_base and user_filter")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[scheme]
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		return address{scheme, "tcp", host, "[" + host + "]:" + port}, nil
	}
	return address{scheme, "tcp", host, host + ":" + port}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// authorities are the certificates of CAFile, nil for the system's.
func (c *Config) authorities() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", c.CAFile)
	}
	return pool, nil
}
