package kubernetes_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// notToBeHad is the exit status with which fetch says that something cannot be had on this machine.
const notToBeHad = 3

// fetch runs e2e/kubernetes/fetch, once for all tests.
var fetch = sync.OnceValues(func() (string, error) {
	dest, err := filepath.Abs(root + "/.cache/kubernetes")
	if err != nil {
		return "", err
	}
	said, err := exec.Command("./fetch", dest).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	return dest, err
})

// tools is the folder with helm, kubeconform and swagger.json. Where they cannot be had it skips t.
func tools(t *testing.T) string {
	t.Helper()
	dest, err := fetch()
	if err == nil {
		return dest
	}
	if strings.HasPrefix(err.Error(), fmt.Sprintf("exit status %d:", notToBeHad)) {
		fmt.Fprintf(os.Stderr, "\n*** %s IS SKIPPED: %v\n", t.Name(), err)
		t.Skip(err)
	}
	t.Fatal(err)
	return ""
}

// helm runs helm, which finds nothing of this user's own settings.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(tools(t), "helm"), args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s%s", err, out.String(), said.String())
	}
	return out.String(), err
}

// template renders the chart as `make kubernetes` does, with a file of values, or as it is.
func template(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"template", "gatehouse", chart, "--namespace", "gatehouse", "--kube-version", kubernetesVersion(t)}, args...)
	if values != "" {
		args = append(args, "--values", values)
	}
	return helm(t, args...)
}

// kubernetesVersion is the one that the Makefile pins.
func kubernetesVersion(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^KUBERNETES *:= (\S+)$`).FindStringSubmatch(read(t, root, "Makefile"))
	if found == nil {
		t.Fatal("the Makefile pins no version of Kubernetes")
	}
	return found[1]
}

// conform has kubeconform judge manifests by Kubernetes' own schemas. It returns what is wrong.
func conform(t *testing.T, schemas, manifests string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(tools(t), "kubeconform"), "-strict", "-summary", "-verbose",
		"-schema-location", schemas+"/{{.ResourceAPIVersion}}-{{.ResourceKind}}.json", "-")
	cmd.Stdin = strings.NewReader(manifests)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if !regexp.MustCompile(`Valid: [1-9]\d*, Invalid: 0, Errors: 0, Skipped: 0`).Match(out) {
		return fmt.Errorf("kubeconform looked at nothing, or left something out: %s", out)
	}
	return nil
}
