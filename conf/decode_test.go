package conf_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/conf"
)

func TestValues(t *testing.T) {
	one := 1
	for name, row := range map[string]struct {
		text string
		get  func(*sample) any
		want any
	}{
		"an absent key leaves the default":    {`{}`, func(s *sample) any { return s.Server.Port }, uint16(8080)},
		"an empty file is an empty mapping":   {"# nothing\n", func(s *sample) any { return s.Server.Port }, uint16(8080)},
		"a null section leaves the defaults":  {`server:`, func(s *sample) any { return s.Server.Host }, "0.0.0.0"},
		"a null list is none":                 {`tags:`, func(s *sample) any { return s.Tags }, []string(nil)},
		"a list replaces the default":         {`tags: [a, 1, true]`, func(s *sample) any { return s.Tags }, []string{"a", "1", "true"}},
		"a number is text with its zero":      {`jwt: {secret: 0123}`, func(s *sample) any { return s.JWT.Secret }, secret("0123")},
		"a version is text":                   {`version: 1.0.0`, func(s *sample) any { return s.Version }, "1.0.0"},
		"a float is text as it is written":    {`version: 1.10`, func(s *sample) any { return s.Version }, "1.10"},
		"a date is text":                      {`version: 2024-01-02`, func(s *sample) any { return s.Version }, "2024-01-02"},
		"a yes is text":                       {`version: yes`, func(s *sample) any { return s.Version }, "yes"},
		"True is true":                        {`include_legacy_headers: True`, func(s *sample) any { return s.Legacy }, true},
		"an inlined field is one level up":    {`server: {port: 1}`, func(s *sample) any { return s.Server.Port }, uint16(1)},
		"a signed number may be negative":     {`offset: -128`, func(s *sample) any { return s.Offset }, int8(-128)},
		"a float may be whole":                {`ratio: 1`, func(s *sample) any { return s.Ratio }, 1.0},
		"a duration has units":                {`server: {wait: 1m30s}`, func(s *sample) any { return s.Server.Wait }, 90 * time.Second},
		"a type may read its own text":        {`mode: 0640`, func(s *sample) any { return s.Mode }, mode(0o640)},
		"a pointer is nil when absent":        {`jwt: {}`, func(s *sample) any { return s.JWT.Count }, (*int)(nil)},
		"a pointer is set when present":       {`jwt: {count: 1}`, func(s *sample) any { return s.JWT.Count }, &one},
		"a pointer to a null section is nil":  {`server: {tls: }`, func(s *sample) any { return s.Server.TLS }, (*tls)(nil)},
		"a map keeps its keys":                {`roles: {"A.b": [c]}`, func(s *sample) any { return s.Roles }, map[string][]string{"A.b": {"c"}}},
		"a null in a map of sections is none": {`policies: {open: }`, func(s *sample) any { return s.Policies["open"] }, &policy{}},
		"an alias is what it names":           {"tags: &t [a]\nroles: {x: *t}", func(s *sample) any { return s.Roles["x"] }, []string{"a"}},
		"a merge key gives way to the rest":   {"policies: {a: &a {realm: x}, b: {<<: *a, realm: y}}", func(s *sample) any { return s.Policies["b"].Realm }, "y"},
		"of merged mappings the first wins":   {"policies: {c: {<<: [{realm: x}, {realm: y}]}}", func(s *sample) any { return s.Policies["c"].Realm }, "x"},
		"a path begins at the file":           {`server: {tls: {cert: a/b}}`, func(s *sample) any { return s.Server.TLS.Cert }, "etc/a/b"},
		"each path of a list, too":            {`server: {tls: {cas: [a, /b]}}`, func(s *sample) any { return s.Server.TLS.CAs }, []string{"etc/a", "/b"}},
		"an empty path stays empty":           {`server: {tls: {cert: ""}}`, func(s *sample) any { return s.Server.TLS.Cert }, ""},
		"a variant has its own keys":          {`providers: [{type: remote, name: a, uri: b}]`, func(s *sample) any { return s.Providers[0] }, provider{"remote", "a", &remote{URI: "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, doc := readAt("etc/config.yaml", row.text)
			wantFaults(t, doc, "")
			if !reflect.DeepEqual(row.get(got), row.want) {
				t.Errorf("got %#v, want %#v", row.get(got), row.want)
			}
		})
	}
}

// TestFaultsOfOneLine has one fault a row; the file's name and the line are left out.
func TestFaultsOfOneLine(t *testing.T) {
	const tooLarge = "too large once aliases are expanded, or too deep, or an alias inside itself"
	long := strings.Repeat("x", 41)
	for text, want := range map[string]string{
		`jwt: {secrt: a}`:                    `jwt.secrt: unknown key, did you mean "secret"?`,
		`jwt: {level_: low}`:                 `jwt.level_: unknown key, did you mean "level"?`,
		`server: {Port: 1}`:                  `server.Port: unknown key, did you mean "port"?`,
		`include-legacy-headers: true`:       `include-legacy-headers: unknown key, did you mean "include_legacy_headers"?`,
		`xyzzy: 1`:                           `xyzzy: unknown key`,
		`-: 1`:                               `-: unknown key`,
		`"a b": 1`:                           `["a b"]: unknown key`,
		`state: 1`:                           `state: unknown key`,
		`jwt: {pepperfile: a}`:               `jwt.pepperfile: unknown key, did you mean "pepper_file"?`,
		`version: `:                          `version: has no value`,
		`version: [1]`:                       `version: want a single value, not a list`,
		`version: {a: b}`:                    `version: want a single value, not a mapping`,
		`version: !vault x`:                  `version: begins with a YAML tag that is not known here (quote a text that begins with !)`,
		`server: x`:                          `server: want a mapping, not text`,
		`server: {port: 65536}`:              `server.port: want a whole number from 0 to 65535, not "65536"`,
		`server: {port: -1}`:                 `server.port: want a whole number from 0 to 65535, not "-1"`,
		`server: {port: 0123}`:               `server.port: want a whole number from 0 to 65535, not "0123"`,
		`offset: 128`:                        `offset: want a whole number from -128 to 127, not "128"`,
		`ratio: .nan`:                        `ratio: want a number, not ".nan"`,
		`ratio: Inf`:                         `ratio: want a number, not "Inf"`,
		`include_legacy_headers: yes`:        `include_legacy_headers: want true or false, not "yes"`,
		`server: {wait: 3}`:                  `server.wait: "3" has no unit, write 3s`,
		`server: {wait: 0}`:                  `server.wait: "0" has no unit, write 0s`,
		`server: {wait: nan}`:                `server.wait: want a duration such as 30s or 1m30s, not "nan"`,
		`server: {wait: -3s}`:                `server.wait: want a duration that is not negative, not "-3s"`,
		`server: {wait: soon}`:               `server.wait: want a duration such as 30s or 1m30s, not "soon"`,
		`mode: rw`:                           `mode: want an octal mode such as 0600`,
		`jwt: {level: lwo}`:                  `jwt.level: "lwo" is not one of low, high, did you mean "low"?`,
		`jwt: {level: ` + long + `}`:         `jwt.level: "` + long[:40] + `…" is not one of low, high`,
		`tags: a`:                            `tags: want a list, not text`,
		`tags: [a, ]`:                        ``,
		`tags: [a, ~]`:                       `tags[1]: has no value`,
		`roles: []`:                          `roles: want a mapping, not a list`,
		`roles: {"A.b": 1}`:                  `roles["A.b"]: want a list, not text`,
		`providers: [{name: a}]`:             `providers[0].type: missing, want one of plain, remote`,
		`providers: [{type: plian}]`:         `providers[0].type: "plian" is not one of plain, remote, did you mean "plain"?`,
		`providers: [{type: }]`:              `providers[0].type: has no value`,
		`providers: [{type: plain, uri: b}]`: `providers[0].uri: unknown key`,
		`providers: [~]`:                     `providers[0]: has no value`,
		`{version: 1, ? [b] : 2}`:            `a key must be text`,
		`{~: 1}`:                             `a key must be text`,
		`{version: 1`:                        `not YAML: did not find expected ',' or '}'`,
		"version: 1\n b: c":                  `config.yaml:2: not YAML: mapping values are not allowed in this context`,
		"<<: {}\n<<: {}":                     `config.yaml:2: ["<<"]: duplicate key, it stands on line 1 already`,
		`a`:                                  `want a mapping, not text`,
		`[a]`:                                `want a mapping, not a list`,
		`~`:                                  ``,
		`policies: {a: {<<: 1}}`:             `policies.a["<<"]: want a mapping or a list of mappings, not text`,
		`policies: {a: &a {<<: *a}}`:         tooLarge,
		`tags: &a [*a]`:                      tooLarge,
		`tags: ` + strings.Repeat("[", 99) + strings.Repeat("]", 99): tooLarge,

		`jwt: {secret: *hidden}`: `not YAML: an alias names an anchor that is not there (quote a text that begins with *)`,
	} {
		t.Run(text, func(t *testing.T) {
			_, doc := read(text)
			got := strings.TrimPrefix(strings.TrimPrefix(lines(doc.Faults()), "config.yaml:1: "), "config.yaml: ")
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestEveryFaultIsToldWithItsLine(t *testing.T) {
	_, doc := read(`version: 2.0.0
jwt:
  secrt: hunter2
  level: medium
  level: low
  aud: me
server:
  port: many
  tls: &tls
    certificate: x
providers:
  - type: remote
    users: []
    iam_realm: x
  - name: b
---
more: 1
`)
	wantFaults(t, doc, `
config.yaml:3: jwt.secrt: unknown key, did you mean "secret"?
config.yaml:4: jwt.level: "medium" is not one of low, high
config.yaml:5: jwt.level: duplicate key, it stands on line 4 already
warning: config.yaml:6: jwt.aud: has no effect: no audience is checked
config.yaml:8: server.port: want a whole number from 0 to 65535, not "many"
config.yaml:10: server.tls.certificate: unknown key, did you mean "cert"?
config.yaml:13: providers[0].users: unknown key
warning: config.yaml:14: providers[0].iam_realm: has no effect
config.yaml:15: providers[1].type: missing, want one of plain, remote
config.yaml:16: a second YAML document begins: want only one
`)
	if !doc.Failed() {
		t.Error("a document with faults has not failed")
	}
}

func TestLenientUnknownKeysAreWarnings(t *testing.T) {
	doc := conf.Parse("c.yaml", []byte("jwt: {secrt: x}\nserver: {port: y}"))
	doc.Decode(defaults(), true)
	doc.Report().At("jwt").Strict("level", "is weak")
	wantFaults(t, doc, `
warning: c.yaml:1: jwt.secrt: unknown key, did you mean "secret"?
warning: c.yaml:1: jwt.level: is weak
c.yaml:2: server.port: want a whole number from 0 to 65535, not "y"`)
}

func TestReportFindsTheNearestLine(t *testing.T) {
	_, doc := read("server:\n  host: a\nproviders:\n  - type: plain\n    name: x\n")
	r := doc.Report()
	r.At("server").Fault("host", "one")
	r.At("server", "tls").Fault("cert", "two")
	r.At("providers", 0).Fault("name", "three")
	r.At("providers", 7).Warn("", "four")
	r.Strict("", "five")
	r.Strict("", "five")
	wantFaults(t, doc, `
config.yaml:1: five
config.yaml:2: server.host: one
config.yaml:2: server.tls.cert: two
warning: config.yaml:4: providers[7]: four
config.yaml:5: providers[0].name: three`)
}

func TestCollectNeedsNoFile(t *testing.T) {
	conf.Report{}.At("a").Fault("b", "nobody hears this")
	faults := conf.Collect(func(r conf.Report) {
		r.At("a", 1).Fault("b", "is %d", 2)
		r.Strict("c", "is strict")
	})
	if got := lines(faults); got != "a[1].b: is 2\nc: is strict" {
		t.Errorf("got %s", got)
	}
}

func TestPeekBeforeDecoding(t *testing.T) {
	doc := conf.Parse("c.yaml", []byte("version: 1.0.0\nserver: {tls: }"))
	got := fmt.Sprint(doc.Text("version"), doc.Text("nothing", "here"), doc.Has("server", "tls"), doc.Has("version", "x"))
	if got != "1.0.0true false" {
		t.Errorf("got %s", got)
	}
}

func TestAliasBombEndsQuickly(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 20; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), i-1)
	}
	began := time.Now()
	doc := conf.Parse("c.yaml", []byte(bomb))
	if !doc.Failed() || len(doc.Faults()) != 1 || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %s", time.Since(began), lines(doc.Faults()))
	}
	if doc := conf.Parse("c.yaml", make([]byte, 1<<20+1)); !doc.Failed() {
		t.Error("a file above the bound was read")
	}
}
