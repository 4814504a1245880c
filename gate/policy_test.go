package gate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/gate"
	"gatehouse/role"
)

func TestRulesAreAppliedBeforeThePolicy(t *testing.T) {
	rule := role.Entry{Name: "n", Type: "plain", Realm: "r"}
	config, _ := rule.Variant("plain")
	config.(*role.Plain).Roles = map[string][]string{"staff": {"alice"}}
	shared := auth.User{Name: "alice", Roles: []string{"a", "spare"}[:1]}
	g, _ := newGate(t, func(c *gate.Config) {
		c.Roles = role.New([]role.Entry{rule})
		c.Policies = map[string]gate.Policy{"staff": {Roles: []string{"staff"}}}
	}, keys("s", says(shared, nil)))
	a := ask()
	a.Policy = "staff"
	d, err := g.Decide(t.Context(), a)
	wantUser(t, d, err, "alice")
	if d.Roles != "a,staff" || shared.Roles[:2][1] != "spare" {
		t.Errorf("got %q, and the source's own slice is %q", d.Roles, shared.Roles[:2])
	}
}

func TestPolicies(t *testing.T) {
	policies := map[string]gate.Policy{
		"open": {}, "ops": {Roles: []string{"admin", "ops"}}, "realm": {Realm: "R", Roles: []string{"ops"}}, "comma": {Roles: []string{"x,y"}},
	}
	for name, row := range map[string]struct {
		policy string
		roles  []string
		reason string
	}{
		"none demands a user":                      {"", nil, ""},
		"one that demands nothing":                 {"open", nil, ""},
		"one of several roles suffices":            {"ops", []string{"x", "ops"}, ""},
		"the other one too":                        {"ops", []string{"admin"}, ""},
		"none of them":                             {"ops", []string{"x"}, gate.MissingRole},
		"no role at all":                           {"ops", nil, gate.MissingRole},
		"a role in another case":                   {"ops", []string{"OPS"}, gate.MissingRole},
		"a role that begins alike":                 {"ops", []string{"ops2", "op"}, gate.MissingRole},
		"a comma makes no two roles of one":        {"ops", []string{"x,ops"}, gate.MissingRole},
		"a role with a comma can be demanded":      {"comma", []string{"x,y"}, ""},
		"a realm and a role":                       {"realm", []string{"ops"}, ""},
		"a realm without the role":                 {"realm", []string{"x"}, gate.MissingRole},
		"an unknown one":                           {"nope", []string{"ops"}, gate.UnknownPolicy},
		"a known one in another case":              {"OPS", []string{"ops"}, gate.UnknownPolicy},
		"a known one with more behind":             {"ops/../open", []string{"ops"}, gate.UnknownPolicy},
		"a known one and a space":                  {"open ", []string{"ops"}, gate.UnknownPolicy},
		"one whose name could break a header line": {"x\r\ny", []string{"ops"}, gate.UnknownPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			g, _ := newGate(t, func(c *gate.Config) { c.Policies = policies }, keys("s", func(context.Context, auth.Credential) (auth.User, error) {
				asked++
				return auth.User{Name: "alice", Roles: row.roles}, nil
			}))
			a := ask()
			a.Policy = row.policy
			d, err := g.Decide(t.Context(), a)
			if row.reason == "" {
				wantUser(t, d, err, "alice")
				return
			}
			f := wantForbidden(t, d, err, row.reason)
			if unknown := row.reason == gate.UnknownPolicy; unknown && asked != 0 {
				t.Error("a source was asked for a policy that is not there")
			} else if !unknown && (f.User.Name != "alice" || f.User.Realm != "r") {
				t.Errorf("the refusal is of %+v", f.User)
			}
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the error has two lines: %q", err)
			}
		})
	}
}

func TestAnUnknownPolicyIsTheFirstWord(t *testing.T) {
	g, _ := newGate(t, nil)
	d, err := g.Decide(t.Context(), gate.Ask{Policy: "nope", Realms: []string{"nowhere"}})
	wantForbidden(t, d, err, gate.UnknownPolicy)
}

func TestPolicyCheck(t *testing.T) {
	for name, row := range map[string]struct {
		policy gate.Policy
		want   []string
	}{
		"nothing is demanded":         {gate.Policy{}, nil},
		"a realm that is there":       {gate.Policy{Realm: "A", Roles: []string{"x,y"}}, nil},
		"a realm that is not":         {gate.Policy{Realm: "c"}, []string{`realm: no provider has the realm "c"`}},
		"a role that nobody can have": {gate.Policy{Roles: []string{"ok", " x", ""}}, []string{"roles[1]: begins or ends with white space", "roles[2]: is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range conf.Collect(func(r conf.Report) { row.policy.Check(r, []string{"a", "b"}) }) {
				got = append(got, f.String())
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
