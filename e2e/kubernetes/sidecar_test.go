package kubernetes_test

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// sidecar is sidecar.yaml, with the ConfigMap of nginx/snippets that its README makes.
func sidecar(t *testing.T) []manifest {
	t.Helper()
	all := manifests(t, read(t, examples, "sidecar.yaml"))
	var snippets manifest
	snippets.Kind, snippets.Metadata.Name, snippets.Metadata.Namespace = "ConfigMap", "gatehouse-snippets", "site"
	snippets.Data = map[string]string{}
	files, err := filepath.Glob(root + "/nginx/snippets/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no snippets", err)
	}
	for _, file := range files {
		snippets.Data[filepath.Base(file)] = read(t, file)
	}
	return append(all, snippets)
}

func TestSidecarIsFenced(t *testing.T) {
	all := sidecar(t)
	own := slices.DeleteFunc(slices.Clone(all), func(m manifest) bool { return m.Kind == "NetworkPolicy" && m.Metadata.Name == "site" })
	for _, fault := range slices.Concat(unfenced(only(t, all, "Deployment")), scattered(own)) {
		t.Error(fault)
	}
	if fault := mountAll(t, all).check(t); fault != "" {
		t.Error(fault)
	}
}

// The ports of nginx.conf, config.yaml, the containers, the Service and the NetworkPolicy are the same.
func TestSidecarPorts(t *testing.T) {
	all := sidecar(t)
	p := only(t, all, "Deployment").Spec.Template.Spec
	nginx, gateway := p.Containers[0], p.InitContainers[0]
	listen := regexp.MustCompile(`listen (\d+);`).FindAllStringSubmatch(configMap(all, "site-gate-nginx")["nginx.conf"], -1)
	var ports []string
	for _, l := range listen {
		ports = append(ports, l[1])
	}
	if want := []string{strconv.Itoa(nginx.named("http")), strconv.Itoa(nginx.named("ready"))}; !slices.Equal(ports, want) {
		t.Errorf("nginx listens on %v, and its container on %v", ports, want)
	}
	if nginx.named(nginx.ReadinessProbe.HTTPGet.Port) != nginx.named("ready") {
		t.Errorf("the kubelet asks %q", nginx.ReadinessProbe.HTTPGet.Port)
	}
	var c listens
	if err := yaml.Unmarshal([]byte(configMap(all, "site-gate")["config.yaml"]), &c); err != nil {
		t.Fatal(err)
	}
	if c.Server.Port != 0 || c.Metrics.Port != gateway.named("metrics") {
		t.Errorf("gatehouse listens on %d and %d", c.Server.Port, c.Metrics.Port)
	}
	if service := only(t, all, "Service").Spec.Ports; len(service) != 1 || service[0].TargetPort != "http" {
		t.Errorf("the Service has %v", service)
	}
	open := map[int]bool{}
	for _, m := range all {
		if m.Kind == "NetworkPolicy" && m.Metadata.Name == "site-gate" {
			for _, r := range m.Spec.Ingress {
				open[r.Ports[0].Port] = len(r.From) > 0
			}
		}
	}
	if want := map[int]bool{nginx.named("http"): true, c.Metrics.Port: true}; !maps.Equal(open, want) {
		t.Errorf("who may come, may come to %v", open)
	}
	if budget := 1000*(p.Grace-nginx.Lifecycle.PreStop.Sleep.Seconds) - 2*(c.Auth.TimeoutInMS+5000); budget < 0 {
		t.Errorf("the pod's end is %d ms too short for nginx and then gatehouse", -budget)
	}
}

// nginx and gatehouse run with the files of the manifests: a user comes in by their password, and the site is told
// who it is in gatehouse's words.
func TestSidecarAnswers(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("*** SKIPPED: there is no nginx")
	}
	site, told := site(t)
	all := sidecar(t)
	m := mountAll(t, all)
	m.edit(t, "etc/gatehouse/config.yaml", strings.NewReplacer("0.0.0.0", "127.0.0.1", "port: 9090", "port: 0").Replace)
	front, ready := filepath.Join(m.dir, "front"), filepath.Join(m.dir, "ready")
	m.edit(t, "etc/nginx/site/nginx.conf", func(text string) string {
		if os.Getuid() == 0 { // its workers would be nobody's, and kept from the folders
			text = "user root;\n" + text
		}
		return strings.NewReplacer("listen 8080;", "listen unix:"+front+";", "listen 8081;", "listen unix:"+ready+";",
			"site.site.svc.cluster.local:8080", strings.TrimPrefix(site, "http://")).Replace(text)
	})
	m.start(t, gatehouse, m.args...)
	listensOn(t, "unix", m.Replace("/run/gatehouse/gatehouse.sock"))
	var args []string
	for _, arg := range only(t, all, "Deployment").Spec.Template.Spec.Containers[0].Args[1:] {
		args = append(args, m.Replace(arg))
	}
	m.start(t, nginx, args...)
	listensOn(t, "unix", front)
	if status := ask(t, front, "/", "").StatusCode; status != http.StatusUnauthorized || told.Load() != nil {
		t.Errorf("nobody is answered with %d, and the site was told %v", status, told.Load())
	}
	if status := ask(t, ready, "/ready", "").StatusCode; status != http.StatusOK {
		t.Errorf("the kubelet is answered with %d", status)
	}
	if status := ask(t, front, "/", "alice").StatusCode; status != http.StatusOK {
		t.Fatalf("alice is answered with %d", status)
	}
	if h := *told.Load(); h.Get("X-Auth-Username") != "alice" || h.Get("X-Auth-Realm") != "local" || h.Get("X-Auth-Roles") != "" || !strings.HasPrefix(h.Get("Authorization"), "Bearer ") {
		t.Errorf("the site is told %v", h)
	}
}
