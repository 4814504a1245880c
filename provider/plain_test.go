package provider

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"gatehouse/auth"
)

func TestEveryEntryOfAPlainNameIsTried(t *testing.T) {
	a := open(t, t.Context(), plainUsers(
		PlainUser{Username: "alice", Password: secret("one"), Roles: []string{"first"}},
		PlainUser{Username: "bob", Password: secret("two")},
		PlainUser{Username: "alice", PasswordHash: secret(firstBcrypt), Roles: []string{"second"}},
		PlainUser{Username: "alice", Password: secret("three"), Roles: []string{"third"}},
		PlainUser{Username: "alice", Password: secret("three"), Roles: []string{"never"}},
	), newWorld(t).Env)
	for _, c := range []struct {
		name, secret, roles string
		ok                  bool
	}{
		{"alice", "one", "[first]", true},
		{"alice", first, "[second]", true},
		{"alice", "three", "[third]", true},
		{"bob", "two", "[]", true},
		{"alice", "two", "[]", false}, // bob's
		{"bob", "one", "[]", false},
		{"Alice", "one", "[]", false},
		{"alice ", "one", "[]", false},
		{"alice", "One", "[]", false},
		{"alice", "one\x00", "[]", false},
		{"alice", "on", "[]", false},
		{"alice", "onee", "[]", false},
		{"alice", "", "[]", false},
		{"alice", firstBcrypt, "[]", false}, // a hash is not a password
		{"", "", "[]", false},
		{"carol", "", "[]", false}, // of whom the zero sum must not be the password
	} {
		u, err := a.Authenticate(t.Context(), basic(c.name, c.secret))
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, auth.ErrDenied) || fmt.Sprint(u.Roles) != c.roles || c.ok && u.Name != c.name {
			t.Errorf("%s, %q: got %+v, %v", c.name, c.secret, u, err)
		}
	}
}

// What stays in memory is of no use without the key of this process.
func TestAPlainPasswordIsKeptAsAKeyedHash(t *testing.T) {
	p := plainUsers(PlainUser{Username: "alice", Password: secret(canary)}, PlainUser{Username: "bob", Password: secret(canary)})
	a := open(t, t.Context(), p, newWorld(t).Env).(*plain)
	b := open(t, t.Context(), p, newWorld(t).Env).(*plain)
	if len(a.key) < 32 || bytes.Equal(a.key, make([]byte, len(a.key))) || bytes.Equal(a.key, b.key) {
		t.Error("the key is not random")
	}
	if a.users["alice"][0].mac == b.users["alice"][0].mac {
		t.Error("the hash has no key")
	}
	if text := fmt.Sprintf("%+v", a.users); shows(text, canary) {
		t.Errorf("keeps %s", text)
	}
}

func TestAPlainHashThatCannotBeReadStopsTheStart(t *testing.T) {
	_, err := plainUsers(PlainUser{Username: "alice", PasswordHash: secret(canary)}).Open(t.Context(), newWorld(t).Env)
	if err == nil || shows(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}
