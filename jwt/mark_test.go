package jwt_test

import (
	"testing"

	"gatehouse/jwt"
)

// Who was let in by a key is known by it, until the key is gone or stands for something else.
func TestAKeyIsNamedByAllThatCounts(t *testing.T) {
	key, other := idp()["p256"].Public(), idp()["p384"].Public()
	named := func(k map[string]any) *jwt.KeySet { return parseSet(t, k) }
	c := strict(t)
	c.Keys = named(jwk(key, map[string]any{"kid": "p256"}))
	claims, err := verifier(t, c).Verify(mint(t, "ES256", headerOf("ES256", ""), claimsOf("")), second)
	if err != nil || claims.Key == "" {
		t.Fatalf("got %q, %v", claims.Key, err)
	}
	for name, row := range map[string]struct {
		set  *jwt.KeySet
		want bool
	}{
		"the same set":                  {c.Keys, true},
		"the same, read again":          {named(jwk(key, map[string]any{"kid": "p256"})), true},
		"the same with members of none": {named(jwk(key, map[string]any{"kid": "p256", "use": "sig", "x5t": "x"})), true},
		"beside another":                {parseSet(t, jwk(other, map[string]any{"kid": "a"}), jwk(key, map[string]any{"kid": "p256"})), true},
		"another kid":                   {named(jwk(key, map[string]any{"kid": "p257"})), false},
		"another key under its kid":     {named(jwk(other, map[string]any{"kid": "p256"})), false},
		"for one algorithm only":        {named(jwk(key, map[string]any{"kid": "p256", "alg": "ES256"})), false},
		"no keys":                       {parseSet(t), false},
	} {
		if got := row.set.Has(claims.Key); got != row.want {
			t.Errorf("%s: got %t, want %t", name, got, row.want)
		}
	}
	if c.Keys.Has("") {
		t.Error("a set has a key without a name")
	}
}

func TestASecretHasNoName(t *testing.T) {
	c := strict(t)
	c.Keys, c.Secret = nil, "0123456789abcdef0123456789abcdef"
	token := sign(t, "HS256", []byte(c.Secret), `{"alg":"HS256"}`, claimsOf(""))
	if claims, err := verifier(t, c).Verify(token, second); err != nil || claims.Key != "" {
		t.Errorf("got %q, %v", claims.Key, err)
	}
}
