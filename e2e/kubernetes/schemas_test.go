package kubernetes_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// kinds are those that the manifests have, by the names of Kubernetes' OpenAPI document.
var kinds = []string{
	"core.v1.ConfigMap", "core.v1.Secret", "core.v1.Service", "core.v1.ServiceAccount", "apps.v1.Deployment",
	"networking.v1.Ingress", "networking.v1.NetworkPolicy", "policy.v1.PodDisruptionBudget",
}

// A schema is a JSON Schema, or a part of one.
type schema = map[string]any

// openAPI is Kubernetes' own document, with every object closed: a field that it does not name is a fault.
var openAPI = sync.OnceValues(func() (schema, error) {
	dest, err := fetch()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dest, "swagger.json"))
	if err != nil {
		return nil, err
	}
	var document struct{ Definitions schema }
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"#/definitions/`, `"#/$defs/`)), &document); err != nil {
		return nil, err
	}
	for _, one := range document.Definitions {
		one := one.(schema)
		if _, fields := one["properties"]; fields {
			one["additionalProperties"] = false
		}
	}
	// What Go writes of its own accord: 80 and "80%", 1 and "1Gi".
	for _, name := range []string{"util.intstr.IntOrString", "api.resource.Quantity"} {
		document.Definitions["io.k8s.apimachinery.pkg."+name] = schema{"type": []string{"string", "number"}}
	}
	return document.Definitions, nil
})

// schemas writes a folder of schemas for kubeconform: one file for each kind, with all that it needs.
func schemas(t *testing.T) string {
	t.Helper()
	tools(t)
	definitions, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, kind := range kinds {
		name := "io.k8s.api." + kind
		if _, ok := definitions[name]; !ok {
			t.Fatalf("Kubernetes %s has no %s", kubernetesVersion(t), kind)
		}
		needed := schema{}
		collect(definitions, definitions[name], needed)
		whole := maps.Clone(definitions[name].(schema))
		whole["$schema"], whole["$defs"] = "http://json-schema.org/draft-07/schema#", needed
		text, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fileOf(kind)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fileOf is what kubeconform looks for: apps.v1.Deployment is v1-deployment.json.
func fileOf(kind string) string {
	parts := strings.Split(strings.ToLower(kind), ".")
	return parts[1] + "-" + parts[2] + ".json"
}

// collect puts into needed all definitions that part refers to.
func collect(all schema, part any, needed schema) {
	switch part := part.(type) {
	case schema:
		for _, key := range slices.Sorted(maps.Keys(part)) {
			name, ref := part[key].(string)
			name, ours := strings.CutPrefix(name, "#/$defs/")
			if key != "$ref" || !ref || !ours {
				collect(all, part[key], needed)
			} else if _, known := needed[name]; !known {
				needed[name] = all[name]
				collect(all, all[name], needed)
			}
		}
	case []any:
		for _, one := range part {
			collect(all, one, needed)
		}
	}
}
