package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/provider"
	"gatehouse/server"
)

// A migration is a configuration of auth-o-tron, and what becomes of it here.
type migration struct {
	*Config
	doc     *conf.Document
	environ []string
	next    []conf.Fault // what version 3 has to say of it
}

// A remark is one line of the report: of what it is, and what is said.
type remark struct{ of, text string }

// newMigration returns what is to be told of a configuration without a fault, or nil: there is nothing to tell of
// gatehouse's own version.
func newMigration(path string, environ []string, c *Config, doc *conf.Document) *migration {
	if c.Version == version3 {
		return nil
	}
	as3 := slices.DeleteFunc(slices.Clone(environ), func(line string) bool { return strings.HasPrefix(line, "GATEHOUSE_VERSION=") })
	_, next := load(path, append(as3, "GATEHOUSE_VERSION="+version3))
	return &migration{Config: c, doc: doc, environ: environ, next: next.Faults()}
}

// report tells all. It shows no secret, nor what stands in a URL beside the host, nor a user's name.
func (m *migration) report(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nFrom auth-o-tron, version %s of its config.yaml. The numbers are those of docs/migrate-from-auth-o-tron.md.\n", m.Version)
	write(&b, "Taken over", m.taken())
	write(&b, "Ignored", told(ignoredHere, m))
	write(&b, "Different", append(told(differences, m), remark{"others", general + " hold for any configuration"}))
	write(&b, `To write version: "3"`, m.steps())
	_, err := io.WriteString(w, b.String())
	return err
}

// columns is how wide a line is, unless a word is wider.
const columns = 110

// write writes one part: in two columns, of which the second is broken at words.
func write(b *strings.Builder, title string, lines []remark) {
	if len(lines) == 0 {
		return
	}
	widest := 0
	for _, line := range lines {
		widest = max(widest, utf8.RuneCountInString(printable(line.of)))
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, line := range lines {
		begin, at := fmt.Sprintf("  %-*s", widest, printable(line.of)), columns
		for _, word := range strings.Fields(printable(line.text)) {
			if n := utf8.RuneCountInString(word) + 1; at+n > columns {
				fmt.Fprintf(b, "%s  %s", begin, word)
				begin, at = fmt.Sprintf("\n  %*s", widest, ""), widest+3+n
			} else {
				fmt.Fprintf(b, " %s", word)
				at += n
			}
		}
		b.WriteString("\n")
	}
}

// printable keeps what a configuration says from commanding the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, text)
}

// taken is what works as it did.
func (m *migration) taken() (list []remark) {
	address := m.Server.Socket
	if m.listensOnPort() {
		port := server.DefaultPort
		if m.Server.Port != nil {
			port = *m.Server.Port
		}
		address = net.JoinHostPort(m.Server.Host, strconv.Itoa(port))
	}
	list = append(list, remark{"requests", "on " + address})
	if m.Metrics.Enabled {
		list = append(list, remark{"metrics", "on " + net.JoinHostPort(m.Metrics.Host, strconv.Itoa(m.Metrics.Port))})
	}
	for i := range m.Providers {
		p := &m.Providers[i]
		list = append(list, remark{"provider " + p.Name, fmt.Sprintf("%s, realm %s: %s", p.Type, p.Realm, behaviour(p))})
	}
	for _, a := range m.Augmenters {
		is := a.Type + ", realm " + a.Realm
		if gift, ok := gifts[a.Type]; ok {
			is += ": " + gift
		}
		list = append(list, remark{"augmenter " + a.Name, is})
	}
	list = append(list, remark{"tokens", fmt.Sprintf("iss %q, for %s", m.JWT.Issuer, short(time.Duration(m.JWT.Lifetime)))})
	if names := m.variables(); len(names) > 0 {
		list = append(list, remark{"environment", strings.Join(names, ", ")})
	}
	return list
}

func (m *migration) listensOnPort() bool { return m.Server.Port != nil || m.Server.Socket == "" }

// gifts are what auth-o-tron's kinds of augmenter give.
var gifts = map[string]string{
	"plain":          "roles, by the user's name",
	"plain_advanced": "roles and attributes, by the user's name or a role, after the other kinds",
	"ldap":           "roles, which a directory is asked for",
}

// behaviour is whom a provider is shown, and whom it asks.
func behaviour(p *provider.Entry) string {
	text := map[auth.Form]string{auth.Password: "passwords", auth.JWT: "JWTs", auth.Opaque: "keys and tokens that are no JWTs"}
	var forms []string
	for _, f := range p.Forms() {
		forms = append(forms, text[f])
	}
	is := fmt.Sprintf("%s (%s)", strings.Join(forms, ", "), p.Scheme())
	if u, err := url.Parse(asked(p)); err == nil && u.Hostname() != "" {
		is += ", asks " + u.Hostname()
	}
	if plain, ok := p.Config.(*provider.Plain); ok {
		is += ", users here: " + strconv.Itoa(len(plain.Users))
	}
	if d := p.Remembered(); d > 0 {
		is += ", remembers a yes for " + short(d)
	}
	return is
}

// asked is the URL of the service that says who a user is, or has the keys that tell; "" where none of auth-o-tron's
// kinds has one.
func asked(p *provider.Entry) string {
	switch c := p.Config.(type) {
	case *provider.ECMWF:
		return c.URI
	case *provider.EFAS:
		return c.URI
	case *provider.JWT:
		return c.CertURI
	case *provider.OpenIDOffline:
		return c.IAMURL
	case *provider.TokenGenerator:
		return c.URL
	}
	return ""
}

// short is d less the units that are zero.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// variables are the names of auth-o-tron's variables that count.
func (m *migration) variables() (names []string) {
	const prefix = "AOT_"
	for _, line := range m.environ {
		name, _, _ := strings.Cut(line, "=")
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
