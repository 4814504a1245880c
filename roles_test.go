package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	client "github.com/go-ldap/ldap/v3"
	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
	"gatehouse/gate"
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

// Each question to a directory is counted by how it ended, whether a user may go on without the answer or not.
func TestAugmentersThatFailAreCounted(t *testing.T) {
	for result, row := range map[string]struct {
		answer func(ldap.Request) ldap.Reply
		within int // milliseconds
	}{
		"success": {func(ldap.Request) ldap.Reply { return ldap.Reply{} }, 5000},
		"error":   {func(ldap.Request) ldap.Reply { return ldap.Reply{Code: client.LDAPResultOperationsError} }, 5000},
		"timeout": {func(ldap.Request) ldap.Reply { return ldap.Reply{Hang: true} }, 500},
	} {
		for _, optional := range []bool{false, true} {
			config := strings.Replace(fmt.Sprintf(augmentedTown, ldap.NewFake(t, row.answer).URI), `"dc=x"`, fmt.Sprintf(`"dc=x", optional: %t`, optional), 1)
			w := newTown(t, config+fmt.Sprintf("auth: { timeout_in_ms: %d }\n", row.within))
			_, err := w.house.Gate.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{
				{Scheme: auth.Basic, Form: auth.Password, Username: "alice", Secret: "correct horse"},
			}})
			if (err == nil) != (result == "success" || optional) {
				t.Errorf("%s, optional %t: %v", result, optional, err)
			}
			answer := httptest.NewRecorder()
			w.metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
			var counted []string
			for line := range strings.Lines(answer.Body.String()) {
				if strings.HasPrefix(line, "augmenter_attempts_total{") {
					counted = append(counted, strings.TrimSpace(line))
				}
			}
			want := fmt.Sprintf(`augmenter_attempts_total{augmenter_name="groups",augmenter_type="ldap",realm="r",result=%q} 1`, result)
			if len(counted) != 1 || counted[0] != want {
				t.Errorf("optional %t: counted %q, want %s", optional, counted, want)
			}
		}
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
