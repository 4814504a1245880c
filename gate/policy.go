package gate

import (
	"fmt"
	"slices"

	"gatehouse/auth"
	"gatehouse/conf"
)

// A Policy is what a location demands. The zero Policy demands a user and nothing else.
type Policy struct {
	Realm string   `yaml:"realm" doc:"Only users of this realm."`
	Roles []string `yaml:"roles" doc:"Only users who have one of these roles."`
}

// Check reports what is wrong with a policy. realms are those of the providers.
func (p Policy) Check(r conf.Report, realms []string) {
	if p.Realm != "" && !slices.ContainsFunc(realms, func(realm string) bool { return auth.SameRealm(p.Realm, realm) }) {
		r.Fault("realm", "no provider has the realm %q", p.Realm)
	}
	for i, role := range p.Roles {
		if err := auth.CheckName(role); err != nil {
			r.At("roles", i).Fault("", "%v", err)
		}
	}
}

func (p Policy) admit(u auth.User) error {
	if len(p.Roles) == 0 || slices.ContainsFunc(u.Roles, func(r string) bool { return slices.Contains(p.Roles, r) }) {
		return nil
	}
	return &Forbidden{Reason: MissingRole, User: u, detail: fmt.Errorf("none of %q", p.Roles)}
}
