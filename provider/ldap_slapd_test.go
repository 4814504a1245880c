package provider

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/directory"
	"gatehouse/e2e/ldap"

	goldap "github.com/go-ldap/ldap/v3"
)

// atSlapd is a section for a directory.
func atSlapd(d *ldap.Slapd) *LDAP {
	l := newLDAP()
	l.Config = directory.Config{URI: d.URI, BindDN: ldap.Gate, Password: ldap.GatePassword, SearchBase: "ou=people," + ldap.Base}
	return l
}

// byDN is a section that makes a DN of the name.
func byDN(d *ldap.Slapd) *LDAP {
	l := atSlapd(d)
	l.SearchBase, l.UserDN = "", "uid={username},ou=people,"+ldap.Base
	return l
}

// oddNames are users whose names an escape that is forgotten would make another's, or nobody's.
var oddNames = []string{
	"a*", "a)(uid=*", `a\2a`, "a,ou=x", "a+cn=b", `a"b`, `a\b`, "a<b>", "a;b", "a=b", "#a", "a#", "(a)", "é", "e\u0301x", "a b", "日本",
	"a&b", "a|b", "!a", "~a", "{dn}", "{username}",
}

func startSlapd(t *testing.T, s ldap.Setting) *ldap.Slapd {
	t.Helper()
	entries := []*goldap.AddRequest{
		ldap.Person("alice", canary, "mail", "alice@example.org"), ldap.Person("bob", "bob's own"), ldap.Person("nopass", ""),
		ldap.Person("two", "2", "uid", "zwei"),
		ldap.Group("staff", "alice", "bob"), ldap.Group("R&D, new", "alice"), ldap.Group("others", "bob"),
	}
	for i, name := range oddNames {
		entries = append(entries, ldap.Person(name, fmt.Sprint("odd ", i)))
	}
	entries = append(entries, ldap.Add("cn=twin1,ou=people,"+ldap.Base, "objectClass", "inetOrgPerson", "cn", "twin1", "sn", "s", "uid", "twin", "userPassword", "t"),
		ldap.Add("cn=twin2,ou=people,"+ldap.Base, "objectClass", "inetOrgPerson", "cn", "twin2", "sn", "s", "uid", "twin", "userPassword", "t"))
	return ldap.Start(t, s, entries...)
}

// C44: what stands in a name means nothing to the directory but itself; C05 for what no name may hold.
func TestSlapdKnowsEachUserByTheirOwnNameAndPassword(t *testing.T) {
	d := startSlapd(t, ldap.Setting{})
	for name, section := range map[string]*LDAP{"search": atSlapd(d), "user_dn": byDN(d)} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.Context(), section, newWorld(t).Env)
			in := func(presented, secret, want string) {
				t.Helper()
				if u, err := a.Authenticate(t.Context(), basic(presented, secret)); err != nil || u.Name != want {
					t.Errorf("%q: got %q, %v, want %q", presented, u.Name, err, want)
				}
			}
			out := func(presented, secret string) {
				t.Helper()
				if u, err := a.Authenticate(t.Context(), basic(presented, secret)); !errors.Is(err, auth.ErrDenied) || u.Name != "" {
					t.Errorf("%.40q: got %q, %v, want a denial", presented, u.Name, err)
				}
			}
			in("alice", canary, "alice")
			for i, name := range oddNames {
				in(name, fmt.Sprint("odd ", i), name)
				out(name, canary)
			}
			// The directory's spelling, not the client's, whatever it takes for the same.
			in("ALICE", canary, "alice")
			in("aLiCe", canary, "alice")
			in("A  B", "odd 15", "a b")
			in("e\u0301", "odd 13", "é")

			for _, wrong := range []string{wrongCanary, "", "\x00", canary + "\x00", canary + " ", strings.Repeat("x", 1025), strings.Repeat("x", 10_000)} {
				out("alice", wrong)
				out("nobody", wrong)
			}
			for _, presented := range []string{
				"*", "al*", "alice)(uid=*", "alice)(|(uid=*", "*)(uid=alice", `\61lice`, `al\69ce`, "alice\x00", "alice\x00*", "alice,ou=people", "uid=alice",
				"alice+uid=alice", " alice", "alice ", "\talice", "ali\u00adce", "alice\u200b", "\u202ealice", "alice\r\n", strings.Repeat("a", 10_000), strings.Repeat("é", 64) + "x",
				"nopass", "", "\xff", "bob)(uid=alice", "alice)(userPassword=*)", "e\u0301", "éx", "#616c696365",
			} {
				out(presented, canary)
			}
			out("bob", canary)
			out("nopass", "x")
		})
	}
}

func TestANameOfTwoEntriesIsNobodys(t *testing.T) {
	d := startSlapd(t, ldap.Setting{})
	w := newWorld(t)
	a := open(t, t.Context(), atSlapd(d), w.Env)
	if u, err := a.Authenticate(t.Context(), basic("twin", "t")); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("got %q, %v", u.Name, err)
	}
	if !strings.Contains(w.log.String(), "more than one entry") {
		t.Errorf("the log does not say so: %s", w.log)
	}
	// One entry with two names: which of them policies mean nobody knows.
	if u, err := a.Authenticate(t.Context(), basic("zwei", "2")); isDecision(err) {
		t.Errorf("got %q, %v", u.Name, err)
	}
}

func TestGroupsBecomeRoles(t *testing.T) {
	d := startSlapd(t, ldap.Setting{})
	of := func(l *LDAP, name, secret string) auth.User {
		t.Helper()
		u, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(t.Context(), basic(name, secret))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(u.Roles)
		return u
	}
	for name, make := range map[string]func(*ldap.Slapd) *LDAP{"search": atSlapd, "user_dn": byDN} {
		member := make(d)
		member.Roles, member.Attributes = "memberof", map[string]string{"email": "MAIL", "none": "telexNumber"}
		u := of(member, "alice", canary)
		if want := []string{"R&D, new", "staff"}; !slices.Equal(u.Roles, want) || len(u.Attributes) != 1 || u.Attributes["email"] != "alice@example.org" {
			t.Errorf("%s: memberOf gives %q, %v", name, u.Roles, u.Attributes)
		}
		search := make(d)
		search.GroupBase = "ou=groups," + ldap.Base
		if u := of(search, "alice", canary); !slices.Equal(u.Roles, []string{"R&D, new", "staff"}) {
			t.Errorf("%s: the search gives %q", name, u.Roles)
		}
		if u := of(search, "a)(uid=*", "odd 1"); len(u.Roles) != 0 {
			t.Errorf("%s: a name is taken for a filter: %q", name, u.Roles)
		}
	}
}

// C33, C17 for LDAP: nothing of anybody goes where TLS is not as configured.
func TestTLSIsAsConfiguredOrThereIsNoDecision(t *testing.T) {
	d := startSlapd(t, ldap.Setting{Certificate: true})
	plain := startSlapd(t, ldap.Setting{})
	other := t.TempDir()
	ldap.Certificate(t, other)
	for name, row := range map[string]struct {
		change func(*LDAP)
		want   string // "" for a yes
	}{
		"ldaps":                                 {func(l *LDAP) { l.URI, l.CAFile = d.TLS, d.CA }, ""},
		"StartTLS":                              {func(l *LDAP) { l.StartTLS, l.CAFile = true, d.CA }, ""},
		"ldaps by another authority":            {func(l *LDAP) { l.URI, l.CAFile = d.TLS, filepath.Join(other, "ca.pem") }, "unknown authority"},
		"StartTLS by another authority":         {func(l *LDAP) { l.StartTLS, l.CAFile = true, filepath.Join(other, "ca.pem") }, "unknown authority"},
		"ldaps by the system's authorities":     {func(l *LDAP) { l.URI = d.TLS }, "unknown authority"},
		"ldaps under another name":              {func(l *LDAP) { l.URI, l.CAFile = strings.Replace(d.TLS, "127.0.0.1", "localhost", 1), d.CA }, "another name"},
		"ldaps to a port without TLS":           {func(l *LDAP) { l.URI, l.CAFile = strings.Replace(d.URI, "ldap:", "ldaps:", 1), d.CA }, "TLS"},
		"StartTLS to a server that has no TLS":  {func(l *LDAP) { l.URI, l.StartTLS, l.CAFile = plain.URI, true, d.CA }, "result"},
		"ldap to a port that is TLS":            {func(l *LDAP) { l.URI = strings.Replace(d.TLS, "ldaps:", "ldap:", 1) }, ""},
		"the file of the authority is gone":     {func(l *LDAP) { l.URI, l.CAFile = d.TLS, filepath.Join(other, "gone.pem") }, "no such file"},
		"the file of the authority holds a key": {func(l *LDAP) { l.URI, l.CAFile = d.TLS, filepath.Join(other, "key.pem") }, "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			l := atSlapd(d)
			row.change(l)
			u, err := open(t, t.Context(), l, newWorld(t).Env).Authenticate(t.Context(), basic("alice", canary))
			if name == "ldap to a port that is TLS" {
				if isDecision(err) {
					t.Errorf("got %q, %v", u.Name, err)
				}
				return
			}
			if row.want == "" && (err != nil || u.Name != "alice") || row.want != "" && (isDecision(err) || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %q, %v, want %q", u.Name, err, row.want)
			}
		})
	}
}

func TestAnAccountThatIsLockedIsDenied(t *testing.T) {
	policy := "overlay ppolicy\nppolicy_default cn=policy," + ldap.Base + "\n"
	d := startSlapd(t, ldap.Setting{More: policy})
	d.Change(t, func(c *goldap.Conn) error {
		return c.Add(ldap.Add("cn=policy,"+ldap.Base, "objectClass", "organizationalRole", "objectClass", "pwdPolicy", "cn", "policy",
			"pwdAttribute", "userPassword", "pwdLockout", "TRUE", "pwdMaxFailure", "2"))
	})
	a := open(t, t.Context(), atSlapd(d), newWorld(t).Env)
	for i, secret := range []string{canary, wrongCanary, wrongCanary, canary} {
		u, err := a.Authenticate(t.Context(), basic("alice", secret))
		if in := err == nil && u.Name == "alice"; in != (i == 0) || !in && !errors.Is(err, auth.ErrDenied) {
			t.Errorf("login %d: got %q, %v", i, u.Name, err)
		}
	}
}

func TestGatehousesOwnLoginThatFailsIsNoDecision(t *testing.T) {
	d := startSlapd(t, ldap.Setting{})
	for name, change := range map[string]func(*LDAP){
		"a wrong password":                 func(l *LDAP) { l.Password = "wrong" },
		"a name that there is not":         func(l *LDAP) { l.BindDN = "cn=nobody," + ldap.Base },
		"nobody may search":                func(l *LDAP) { l.BindDN, l.Password = "", "" },
		"a base that there is not":         func(l *LDAP) { l.SearchBase = "ou=none," + ldap.Base },
		"groups under a base there is not": func(l *LDAP) { l.GroupBase = "ou=none," + ldap.Base },
	} {
		l := atSlapd(d)
		change(l)
		a := open(t, t.Context(), l, newWorld(t).Env)
		if u, err := a.Authenticate(t.Context(), basic("alice", canary)); isDecision(err) || u.Name != "" {
			t.Errorf("%s: got %q, %v", name, u.Name, err)
		}
	}
}
