package jwt

import (
	"testing"
	"time"

	"gatehouse/auth"
)

func BenchmarkIssue(b *testing.B) {
	i, err := New(Config{Issuer: "https://gatehouse.example.org", Lifetime: Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	u := auth.User{Realm: "here", Name: "alice", Roles: []string{"reader", "writer"}, Attributes: map[string]string{"email": "alice@example.org"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Issue(u); err != nil {
			b.Fatal(err)
		}
	}
}
