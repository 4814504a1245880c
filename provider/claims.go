package provider

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"gatehouse/auth"
	"gatehouse/conf"
)

// Claims says how the claims of a token, or what an introspection tells of one, become a user.
type Claims struct {
	Username   string            `yaml:"username_claim" doc:"Which claim is the user's name: a path such as data.id, or a JSON Pointer. Default: preferred_username, or without one sub."`
	Roles      []string          `yaml:"roles_claims" doc:"Which claims hold roles: paths, where * stands for every member. Default: Keycloak's."`
	Scope      string            `yaml:"scope_claim" doc:"Which claim holds the scopes: one string with spaces, or a list."`
	Attributes map[string]string `yaml:"attributes" doc:"From an attribute's name to the claim with its value."`
	All        bool              `yaml:"all_claims" doc:"Whether all other claims become attributes too, as in auth-o-tron."`
}

func newClaims() Claims {
	return Claims{Roles: []string{"realm_access.roles", "entitlements", "resource_access.*.roles"}, Scope: "scope"}
}

func (c *Claims) check(r conf.Report) {
	for i, path := range c.Roles {
		if path == "" {
			r.At("roles_claims", i).Fault("", "is empty")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		switch {
		case c.Attributes[name] == "":
			r.At("attributes").Fault(name, "is empty: it says which claim holds the attribute's value")
		case name == auth.AttributeExpires:
			r.At("attributes").Fault(name, "would end the user's token, which the claim exp does by itself: remove it")
		}
	}
}

// ownPlace are the claims that have a place of their own in a user: none of them is an attribute by all_claims.
var ownPlace = []string{"sub", "scope", "preferred_username", "realm_access", "resource_access", "entitlements"}

// user makes a user of claims. names are the claims for the name, in turn, where none is configured: the first
// that is there counts, and if that is no string there is no name, which the gate refuses.
func (c *Claims) user(a answer, provider string, names ...string) auth.User {
	u := auth.User{Attributes: map[string]string{}}
	if c.Username != "" {
		names = []string{c.Username}
	}
	for _, path := range names {
		if a.at(path) != nil {
			u.Name = a.text(path)
			break
		}
	}
	for _, path := range c.Roles {
		u.Roles = append(u.Roles, a.lists(path)...)
	}
	if scopes := c.scopes(a); len(scopes) > 0 {
		u.Scopes = map[string][]string{provider: scopes}
	}
	if c.All {
		for _, name := range slices.Sorted(maps.Keys(a)) {
			if !slices.Contains(ownPlace, name) && a[name] != nil {
				u.Attributes[name] = shown(a[name])
			}
		}
	}
	for name, path := range c.Attributes {
		if value := a.at(path); value != nil {
			u.Attributes[name] = shown(value)
		}
	}
	return u
}

func (c *Claims) scopes(a answer) []string {
	if text, ok := a.at(c.Scope).(string); ok {
		return strings.Fields(text)
	}
	return slices.DeleteFunc(a.list(c.Scope), func(s string) bool { return s == "" })
}

// shown is a claim's value as an attribute: text as it is, all else as JSON, without control characters.
func shown(value any) string {
	text, ok := value.(string)
	if !ok {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(value) // what was read from JSON can be written as JSON
		text = b.String()   // less the newline at its end
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
