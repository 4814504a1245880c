package jwt_test

import (
	"strings"
	"testing"

	"gatehouse/jwt"
)

func TestWhatATokenSaysOfItself(t *testing.T) {
	signed := func(header, payload string) string { return b64url(header) + "." + b64url(payload) + ".c2ln" }
	for name, row := range map[string]struct {
		token string
		ok    bool
		typ   string // of the header
		claim any    // typ of the claims
	}{
		"a token that nobody signed":    {signed(`{"alg":"none","typ":"JWT"}`, `{"typ":"Offline"}`), true, "jwt", "Offline"},
		"of a media type":               {signed(`{"typ":"application/AT+JWT"}`, `{}`), true, "at+jwt", nil},
		"that says nothing":             {signed(`{}`, `{}`), true, "", nil},
		"typ is no text":                {signed(`{}`, `{"typ":7.0}`), true, "", nil},
		"encrypted":                     {"eyJhbGciOiJkaXIifQ..aXY.Yw.dGFn", false, "", nil},
		"in two parts":                  {"e30.e30", false, "", nil},
		"a header of no object":         {signed(`[]`, `{}`), false, "", nil},
		"claims of no object":           {signed(`{}`, `"Offline"`), false, "", nil},
		"a claim twice":                 {signed(`{}`, `{"typ":"Bearer","typ":"Offline"}`), false, "", nil},
		"the header's typ is no text":   {signed(`{"typ":["at+jwt"]}`, `{}`), false, "", nil},
		"claims that are no base64url":  {b64url(`{}`) + ".e30=.c2ln", false, "", nil},
		"of more than a token may have": {signed(`{}`, `{"a":"`+strings.Repeat("a", 16<<10)+`"}`), false, "", nil},
		"nothing":                       {"", false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, ok := jwt.Claim(row.token)
			if text, _ := c.Claims["typ"].(string); ok != row.ok || c.Type != row.typ || row.claim != nil && text != row.claim {
				t.Errorf("got %+v, %v", c, ok)
			}
		})
	}
}
