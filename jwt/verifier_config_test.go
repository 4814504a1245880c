package jwt_test

import (
	"testing"
	"time"

	"gatehouse/jwt"
)

func TestNewVerifierRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*jwt.VerifierConfig)
		want   string
	}{
		"the zero value":          {func(c *jwt.VerifierConfig) { *c = jwt.VerifierConfig{} }, "needs a key set or a secret, and not both"},
		"keys and a secret":       {func(c *jwt.VerifierConfig) { c.Secret = secret }, "needs a key set or a secret, and not both"},
		"a secret's algorithm":    {func(c *jwt.VerifierConfig) { c.Algorithms = []string{"RS256", "HS256"} }, "algorithm HS256: HS needs a secret, all others need a key set"},
		"a key's algorithm":       {func(c *jwt.VerifierConfig) { c.Keys, c.Secret, c.Algorithms = nil, secret, []string{"RS256"} }, "algorithm RS256: HS needs a secret, all others need a key set"},
		"none":                    {func(c *jwt.VerifierConfig) { c.Algorithms = []string{"none"} }, `algorithm "none": is unknown`},
		"an algorithm's case":     {func(c *jwt.VerifierConfig) { c.Algorithms = []string{"rs256"} }, `algorithm "rs256": is unknown`},
		"an empty algorithm":      {func(c *jwt.VerifierConfig) { c.Algorithms = []string{""} }, `algorithm "": is unknown`},
		"a short secret":          {func(c *jwt.VerifierConfig) { c.Keys, c.Secret = nil, secret[1:] }, "secret: has 31 bytes, fewer than the 32 of HS256"},
		"a secret short of HS384": {func(c *jwt.VerifierConfig) { c.Keys, c.Secret, c.Algorithms = nil, secret, []string{"HS384"} }, "secret: has 32 bytes, fewer than the 48 of HS384"},
		"a secret short of HS512": {func(c *jwt.VerifierConfig) { c.Keys, c.Secret, c.Algorithms = nil, secret, []string{"HS512"} }, "secret: has 32 bytes, fewer than the 64 of HS512"},
		"no issuer":               {func(c *jwt.VerifierConfig) { c.Issuer = "" }, "needs an issuer, or InsecureAnyIssuer"},
		"an issuer, and any":      {func(c *jwt.VerifierConfig) { c.InsecureAnyIssuer = true }, "needs an issuer, or InsecureAnyIssuer"},
		"itself as the issuer":    {func(c *jwt.VerifierConfig) { c.OwnIssuer = c.Issuer }, "issuer: is gatehouse itself, whose tokens are never taken"},
		"no audience":             {func(c *jwt.VerifierConfig) { c.Audiences = nil }, "needs an audience, or InsecureAnyAudience"},
		"an audience, and any":    {func(c *jwt.VerifierConfig) { c.InsecureAnyAudience = true }, "needs an audience, or InsecureAnyAudience"},
		"an empty audience":       {func(c *jwt.VerifierConfig) { c.Audiences = []string{"a", ""} }, "audience: is empty"},
		"a leeway of an hour":     {func(c *jwt.VerifierConfig) { c.Leeway = time.Hour }, "leeway: 1h0m0s is not between 0 and 1m0s"},
		"a leeway before now":     {func(c *jwt.VerifierConfig) { c.Leeway = -1 }, "leeway: -1ns is not between 0 and 1m0s"},
		"a lifetime before now":   {func(c *jwt.VerifierConfig) { c.MaxLifetime = -1 }, "lifetime: -1ns is less than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := strict(t)
			row.change(&c)
			if v, err := jwt.NewVerifier(c); err == nil || err.Error() != "jwt: verifier: "+row.want || v != nil {
				t.Errorf("got %v, want %s", err, row.want)
			}
		})
	}
}
