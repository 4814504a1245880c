package role

import (
	"slices"
	"strings"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Rewrite gives roles other names, and leaves roles out: those of an identity provider seldom are a backend's.
type Rewrite struct {
	Steps []RewriteStep `yaml:"steps" doc:"What is done to a user's roles: each step to what the ones before it left."`
}

// A RewriteStep says in one of three ways which roles it means, and in one of three what becomes of them.
type RewriteStep struct {
	Role   *string  `yaml:"role" doc:"The role of this name."`
	Prefix *string  `yaml:"prefix" doc:"Roles that begin with this text; an empty one is every role's."`
	Regex  *Pattern `yaml:"regex" doc:"Roles of which this expression (RE2) matches the whole."`

	To   *string `yaml:"to" doc:"What takes the place of the role, or of its prefix. Behind regex $1 and ${name} stand for its groups, $$ for a dollar."`
	Drop bool    `yaml:"drop" doc:"Whether these roles are left out."`
	Keep bool    `yaml:"keep" doc:"Whether all other roles are left out."`
}

// Check reports steps that cannot be meant so.
func (w *Rewrite) Check(r conf.Report) {
	if len(w.Steps) == 0 {
		r.Warn("steps", "are none: this rule does nothing")
	}
	for i := range w.Steps {
		w.Steps[i].Check(r.At("steps", i))
	}
}

// Check reports what is wrong with one step.
func (s *RewriteStep) Check(r conf.Report) {
	if n := count(s.Role != nil, s.Prefix != nil, s.Regex != nil); n != 1 {
		r.Fault("", "needs one of role, prefix and regex, and has %d", n)
	}
	if n := count(s.To != nil, s.Drop, s.Keep); n != 1 {
		r.Fault("", "needs one of to, drop and keep, and has %d", n)
	}
	fault := func(key string, err error) {
		if err != nil {
			r.Fault(key, "%v", err)
		}
	}
	if s.Role != nil {
		fault("role", auth.CheckName(*s.Role))
	}
	if s.Prefix != nil {
		fault("prefix", auth.CheckName(*s.Prefix+"x"))
	}
	switch {
	case s.To == nil:
	case s.Role != nil:
		fault("to", auth.CheckName(*s.To))
	case s.Prefix != nil:
		fault("to", auth.CheckName(*s.To+"x"))
	case s.Regex != nil:
		fault("to", s.Regex.checkTemplate(*s.To))
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// Apply rewrites u's roles. What would become one that no token can carry is left out there and then, so that no
// number of steps makes a role longer than that.
func (w *Rewrite) Apply(u auth.User) auth.User {
	roles := slices.Clone(u.Roles)
	for i := range w.Steps {
		left := roles[:0]
		for _, role := range roles {
			if to, ok := w.Steps[i].becomes(role); ok {
				left = append(left, to)
			}
		}
		roles = left
	}
	u.Roles = roles
	return u
}

// becomes returns what the step makes of a role; false: it is left out.
func (s *RewriteStep) becomes(role string) (string, bool) {
	to, meant := s.replace(role)
	switch {
	case s.Keep:
		return role, meant
	case !meant:
		return role, true
	case s.Drop:
		return "", false
	}
	return to, auth.CheckName(to) == nil
}

// replace returns a role with the step's text in its place, where it is one that the step means.
func (s *RewriteStep) replace(role string) (string, bool) {
	to := ""
	if s.To != nil {
		to = *s.To
	}
	switch {
	case s.Role != nil:
		return to, role == *s.Role
	case s.Prefix != nil:
		rest, ok := strings.CutPrefix(role, *s.Prefix)
		return to + rest, ok
	}
	return s.Regex.replace(role, to)
}
