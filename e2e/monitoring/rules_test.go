package monitoring_test

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(read(t, shipped+"/gatehouse-rules.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func ruleExpressions(t *testing.T) (all []expression) {
	t.Helper()
	for _, a := range alerts(t) {
		var shown []string
		for _, text := range a.Annotations {
			for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				shown = append(shown, label[1])
			}
		}
		all = append(all, expression{a.Alert, a.Expr, shown})
	}
	return all
}

// headings are those of docs/operations.md as links name them; none while there is no such page.
func headings(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	slugs := map[string]bool{}
	for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(page), -1) {
		slug := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), "")
		slugs[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return slugs
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	slugs := headings(t)
	for _, a := range alerts(t) {
		for _, key := range []string{"summary", "description"} {
			if a.Annotations[key] == "" {
				t.Errorf("%s has no %s", a.Alert, key)
			}
		}
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has the severity %q", a.Alert, s)
		}
		slug, ok := strings.CutPrefix(a.Annotations["runbook"], "docs/operations.md#")
		if !ok || slug == "" || slugs != nil && !slugs[slug] {
			t.Errorf("%s has the runbook %q", a.Alert, a.Annotations["runbook"])
		}
	}
}

// Every alert is shown to come when it should, and not when all is well.
func TestEveryAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Rules []struct {
				Name   string `yaml:"alertname"`
				Alerts []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, shipped+"/rules_test.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	comes, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, r := range test.Rules {
			if len(r.Alerts) > 0 {
				comes[r.Name] = true
			} else {
				quiet[r.Name] = true
			}
		}
	}
	for _, a := range alerts(t) {
		if !comes[a.Alert] || !quiet[a.Alert] {
			t.Errorf("%s: tested to come %t, not to come %t", a.Alert, comes[a.Alert], quiet[a.Alert])
		}
	}
}
