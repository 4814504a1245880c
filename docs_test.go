package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gatehouse/conf"
)

// Every key of the schema stands in docs/configuration.md.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := conf.Schema(defaults(), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collectKeys(schema, keys)
	if len(keys) < 40 {
		t.Fatalf("only %d keys found in the schema", len(keys))
	}
	for key := range keys {
		if strings.HasSuffix(key, "_file") && key != "group_file" { // every secret has this twin
			continue
		}
		if !strings.Contains(string(page), key) {
			t.Errorf("docs/configuration.md does not tell of %s", key)
		}
	}
}

func collectKeys(node any, keys map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			for key := range properties {
				keys[key] = true
			}
		}
		for _, child := range node {
			collectKeys(child, keys)
		}
	case []any:
		for _, child := range node {
			collectKeys(child, keys)
		}
	}
}
