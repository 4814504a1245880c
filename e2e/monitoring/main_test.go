// Package monitoring_test holds examples/monitoring against the metrics of a real gatehouse.
package monitoring_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// shipped is where the files under test are.
const shipped = "../../examples/monitoring"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// promtool runs Prometheus's own checker in the folder of the examples, and fails t where it complains.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool: apt-get install prometheus")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdin = shipped, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolTakesTheFiles(t *testing.T) {
	promtool(t, "", "check", "rules", "gatehouse-rules.yaml")
	promtool(t, "", "check", "config", "prometheus.yaml")
	promtool(t, "", "test", "rules", "rules_test.yaml")
}

func TestPromtoolTakesTheMetrics(t *testing.T) {
	promtool(t, scrape(t), "check", "metrics")
}

// The dashboard's expressions are checked as if they were rules.
func TestPromtoolTakesTheDashboardsExpressions(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for _, e := range dashboardExpressions(t) {
		rules.WriteString("      - record: " + recordName(e) + "\n        expr: '" +
			strings.ReplaceAll(strings.ReplaceAll(e.text, "'", "''"), "$__rate_interval", "5m") + "'\n")
	}
	path := filepath.Join(t.TempDir(), "dashboard.yaml")
	rig.Write(t, path, rules.String())
	promtool(t, "", "check", "rules", path)
}
