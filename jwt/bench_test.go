package jwt

import (
	"testing"
	"time"

	"gatehouse/auth"
)

// What a new token costs, by the kind of key. It is paid once in half a token's life of each user, and by each once
// more after a rotation.
func BenchmarkIssue(b *testing.B) {
	c := Config{Issuer: "https://gatehouse.example.org", Lifetime: Seconds(time.Hour)}
	secret, err := New(c, false, "0123456789abcdef0123456789abcdef", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	issuers := map[string]*Issuer{"HS256": secret}
	for _, kind := range KeyKinds() {
		k, err := Generate(kind)
		if err != nil {
			b.Fatal(err)
		}
		c.ring = &Keyring{keys: []dated{{Key: k}}}
		if issuers[k.Algorithm], err = NewKeyed(c, false, time.Now); err != nil {
			b.Fatal(err)
		}
	}
	u := auth.User{Realm: "here", Name: "alice", Roles: []string{"reader", "writer"}, Attributes: map[string]string{"email": "alice@example.org"}}
	for _, name := range []string{"HS256", "EdDSA", "ES256", "RS256"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := issuers[name].Issue(u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
