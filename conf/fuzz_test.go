package conf_test

import (
	"reflect"
	"strings"
	"testing"

	"gatehouse/conf"
)

func parse(text string) *conf.Document { return conf.Parse("config.yaml", []byte(text)) }

// FuzzDecode puts a secret before any text. Nothing may panic, no fault may show the secret, and
// what has no fault decodes to the same thing every time.
func FuzzDecode(f *testing.F) {
	const canary = "Canary-4711-must-not-be-seen"
	for _, seed := range []string{
		"", "  level: high\nserver: {port: 1, wait: 3s}", "  secret: again", "a: *b", "<<: &x {a: *x}",
		"providers:\n- type: plain\n  users: [{username: a, password: b}]", "version: !!binary x\n--- a",
		"roles: {a: [b]}\ntags: [1, ~]\n? [k]\n: v", "\t%", "mode: 0600\npolicies: {a: , b: {<<: [{realm: r}]}}",
	} {
		f.Add(seed, "[{a=b}]", "x,y")
	}
	f.Fuzz(func(t *testing.T, text, figment, literal string) {
		text = "jwt:\n  secret: " + canary + "\n" + text
		if strings.Contains(text, "&") {
			t.Skip() // an anchor could carry the secret to a field that is none
		}
		environ := []string{"AOT_TAGS=" + figment, "GATEHOUSE_STEPS=" + literal, "GATEHOUSE_JWT__PEPPER=" + canary}
		first, doc := read(text, environ...)
		if got := lines(doc.Faults()); strings.Contains(got, canary) {
			t.Fatalf("a fault shows the secret: %s", got)
		}
		second, again := read(text, environ...)
		if !reflect.DeepEqual(doc.Faults(), again.Faults()) {
			t.Fatalf("faults differ:\n%s\n%s", lines(doc.Faults()), lines(again.Faults()))
		}
		if !doc.Failed() && !reflect.DeepEqual(first, second) {
			t.Fatalf("decoded twice:\n%+v\n%+v", first, second)
		}
	})
}
