package role

import (
	"maps"
	"slices"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Plain gives each role to the users listed under it.
type Plain struct {
	Roles map[string][]string `yaml:"roles" doc:"From a role to the names of the users who have it."`
}

// Check reports roles that no token could carry.
func (p *Plain) Check(r conf.Report) {
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		if err := auth.CheckName(role); err != nil {
			r.At("roles", role).Fault("", "the role %v", err)
		}
	}
}

// Apply adds the user's roles, in alphabetical order: a YAML mapping has no order of its own.
func (p *Plain) Apply(u auth.User) auth.User {
	var given []string
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		if slices.Contains(p.Roles[role], u.Name) {
			given = append(given, role)
		}
	}
	u.Roles = with(u.Roles, given)
	return u
}

// PlainAdvanced gives roles and attributes to users matched by name or by a role they have.
type PlainAdvanced struct {
	Match struct {
		Username []string `yaml:"username" doc:"Names of users to match."`
		Role     []string `yaml:"role" doc:"Roles whose holders match."`
	} `yaml:"match" doc:"Whom the rule is for: either list suffices."`
	Augment struct {
		Roles      []string          `yaml:"roles" doc:"Roles to add."`
		Attributes map[string]string `yaml:"attributes" doc:"Attributes to set; one that is there already is replaced."`
	} `yaml:"augment" doc:"What a matched user gets."`
}

// Check reports roles that no token could carry, and a rule that matches nobody.
func (p *PlainAdvanced) Check(r conf.Report) {
	checkRoles(r.At("augment"), "roles", p.Augment.Roles)
	if text, ok := p.Augment.Attributes[auth.AttributeExpires]; ok {
		if _, err := auth.ParseUntil(text); err != nil {
			r.At("augment", "attributes").Fault(auth.AttributeExpires, "%v", err)
		}
	}
	if len(p.Match.Username) == 0 && len(p.Match.Role) == 0 {
		r.Warn("match", "names no user and no role: this rule does nothing")
	}
}

// Apply adds the rule's roles and attributes if u matches.
func (p *PlainAdvanced) Apply(u auth.User) auth.User {
	if !p.matches(u) {
		return u
	}
	u.Roles = with(u.Roles, p.Augment.Roles)
	if len(p.Augment.Attributes) > 0 {
		merged := maps.Clone(u.Attributes)
		if merged == nil {
			merged = map[string]string{}
		}
		maps.Copy(merged, p.Augment.Attributes)
		u.Attributes = merged
		if text, ok := p.Augment.Attributes[auth.AttributeExpires]; ok {
			if end, err := auth.ParseUntil(text); err == nil { // Check lets nothing else pass
				u.Until = auth.Earlier(u.Until, end)
			}
		}
	}
	return u
}

func (p *PlainAdvanced) matches(u auth.User) bool {
	if slices.Contains(p.Match.Username, u.Name) {
		return true
	}
	return slices.ContainsFunc(u.Roles, func(role string) bool { return slices.Contains(p.Match.Role, role) })
}
