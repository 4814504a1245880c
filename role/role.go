// Package role goes from a user to the roles that config.yaml, or a directory, gives them: auth-o-tron's augmenters,
// and the rewriting of what identity providers call roles.
package role

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// A Rule changes what is known of a user, and asks nobody. It must not write to what u's slices and maps point to.
type Rule interface {
	Apply(u auth.User) auth.User
}

// A Source is asked for the roles of a user by their name. An unknown name has none; errSpelling says that it is known
// in another spelling only, any other error that the source could not tell. It keeps to ctx.
type Source interface {
	Roles(ctx context.Context, name string) ([]string, error)
}

var errSpelling = errors.New("the name is known in another spelling")

// kinds are the types an entry of augmenters can have. A new one: its type, and one line here.
var kinds = map[string]func() config{
	"plain":          func() config { return new(Plain) },
	"plain_advanced": func() config { return new(PlainAdvanced) },
	"ldap":           func() config { return new(LDAP) },
	"rewrite":        func() config { return new(Rewrite) },
}

// A config is a [Rule], or opens a [Source].
type config interface {
	Check(r conf.Report)
}

type opener interface{ open() Source }

// Entry is one element of the list augmenters in config.yaml.
type Entry struct {
	Name  string `yaml:"name" doc:"The name in logs and at /augmenters."`
	Type  string `yaml:"type" doc:"What kind of rule this is."`
	Realm string `yaml:"realm" doc:"The realm whose users it changes."`

	Cache    *time.Duration `yaml:"cache" doc:"How long roles that were asked for are remembered, and how old those of a known user can be. Default: 1m."`
	Optional bool           `yaml:"optional" doc:"Whether users are let in without these roles while they cannot be asked for."`

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
	if e.config == nil {
		return
	}
	_, asks := e.config.(opener)
	if !asks && e.Optional {
		r.Fault("optional", "is for roles that are asked for, and these stand here: remove it")
	}
	switch {
	case e.Cache == nil:
	case !asks:
		r.Fault("cache", "is for roles that are asked for, and these stand here: remove it")
	case *e.Cache <= 0 || *e.Cache > maxCache:
		r.Fault("cache", "must be more than 0 and at most %s", maxCache)
	}
	e.config.Check(r)
}

// maxCache is how long roles may be remembered at most.
const maxCache = 24 * time.Hour

// appliesTo reports whether the entry is for users of a realm; "" is any.
func (e *Entry) appliesTo(realm string) bool {
	return realm == "" || e.Realm == realm || auth.SameRealm(e.Realm, realm) // SameRealm knows ASCII only
}

// Rules are a configuration's rules and sources in the order in which they are applied. It is safe for concurrent
// use.
type Rules struct {
	steps []step
	told  func(Applied)
}

// A step is one entry as it is applied: by a rule, or by a source.
type step struct {
	Entry
	rule  Rule
	asked *asked // nil for a rule
}

// Applied is one entry applied to one user.
type Applied struct {
	Name, Type, Realm string
	User              string
	Took              time.Duration
	Err               error // why a source could not tell; never of a rule
	Optional          bool  // the user is let in all the same
	Spelling          bool  // the source gives the user no roles, as it knows the name in another spelling only
}

// New returns rules that apply entries in their [order].
func New(entries []Entry) *Rules {
	r := &Rules{told: func(Applied) {}}
	for _, e := range order(entries) {
		s := step{Entry: e}
		if at, ok := e.config.(opener); ok {
			s.asked = newAsked(at.open(), e.Cache)
		} else {
			s.rule = e.config.(Rule) // one of kinds
		}
		r.steps = append(r.steps, s)
	}
	return r
}

// Told has told called whenever an entry was applied. It is to be called before r is used.
func (r *Rules) Told(told func(Applied)) *Rules {
	r.told = told
	return r
}

// Local reports whether the rules for a realm, "" for any, ask nobody: then Apply fails for nobody, takes no time, and
// may be called again and again.
func (r *Rules) Local(realm string) bool { return r.asks(r.steps, realm) == 0 }

// asks is how many of steps ask somebody about users of a realm.
func (*Rules) asks(steps []step, realm string) (n int) {
	for i := range steps {
		if steps[i].asked != nil && steps[i].appliesTo(realm) {
			n++
		}
	}
	return n
}

// Apply returns u with the roles and attributes that the rules of its realm give, no role twice, and until when that
// is good: a zero time has no end. u itself, which others may hold too, is left as it is. The error says that somebody could
// not tell; it never means that u may not be let in. A user who is final is left as they are.
func (r *Rules) Apply(ctx context.Context, u auth.User) (_ auth.User, end time.Time, _ error) {
	if u.Final { // they have been here: a rewrite would rewrite its own roles
		return u, time.Time{}, nil
	}
	for i := range r.steps {
		s := &r.steps[i]
		if !s.appliesTo(u.Realm) {
			continue
		}
		begin := time.Now()
		var got answer
		var err error
		if s.asked == nil {
			u = s.rule.Apply(u)
		} else {
			got, err = s.asked.within(ctx, r.asks(r.steps[i:], u.Realm), s.Optional, u.Name)
			u.Roles = with(u.Roles, got.roles)
		}
		optional := s.Optional && !errors.Is(err, auth.ErrUnasked) // that nobody asked is no outage
		r.told(Applied{s.Name, s.Type, s.Realm, u.Name, time.Since(begin), err, optional, got.spelling})
		if err != nil && !optional {
			return auth.User{}, time.Time{}, fmt.Errorf("augmenter %q: %w", s.Name, err)
		}
		end = auth.Earlier(end, got.end)
	}
	u.Roles = unique(u.Roles)
	return u, end, nil
}

// with returns roles and those of more that are not among them yet, in a new slice.
func with(roles, more []string) []string { return unique(slices.Concat(roles, more)) }

// unique returns roles without those that stood before: the same slice where there are none, else a new one.
func unique(roles []string) []string {
	seen := make(map[string]bool, len(roles))
	for _, role := range roles {
		seen[role] = true
	}
	if len(seen) == len(roles) {
		return roles
	}
	once := make([]string, 0, len(seen))
	for _, role := range roles {
		if seen[role] {
			seen[role] = false
			once = append(once, role)
		}
	}
	return once
}

func checkRoles(r conf.Report, key string, roles []string) {
	for i, role := range roles {
		if err := auth.CheckName(role); err != nil {
			r.At(key, i).Fault("", "%v", err)
		}
	}
}
