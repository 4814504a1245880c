package examples_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	ours "gatehouse/jwt"
)

// A library that knows nothing of gatehouse needs no more than the issuer's URL to verify its tokens: it finds the
// keys and their algorithms by itself.
func TestALibraryNeedsTheIssuerAlone(t *testing.T) {
	for _, kind := range ours.KeyKinds() {
		t.Run(kind, func(t *testing.T) {
			path, kid := newKey(t, kind)
			other, otherKid := newKey(t, kind)
			issuer, token, _ := keyedGateway(t, path)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			found, err := oidc.NewProvider(ctx, issuer)
			if err != nil {
				t.Fatal(err)
			}
			verifier := found.Verifier(&oidc.Config{ClientID: audience})
			verify := func(says, token string, good bool) {
				t.Helper()
				verified, err := verifier.Verify(ctx, strings.TrimPrefix(token, "Bearer "))
				if (err == nil) != good {
					t.Errorf("%s: %v", says, err)
				}
				var claims struct{ Username string }
				if good && err == nil && (verified.Claims(&claims) != nil || claims.Username != "alice") {
					t.Errorf("%s: is of %q", says, claims.Username)
				}
			}
			verify("gatehouse's own token", token, true)
			for says, row := range map[string]struct {
				path, kid string
				changed   map[string]any
				good      bool
			}{
				"a good one":                      {path, kid, nil, true},
				"another issuer's":                {path, kid, map[string]any{"iss": issuer + "/other"}, false},
				"an expired one":                  {path, kid, map[string]any{"exp": in(-time.Minute)}, false},
				"one for others":                  {path, kid, map[string]any{"aud": "others"}, false},
				"another key by the name of ours": {other, kid, nil, false},
				"another key by its own name":     {other, otherKid, nil, false},
			} {
				verify(says, signedBy(t, issuer, kind, row.path, row.kid, row.changed), row.good)
			}
			if _, err := oidc.NewProvider(ctx, issuer+"/"); err == nil {
				t.Error("an issuer that calls itself otherwise is taken")
			}
		})
	}
}
