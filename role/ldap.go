package role

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/conf"
	"gatehouse/directory"
)

// LDAP gives a user the groups that a directory says they are a member of (memberOf).
type LDAP struct {
	directory.Config `yaml:",inline"`
	Filter           string    `yaml:"filter" doc:"Only groups with this text in their DN. A role is the group's cn."`
	Filters          *[]string `yaml:"filters" doc:"Only groups with one of these pieces in their DN, such as ou=teams. A role is then the path from there: /teams/one/cn."`
}

// personFilter is auth-o-tron's.
const personFilter = "(&(objectClass=person)(cn={username}))"

// settled is where users are.
func (l *LDAP) settled() *directory.Config {
	c := l.Config
	if c.UserFilter == "" {
		c.UserFilter = personFilter
	}
	return &c
}

// Check reports what is wrong with the section.
func (l *LDAP) Check(r conf.Report) {
	l.Config.Check(r)
	l.settled().CheckUsers(r)
	if l.Filters == nil {
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

// Roles asks the directory. Each question has a connection of its own.
func (l *LDAP) Roles(ctx context.Context, name string) ([]string, error) {
	conn, err := l.settled().Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Login(); err != nil {
		return nil, err
	}
	entry, err := conn.User(name, "memberOf")
	if errors.Is(err, directory.ErrNobody) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, dn := range entry.Values("memberOf") {
		roles = with(roles, l.rolesOf(dn))
	}
	return roles, nil
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
