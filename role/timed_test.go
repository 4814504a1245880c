package role

import (
	"slices"
	"testing"

	"gatehouse/auth"
)

func TestWhoWatchesIsToldOfEveryRuleThatIsApplied(t *testing.T) {
	entries := []Entry{
		{Name: "late", Type: "plain_advanced", Realm: "here", config: new(PlainAdvanced)},
		{Name: "early", Type: "plain", Realm: "HERE", config: new(Plain)},
		{Name: "elsewhere", Type: "plain", Realm: "there", config: new(Plain)},
	}
	var told []string
	rules := New(entries).Told(func(a Applied) {
		if a.Took < 0 || a.Err != nil {
			t.Errorf("%+v", a)
		}
		told = append(told, a.Name+" "+a.Type+" "+a.Realm)
	})
	if _, _, err := rules.Apply(t.Context(), auth.User{Name: "alice", Realm: "here"}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"early plain HERE", "late plain_advanced here"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}
