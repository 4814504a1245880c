package main

import (
	"slices"
	"strings"

	"gatehouse/auth"
	"gatehouse/provider"
)

// when is for what has no name.
func when(is func(*migration) bool) func(*migration) []string {
	return func(m *migration) []string {
		if is(m) {
			return []string{""}
		}
		return nil
	}
}

// faulty names the places of which one of texts is said.
func faulty(texts ...string) func(*migration) []string {
	return func(m *migration) (places []string) {
		for _, f := range m.doc.Faults() {
			if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(f.Message, t) }) && !slices.Contains(places, f.Path) {
				places = append(places, f.Path)
			}
		}
		return places
	}
}

// providers names those that is holds for.
func (m *migration) providers(is func(*provider.Entry) bool) (names []string) {
	for i := range m.Providers {
		if is(&m.Providers[i]) {
			names = append(names, m.Providers[i].Name)
		}
	}
	return names
}

func kinds(types ...string) func(*migration) []string {
	return func(m *migration) []string {
		return m.providers(func(p *provider.Entry) bool { return slices.Contains(types, p.Type) })
	}
}

func takes(p *provider.Entry, f auth.Form) bool { return slices.Contains(p.Forms(), f) }

func keysBesideTokens(m *migration) []string {
	all := m.providers(func(p *provider.Entry) bool { return p.Scheme() == auth.Bearer })
	for _, f := range []auth.Form{auth.JWT, auth.Opaque} {
		if n := len(m.providers(func(p *provider.Entry) bool { return takes(p, f) })); n == 0 || n == len(all) {
			continue
		}
		return all
	}
	return nil
}

func sameScheme(m *migration) (all []string) {
	for _, scheme := range []auth.Scheme{auth.Bearer, auth.Basic} {
		if of := m.providers(func(p *provider.Entry) bool { return p.Scheme() == scheme }); len(of) > 1 {
			all = append(all, strings.Join(of, " then "))
		}
	}
	return all
}

// services are the providers who ask somebody who may not answer.
func services(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool { return asked(p) != "" })
}

// asking are all who do.
func asking(m *migration) []string { return append(services(m), ldapWithoutLeave(m)...) }

// otherMemory are those whose yes auth-o-tron remembers for another time.
func otherMemory(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool { return takes(p, auth.JWT) && p.Cache == nil })
}

func efasOfAnotherRealm(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool { return p.Type == "efas-api" && p.Realm != "efas" })
}

func trusting(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool {
		j, ok := p.Config.(*provider.JWT)
		return ok && (j.Issuer == "" || len(j.Audience) == 0)
	})
}

func withoutClaims(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool {
		switch c := p.Config.(type) {
		case *provider.JWT:
			return !c.All
		case *provider.OpenIDOffline:
			return !c.All
		case *provider.TokenGenerator:
			return !c.All
		}
		return false
	})
}

// proxied are the variables by which auth-o-tron finds its way out.
func proxied(m *migration) (names []string) {
	if m.Auth.Proxy != "" || len(asking(m)) == 0 {
		return nil
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		if lookup(m.environ)(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

func augmentersOf(types ...string) func(*migration) []string {
	return func(m *migration) (names []string) {
		for _, a := range m.Augmenters {
			if slices.Contains(types, a.Type) {
				names = append(names, a.Name)
			}
		}
		return names
	}
}

func ldapAugmenters(m *migration) []string { return augmentersOf("ldap")(m) }

func ldapWithoutLeave(m *migration) (names []string) {
	for _, a := range m.Augmenters {
		if a.Type == "ldap" && !a.Optional {
			names = append(names, a.Name)
		}
	}
	return names
}

// foreignCase are the augmenters of a realm that a provider writes in another case.
func foreignCase(m *migration) (names []string) {
	for _, a := range m.Augmenters {
		if slices.ContainsFunc(m.Providers, func(p provider.Entry) bool { return p.Realm != a.Realm && auth.SameRealm(a.Realm, p.Realm) }) {
			names = append(names, a.Name)
		}
	}
	return names
}

func rolesWithComma(m *migration) []string {
	return m.providers(func(p *provider.Entry) bool {
		plain, ok := p.Config.(*provider.Plain)
		return ok && slices.ContainsFunc(plain.Users, func(u provider.PlainUser) bool {
			return slices.ContainsFunc(u.Roles, func(role string) bool { return strings.Contains(role, ",") })
		})
	})
}

// strays are sections that auth-o-tron passes over in version 1.0.0.
func strays(m *migration) (names []string) {
	for _, section := range []string{"server", "metrics"} {
		if m.Version == version1 && m.doc.Has(section) {
			names = append(names, section)
		}
	}
	return names
}
