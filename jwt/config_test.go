package jwt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

func TestSeconds(t *testing.T) {
	const (
		century = 100 * 365 * 24 * time.Hour
		neither = "is neither seconds (3600) nor a duration (1h)"
		outside = "is out of range"
	)
	for text, row := range map[string]struct {
		want time.Duration
		err  string
	}{
		"3600":                 {time.Hour, ""},
		"1":                    {time.Second, ""},
		"0":                    {0, ""},
		"007":                  {7 * time.Second, ""},
		"1h":                   {time.Hour, ""},
		"1h30m":                {90 * time.Minute, ""},
		"90s":                  {90 * time.Second, ""},
		"1.5h":                 {90 * time.Minute, ""},
		"250ms":                {250 * time.Millisecond, ""},
		"3153600000":           {century, ""},
		"876000h":              {century, ""},
		"3153600001":           {0, outside},
		"876000h1ns":           {0, outside},
		"9223372036854775807":  {0, outside},
		"18446744073709":       {0, outside}, // as nanoseconds it wraps to a small number
		"-1":                   {0, outside},
		"-9223372036854775808": {0, outside},
		"-1s":                  {0, outside},
		"-1ns":                 {0, outside},
		"9223372036854775808":  {0, neither},
		"9999999h":             {0, neither},
		"":                     {0, neither},
		" 3600":                {0, neither},
		"3600 ":                {0, neither},
		"3600.0":               {0, neither},
		"1e3":                  {0, neither},
		"0x10":                 {0, neither},
		"1_000":                {0, neither},
		"1 h":                  {0, neither},
		"1d":                   {0, neither},
		"one hour":             {0, neither},
		"P1D":                  {0, neither},
		"PT1H":                 {0, neither},
		"true":                 {0, neither},
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			const before = jwt.Seconds(42)
			got := before
			err := got.UnmarshalText([]byte(text))
			switch {
			case row.err == "" && (err != nil || time.Duration(got) != row.want):
				t.Errorf("got %v, %v, want %v", time.Duration(got), err, row.want)
			case row.err != "" && (err == nil || err.Error() != row.err || got != before):
				t.Errorf("got %v, %v, want %q", time.Duration(got), err, row.err)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	good := func() jwt.Config {
		key := auth.Secret(strings.Repeat("s", jwt.MinSecret))
		return jwt.Config{Issuer: "i", Audience: "a", Lifetime: jwt.Seconds(time.Second), Secret: &key}
	}
	for name, row := range map[string]struct {
		change func(*jwt.Config)
		want   []string
	}{
		"all is well":                      {func(*jwt.Config) {}, nil},
		"no secret: one is made":           {func(c *jwt.Config) { c.Secret = nil }, nil},
		"an audience that is issued":       {func(c *jwt.Config) { c.IssueAud = new(true) }, nil},
		"no audience, and none is asked":   {func(c *jwt.Config) { c.IssueAud, c.Audience = new(false), "" }, nil},
		"an audience that is not there":    {func(c *jwt.Config) { c.IssueAud, c.Audience = new(true), "" }, []string{"issue_aud: there is no jwt.aud to issue"}},
		"no lifetime":                      {func(c *jwt.Config) { c.Lifetime = 0 }, []string{"exp: must be more than 0"}},
		"a lifetime before now":            {func(c *jwt.Config) { c.Lifetime = -1 }, []string{"exp: must be more than 0"}},
		"a lifetime no whole second holds": {func(c *jwt.Config) { c.Lifetime = jwt.Seconds(999 * time.Millisecond) }, []string{"exp: must be at least 1 second"}},
		"an empty secret":                  {func(c *jwt.Config) { *c.Secret = "" }, []string{"secret: is empty: anybody could sign tokens; set at least 32 random bytes, or leave the key out"}},
		"a secret one byte too short": {
			func(c *jwt.Config) { *c.Secret = (*c.Secret)[1:] },
			[]string{"secret: has 31 bytes, fewer than 32: it can be guessed; make one with: openssl rand -base64 48"},
		},
		"several faults at once": {func(c *jwt.Config) { *c = jwt.Config{Secret: new(auth.Secret("x")), IssueAud: new(true)} }, []string{
			"exp: must be more than 0", "issue_aud: there is no jwt.aud to issue",
			"secret: has 1 bytes, fewer than 32: it can be guessed; make one with: openssl rand -base64 48",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			row.change(&c)
			var got []string
			for _, f := range conf.Collect(c.Check) {
				got = append(got, f.String())
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// auth-o-tron took any secret. Its old files go on to work with a short one, never with an empty one.
func TestOnlyAShortSecretIsForgivenInOldFiles(t *testing.T) {
	for text, fails := range map[string]bool{`{secret: short, exp: 1}`: false, `{secret: "", exp: 1}`: true} {
		for _, lenient := range []bool{true, false} {
			var section jwt.Config
			doc := conf.Parse("config.yaml", []byte(text))
			doc.Decode(&section, lenient)
			section.Check(doc.Report())
			if want := fails || !lenient; doc.Failed() != want || len(doc.Faults()) != 1 {
				t.Errorf("%s, lenient %t: got %v", text, lenient, doc.Faults())
			}
			if shown := fmt.Sprint(doc.Faults()); strings.Contains(shown, "short") {
				t.Errorf("the secret shows: %s", shown)
			}
		}
	}
}
