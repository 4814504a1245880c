package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/conf"
	"gatehouse/directory"
)

// LDAP gives a user the groups that a directory says they are a member of (memberOf).
type LDAP struct {
	directory.Config    `yaml:",inline"`
	User                string    `yaml:"user" doc:"The attribute with the user's name, of which one value must be just that. Default: the one that user_filter compares with {username}."`
	InsecureAnySpelling bool      `yaml:"insecure_any_spelling" doc:"Whether a user has the groups of an entry that the directory finds by their name, though it spells it otherwise."`
	Filter              string    `yaml:"filter" doc:"Only groups with this text in their DN, wherever it stands. A role is the group's cn."`
	Filters             *[]string `yaml:"filters" doc:"Only groups with one of these pieces in their DN, such as ou=teams. A role is then the path from there: /teams/one/cn."`
}

// personFilter is auth-o-tron's.
const personFilter = "(&(objectClass=person)(cn={username}))"

// settled is where users are.
func (l *LDAP) settled() directory.Config {
	c := l.Config
	if c.UserFilter == "" {
		c.UserFilter = personFilter
	}
	return c
}

// Check reports what is wrong with the section.
func (l *LDAP) Check(r conf.Report) {
	l.Config.Check(r)
	settled := l.settled()
	usable := settled.CheckUsers(r)
	switch {
	case l.InsecureAnySpelling && l.User != "":
		r.Warn("user", "has no effect beside insecure_any_spelling")
	case usable && !l.InsecureAnySpelling && l.user() == "":
		r.Fault("user", "is missing: user_filter does not compare the name with one attribute alone, which would be the user's")
	}
	if l.Filters == nil {
		if l.Filter != "" {
			r.Warn("filter", "is looked for anywhere in a DN, in the names of groups too, which others may choose: filters is for parts of it")
		}
		return
	}
	if l.Filter != "" {
		r.Warn("filter", "has no effect beside filters, as in auth-o-tron")
	}
	for i, f := range *l.Filters {
		if _, ok := directory.Parts(f); !ok {
			r.At("filters", i).Fault("", "%q is no piece of a distinguished name, such as ou=teams", f)
		}
	}
}

// groups are those of a directory.
type groups struct {
	LDAP
	attribute string // with the user's name
	at        *directory.Service
}

func (l *LDAP) open() Source { return &groups{*l, l.user(), directory.New(l.settled(), nil)} }

// Roles asks the directory. Each question has a connection of its own.
func (g *groups) Roles(ctx context.Context, name string) ([]string, error) {
	conn, err := g.at.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Login(); err != nil {
		return nil, err
	}
	entry, err := conn.User(name, g.attribute, "memberOf")
	if errors.Is(err, directory.ErrNobody) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := g.own(name, entry.Values(g.attribute)); err != nil {
		return nil, err
	}
	var roles []string
	for _, dn := range entry.Values("memberOf") {
		roles = with(roles, g.rolesOf(dn))
	}
	return roles, nil
}

// own reports why an entry with these names is not the user's. A directory finds it by another's too: it compares
// without case, width and spaces (RFC 4518), and to everybody else those are different users.
func (g *groups) own(name string, names []string) error {
	switch {
	case g.InsecureAnySpelling, slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return fmt.Errorf("the user's entry shows no %s", g.attribute)
	}
	return errSpelling
}

// user is the attribute that holds a user's name: the one that the filter compares with it, "" where that is not one.
func (l *LDAP) user() (attribute string) {
	if l.User != "" {
		return l.User
	}
	pieces := strings.Split(l.settled().UserFilter, "{username}")
	for i, before := range pieces[:len(pieces)-1] {
		name, equal := strings.CutSuffix(before[strings.LastIndexByte(before, '(')+1:], "=")
		if !equal || !isAttribute(name) || !strings.HasPrefix(pieces[i+1], ")") || attribute != "" && !strings.EqualFold(name, attribute) {
			return ""
		}
		attribute = name
	}
	return attribute
}

// isAttribute reports whether s is an attribute's short name (RFC 4512, section 1.4), as answers have it too.
func isAttribute(s string) bool {
	isLetter := func(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
	return s != "" && isLetter(rune(s[0])) && !strings.ContainsFunc(s, func(r rune) bool { return !isLetter(r) && (r < '0' || r > '9') && r != '-' })
}

// rolesOf are the roles that a group gives: none without a cn.
func (l *LDAP) rolesOf(dn string) (roles []string) {
	parts, ok := directory.Parts(dn)
	at := slices.IndexFunc(parts, func(p [2]string) bool { return strings.EqualFold(p[0], "cn") })
	switch {
	case !ok || at < 0:
	case l.Filters != nil:
		for _, f := range *l.Filters {
			if piece, ok := directory.Parts(f); ok {
				roles = append(roles, path(parts, piece)...)
			}
		}
	case strings.Contains(dn, l.Filter):
		roles = []string{parts[at][1]}
	}
	return roles
}

// path is the role of a group whose DN has a piece in it, in the DN's order or the other way round: the values
// from there down to the group, with a slash before each. A value with a slash in it gives none: it would read as
// another group's path.
func path(dn, piece [][2]string) []string {
	reversed := slices.Clone(piece)
	slices.Reverse(reversed)
	end := after(dn, piece)
	if end == 0 {
		end = after(dn, reversed)
	}
	var b strings.Builder
	for i := end - 1; i >= 0; i-- {
		if strings.Contains(dn[i][1], "/") {
			return nil
		}
		b.WriteString("/" + dn[i][1])
	}
	if end == 0 {
		return nil
	}
	return []string{b.String()}
}

// after is the place behind the first occurrence of piece in dn, 0 where there is none.
func after(dn, piece [][2]string) int {
	same := func(a, b [2]string) bool { return strings.EqualFold(a[0], b[0]) && strings.EqualFold(a[1], b[1]) }
	for i := 0; i+len(piece) <= len(dn); i++ {
		if slices.EqualFunc(dn[i:i+len(piece)], piece, same) {
			return i + len(piece)
		}
	}
	return 0
}
