package provider

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/directory"
)

// LDAP is a directory that knows users' passwords. A user's entry is found by a search and the password tried
// by a login as that entry; with user_dn the entry is not searched for.
type LDAP struct {
	directory.Config `yaml:",inline"`
	UserDN           string            `yaml:"user_dn" doc:"A user's DN, with the name at {username}, in place of a search: uid={username},ou=people,dc=example,dc=org."`
	DecoyDN          string            `yaml:"decoy_dn" doc:"An entry with a password that is tried for unknown names, so that they take as long. Default: one that does not exist."`
	User             string            `yaml:"user" doc:"The attribute that holds the user's name, as gatehouse then spells it."`
	Roles            string            `yaml:"roles" doc:"The attribute that holds the roles, such as memberOf: of a DN the first value, or a text as it is."`
	Attributes       map[string]string `yaml:"attributes" doc:"From an attribute's name to the directory's name for it."`
	GroupBase        string            `yaml:"group_base" doc:"Under which entry groups are searched for, whose names are roles."`
	GroupFilter      string            `yaml:"group_filter" doc:"The filter that finds a user's groups; {dn} and {username} are the user's, escaped."`
	GroupName        string            `yaml:"group_name" doc:"The attribute that holds a group's name."`
	MaxConcurrent    int               `yaml:"max_concurrent" doc:"How many questions may be under way at once."`
}

func newLDAP() *LDAP {
	return &LDAP{User: "uid", GroupFilter: "(member={dn})", GroupName: "cn", MaxConcurrent: maxConcurrent}
}

// Check reports what is wrong with the section.
func (l *LDAP) Check(r conf.Report) {
	l.Config.Check(r)
	directory.CheckAttribute(r, "user", l.User)
	if l.Roles != "" {
		directory.CheckAttribute(r, "roles", l.Roles)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Attributes)) {
		directory.CheckAttribute(r.At("attributes"), name, l.Attributes[name])
	}
	if l.DecoyDN != "" {
		directory.CheckDN(r, "decoy_dn", l.DecoyDN)
	}
	switch {
	case l.UserDN == "":
		settled := l.settled()
		settled.CheckUsers(r)
	case l.SearchBase != "" || l.UserFilter != "" || l.DecoyDN != "":
		r.Fault("user_dn", "stands beside search_base, user_filter or decoy_dn: nobody is searched for by it")
	default:
		directory.CheckTemplate(r, "user_dn", l.UserDN)
	}
	l.checkGroups(r)
	if _, ok := l.Attributes[auth.AttributeExpires]; ok {
		r.At("attributes").Fault(auth.AttributeExpires, "would end the user's token, and cannot come from a directory")
	}
	checkConcurrent(r, l.MaxConcurrent)
}

// checkGroups reports what is wrong with how groups are searched for.
func (l *LDAP) checkGroups(r conf.Report) {
	if l.GroupBase == "" {
		if usual := newLDAP(); l.GroupFilter != usual.GroupFilter || l.GroupName != usual.GroupName {
			r.Fault("group_base", "is missing: no groups are searched for without it")
		}
		return
	}
	directory.CheckDN(r, "group_base", l.GroupBase)
	directory.CheckAttribute(r, "group_name", l.GroupName)
	directory.CheckFilter(r, "group_filter", l.GroupFilter, "{dn}", "{username}")
}

// settled is where users are, with the filter that goes with the attribute.
func (l *LDAP) settled() directory.Config {
	c := l.Config
	if c.UserFilter == "" {
		c.UserFilter = "(" + l.User + "={username})"
	}
	return c
}

// wanted are the attributes of a user's entry that are looked at.
func (l *LDAP) wanted() []string {
	list := append([]string{l.User}, slices.Collect(maps.Values(l.Attributes))...)
	if l.Roles != "" {
		list = append(list, l.Roles)
	}
	return list
}

// groupNames are roles of an attribute that holds DNs or texts.
func groupNames(values []string) []string {
	var roles []string
	for _, v := range values {
		if strings.Contains(v, "=") {
			v = directory.FirstValue(v)
		}
		if !slices.Contains(roles, v) {
			roles = append(roles, v)
		}
	}
	return roles
}
