package ecflowrc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Whatever the file, Check comes back, and no text of it shows a secret.
func FuzzCheckKeepsSecrets(f *testing.F) {
	for _, c := range fileCases {
		f.Add(c.file, "a.b:443", ".*", "bearer", "u")
	}
	f.Add("{}", "https://a.b", "a.b", "basic", "u:v")
	f.Fuzz(func(t *testing.T, raw, server, pattern, kind, username string) {
		const secret = "S3cr\nK3y"
		if strings.Contains(raw+server+pattern+kind+username, "S3cr") {
			t.Skip()
		}
		made, err := json.Marshal(map[string]any{"version": 1, "tokens": []any{map[string]any{
			"server": pattern, "type": kind,
			"api": map[string]string{"url": "u", "key": secret, "email": "e", "username": username, "password": secret},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range []string{raw, string(made), string(made) + raw} {
			v := Check(".ecflowapirc", []byte(data), server)
			if strings.Contains(v.String(), "S3cr") {
				t.Errorf("a secret is shown:\n%s", v)
			}
			if v.OK() && (v.Used < 0 || !v.Entries[v.Used].Matches) {
				t.Errorf("OK without a match:\n%s", v)
			}
		}
	})
}

// Whatever the parser takes, regexp2 takes its rewriting.
func FuzzPatternIsRewrittenForRegexp2(f *testing.F) {
	for _, c := range patternCases {
		f.Add(c.pattern)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := compile(text); errors.Is(err, errRewritten) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
