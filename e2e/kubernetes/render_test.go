package kubernetes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// values are those that the chart is tried with: its own, the example's, and others.
func values(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no values to try", err)
	}
	return append(files, "", examples+"/values.yaml")
}

func TestChartIsClean(t *testing.T) {
	for _, file := range values(t) {
		args := []string{"lint", "--strict", "--quiet", "--kube-version", kubernetesVersion(t), chart}
		if file != "" {
			args = append(args, "--values", file)
		}
		if _, err := helm(t, args...); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The plain manifests are the chart's own.
func TestPlainManifestsAreMadeOfTheChart(t *testing.T) {
	made, err := template(t, examples+"/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, text, _ := strings.Cut(read(t, examples, "gatehouse.yaml"), "\n"); text != made {
		t.Error("examples/kubernetes/gatehouse.yaml is not what the chart renders: make kubernetes")
	}
}

// examine says all that is wrong with manifests of gatehouse.
func examine(t *testing.T, text string) (faults []string) {
	t.Helper()
	all := manifests(t, text)
	faults = append(faults, unfenced(only(t, all, "Deployment"))...)
	faults = append(faults, scattered(all)...)
	faults = append(faults, disagreeing(t, all)...)
	if fault := mountAll(t, all).check(t); fault != "" {
		faults = append(faults, fault)
	}
	return faults
}

func TestPlainManifests(t *testing.T) {
	for _, fault := range examine(t, read(t, examples, "gatehouse.yaml")) {
		t.Error(fault)
	}
}

func TestEveryFileHasItsSchema(t *testing.T) {
	dir := schemas(t)
	for _, name := range []string{"gatehouse.yaml", "ingress.yaml", "sidecar.yaml"} {
		if err := conform(t, dir, read(t, examples, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChartWithOtherValues(t *testing.T) {
	dir := schemas(t)
	for _, file := range values(t) {
		text, err := template(t, file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if err := conform(t, dir, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, fault := range examine(t, text) {
			t.Errorf("%s: %s", file, fault)
		}
	}
}

// The commands of the README make the Secret's files and the ConfigMap that the manifests mount.
func TestReadmeMakesWhatIsMounted(t *testing.T) {
	readme := read(t, examples, "README.md")
	for file := range secrets {
		if strings.Count(readme, "create secret generic gatehouse") != strings.Count(readme, "--from-file="+file) {
			t.Errorf("the Secret is made without %s", file)
		}
	}
	if !strings.Contains(readme, "create configmap gatehouse-snippets --from-file=../../nginx/snippets\n") {
		t.Error("the ConfigMap of the snippets is not made")
	}
	if len(secrets) != strings.Count(strings.SplitN(readme, "kubectl apply", 2)[0], "--from-file=") {
		t.Error("the Secret is made with other files")
	}
}

func TestPodMonitor(t *testing.T) {
	text, err := template(t, "", "--set", "podMonitor.enabled=true", "--set", "podMonitor.labels.release=prometheus")
	if err != nil {
		t.Fatal(err)
	}
	all := manifests(t, text)
	m := only(t, all, "PodMonitor")
	front := only(t, all, "Deployment").Spec.Template.Spec.Containers[0]
	ends := m.Spec.PodMetricsEndpoints
	if len(ends) != 1 || front.named(ends[0].Port) != config(t, all).Metrics.Port || ends[0].Path != "/metrics" || m.Metadata.Labels["release"] != "prometheus" {
		t.Errorf("%+v", m)
	}
	for _, fault := range scattered(all) {
		t.Error(fault)
	}
}

// A value that is misspelt, or would leave something open, is refused before anything is rendered.
func TestChartRefusesValues(t *testing.T) {
	for name, set := range map[string]string{
		"an unknown value":               "replicass=2",
		"an unknown value further in":    "networkPolicy.ingres.from=anyone",
		"a port that is none":            "config.server.port=0",
		"a text for a port":              "config.metrics.port=http",
		"no Secret":                      "secret.existing=",
		"a short secret":                 "secret.files.jwt\\.secret=short",
		"an empty peer, which is anyone": "networkPolicy.ingress[0].podSelector=null,networkPolicy.ingress[0].namespaceSelector=null",
		"no limits":                      "resources.limits=null",
		"a digest that is none":          "image.digest=latest",
		"no wait before the end":         "preStopSeconds=0",
		"a secret in the ConfigMap":      "config.jwt.secret=0123456789abcdef0123456789abcdef",
		"a password in the ConfigMap":    "config.providers[0].users[0].password=wonderland",
	} {
		if _, err := template(t, "", "--set", set); err == nil {
			t.Errorf("%s is taken: %s", name, set)
		}
	}
}

// NOTES.txt tells the annotations of the Service that is made. helm shows it only to who has a cluster, so the
// chart gets a ConfigMap of it here.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "templates/NOTES.txt"), filepath.Join(dir, "NOTES.txt")); err != nil {
		t.Fatal(err)
	}
	shown := "kind: Notes\ndata: { text: {{ tpl (.Files.Get \"NOTES.txt\") . | quote }} }\n"
	if err := os.WriteFile(filepath.Join(dir, "templates/notes.yaml"), []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := helm(t, "template", "other", dir, "--namespace", "elsewhere", "--kube-version", kubernetesVersion(t))
	if err != nil {
		t.Fatal(err)
	}
	all := manifests(t, out)
	notes, annotations := only(t, all, "Notes").Data["text"], map[string]string{}
	for line := range strings.Lines(notes) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			annotations[name] = value
		}
	}
	for _, fault := range unprotected(annotations, only(t, all, "Service")) {
		t.Error(fault)
	}
	if !strings.Contains(notes, "trusted_proxies is not set") {
		t.Errorf("nothing is said of the throttle: %s", notes)
	}
}
