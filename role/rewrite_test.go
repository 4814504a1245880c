package role_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/auth"
)

func rewrite(steps string) string {
	return fmt.Sprintf("- {name: w, type: rewrite, realm: r, steps: [%s]}\n", steps)
}

func TestRewrite(t *testing.T) {
	long := strings.Repeat("x", auth.MaxName)
	for name, row := range map[string]struct {
		steps       string
		roles, want []string
	}{
		"a role gets another name in its place":     {`{role: /Group/Sub, to: editors}`, []string{"a", "/Group/Sub", "b"}, []string{"a", "editors", "b"}},
		"a name is looked at by letter and whole":   {`{role: admin, to: x}`, []string{"Admin", "admins", "not-admin", "admi"}, []string{"Admin", "admins", "not-admin", "admi"}},
		"a name is no expression":                   {`{role: "a.c", to: x}`, []string{"abc", "a.c"}, []string{"abc", "x"}},
		"behind role a dollar is a dollar":          {`{role: a, to: "$0"}`, []string{"a"}, []string{"$0"}},
		"two roles that get one name are one":       {`{role: a, to: x}, {role: b, to: x}`, []string{"b", "a", "c"}, []string{"x", "c"}},
		"a new name that is there already is one":   {`{role: a, to: b}`, []string{"b", "c", "a"}, []string{"b", "c"}},
		"two roles change names through a third":    {`{role: a, to: t}, {role: b, to: a}, {role: t, to: b}`, []string{"a", "b"}, []string{"b", "a"}},
		"each step sees what the one before left":   {`{role: a, to: b}, {role: b, to: c}`, []string{"a"}, []string{"c"}},
		"but none what the one behind it will":      {`{role: b, to: c}, {role: a, to: b}`, []string{"a"}, []string{"b"}},
		"a role is left out":                        {`{role: offline_access, drop: true}`, []string{"offline_access", "a"}, []string{"a"}},
		"all others are left out":                   {`{role: a, keep: true}`, []string{"b", "a", "aa"}, []string{"a"}},
		"a prefix goes":                             {`{prefix: "realm:", to: ""}`, []string{"realm:admin", "admin:realm:", "realm"}, []string{"admin", "admin:realm:", "realm"}},
		"a prefix goes once":                        {`{prefix: "x", to: ""}`, []string{"xxa"}, []string{"xa"}},
		"a prefix becomes another":                  {`{prefix: "/teams/", to: "team-"}`, []string{"/teams/one", "/team/two"}, []string{"team-one", "/team/two"}},
		"a prefix is looked at by letter":           {`{prefix: "Realm:", to: ""}`, []string{"realm:a"}, []string{"realm:a"}},
		"every role gets a prefix":                  {`{prefix: "", to: "kc:"}`, []string{"a", "b"}, []string{"kc:a", "kc:b"}},
		"roles with a prefix are left out":          {`{prefix: "default-roles-", drop: true}`, []string{"default-roles-x", "a"}, []string{"a"}},
		"roles with a prefix are kept":              {`{prefix: "portal:", keep: true}`, []string{"portal:a", "a", "x-portal:a"}, []string{"portal:a"}},
		"an expression takes a part":                {`{regex: '/teams/([^/]+)/admins', to: '$1-admin'}`, []string{"/teams/one/admins", "/teams/one/two/admins"}, []string{"one-admin", "/teams/one/two/admins"}},
		"an expression's groups have names":         {`{regex: '(?P<realm>\w+):(?P<role>\w+)', to: '${role}_of_${realm}'}`, []string{"town:admin"}, []string{"admin_of_town"}},
		"an expression matches the whole":           {`{regex: admin, to: x}`, []string{"not-admin", "admins", "admin"}, []string{"not-admin", "admins", "x"}},
		"even one of alternatives":                  {`{regex: 'admin|root', to: x}`, []string{"admins", "not-root", "root"}, []string{"admins", "not-root", "x"}},
		"even the longer of alternatives":           {`{regex: 'a|ab', to: x}`, []string{"ab"}, []string{"x"}},
		"even where it says that it spans lines":    {`{regex: '(?ms)admin.*', keep: true}`, []string{"admin-1", "x-admin"}, []string{"admin-1"}},
		"an expression that ignores case":           {`{regex: '(?i)admin', to: admin}`, []string{"ADMIN", "Admins"}, []string{"admin", "Admins"}},
		"the whole is group 0":                      {`{regex: '.*', to: 'x-$0'}`, []string{"a"}, []string{"x-a"}},
		"two dollars are one":                       {`{regex: '(a)', to: '$$1$1'}`, []string{"a"}, []string{"$1a"}},
		"a group that matched nothing is nothing":   {`{regex: 'a(b)?', to: 'x$1'}`, []string{"a", "ab"}, []string{"x", "xb"}},
		"what a role brings is no group":            {`{regex: '(.*)', to: 'x$1'}`, []string{"$1${1}"}, []string{"x$1${1}"}},
		"roles that match are left out":             {`{regex: 'uma_.*|offline_.*', drop: true}`, []string{"uma_authorization", "a", "my_uma_x"}, []string{"a", "my_uma_x"}},
		"roles that match are kept":                 {`{regex: 'one|two', keep: true}`, []string{"two", "twos", "one"}, []string{"two", "one"}},
		"nobody's roles are none":                   {`{prefix: "", to: x}`, nil, nil},
		"what would be empty is left out":           {`{prefix: "realm:", to: ""}, {prefix: "", to: "x"}`, []string{"realm:", "a"}, []string{"xa"}},
		"what would begin with a space is left out": {`{prefix: "realm:", to: ""}`, []string{"realm: a"}, nil},
		"what would be too long is left out":        {`{prefix: "", to: "y"}`, []string{long, long[1:]}, []string{"y" + long[1:]}},
		"no number of steps makes a role long":      {strings.Repeat(`{regex: '(.*)', to: '$1$1'}, `, 200), []string{"aa"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			u := auth.User{Realm: "R", Name: "alice", Roles: slices.Clone(row.roles), Attributes: map[string]string{"k": "v"}}
			got := apply(t, rules(t, rewrite(row.steps)), u)
			if !slices.Equal(got.Roles, row.want) {
				t.Errorf("got %q, want %q", got.Roles, row.want)
			}
			if !slices.Equal(u.Roles, row.roles) {
				t.Errorf("the user's own roles became %q", u.Roles)
			}
			if got.Name != u.Name || got.Attributes["k"] != "v" {
				t.Errorf("more than roles changed: %+v", got)
			}
		})
	}
}

func TestARewriteIsForItsRealm(t *testing.T) {
	u := auth.User{Realm: "other", Name: "alice", Roles: []string{"a"}}
	if got := apply(t, rules(t, rewrite(`{role: a, to: x}`)), u); !slices.Equal(got.Roles, u.Roles) {
		t.Errorf("got %q", got.Roles)
	}
}

func TestARewriteStaysWhereItStands(t *testing.T) {
	const (
		staff  = "- {name: a, type: plain, realm: r, roles: {staff: [alice]}}\n"
		lead   = "- {name: b, type: plain_advanced, realm: R, match: {role: [staff]}, augment: {roles: [lead]}}\n"
		people = "- {name: c, type: rewrite, realm: r, steps: [{role: staff, to: people}]}\n"
		heads  = "- {name: d, type: rewrite, realm: R, steps: [{role: lead, to: heads}]}\n"
		team   = "- {name: e, type: plain_advanced, realm: r, match: {role: [people]}, augment: {roles: [team]}}\n"
		others = "- {name: f, type: rewrite, realm: other, steps: [{prefix: '', to: other-}]}\n"
	)
	for name, row := range map[string]struct {
		list string
		want []string
	}{
		"before an advanced one that builds on it":             {staff + people + team, []string{"people", "team"}},
		"so that one that builds on the old name finds none":   {staff + people + lead, []string{"people"}},
		"behind an advanced one":                               {staff + lead + people, []string{"people", "lead"}},
		"behind an advanced one, what that one gave too":       {staff + lead + heads, []string{"staff", "heads"}},
		"before all: what is given later keeps its name":       {people + staff, []string{"staff"}},
		"plain behind it is not drawn before it":               {lead + people + staff, []string{"staff"}},
		"and an advanced one before it is not put off":         {people + lead + heads + staff, []string{"staff"}},
		"before it the order is auth-o-tron's":                 {lead + staff + people, []string{"people", "lead"}},
		"behind it, too":                                       {people + lead + staff, []string{"staff", "lead"}},
		"between two, too":                                     {people + lead + staff + heads, []string{"staff", "heads"}},
		"another realm's leaves the order as it was":           {lead + others + staff, []string{"staff", "lead"}},
		"another realm's between ours leaves the order, too":   {lead + others + staff + people + others, []string{"people", "lead"}},
		"two of the same realm, whatever its letters, in turn": {staff + people + lead + team + heads, []string{"people", "team"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := apply(t, rules(t, row.list), auth.User{Realm: "r", Name: "alice"}); !slices.Equal(got.Roles, row.want) {
				t.Errorf("got %q, want %q", got.Roles, row.want)
			}
		})
	}
}

func TestNoRoleStandsTwice(t *testing.T) {
	for name, list := range map[string]string{
		"no rule":           "",
		"another realm's":   plain("other", "{x: [alice]}"),
		"a rule of no use":  plain("r", "{x: [bob]}"),
		"a rewrite":         rewrite(`{role: x, to: y}`),
		"rules that change": plain("r", "{a: [alice], b: [alice]}") + advanced("r", "{role: [a]}", "{roles: [a, c]}"),
	} {
		t.Run(name, func(t *testing.T) {
			given := []string{"c", "c", "a", "b", "a", "c"}
			u := auth.User{Realm: "r", Name: "alice", Roles: slices.Clone(given)}
			if got := apply(t, rules(t, list), u); !slices.Equal(got.Roles, []string{"c", "a", "b"}) {
				t.Errorf("got %q", got.Roles)
			}
			if !slices.Equal(u.Roles, given) {
				t.Errorf("the user's own roles became %q", u.Roles)
			}
		})
	}
}

// Where nothing stands twice and nobody changes anything, nothing is copied.
func TestRolesThatStandOnceAreLeftWhereTheyAre(t *testing.T) {
	u := auth.User{Realm: "r", Name: "alice", Roles: []string{"a", "b"}}
	if got := apply(t, rules(t, ""), u); &got.Roles[0] != &u.Roles[0] {
		t.Error("the roles were copied")
	}
}

// Many at once rewrite one provider's slice, which is also read: the race detector looks on.
func TestARewriteWritesToNothingThatOthersHold(t *testing.T) {
	rs := rules(t, rewrite(`{role: a, drop: true}, {prefix: "", to: x}, {regex: '(.)(.)', to: '$2$1'}`))
	backing := []string{"a", "b", "c", "b", "spare"}
	shared := auth.User{Realm: "r", Name: "alice", Roles: backing[:4]}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				got, _, err := rs.Apply(t.Context(), shared)
				if err != nil || !slices.Equal(got.Roles, []string{"bx", "cx"}) {
					t.Errorf("got %q, %v", got.Roles, err)
					return
				}
				got.Roles[0] = "mine"
			}
		})
	}
	all.Wait()
	if want := []string{"a", "b", "c", "b", "spare"}; !slices.Equal(backing, want) {
		t.Errorf("the provider's slice became %q", backing)
	}
}

func TestFaultsOfARewrite(t *testing.T) {
	for name, row := range map[string]struct{ steps, want string }{
		"no roles are meant":              {`{to: x}`, "2: augmenters[0].steps[0]: needs one of role, prefix and regex, and has 0"},
		"roles are meant in two ways":     {`{role: a, regex: b, to: x}`, "2: augmenters[0].steps[0]: needs one of role, prefix and regex, and has 2"},
		"nothing becomes of them":         {`{role: a, drop: false}`, "2: augmenters[0].steps[0]: needs one of to, drop and keep, and has 0"},
		"two things become of them":       {`{role: a, to: x, keep: true}`, "2: augmenters[0].steps[0]: needs one of to, drop and keep, and has 2"},
		"a role that nobody can have":     {`{role: " a", drop: true}`, "2: augmenters[0].steps[0].role: begins or ends with white space"},
		"a new name that none can bear":   {`{role: a, to: ""}`, "2: augmenters[0].steps[0].to: is empty"},
		"a prefix that nobody can have":   {`{prefix: "\n", drop: true}`, "2: augmenters[0].steps[0].prefix: begins or ends with white space"},
		"a new prefix that none can bear": {`{prefix: a, to: " b"}`, "2: augmenters[0].steps[0].to: begins or ends with white space"},
		"no expression":                   {`{regex: "a(b", to: x}`, `2: augmenters[0].steps[0].regex: is no regular expression (RE2): missing closing ) in "a(b"`},
		"one that would be one in ours":   {`{regex: "a)|(b", to: x}`, `2: augmenters[0].steps[0].regex: is no regular expression (RE2): unexpected ) in "a)|(b"`},
		"one that would swallow ours":     {`{regex: '\Qa', to: x}`, `2: augmenters[0].steps[0].regex: is no regular expression (RE2): missing closing ) in "\\A(?:\\Qa)\\z"`},
		"a look ahead, which RE2 has not": {
			`{regex: "(?=a)a", to: x}`, `2: augmenters[0].steps[0].regex: is no regular expression (RE2): invalid or unsupported Perl syntax in "(?="`,
		},
		"an unknown group":              {`{regex: "(a)", to: "$2"}`, "2: augmenters[0].steps[0].to: $2 is no group of the expression (where a letter or a digit follows, write ${1})"},
		"a group that runs on":          {`{regex: "(a)", to: "$1x"}`, "2: augmenters[0].steps[0].to: $1x is no group of the expression (where a letter or a digit follows, write ${1})"},
		"a group that runs on, abroad":  {`{regex: "(a)", to: "$1ü"}`, "2: augmenters[0].steps[0].to: $1ü is no group of the expression (where a letter or a digit follows, write ${1})"},
		"a group with a zero before it": {`{regex: "(a)", to: "$01"}`, "2: augmenters[0].steps[0].to: $01 is no group of the expression (where a letter or a digit follows, write ${1})"},
		"an unknown name":               {`{regex: "(?P<n>a)", to: "${m}"}`, "2: augmenters[0].steps[0].to: ${m} is no group of the expression (where a letter or a digit follows, write ${1})"},
		"a group without a name":        {`{regex: "(a)", to: "${}"}`, "2: augmenters[0].steps[0].to: ${} is no group of the expression (where a letter or a digit follows, write ${1})"},
		"a dollar by itself":            {`{regex: "(a)", to: "$-$1"}`, "2: augmenters[0].steps[0].to: has a $ that names no group: write $$ for a dollar"},
		"a brace that stays open":       {`{regex: "(a)", to: "${1"}`, "2: augmenters[0].steps[0].to: has a $ that names no group: write $$ for a dollar"},
		"text that no role can have":    {`{regex: "(a)", to: " $1"}`, "2: augmenters[0].steps[0].to: begins or ends with white space"},
		"nothing in its place":          {`{regex: "(a)", to: ""}`, "2: augmenters[0].steps[0].to: is empty"},
		"no steps":                      {``, "warning: c:2: augmenters[0].steps: are none: this rule does nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := entries(t, rewrite(row.steps)); !slices.Equal(got, []string{row.want}) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
	if _, got := entries(t, strings.Replace(rewrite(`{role: a, to: b}`), "name: w", "name: w, cache: 1m, optional: true", 1)); len(got) != 2 {
		t.Errorf("asked for: %q", got)
	}
}
