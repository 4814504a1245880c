package directory

import (
	"errors"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
)

// maxEntries is how many groups of one user are read.
const maxEntries = 1000

// An Entry is what is read of one.
type Entry struct {
	DN    string
	entry *ldap.Entry
}

// Values are those of an attribute, whose name is in any case.
func (e Entry) Values(attribute string) []string {
	return e.entry.GetEqualFoldAttributeValues(attribute)
}

// Bind logs in. Its error is a [Result] where the directory refuses.
func (c *Conn) Bind(dn string, password auth.Secret) error {
	if dn == "" || password == "" { // RFC 4513, section 5.1.2: it would be told success, and be nobody
		return errors.New("an empty name or password is not tried")
	}
	return c.ask(func() error { return c.ldap.Bind(dn, string(password)) })
}

// User finds the entry of a user by the section's filter: [ErrNobody], [ErrSeveral], or one.
func (c *Conn) User(name string, attributes ...string) (Entry, error) {
	filter := fill(c.service.UserFilter, name, "", ldap.EscapeFilter)
	return c.one(c.search(c.service.SearchBase, ldap.ScopeWholeSubtree, 1, filter, attributes))
}

// Read reads the entry of a DN.
func (c *Conn) Read(dn string, attributes ...string) (Entry, error) {
	return c.one(c.search(dn, ldap.ScopeBaseObject, 1, "(objectClass=*)", attributes))
}

func (c *Conn) one(entries []Entry, err error) (Entry, error) {
	result, answered := errors.AsType[*Result](err)
	switch {
	case answered && result.Code == ldap.LDAPResultSizeLimitExceeded, len(entries) > 1:
		return Entry{}, ErrSeveral
	case err != nil:
		return Entry{}, err
	case len(entries) == 0:
		return Entry{}, ErrNobody
	}
	return entries[0], nil
}

// Groups finds the entries under base that filter, with the user's name and DN in its places, names.
func (c *Conn) Groups(base, filter, name, dn string, attributes ...string) ([]Entry, error) {
	return c.search(base, ldap.ScopeWholeSubtree, maxEntries, fill(filter, name, dn, ldap.EscapeFilter), attributes)
}

// search asks this directory and no other: what it refers to elsewhere is not followed.
func (c *Conn) search(base string, scope, limit int, filter string, attributes []string) (entries []Entry, err error) {
	seconds := 0 // none
	if end, ok := c.ctx.Deadline(); ok {
		seconds = max(1, int(time.Until(end)/time.Second))
	}
	err = c.ask(func() error {
		found, err := c.ldap.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, limit, seconds, false, filter, attributes, nil))
		if found != nil {
			for _, e := range found.Entries {
				entries = append(entries, Entry{e.DN, e})
			}
		}
		return err
	})
	return entries, err
}

// fill puts a name and a DN in their places in a template, escaped. What stands in them is not looked at again.
func fill(template, name, dn string, escape func(string) string) string {
	return strings.NewReplacer("{username}", escape(name), "{dn}", escape(dn)).Replace(template)
}

// UserDN makes a user's DN of a template.
func UserDN(template, name string) string { return fill(template, name, "", ldap.EscapeDN) }

// FirstValue is the value of a DN's first part, unescaped: a group's name. What is no DN is its own.
func FirstValue(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) == 0 {
		return dn
	}
	first := parsed.RDNs[0].Attributes[0]
	if !attributeName.MatchString(first.Type) { // such as urn:example:role=admin
		return dn
	}
	return first.Value
}

// Parts are a DN's types and values, unescaped, in its order; ok is false for what is no DN.
func Parts(dn string) (parts [][2]string, ok bool) {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return nil, false
	}
	for _, rdn := range parsed.RDNs {
		for _, a := range rdn.Attributes {
			parts = append(parts, [2]string{a.Type, a.Value})
		}
	}
	return parts, len(parts) > 0
}
