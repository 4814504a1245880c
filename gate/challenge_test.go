package gate_test

import (
	"testing"

	"gatehouse/auth"
	"gatehouse/gate"
)

func TestChallenge(t *testing.T) {
	type source struct {
		scheme auth.Scheme
		realm  string
	}
	mixed := []source{
		{auth.Bearer, "b"}, {auth.Basic, "a"}, {auth.Bearer, "b"}, {auth.Bearer, "a"}, {auth.Basic, "b"}, {auth.Basic, "a"},
	}
	policies := map[string]gate.Policy{"onlya": {Realm: "A"}, "roles": {Roles: []string{"x"}}}
	for name, row := range map[string]struct {
		sources    []source
		ask        gate.Ask
		navigation bool
		want       string
	}{
		"a certificate answers no challenge":      {[]source{{auth.TLS, "a"}, {auth.Basic, "a"}}, gate.Ask{}, false, `Basic realm="a"`},
		"nobody to ask":                           {nil, gate.Ask{}, false, `Bearer`},
		"one source":                              {[]source{{auth.Basic, "ecmwf"}}, gate.Ask{}, false, `Basic realm="ecmwf"`},
		"the order of config.yaml, each once":     {mixed, gate.Ask{}, false, `Bearer realm="b", Basic realm="a", Bearer realm="a", Basic realm="b"`},
		"a person's browser sees Basic first":     {mixed, gate.Ask{}, true, `Basic realm="a", Basic realm="b", Bearer realm="b", Bearer realm="a"`},
		"and nothing new where there is none":     {[]source{{auth.Bearer, "b"}}, gate.Ask{}, true, `Bearer realm="b"`},
		"narrowed to the realm asked for":         {mixed, gate.Ask{Realms: []string{"A"}}, false, `Basic realm="a", Bearer realm="a"`},
		"narrowed to the policy's realm":          {mixed, gate.Ask{Policy: "onlya"}, false, `Basic realm="a", Bearer realm="a"`},
		"a policy without a realm does not":       {mixed, gate.Ask{Policy: "roles", Realms: []string{"b"}}, false, `Bearer realm="b", Basic realm="b"`},
		"narrowed by both to nobody":              {mixed, gate.Ask{Policy: "onlya", Realms: []string{"b"}}, false, `Bearer`},
		"two realms that differ":                  {mixed, gate.Ask{Realms: []string{"a", "b"}}, true, `Bearer`},
		"an unknown realm is not repeated":        {mixed, gate.Ask{Realms: []string{`x", Basic realm="y`}}, false, `Bearer`},
		"an empty realm":                          {mixed, gate.Ask{Realms: []string{""}}, false, `Bearer`},
		"an unknown policy":                       {mixed[:2], gate.Ask{Policy: "nope"}, false, `Bearer realm="b", Basic realm="a"`},
		"a quote is escaped":                      {[]source{{auth.Basic, `a"b`}}, gate.Ask{}, false, `Basic realm="a\"b"`},
		"a backslash is escaped":                  {[]source{{auth.Basic, `a\b`}}, gate.Ask{}, false, `Basic realm="a\\b"`},
		"both, in an order that could go wrong":   {[]source{{auth.Basic, `\"`}}, gate.Ask{}, false, `Basic realm="\\\""`},
		"a backslash at the end":                  {[]source{{auth.Basic, `a\`}}, gate.Ask{}, false, `Basic realm="a\\"`},
		"a realm cannot add a challenge":          {[]source{{auth.Basic, `x", Bearer realm="y`}}, gate.Ask{}, false, `Basic realm="x\", Bearer realm=\"y"`},
		"realms in two cases are not one's copy":  {[]source{{auth.Basic, "a"}, {auth.Basic, "A"}}, gate.Ask{}, false, `Basic realm="a", Basic realm="A"`},
		"one realm under two schemes is named so": {[]source{{auth.Basic, "a"}, {auth.Bearer, "a"}}, gate.Ask{}, false, `Basic realm="a", Bearer realm="a"`},
	} {
		t.Run(name, func(t *testing.T) {
			var sources []gate.Source
			for _, s := range row.sources {
				sources = append(sources, gate.Source{Scheme: s.scheme, Realm: s.realm})
			}
			g, _ := newGate(t, func(c *gate.Config) { c.Policies = policies }, sources...)
			for range 2 { // asking leaves the list as it was
				if got := g.Challenge(row.ask, row.navigation); got != row.want {
					t.Errorf("got  %s\nwant %s", got, row.want)
				}
				g.Challenge(row.ask, true)
			}
		})
	}
}
