package role_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/role"
)

// section is augmenters as config.yaml has it.
type section struct {
	Augmenters []role.Entry `yaml:"augmenters"`
}

// entries reads a YAML list of augmenters, and checks it.
func entries(t *testing.T, list string) ([]role.Entry, []string) {
	t.Helper()
	var s section
	doc := conf.Parse("c", []byte("augmenters:\n"+list))
	doc.Decode(&s, false)
	for i := range s.Augmenters {
		s.Augmenters[i].Check(doc.Report().At("augmenters", i))
	}
	var faults []string
	for _, f := range doc.Faults() {
		faults = append(faults, strings.TrimPrefix(f.String(), "c:"))
	}
	slices.Sort(faults)
	return s.Augmenters, faults
}

func rules(t *testing.T, list string) *role.Rules {
	t.Helper()
	es, faults := entries(t, list)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return role.New(es)
}

// apply applies rules that ask nobody.
func apply(t *testing.T, rs *role.Rules, u auth.User) auth.User {
	t.Helper()
	got, end, err := rs.Apply(t.Context(), u)
	if err != nil || !end.IsZero() || !rs.Local("") {
		t.Fatalf("ends %s, %v", end, err)
	}
	return got
}

func plain(realm, roles string) string {
	return fmt.Sprintf("- {name: p, type: plain, realm: %s, roles: %s}\n", realm, roles)
}

func advanced(realm, match, augment string) string {
	return fmt.Sprintf("- {name: a, type: plain_advanced, realm: %s, match: %s, augment: %s}\n", realm, match, augment)
}

func TestApply(t *testing.T) {
	user := func(roles ...string) auth.User {
		return auth.User{Realm: "ecmwf", Name: "alice", Roles: roles, Attributes: map[string]string{"k": "old"}}
	}
	old := map[string]string{"k": "old"}
	for name, row := range map[string]struct {
		rules      string
		user       auth.User
		roles      []string
		attributes map[string]string
	}{
		"no rule": {"", user("r"), []string{"r"}, old},
		"plain gives a role to those listed under it":   {plain("ecmwf", "{staff: [bob, alice]}"), user("r"), []string{"r", "staff"}, old},
		"plain gives nothing to others":                 {plain("ecmwf", "{staff: [bob]}"), user("r"), []string{"r"}, old},
		"plain looks at names by letter":                {plain("ecmwf", "{staff: [Alice, alic, alice2]}"), user("r"), []string{"r"}, old},
		"plain does not look at roles":                  {plain("ecmwf", "{staff: [r]}"), user("r"), []string{"r"}, old},
		"plain gives roles in alphabetical order":       {plain("ecmwf", "{z: [alice], b: [alice], a: [alice], m: [alice], c: [alice]}"), user("r"), []string{"r", "a", "b", "c", "m", "z"}, old},
		"plain gives no role twice":                     {plain("ecmwf", "{r: [alice], s: [alice, alice]}"), user("r"), []string{"r", "s"}, old},
		"plain to a user without roles":                 {plain("ecmwf", "{staff: [alice]}"), user(), []string{"staff"}, old},
		"advanced matches a name":                       {advanced("ecmwf", "{username: [bob, alice]}", "{roles: [x]}"), user("r"), []string{"r", "x"}, old},
		"advanced matches a role":                       {advanced("ecmwf", "{role: [q, r]}", "{roles: [x]}"), user("r"), []string{"r", "x"}, old},
		"advanced matches a name or a role, by name":    {advanced("ecmwf", "{username: [alice], role: [q]}", "{roles: [x]}"), user("r"), []string{"r", "x"}, old},
		"advanced matches a name or a role, by role":    {advanced("ecmwf", "{username: [bob], role: [r]}", "{roles: [x]}"), user("r"), []string{"r", "x"}, old},
		"advanced does not match others":                {advanced("ecmwf", "{username: [bob, r], role: [q, alice]}", "{roles: [x], attributes: {k: new}}"), user("r"), []string{"r"}, old},
		"advanced looks at names and roles by letter":   {advanced("ecmwf", "{username: [ALICE], role: [R]}", "{roles: [x]}"), user("r"), []string{"r"}, old},
		"advanced keeps the order of its roles":         {advanced("ecmwf", "{username: [alice]}", "{roles: [z, a, m]}"), user("r"), []string{"r", "z", "a", "m"}, old},
		"advanced gives no role twice":                  {advanced("ecmwf", "{username: [alice]}", "{roles: [x, r, x]}"), user("r"), []string{"r", "x"}, old},
		"advanced replaces an attribute":                {advanced("ecmwf", "{username: [alice]}", "{attributes: {k: new}}"), user("r"), []string{"r"}, map[string]string{"k": "new"}},
		"advanced adds an attribute":                    {advanced("ecmwf", "{username: [alice]}", "{attributes: {l: new}}"), user("r"), []string{"r"}, map[string]string{"k": "old", "l": "new"}},
		"advanced gives the first attribute":            {advanced("ecmwf", "{username: [alice]}", "{attributes: {l: new}}"), auth.User{Realm: "ecmwf", Name: "alice"}, nil, map[string]string{"l": "new"}},
		"of two the later one's attribute stays":        {advanced("ecmwf", "{username: [alice]}", "{attributes: {k: 1}}") + advanced("ecmwf", "{username: [alice]}", "{attributes: {k: 2}}"), user("r"), []string{"r"}, map[string]string{"k": "2"}},
		"advanced builds on advanced":                   {advanced("ecmwf", "{role: [r]}", "{roles: [x]}") + advanced("ecmwf", "{role: [x]}", "{roles: [y]}"), user("r"), []string{"r", "x", "y"}, old},
		"but only on what stands before it":             {advanced("ecmwf", "{role: [x]}", "{roles: [y]}") + advanced("ecmwf", "{role: [r]}", "{roles: [x]}"), user("r"), []string{"r", "x"}, old},
		"advanced builds on plain":                      {plain("ecmwf", "{staff: [alice]}") + advanced("ecmwf", "{role: [staff]}", "{roles: [x]}"), user("r"), []string{"r", "staff", "x"}, old},
		"even on plain that stands behind it":           {advanced("ecmwf", "{role: [staff]}", "{roles: [x]}") + plain("ecmwf", "{staff: [alice]}"), user("r"), []string{"r", "staff", "x"}, old},
		"plain rules keep their order":                  {plain("ecmwf", "{z: [alice]}") + plain("ecmwf", "{a: [alice]}"), user("r"), []string{"r", "z", "a"}, old},
		"a realm in another case is the same":           {plain("ECMWF", "{staff: [alice]}"), user("r"), []string{"r", "staff"}, old},
		"another realm's plain rule gives nothing":      {plain("other", "{staff: [alice]}"), user("r"), []string{"r"}, old},
		"another realm's advanced rule gives nothing":   {advanced("other", "{username: [alice]}", "{roles: [x], attributes: {k: new}}"), user("r"), []string{"r"}, old},
		"a realm that ours begins with gives nothing":   {plain("ecm", "{staff: [alice]}"), user("r"), []string{"r"}, old},
		"the Kelvin sign is not the realm's k":          {plain("\u212a", "{staff: [alice]}"), auth.User{Realm: "k", Name: "alice", Attributes: old}, nil, old},
		"a realm that is not ASCII has its rules":       {plain("süd", "{staff: [alice]}"), auth.User{Realm: "süd", Name: "alice", Attributes: old}, []string{"staff"}, old},
		"which are not those of the like-looking realm": {plain("SÜD", "{staff: [alice]}"), auth.User{Realm: "süd", Name: "alice", Attributes: old}, nil, old},
	} {
		t.Run(name, func(t *testing.T) {
			got := apply(t, rules(t, row.rules), row.user)
			if !slices.Equal(got.Roles, row.roles) {
				t.Errorf("got the roles %q, want %q", got.Roles, row.roles)
			}
			if !maps.Equal(got.Attributes, row.attributes) {
				t.Errorf("got the attributes %v, want %v", got.Attributes, row.attributes)
			}
			got.Roles, got.Attributes = row.user.Roles, row.user.Attributes
			if !reflect.DeepEqual(got, row.user) {
				t.Errorf("more than roles and attributes changed: %+v", got)
			}
		})
	}
}

// A provider hands out its own slices and maps, the same ones again and again.
func TestApplyWritesToNothingThatOthersHold(t *testing.T) {
	rs := rules(t, plain("ecmwf", "{staff: [alice]}")+
		advanced("ecmwf", "{username: [alice]}", "{roles: [x, y], attributes: {k: new, l: new}}"))
	backing := []string{"r", "spare", "spare", "spare"}
	shared := auth.User{
		Realm: "ecmwf", Name: "alice", Roles: backing[:1], // with room that append would use
		Attributes: map[string]string{"k": "old"}, Scopes: map[string][]string{"p": {"read"}},
	}
	first := apply(t, rs, shared)
	if want := []string{"r", "spare", "spare", "spare"}; !slices.Equal(backing, want) {
		t.Errorf("the provider's slice became %q", backing)
	}
	if want := map[string]string{"k": "old"}; !maps.Equal(shared.Attributes, want) || len(shared.Roles) != 1 {
		t.Errorf("the provider's user became %+v", shared)
	}

	// Nor may one user's answer be another's, or the rule's own.
	first.Attributes["k"], first.Attributes["m"] = "mine", "mine"
	for i := range first.Roles {
		first.Roles[i] = "mine"
	}
	second := apply(t, rs, shared)
	if want := []string{"r", "staff", "x", "y"}; !slices.Equal(second.Roles, want) {
		t.Errorf("after the first answer was changed the second is %q", second.Roles)
	}
	if want := map[string]string{"k": "new", "l": "new"}; !maps.Equal(second.Attributes, want) {
		t.Errorf("after the first answer was changed the second has %v", second.Attributes)
	}
}

func TestARuleFillsNoRoomBehindAUsersRoles(t *testing.T) {
	backing := []string{"r", "spare"}
	for name, list := range map[string]string{
		"plain":          plain("ecmwf", "{staff: [alice]}"),
		"plain_advanced": advanced("ecmwf", "{username: [alice]}", "{roles: [x]}"),
	} {
		apply(t, rules(t, list), auth.User{Realm: "ecmwf", Name: "alice", Roles: backing[:1]})
		if backing[1] != "spare" {
			t.Errorf("%s wrote %q behind the user's roles", name, backing[1])
		}
	}
}

func TestNewLeavesTheListInItsOrder(t *testing.T) {
	list := strings.ReplaceAll(advanced("r", "{role: [x]}", "{roles: [y]}"), "name: a", "name: first") +
		strings.ReplaceAll(plain("r", "{x: [alice]}"), "name: p", "name: second") +
		strings.ReplaceAll(advanced("r", "{role: [y]}", "{roles: [z]}"), "name: a", "name: third") +
		strings.ReplaceAll(plain("r", "{w: [alice]}"), "name: p", "name: fourth")
	es, faults := entries(t, list)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rs := role.New(es)
	var names []string
	for _, e := range es {
		names = append(names, e.Name+" "+e.Type)
	}
	want := []string{"first plain_advanced", "second plain", "third plain_advanced", "fourth plain"}
	if !slices.Equal(names, want) {
		t.Errorf("the caller's list became %q", names)
	}
	es[1], es[3] = es[0], es[0] // a caller may go on to use its list
	got := apply(t, rs, auth.User{Realm: "r", Name: "alice"})
	if want := []string{"x", "w", "y", "z"}; !slices.Equal(got.Roles, want) {
		t.Errorf("got %q, want %q", got.Roles, want)
	}
}

func TestCheck(t *testing.T) {
	const format = "has a control, format or line-separator character"
	for name, row := range map[string]struct {
		list string
		want []string
	}{
		"all is well": {plain("r", "{x: [alice]}") + advanced("r", "{role: [x]}", "{roles: [y]}"), nil},
		"no name and no realm": {`- {type: plain, roles: {x: [a]}}`, []string{
			"2: augmenters[0].name: is empty", "2: augmenters[0].realm: is empty",
		}},
		"a name and a realm that cannot be read": {`- {name: "a\u202eb", type: plain, realm: " r", roles: {x: [a]}}`, []string{
			"2: augmenters[0].name: " + format, "2: augmenters[0].realm: begins or ends with white space",
		}},
		"roles of plain that no token could carry": {plain("r", `{"": [a], "x\ny": [a], ok: [a]}`), []string{
			`2: augmenters[0].roles[""]: the role is empty`, `2: augmenters[0].roles["x\ny"]: the role ` + format,
		}},
		"roles of advanced that no token could carry": {advanced("r", "{role: [x]}", `{roles: [ok, "", "x\r"]}`), []string{
			`2: augmenters[0].augment.roles[1]: is empty`, `2: augmenters[0].augment.roles[2]: begins or ends with white space`,
		}},
		"a role of 129 bytes":      {advanced("r", "{role: [x]}", "{roles: ["+strings.Repeat("a", 129)+"]}"), []string{"2: augmenters[0].augment.roles[0]: is longer than 128 bytes"}},
		"a rule that matches none": {advanced("r", "{}", "{roles: [y]}"), []string{"warning: c:2: augmenters[0].match: names no user and no role: this rule does nothing"}},
		"an unknown kind":          {`- {name: n, type: plian, realm: r}`, []string{`2: augmenters[0].type: "plian" is not one of ldap, plain, plain_advanced, rewrite, did you mean "plain"?`}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := entries(t, row.list); !slices.Equal(got, row.want) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
}

func TestARuleThatMatchesNoneGivesNothing(t *testing.T) {
	es, _ := entries(t, advanced("r", "{}", "{roles: [y]}"))
	if got := apply(t, role.New(es), auth.User{Realm: "r", Name: "alice", Roles: []string{"x", ""}}); !slices.Equal(got.Roles, []string{"x", ""}) {
		t.Errorf("got %q", got.Roles)
	}
}
