package role

import (
	"slices"
	"testing"

	client "github.com/go-ldap/ldap/v3"

	"gatehouse/e2e/ldap"
)

// C44: whoever a directory refers to is sent nothing, and gives no roles.
func TestWhereADirectoryRefersToNobodyAsksForRoles(t *testing.T) {
	member := func(of string) []*client.Entry {
		return []*client.Entry{client.NewEntry("cn=alice", map[string][]string{"cn": {"alice"}, "memberOf": {"cn=" + of}})}
	}
	for name, row := range map[string]struct {
		op    string
		reply ldap.Reply
		want  []string // nil for no answer
	}{
		"gatehouse's own login":     {"bind", ldap.Reply{Code: 10}, nil},
		"the search":                {"search", ldap.Reply{Code: 10}, nil},
		"the search, with an entry": {"search", ldap.Reply{Code: 10, Entries: member("staff")}, nil},
		"beside an entry":           {"search", ldap.Reply{Entries: member("staff")}, []string{"staff"}},
		"in place of an entry":      {"search", ldap.Reply{}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(of string) func(ldap.Request) ldap.Reply {
				return func(r ldap.Request) ldap.Reply {
					switch {
					case of == "staff" && r.Op == row.op:
						return row.reply
					case r.Op == "search":
						return ldap.Reply{Entries: member(of)}
					}
					return ldap.Reply{}
				}
			}
			elsewhere := ldap.NewFake(t, answer("root"))
			if row.reply.Code == 10 {
				row.reply.Referral = elsewhere.URI + "/"
			} else {
				row.reply.References = []string{elsewhere.URI + "/" + ldap.Base}
			}
			got, err := section(ldap.NewFake(t, answer("staff")).URI).open().Roles(t.Context(), "alice")
			if !slices.Equal(got, row.want) || (err == nil) != (row.want != nil) {
				t.Errorf("got %q, %v", got, err)
			}
			elsewhere.WantNobody(t)
		})
	}
}
