package role

import (
	"slices"
	"testing"
	"time"

	"gatehouse/auth"
)

func TestWhoWatchesIsToldOfEveryRuleThatIsApplied(t *testing.T) {
	entries := []Entry{
		{Name: "late", Type: "plain_advanced", Realm: "here", config: new(PlainAdvanced)},
		{Name: "early", Type: "plain", Realm: "HERE", config: new(Plain)},
		{Name: "elsewhere", Type: "plain", Realm: "there", config: new(Plain)},
	}
	var told []string
	rules := New(entries).Timed(func(name, kind, realm string, took time.Duration) {
		if took < 0 {
			t.Errorf("%s took %s", name, took)
		}
		told = append(told, name+" "+kind+" "+realm)
	})
	rules.Apply(auth.User{Name: "alice", Realm: "here"})
	if want := []string{"early plain HERE", "late plain_advanced here"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}
