// Package role goes from a user to the roles that config.yaml gives them: auth-o-tron's augmenters.
package role

import (
	"maps"
	"slices"
	"sort"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// A Rule changes what is known of a user. It must not write to what u's slices and maps point to.
type Rule interface {
	Apply(u auth.User) auth.User
}

// kinds are the types an entry of augmenters can have. A new one: its type, and one line here.
var kinds = map[string]func() config{
	"plain":          func() config { return new(Plain) },
	"plain_advanced": func() config { return new(PlainAdvanced) },
}

type config interface {
	Rule
	Check(r conf.Report)
}

// Entry is one element of the list augmenters in config.yaml.
type Entry struct {
	Name  string `yaml:"name" doc:"The name in logs and at /augmenters."`
	Type  string `yaml:"type" doc:"What kind of rule this is."`
	Realm string `yaml:"realm" doc:"The realm whose users it changes."`

	config config
}

// Variant returns the section of one kind for package conf to fill, and the names of all kinds.
func (e *Entry) Variant(kind string) (any, []string) {
	known := slices.Sorted(maps.Keys(kinds))
	make, ok := kinds[kind]
	if !ok {
		return nil, known
	}
	e.config = make()
	return e.config, known
}

// Check reports what is wrong with the entry.
func (e *Entry) Check(r conf.Report) {
	if err := auth.CheckName(e.Name); err != nil {
		r.Fault("name", "%v", err)
	}
	if err := auth.CheckName(e.Realm); err != nil {
		r.Fault("realm", "%v", err)
	}
	if e.config != nil {
		e.config.Check(r)
	}
}

// Rules are a configuration's rules in the order in which they are applied.
type Rules struct {
	entries []Entry
	timed   func(name, kind, realm string, took time.Duration)
}

// New returns rules that apply entries as auth-o-tron does: first those that look at the user's name
// alone, then the advanced ones, each kind in the order of config.yaml.
func New(entries []Entry) *Rules {
	sorted := slices.Clone(entries)
	sort.SliceStable(sorted, func(i, j int) bool {
		return sorted[i].Type != "plain_advanced" && sorted[j].Type == "plain_advanced"
	})
	return &Rules{sorted, func(string, string, string, time.Duration) {}}
}

// Timed has told called with an entry's name, type and realm, and how long it took, whenever it was applied. It
// is to be called before r is used.
func (r *Rules) Timed(told func(name, kind, realm string, took time.Duration)) *Rules {
	r.timed = told
	return r
}

// Apply returns u with the roles and attributes that the rules of its realm give. u itself, which others
// may hold too, is left as it is.
func (r *Rules) Apply(u auth.User) auth.User {
	for _, e := range r.entries {
		if e.Realm == u.Realm || auth.SameRealm(e.Realm, u.Realm) { // SameRealm knows ASCII only
			begin := time.Now()
			u = e.config.Apply(u)
			r.timed(e.Name, e.Type, e.Realm, time.Since(begin))
		}
	}
	return u
}

// with returns roles and those of more that are not among them yet, in a new slice.
func with(roles, more []string) []string {
	out := slices.Clone(roles)
	for _, role := range more {
		if !slices.Contains(out, role) {
			out = append(out, role)
		}
	}
	return out
}

func checkRoles(r conf.Report, key string, roles []string) {
	for i, role := range roles {
		if err := auth.CheckName(role); err != nil {
			r.At(key, i).Fault("", "%v", err)
		}
	}
}
