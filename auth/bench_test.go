package auth

import (
	"encoding/base64"
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for name, header := range map[string]string{
		"Basic of 60 bytes":   "Basic " + base64.StdEncoding.EncodeToString([]byte("alice.liddell:through-the-looking-glass-1871")),
		"Bearer of 1.2 kB":    "Bearer " + strings.Repeat("k", 1200),
		"JWT of 1.2 kB":       "Bearer eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("p", 833) + "." + strings.Repeat("s", 342),
		"two in one, comma'd": "Bearer some-api-key, Basic YWxpY2U6d29uZGVybGFuZA==",
	} {
		b.Run(name, func(b *testing.B) {
			p := new(Presented)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Parse(header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
