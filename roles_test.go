package main

import (
	"fmt"
	"strings"
	"testing"

	client "github.com/go-ldap/ldap/v3"
	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
	"gatehouse/metrics"
	"gatehouse/role"
)

const augmentedTown = `
version: "3"
server: { socket: "" }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers: [{ name: users, type: plain, realm: r, users: [{ username: alice, password: "correct horse" }] }]
augmenters:
  - { name: groups, type: ldap, realm: r, uri: %q, search_base: "dc=x" }
`

// A change of one augmenter must not make gatehouse ask all others about everybody.
func TestAReloadAsksForNobodysRolesAgain(t *testing.T) {
	d := ldap.NewFake(t, func(ldap.Request) ldap.Reply {
		return ldap.Reply{Entries: []*client.Entry{client.NewEntry("cn=x", map[string][]string{"cn": {"alice"}, "memberOf": {"cn=staff"}})}}
	})
	config := fmt.Sprintf(augmentedTown, d.URI)
	w := newTown(t, config)
	ask := func(want string) {
		t.Helper()
		u, _, err := w.roles.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
		if got := strings.Join(u.Roles, ","); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	ask("staff")
	w.move(config + "  - { name: given, type: plain, realm: r, roles: { editor: [alice] } }\n")
	ask("staff,editor")
	if d.Connections() != 1 {
		t.Errorf("asked %d times", d.Connections())
	}
}

func TestTheLogTellsOfASpellingOnce(t *testing.T) {
	var log scroll
	told := augmented(metrics.New("test"), zerolog.New(&log))
	for range 10 {
		told(role.Applied{Name: "groups", Type: "ldap", Realm: "r", User: "Alice", Spelling: true})
		told(role.Applied{Name: "groups", Type: "ldap", Realm: "r", User: "bob"})
	}
	if got := log.String(); strings.Count(got, "another spelling") != 1 || !strings.Contains(got, `"username":"Alice"`) || strings.Contains(got, "bob") {
		t.Errorf("the log says %s", got)
	}
}
