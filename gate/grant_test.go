package gate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// unusable is what no source may make of a name or a role.
var unusable = map[string]string{
	"nothing":               "",
	"129 bytes":             strings.Repeat("a", 129),
	"a CRLF and a header":   "al\r\nX-Auth-Roles: admin",
	"a newline":             "al\nX",
	"a carriage return":     "al\rX",
	"a NUL":                 "al\x00",
	"U+0001":                "al\x01ice",
	"DEL":                   "al\x7fice",
	"a line separator":      "al\u2028ice",
	"a paragraph separator": "al\u2029ice",
	"an override":           "al\u202eice",
	"a zero-width space":    "al\u200bice",
	"what bad bytes become": "al\ufffdice",
	"a space before":        " alice",
	"a space after":         "alice ",
	"a tab after":           "alice\t",
	"a no-break space":      "\u00a0alice",
	"bytes of no UTF-8":     "al\xffice",
	"half a surrogate pair": "al\xed\xa0\x80",
	"an overlong NUL":       "al\xc0\x80",
}

func TestNobodyWithAnUnusableNameIsLetIn(t *testing.T) {
	for name, text := range unusable {
		t.Run(name, func(t *testing.T) {
			// Neither the first source nor a later one, nor one that is asked because of another credential.
			for n := range 3 {
				sources := []gate.Source{}
				for range n {
					sources = append(sources, keys("no", says(auth.User{}, auth.ErrDenied)))
				}
				g, _ := newGate(t, nil, append(sources, keys("yes", says(auth.User{Name: text, Roles: []string{"admin"}}, nil)))...)
				d, err := g.Decide(t.Context(), ask())
				f := wantForbidden(t, d, err, gate.UnusableName)
				if f.User.Name != "" {
					t.Errorf("the refusal names %q", f.User.Name)
				}
				if text != "" && strings.Contains(err.Error(), text) {
					t.Errorf("the error shows the name: %v", err)
				}
			}
		})
	}
}

func TestNobodyWithAnUnusableRoleIsLetIn(t *testing.T) {
	for name, text := range unusable {
		t.Run(name, func(t *testing.T) {
			for _, roles := range [][]string{{text}, {"good", text}, {text, "good"}} {
				g, _ := newGate(t, nil, keys("s", says(auth.User{Name: "alice", Roles: roles}, nil)))
				d, err := g.Decide(t.Context(), ask())
				wantForbidden(t, d, err, gate.UnusableRole)
			}
		})
	}
}

// A yes with an unusable name is the last word: it must not go on to somebody else's yes.
func TestAnUnusableNameEndsTheSearch(t *testing.T) {
	g, _ := newGate(t, nil, keys("bad", says(auth.User{}, nil)), keys("good", says(auth.User{Name: "alice"}, nil)))
	d, err := g.Decide(t.Context(), ask())
	wantForbidden(t, d, err, gate.UnusableName)
}

func TestARoleWithACommaStaysInTheToken(t *testing.T) {
	for name, row := range map[string]struct {
		roles []string
		want  string
		left  int64
	}{
		"none":                   {nil, "", 0},
		"two that fit":           {[]string{"b", "a"}, "b,a", 0},
		"one with a comma":       {[]string{"a", "ops,admin", "b"}, "a,b", 1},
		"a comma at an end":      {[]string{",a", "b,"}, "", 2},
		"nothing but commas":     {[]string{","}, "", 1},
		"a space stays as it is": {[]string{"a b", "c"}, "a b,c", 0},
	} {
		t.Run(name, func(t *testing.T) {
			g, n := newGate(t, nil, keys("s", says(auth.User{Name: "alice", Roles: row.roles}, nil)))
			d, err := g.Decide(t.Context(), ask())
			wantUser(t, d, err, "alice")
			if d.Roles != row.want || n.roles.Load() != row.left {
				t.Errorf("got %q and %d left out, want %q and %d", d.Roles, n.roles.Load(), row.want, row.left)
			}
			if got := claims(t, strings.TrimPrefix(d.Authorization, "Bearer ")).Roles; !slices.Equal(got, row.roles) {
				t.Errorf("the token has %q", got)
			}
		})
	}
}

// size is what the four identity headers' values measure.
func size(d gate.Decision) int {
	return len("Bearer ") + len(strings.TrimPrefix(d.Authorization, "Bearer ")) + len(d.User.Name) + len(d.User.Realm) + len(d.Roles)
}

func TestTheHeadersStayWithinTheirBudget(t *testing.T) {
	u := auth.User{Name: "alice", Roles: []string{"ops", "left,out", "admin"}, Attributes: map[string]string{"k": strings.Repeat("v", 300)}}
	var fit gate.Fit
	decide := func(budget int) (gate.Decision, *counts, error) {
		g, n := newGate(t, func(c *gate.Config) { c.MaxHeader, c.Fits = budget, func(f gate.Fit) { fit = f } }, keys("s", says(u, nil)))
		d, err := g.Decide(t.Context(), ask())
		return d, n, err
	}
	whole, _, err := decide(1 << 20)
	wantUser(t, whole, err, "alice")
	largest := size(whole)
	reduced, _, err := decide(largest - 1)
	wantUser(t, reduced, err, "alice")
	smallest := size(reduced)
	if smallest >= largest-100 {
		t.Fatalf("%d bytes without attributes, %d with them: this test shows nothing", smallest, largest)
	}
	for budget := smallest - 20; budget <= largest+20; budget++ {
		d, n, err := decide(budget)
		if budget < smallest {
			f := wantForbidden(t, d, err, gate.TooManyRoles)
			if f.User.Name != "alice" || n.attributes.Load() != 0 || n.refused.Load() != 1 {
				t.Errorf("budget %d: refused %+v, counted %d times, attributes dropped %d times", budget, f.User, n.refused.Load(), n.attributes.Load())
			}
			if fit.User.Name != "alice" || fit.Size != smallest || fit.Limit != budget || !fit.Refused || fit.Dropped {
				t.Errorf("budget %d: told %+v", budget, fit)
			}
			continue
		}
		wantUser(t, d, err, "alice")
		dropped := budget < largest
		c := claims(t, strings.TrimPrefix(d.Authorization, "Bearer "))
		if size(d) > budget || c.AttributesDropped != dropped || (len(c.Attributes) == 0) != dropped || (n.attributes.Load() == 1) != dropped {
			t.Errorf("budget %d: %d bytes, attributes_dropped %t with %d attributes, counted %d times",
				budget, size(d), c.AttributesDropped, len(c.Attributes), n.attributes.Load())
		}
		if d.Roles != "ops,admin" || n.refused.Load() != 0 {
			t.Errorf("budget %d: roles %q, counted as refused %d times", budget, d.Roles, n.refused.Load())
		}
		if fit.User.Name != "alice" || fit.Size != largest || fit.Limit != budget || fit.Refused || fit.Dropped != dropped {
			t.Errorf("budget %d: told %+v", budget, fit)
		}
	}
}

// Without attributes the claim that says so makes the token longer: it must not slip through.
func TestDroppingNothingMakesNoRoom(t *testing.T) {
	u := auth.User{Name: "alice", Roles: []string{"ops"}}
	g, _ := newGate(t, nil, keys("s", says(u, nil)))
	d, err := g.Decide(t.Context(), ask())
	wantUser(t, d, err, "alice")
	for _, less := range []int{1, 2, 1000, size(d), size(d) + 1000} {
		g, n := newGate(t, func(c *gate.Config) { c.MaxHeader = size(d) - less }, keys("s", says(u, nil)))
		got, err := g.Decide(t.Context(), ask())
		wantForbidden(t, got, err, gate.TooManyRoles)
		if n.attributes.Load() != 0 {
			t.Errorf("%d bytes less: counted as dropped attributes", less)
		}
	}
}

func TestAUserWhoseEndHasPassedIsDenied(t *testing.T) {
	for name, row := range map[string]struct {
		until  time.Time
		budget int
		denied bool
	}{
		"a minute ago":                      {time.Now().Add(-time.Minute), 1 << 20, true},
		"now":                               {time.Now(), 1 << 20, true},
		"long ago":                          {time.Unix(1, 0), 1 << 20, true},
		"and with no room for anything":     {time.Unix(1, 0), 0, true},
		"in a minute is not yet the end":    {time.Now().Add(time.Minute), 1 << 20, false},
		"no end at all lets the user pass.": {time.Time{}, 1 << 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := newGate(t, func(c *gate.Config) { c.MaxHeader = row.budget }, keys("s", says(auth.User{Name: "alice", Until: row.until}, nil)))
			d, err := g.Decide(t.Context(), ask())
			if !row.denied {
				wantUser(t, d, err, "alice")
				return
			}
			wantDenied(t, d, err)
			if !errors.Is(err, jwt.ErrExpired) {
				t.Errorf("the log does not learn why: %v", err)
			}
		})
	}
}
