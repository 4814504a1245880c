package provider

import (
	"errors"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
)

// C44: whoever a directory refers to is sent nothing, though they would let alice in.
func TestWhereADirectoryRefersToNobodyGoes(t *testing.T) {
	byDN := func(l *LDAP) { l.SearchBase, l.UserDN = "", "uid={username},ou=people,"+ldap.Base }
	for name, row := range map[string]struct {
		op     string
		reply  ldap.Reply
		change func(*LDAP)
		want   string // "" for no decision
		denied bool
	}{
		"the user's login":              {"bind", ldap.Reply{Code: 10}, nil, "", false},
		"the user's login by their DN":  {"bind", ldap.Reply{Code: 10}, byDN, "", false},
		"the search":                    {"search", ldap.Reply{Code: 10}, nil, "", false},
		"the search, with an entry":     {"search", ldap.Reply{Code: 10, Entries: []*goldap.Entry{alice}}, nil, "", false},
		"the entry of a DN":             {"search", ldap.Reply{Code: 10}, byDN, "", false},
		"gatehouse's own login":         {"own", ldap.Reply{Code: 10}, nil, "", false},
		"gatehouse's own, behind alice": {"own", ldap.Reply{Code: 10}, byDN, "", false},
		"beside an entry":               {"search", ldap.Reply{Entries: []*goldap.Entry{alice}}, nil, "alice", false},
		"in place of an entry":          {"search", ldap.Reply{}, nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := ldap.NewFake(t, knowsAlice)
			if row.reply.Code == 10 {
				row.reply.Referral = elsewhere.URI + "/"
			} else {
				row.reply.References = []string{elsewhere.URI + "/ou=people," + ldap.Base}
			}
			u, _, err := logIn(t, canary, but(row.op, row.reply), row.change)
			if u.Name != row.want || (err == nil) != (row.want != "") || errors.Is(err, auth.ErrDenied) != row.denied || isDecision(err) != (row.want != "" || row.denied) {
				t.Errorf("got %q, %v", u.Name, err)
			}
			elsewhere.WantNobody(t)
		})
	}
}
