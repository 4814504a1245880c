package provider

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/conf"
)

// C04, C05: what could not be told in a header is refused when config.yaml is read, as a name or a role, and no
// fault shows a password.
func TestAnOddNameInConfigYAMLIsAFault(t *testing.T) {
	for _, odd := range []string{
		"", " ", " alice", "alice ", "\talice", "alice\t", "\u00a0alice", "al\r\nX-Auth-Roles: admin", "al\nX", "al\rX", "al\x00", "al\x01ice",
		"al\x1b[2J", "al\x7f", "al\u0085", "al\u2028ice", "al\u2029ice", "al\u202eice", "al\u200bice", "\ufeffalice", "al\xffice", "al\xc0\xae",
		strings.Repeat("a", 129), strings.Repeat("a", 300),
	} {
		for at, e := range map[string]*Entry{
			"users[0].username": {Name: "n", Type: "plain", Realm: "r", Config: plainUsers(PlainUser{Username: odd, Password: secret(canary)})},
			"users[0].roles[1]": {Name: "n", Type: "plain", Realm: "r", Config: plainUsers(PlainUser{Username: "a", Password: secret(canary), Roles: []string{"b", odd}})},
			"realm":             {Name: "n", Type: "http", Realm: odd, Config: remote(func(*HTTP) {})},
			"name":              {Name: odd, Type: "http", Realm: "r", Config: remote(func(*HTTP) {})},
		} {
			faults := said(conf.Collect(e.Check))
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, at+": ") }) {
				t.Errorf("%q as %s: %q", odd, at, faults)
			}
			if shows(strings.Join(faults, "\n"), canary) {
				t.Errorf("%q as %s shows the password: %q", odd, at, faults)
			}
		}
	}
}
