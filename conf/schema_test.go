package conf_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/conf"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := conf.Schema(defaults(), "sample")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("sample.json", document); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("sample.json")
}

// TestSchemaAgreesWithDecode holds every row to both.
func TestSchemaAgreesWithDecode(t *testing.T) {
	schema := compiled(t)
	for text, good := range map[string]bool{
		`{}`:                             true,
		`server:`:                        true,
		`{server: {tls: }, tags: }`:      true,
		`version: 1.0.0`:                 true,
		`server: {port: 80, wait: 1m3s}`: true,
		`jwt: {level: high, aud: x}`:     true,
		`roles: {a: [b]}`:                true,
		`policies: {a: , b: {realm: x}}`: true,
		`mode: 0600`:                     true,
		`providers: [{type: plain, name: a, users: [{username: b, password: c}]}]`: true,
		`providers: [{type: remote, uri: a, key: b, iam_realm: c}]`:                true,
		`xyzzy: 1`:                                    false,
		`server: x`:                                   false,
		`server: {port: 65536}`:                       false,
		`server: {port: -1}`:                          false,
		`server: {wait: 3}`:                           false,
		`server: {wait: soon}`:                        false,
		`server: {tls: {certificate: x}}`:             false,
		`jwt: {level: medium}`:                        false,
		`jwt: {secret: a, secret_file: b}`:            false,
		`tags: a`:                                     false,
		`tags: [~]`:                                   false,
		`steps: [1.5]`:                                false,
		`ratio: x`:                                    false,
		`offset: 128`:                                 false,
		`include_legacy_headers: 1`:                   false,
		`roles: {a: b}`:                               false,
		`providers: [{name: a}]`:                      false,
		`providers: [{type: xyzzy}]`:                  false,
		`providers: [{type: plain, uri: a}]`:          false,
		`providers: [{type: remote, users: []}]`:      false,
		`providers: [{type: plain, users: [{a: b}]}]`: false,
	} {
		var instance any
		if err := yaml.Unmarshal([]byte(text), &instance); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); (err == nil) != good {
			t.Errorf("%s: the schema says %v", text, err)
		}
		if _, doc := read(text); doc.Failed() == good {
			t.Errorf("%s: Decode says %s", text, lines(doc.Faults()))
		}
	}
	for _, twin := range []string{`{"jwt": {"secret_file": "a"}}`, `{"providers": [{"type": "remote", "key_file": "a"}]}`} {
		instance, _ := jsonschema.UnmarshalJSON(strings.NewReader(twin))
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: the schema says %v", twin, err)
		}
	}
}

func TestSchemaTellsWhatAFieldIs(t *testing.T) {
	text, err := conf.Schema(defaults(), "sample")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Title      string
		Properties struct {
			Version struct{ Description string }
			Server  struct {
				Properties struct {
					Port struct{ Default, Minimum, Maximum int }
					Wait struct{ Default string }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	port := schema.Properties.Server.Properties.Port
	wait, _ := time.ParseDuration(schema.Properties.Server.Properties.Wait.Default)
	if schema.Title != "sample" || schema.Properties.Version.Description != "Selects the schema." ||
		port.Default != 8080 || port.Minimum != 0 || port.Maximum != 65535 || wait != time.Minute {
		t.Errorf("got %+v", schema)
	}
	if strings.Contains(string(text), "built-in-secret") {
		t.Error("the schema shows a secret")
	}
}

func TestSchemaRefusesWhatCannotBeConfigured(t *testing.T) {
	type loop struct {
		Again []loop `yaml:"again"`
	}
	type channel struct {
		C chan int `yaml:"c"`
	}
	for _, root := range []any{&loop{}, &channel{}} {
		if _, err := conf.Schema(root, ""); err == nil {
			t.Errorf("%T has a schema", root)
		}
	}
}
