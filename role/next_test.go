package role

import (
	"testing"
	"time"

	"gatehouse/auth"
)

// A reload that changes one augmenter must not make gatehouse ask the others about everybody at once.
func TestASourceWhoseEntryIsTheSameIsTakenOver(t *testing.T) {
	same, other := saying("same"), saying("other")
	first, second := entry(same), entry(other)
	second.Name = "e"
	var rules *Rules
	rules = rules.Next([]Entry{first, second})
	ask := func(rules *Rules) {
		t.Helper()
		u, _, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "r"})
		if err != nil || len(u.Roles) != 2 {
			t.Errorf("%q, %v", u.Roles, err)
		}
	}
	ask(rules)
	long := 2 * time.Minute
	second.Cache = &long
	next := rules.Next([]Entry{{Name: "p", Type: "plain", Realm: "r", config: new(Plain)}, second, first})
	ask(next)
	if same.asked.Load() != 1 || other.asked.Load() != 2 {
		t.Errorf("the same is asked %d times, the other %d times", same.asked.Load(), other.asked.Load())
	}
	if got := next.steps[1].asked.cache; got != long {
		t.Errorf("the other remembers for %s", got)
	}
	if !next.Next(nil).Local("") {
		t.Error("no entries ask nobody")
	}
}

// What an entry is compared by is what stands in config.yaml.
func TestSectionsAreComparedByWhatStandsInThem(t *testing.T) {
	made := func(base string) []Entry {
		e := Entry{Name: "d", Type: "ldap", Realm: "r"}
		l, _ := e.Variant("ldap")
		*l.(*LDAP) = *section("ldap://127.0.0.1")
		l.(*LDAP).SearchBase = base
		return []Entry{e}
	}
	rules := New(made("dc=a"))
	if rules.Next(made("dc=a")).steps[0].asked != rules.steps[0].asked {
		t.Error("the same section is opened anew")
	}
	if rules.Next(made("dc=b")).steps[0].asked == rules.steps[0].asked {
		t.Error("another section is taken over")
	}
}
