package gate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/gate"
)

// A credential is shown to nobody but sources of its scheme, its form and a realm that is asked for.
func TestACredentialIsShownToFittingSourcesOnly(t *testing.T) {
	schemes := []auth.Scheme{auth.Basic, auth.Bearer, "Negotiate", ""}
	forms := []auth.Form{0, auth.Password, auth.StoredToken, auth.JWT, auth.Opaque}
	realms := []string{"a", "b", "AB", "süd"}
	type seen struct {
		source     int
		credential auth.Credential
	}
	var shown []seen
	var sources []gate.Source
	for _, scheme := range schemes[:2] {
		for bits := range 1 << (len(forms) - 1) { // every set of forms
			var set []auth.Form
			for i, form := range forms[1:] {
				if bits>>i&1 == 1 {
					set = append(set, form)
				}
			}
			for _, realm := range realms {
				n := len(sources)
				sources = append(sources, gate.Source{
					Authenticator: auth.Func(func(_ context.Context, c auth.Credential) (auth.User, error) {
						shown = append(shown, seen{n, c})
						return auth.User{}, auth.ErrDenied
					}),
					Name: fmt.Sprint(n), Realm: realm, Scheme: scheme, Forms: set,
				})
			}
		}
	}
	g, _ := newGate(t, func(c *gate.Config) { c.Policies = map[string]gate.Policy{"p": {Realm: "ab"}} }, sources...)

	some := 0
	for _, scheme := range schemes {
		for _, form := range forms {
			c := auth.Credential{Scheme: scheme, Form: form, Username: "u", Secret: "s"}
			for _, a := range []struct {
				gate.Ask
				realms []string // that may be asked
			}{
				{gate.Ask{}, realms},
				{gate.Ask{Realms: []string{"A"}}, []string{"a"}},
				{gate.Ask{Realms: []string{"ab"}}, []string{"AB"}},
				{gate.Ask{Policy: "p"}, []string{"AB"}},
				{gate.Ask{Policy: "p", Realms: []string{"a"}}, nil},
				{gate.Ask{Realms: []string{"nowhere"}}, nil},
			} {
				shown = nil
				g.Memory.Forget(everybody)
				a.Credentials = []auth.Credential{c}
				d, err := g.Decide(t.Context(), a.Ask)
				wantDenied(t, d, err)
				var want []seen
				for n, s := range sources {
					if s.Scheme == scheme && slices.Contains(s.Forms, form) && slices.Contains(a.realms, s.Realm) {
						want = append(want, seen{n, c})
					}
				}
				if !slices.Equal(shown, want) {
					t.Fatalf("%q form %d, asked for %q with policy %q: shown %v times, want %v", scheme, form, a.Realms, a.Policy, len(shown), len(want))
				}
				some += len(want)
			}
		}
	}
	if some == 0 {
		t.Error("nobody was asked at all: this test shows nothing")
	}
}

func TestRealmsNarrow(t *testing.T) {
	for name, row := range map[string]struct {
		asked  []string
		policy string
		want   string // the realms whose sources are asked
	}{
		"no realm asked for":                    {nil, "", "a b süd k"},
		"one":                                   {[]string{"b"}, "", "b"},
		"one in another case":                   {[]string{"B"}, "", "b"},
		"one twice":                             {[]string{"a", "A"}, "", "a"},
		"two that differ: nobody":               {[]string{"a", "b"}, "", ""},
		"a good one first, an unknown one next": {[]string{"a", "x"}, "", ""},
		"an unknown one first":                  {[]string{"x", "a"}, "", ""},
		"an empty one":                          {[]string{""}, "", ""},
		"an empty one beside a good one":        {[]string{"a", ""}, "", ""},
		"an unknown one":                        {[]string{"c"}, "", ""},
		"a wildcard":                            {[]string{"*"}, "", ""},
		"a list in one":                         {[]string{"a,b"}, "", ""},
		"outer space":                           {[]string{" a"}, "", ""},
		"a NUL":                                 {[]string{"a\x00"}, "", ""},
		"10 kB":                                 {[]string{strings.Repeat("a", 10_000)}, "", ""},
		"other than ASCII":                      {[]string{"süd"}, "", ""},
		"the Kelvin sign":                       {[]string{"\u212a"}, "", ""},
		"bytes that are no UTF-8":               {[]string{"\xff"}, "", ""},
		"the policy's alone":                    {nil, "b", "b"},
		"the policy's in another case":          {nil, "B", "b"},
		"the policy's and the request's":        {[]string{"b"}, "b", "b"},
		"the policy's against the request's":    {[]string{"a"}, "b", ""},
		"the policy's and two of the request's": {[]string{"b", "a"}, "b", ""},
		"an empty one does not lift a policy":   {[]string{""}, "b", ""},
		"a policy's that is not ASCII":          {nil, "süd", ""},
		"a policy's that nobody has":            {nil, "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			var sources []gate.Source
			for _, realm := range []string{"a", "b", "süd", "k"} {
				s := keys(realm, func(context.Context, auth.Credential) (auth.User, error) {
					asked = append(asked, realm)
					return auth.User{}, auth.ErrDenied
				})
				s.Realm = realm
				sources = append(sources, s)
			}
			g, _ := newGate(t, func(c *gate.Config) { c.Policies = map[string]gate.Policy{"p": {Realm: row.policy}} }, sources...)
			a := ask()
			a.Realms, a.Policy = row.asked, "p"
			d, err := g.Decide(t.Context(), a)
			wantDenied(t, d, err)
			if got := strings.Join(asked, " "); got != row.want {
				t.Errorf("asked %q, want %q", got, row.want)
			}
		})
	}
}
