package role

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
)

// A wrong password of bind_dn must not lock that account, however many users log in.
func TestOurOwnLoginInADirectoryIsNotTriedForEachUser(t *testing.T) {
	for _, optional := range []bool{false, true} {
		f := ldap.NewFake(t, func(ldap.Request) ldap.Reply { return ldap.Reply{Code: 49} })
		rules := New([]Entry{{Name: "d", Type: "ldap", Realm: "r", Optional: optional, config: section(f.URI)}})
		for i := range 20 {
			u, _, err := applyWithin(t, rules, 5*time.Second, fmt.Sprint("u", i))
			if (err == nil) != optional || len(u.Roles) > 0 {
				t.Errorf("optional %t: %q, %v", optional, u.Roles, err)
			}
			if later, ok := errors.AsType[*auth.Later](err); i > 0 && !optional && (!ok || later.After <= 0) {
				t.Errorf("got %v", err)
			}
		}
		if n := len(f.Asked()); n != 1 {
			t.Errorf("tried %d times", n)
		}
	}
}
