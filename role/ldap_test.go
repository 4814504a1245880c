package role

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/directory"
	"gatehouse/e2e/ldap"
)

func TestTheRolesThatAGroupGives(t *testing.T) {
	for name, row := range map[string]struct {
		dn      string
		filter  string
		filters []string // nil: without the key
		want    []string
	}{
		"the cn":                                     {"CN=One,OU=TeamA,DC=x", "", nil, []string{"One"}},
		"a cn in small letters":                      {"cn=One,ou=TeamA,dc=x", "", nil, []string{"One"}},
		"the first cn of two":                        {"OU=T,CN=A,CN=B,DC=x", "", nil, []string{"A"}},
		"no cn":                                      {"OU=T,DC=x", "", nil, nil},
		"a comma in it":                              {`CN=One\, Two,DC=x`, "", nil, []string{"One, Two"}},
		"a comma in hexadecimal":                     {`CN=One\2cTwo,DC=x`, "", nil, []string{"One,Two"}},
		"a value that looks like a cn":               {`OU=a\,CN=admin,DC=x`, "", nil, nil},
		"what is no DN":                              {"admin", "", nil, nil},
		"the filter's text in it":                    {"CN=One,OU=TeamA,DC=x", "OU=TeamA", nil, []string{"One"}},
		"the filter's text in other letters":         {"CN=One,OU=TeamA,DC=x", "OU=teama", nil, nil},
		"the filter's text not in it":                {"CN=One,OU=TeamB,DC=x", "OU=TeamA", nil, nil},
		"no filters at all":                          {"CN=One,OU=TeamA,DC=x", "", []string{}, nil},
		"a path from a piece":                        {"CN=One,OU=B,OU=A,DC=x", "", []string{"OU=A"}, []string{"/A/B/One"}},
		"a path from each of two":                    {"CN=One,OU=B,OU=A,DC=x", "", []string{"OU=A", "ou=b"}, []string{"/A/B/One", "/B/One"}},
		"a piece of two parts from the root":         {"CN=One,OU=B,OU=A,DC=x", "", []string{"OU=A,OU=B"}, []string{"/A/B/One"}},
		"a piece of two parts in the DN's order":     {"CN=One,OU=B,OU=A,DC=x", "", []string{"ou=b, ou=a"}, []string{"/A/B/One"}},
		"a piece of two parts that are apart":        {"CN=One,OU=C,OU=B,OU=A,DC=x", "", []string{"OU=A,OU=C"}, nil},
		"a piece that is not there":                  {"CN=One,OU=C,DC=x", "", []string{"OU=A"}, nil},
		"a piece of more parts than there are":       {"CN=One", "", []string{"OU=A,OU=B"}, nil},
		"filters and not the filter":                 {"CN=One,OU=A,DC=x", "nothing", []string{"OU=A"}, []string{"/A/One"}},
		"a slash that would read as another's path":  {"CN=B/One,OU=A,DC=x", "", []string{"OU=A"}, nil},
		"a slash above the piece":                    {"CN=One,OU=A,O=x/y", "", []string{"OU=A"}, []string{"/A/One"}},
		"a value that looks like the piece, escaped": {`CN=One\,OU=A,OU=B,DC=x`, "", []string{"OU=A"}, nil},
	} {
		l := LDAP{Filter: row.filter}
		if row.filters != nil {
			l.Filters = &row.filters
		}
		if got := l.rolesOf(row.dn); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func section(uri string) *LDAP {
	return &LDAP{Config: directory.Config{URI: uri, BindDN: ldap.Gate, Password: ldap.GatePassword, SearchBase: ldap.Base}}
}

// C44: a user's name is that user's, whatever is in it.
func TestSlapdTellsTheGroupsOfAName(t *testing.T) {
	d := ldap.Start(t, ldap.Setting{},
		ldap.Person("alice", "a"), ldap.Person("bob", "b"), ldap.Person("*", "c"), ldap.Person("a)(cn=*", "d"), ldap.Person("loner", "e"),
		ldap.Add("uid=t1,ou=people,"+ldap.Base, "objectClass", "inetOrgPerson", "uid", "t1", "cn", "twin", "sn", "s"),
		ldap.Add("uid=t2,ou=people,"+ldap.Base, "objectClass", "inetOrgPerson", "uid", "t2", "cn", "twin", "sn", "s"),
		ldap.Group("staff", "alice", "bob"), ldap.Group("R&D, new", "alice"), ldap.Group("star", "*"))
	l := section(d.URI)
	for name, want := range map[string][]string{
		"alice": {"R&D, new", "staff"}, "bob": {"staff"}, "*": {"star"}, "a)(cn=*": nil, "loner": nil, "nobody": nil,
		"b*": nil, "alice)(cn=bob": nil, "bob)(|(cn=*)": nil, `\62ob`: nil, "alice\x00": nil, "": nil, "gate": nil,
	} {
		got, err := l.open().Roles(t.Context(), name)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", name, got, err, want)
		}
	}
	if got, err := l.open().Roles(t.Context(), "twin"); !errors.Is(err, directory.ErrSeveral) {
		t.Errorf("a name of two entries: got %q, %v", got, err)
	}
	l.Filters = &[]string{"ou=groups"}
	if got, err := l.open().Roles(t.Context(), "bob"); err != nil || !slices.Equal(got, []string{"/groups/staff"}) {
		t.Errorf("got %q, %v", got, err)
	}
	l.Filters, l.UserFilter = nil, "(uid={username})"
	if got, err := l.open().Roles(t.Context(), "t1"); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
	d.Stop()
	if got, err := l.open().Roles(t.Context(), "bob"); err == nil {
		t.Errorf("a directory that is gone says %q", got)
	}
}

// What has a user's name and is no person is not the user, whatever groups it is in.
func TestWhatIsNoPersonHasNoGroups(t *testing.T) {
	device := func(cn string) *client.AddRequest {
		return ldap.Add("cn="+cn+",ou=groups,"+ldap.Base, "objectClass", "organizationalRole", "cn", cn)
	}
	d := ldap.Start(t, ldap.Setting{},
		ldap.Person("alice", "a"), ldap.Group("staff", "alice"), device("alice"), device("printer"),
		ldap.Add("cn=devices,ou=groups,"+ldap.Base, "objectClass", "groupOfNames", "cn", "devices",
			"member", "cn=alice,ou=groups,"+ldap.Base, "member", "cn=printer,ou=groups,"+ldap.Base))
	l := section(d.URI)
	for name, want := range map[string][]string{"alice": {"staff"}, "printer": nil} {
		if got, err := l.open().Roles(t.Context(), name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	l.UserFilter = "(cn={username})"
	if got, err := l.open().Roles(t.Context(), "printer"); err != nil || !slices.Equal(got, []string{"devices"}) {
		t.Fatalf("of everything that has a name: got %q, %v", got, err)
	}
	if got, err := l.open().Roles(t.Context(), "alice"); !errors.Is(err, directory.ErrSeveral) {
		t.Fatalf("of everything that has a name: got %q, %v", got, err)
	}
}

// C44: a directory compares names without case, width and spaces (RFC 4518). Another's name brings nobody's groups.
func TestAnotherSpellingHasNoGroups(t *testing.T) {
	d := ldap.Start(t, ldap.Setting{}, ldap.Person("alice", "a"), ldap.Person("big boss", "b"), ldap.Group("staff", "alice"), ldap.Group("chiefs", "big boss"))
	l := section(d.URI)
	names := []string{"ALICE", "Alice", "ａｌｉｃｅ", "al\u034fice", "al\ufe0fice", "big  boss", "big\u00a0boss"}
	for _, name := range names {
		if got, err := l.open().Roles(t.Context(), name); err != nil && !errors.Is(err, errSpelling) || len(got) != 0 {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
	if _, err := l.open().Roles(t.Context(), "ALICE"); !errors.Is(err, errSpelling) {
		t.Errorf("got %v", err)
	}
	l.InsecureAnySpelling = true
	if got, err := l.open().Roles(t.Context(), "ALICE"); err != nil || !slices.Equal(got, []string{"staff"}) {
		t.Errorf("insecure_any_spelling: got %q, %v", got, err)
	}
}

// Of an attribute with many values one must be the name; of one that is not shown nobody can tell.
func TestTheNameThatAnEntryShows(t *testing.T) {
	for name, row := range map[string]struct {
		user   string
		shown  map[string][]string
		want   string
		failed bool
	}{
		"the name":                  {"", map[string][]string{"cn": {"alice"}}, "staff", false},
		"one of two":                {"", map[string][]string{"CN": {"Alice Smith", "alice"}}, "staff", false},
		"another":                   {"", map[string][]string{"cn": {"Alice"}}, "", false},
		"a piece of another":        {"", map[string][]string{"cn": {"alice smith"}}, "", false},
		"another attribute's":       {"uid", map[string][]string{"cn": {"alice"}, "uid": {"a1"}}, "", false},
		"that of the key":           {"uid", map[string][]string{"cn": {"a1"}, "uid": {"alice"}}, "staff", false},
		"no value that may be read": {"", map[string][]string{}, "", true},
	} {
		f := ldap.NewFake(t, func(r ldap.Request) ldap.Reply {
			if r.Op == "bind" {
				return ldap.Reply{}
			}
			row.shown["memberOf"] = []string{"cn=staff"}
			return ldap.Reply{Entries: []*client.Entry{client.NewEntry("cn=x", row.shown)}}
		})
		l := section(f.URI)
		l.User = row.user
		var told []Applied
		e := Entry{Name: "d", Type: "ldap", Realm: "r", config: l}
		rules := New([]Entry{e}).Told(func(a Applied) { told = append(told, a) })
		for range 2 { // the second is remembered
			u, _, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
			if err != nil != row.failed || strings.Join(u.Roles, ",") != row.want {
				t.Errorf("%s: got %q, %v", name, u.Roles, err)
			}
		}
		for _, a := range told {
			if a.User != "alice" || a.Spelling != (row.want == "" && !row.failed) {
				t.Errorf("%s: told %+v", name, a)
			}
		}
	}
}

func TestTheAttributeThatAFilterComparesTheNameWith(t *testing.T) {
	for filter, want := range map[string]string{
		"":                                                 "cn",
		"(uid={username})":                                 "uid",
		"(&(uid={username})(!(cn={username})))":            "",
		"(|(mail={username})(uid={username}))":             "",
		"(|(UID={username})(uid={username}))":              "uid",
		"(mail={username}@example.org)":                    "",
		"(uid=*{username})":                                "",
		"(uid>={username})":                                "",
		"(uid~={username})":                                "",
		"(uid:caseExactMatch:={username})":                 "",
		"(2.5.4.3={username})":                             "", // whose values the directory shows under its name
		"(&(uid={username})(memberOf=cn={username},dc=x))": "",
	} {
		l := section("ldap://127.0.0.1")
		l.UserFilter = filter
		if got := l.user(); got != want {
			t.Errorf("%s: got %q, want %q", filter, got, want)
		}
		faults := conf.Collect(l.Check)
		if len(faults) == 1 != (want == "") || len(faults) == 1 && faults[0].Path != "user" {
			t.Errorf("%s: %v", filter, faults)
		}
		l.InsecureAnySpelling = true
		if faults := conf.Collect(l.Check); len(faults) != 0 {
			t.Errorf("%s: %v", filter, faults)
		}
		l.InsecureAnySpelling, l.User = false, "uid"
		if faults := conf.Collect(l.Check); len(faults) != 0 {
			t.Errorf("%s: %v", filter, faults)
		}
	}
}

// A directory that cannot tell gives nobody no roles.
func TestADirectoryThatFailsTellsNoRoles(t *testing.T) {
	for name, answer := range map[string]func(ldap.Request) ldap.Reply{
		"its login is refused": func(ldap.Request) ldap.Reply { return ldap.Reply{Code: 49} },
		"busy":                 func(r ldap.Request) ldap.Reply { return ldap.Reply{Code: map[string]int{"search": 51}[r.Op]} },
		"a referral":           func(r ldap.Request) ldap.Reply { return ldap.Reply{Code: map[string]int{"search": 10}[r.Op]} },
		"a time limit with a part of the answer": func(r ldap.Request) ldap.Reply {
			if r.Op == "bind" {
				return ldap.Reply{}
			}
			return ldap.Reply{Code: 3, Entries: []*client.Entry{client.NewEntry("cn=alice", map[string][]string{"cn": {"alice"}, "memberOf": {"cn=staff"}})}}
		},
		"no answer": func(r ldap.Request) ldap.Reply { return ldap.Reply{Hang: r.Op == "search"} },
	} {
		f := ldap.NewFake(t, answer)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if got, err := section(f.URI).open().Roles(ctx, "alice"); err == nil || got != nil || errors.Is(err, auth.ErrDenied) || strings.Contains(err.Error(), ldap.GatePassword) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		cancel()
	}
}

func TestTheFaultsOfADirectory(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*LDAP)
		want   string
	}{
		"none":                   {func(*LDAP) {}, ""},
		"no base":                {func(l *LDAP) { l.SearchBase = "" }, "search_base"},
		"a base that is none":    {func(l *LDAP) { l.SearchBase = "people" }, "search_base"},
		"a filter that is none":  {func(l *LDAP) { l.UserFilter = "uid={username}" }, "user_filter"},
		"a filter for everybody": {func(l *LDAP) { l.UserFilter = "(uid=*)" }, "user_filter"},
		"a piece that is none":   {func(l *LDAP) { l.Filters = &[]string{"ou=a", "Invalid"} }, "filters[1]"},
		"a text in a DN":         {func(l *LDAP) { l.Filter = "ou=teams" }, "filter"},
		"no name in any":         {func(l *LDAP) { l.User, l.InsecureAnySpelling = "uid", true }, "user"},
		"no password":            {func(l *LDAP) { l.Password = "" }, "bind_dn"},
	} {
		l := section("ldap://127.0.0.1")
		row.change(l)
		faults := conf.Collect(l.Check)
		if len(faults) > 1 || len(faults) == 1 != (row.want != "") || len(faults) == 1 && faults[0].Path != row.want {
			t.Errorf("%s: got %v", name, faults)
		}
	}
}
