package gate

import (
	"slices"
	"strings"

	"gatehouse/auth"
)

// A challenge is one element of WWW-Authenticate (RFC 7235, section 4.1).
type challenge struct {
	scheme auth.Scheme
	realm  string
	text   string
}

func challengesOf(sources []Source) []challenge {
	var list []challenge
	for _, s := range sources {
		if s.Scheme == auth.TLS {
			continue
		}
		c := challenge{s.Scheme, s.Realm, string(s.Scheme) + " realm=" + quoted(s.Realm)}
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// quoted is s as a quoted-string (RFC 7230, section 3.2.6).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Challenge returns the value of WWW-Authenticate for a refused ask: one line, as nginx forwards only the
// first. It names the realms that could have let the request in. navigation puts Basic first: Chromium
// asks its user only if it can answer the first challenge.
func (g *Gate) Challenge(ask Ask, navigation bool) string {
	realms := narrowed{ask.Realms, g.Policies[ask.Policy].Realm}
	var list []challenge
	for _, c := range g.challenges {
		if realms.admits(c.realm) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return string(auth.Bearer)
	}
	if navigation { // B-a-s comes before B-e-a
		slices.SortStableFunc(list, func(a, b challenge) int { return strings.Compare(string(a.scheme), string(b.scheme)) })
	}
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.text
	}
	return strings.Join(texts, ", ")
}
