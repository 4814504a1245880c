package role

import (
	"regexp"
	"slices"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
)

// What a rewrite makes of roles is a role of the user, or is made by a step that means it, and none stands twice
// or is one that no token can carry; an expression matches the whole, or nothing.
func FuzzRewrite(f *testing.F) {
	f.Add("admin", "admin", "x", "admin", "not-admin")
	f.Add("/teams/([^/]+)/(.*)", "/teams/", "$2-of-${1}", "/teams/one/admins", "/teams/one")
	f.Add("(?P<n>a|ab)(c|bcd)?", "a", "${n}", "abcd", "abc")
	f.Add(`a)|(b`, "", "$$", "b", "xb")
	f.Add(`(?i)\Qk`, "k", "$0$0", "\u212a", "K")
	f.Fuzz(func(t *testing.T, expression, prefix, to, one, two string) {
		if len(expression) > 50 || auth.CheckName(one) != nil || auth.CheckName(two) != nil {
			t.Skip()
		}
		var p Pattern
		if err := p.UnmarshalText([]byte(expression)); err != nil {
			t.Skip()
		}
		whole := regexp.MustCompile(expression)
		whole.Longest()
		for _, role := range []string{one, two} {
			at := whole.FindStringIndex(role)
			want := at != nil && at[0] == 0 && at[1] == len(role)
			if _, got := p.replace(role, ""); got != want {
				t.Errorf("%q and %q: matches %t", expression, role, got)
			}
		}
		for name, step := range map[string]RewriteStep{
			"role": {Role: &one, To: &to}, "prefix": {Prefix: &prefix, To: &to}, "regex": {Regex: &p, To: &to},
			"drop": {Regex: &p, Drop: true}, "keep": {Prefix: &prefix, Keep: true},
		} {
			if len(conf.Collect(step.Check)) == 0 {
				check(t, name, step, one, two)
			}
		}
	})
}

func check(t *testing.T, name string, step RewriteStep, one, two string) {
	t.Helper()
	given := []string{one, two, one}
	w := New([]Entry{{Type: "rewrite", Realm: "r", config: &Rewrite{Steps: []RewriteStep{step}}}})
	u, _, err := w.Apply(t.Context(), auth.User{Realm: "r", Name: "alice", Roles: given})
	if err != nil || !slices.Equal(given, []string{one, two, one}) {
		t.Fatalf("%s: %v, the user's own roles became %q", name, err, given)
	}
	for i, role := range u.Roles {
		if auth.CheckName(role) != nil || slices.Index(u.Roles, role) != i {
			t.Errorf("%s: makes %q of %q", name, u.Roles, given)
		}
		made := slices.ContainsFunc(given, func(from string) bool {
			to, meant := step.replace(from)
			return meant && step.To != nil && role == to
		})
		kept := slices.ContainsFunc(given, func(from string) bool {
			_, meant := step.replace(from)
			return role == from && (meant && step.Keep || !meant && !step.Keep)
		})
		if !made && !kept {
			t.Errorf("%s: %q comes from nothing in %q", name, role, given)
		}
	}
}
