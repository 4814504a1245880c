package kubernetes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// listens is as much of config.yaml as the manifests repeat.
type listens struct {
	Server struct {
		Host           string
		Port           int
		Socket         string
		MaxHeaderBytes int `yaml:"max_header_bytes"`
	}
	Metrics struct {
		Enabled *bool
		Host    string
		Port    int
	}
	Auth struct {
		TimeoutInMS int `yaml:"timeout_in_ms"`
	}
}

func config(t *testing.T, all []manifest) (c listens) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(only(t, all, "ConfigMap").Data["config.yaml"]), &c); err != nil {
		t.Fatal(err)
	}
	if c.Auth.TimeoutInMS == 0 {
		c.Auth.TimeoutInMS = 5000
	}
	return c
}

// disagreeing says which ports, and which times, do not fit config.yaml.
func disagreeing(t *testing.T, all []manifest) (faults []string) {
	t.Helper()
	c := config(t, all)
	p := only(t, all, "Deployment").Spec.Template.Spec
	front := p.Containers[0]
	no := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	shown := c.Metrics.Enabled == nil || *c.Metrics.Enabled
	no(front.named("http") != c.Server.Port, "the container's port is %d, gatehouse's %d", front.named("http"), c.Server.Port)
	no(c.Server.Host != "0.0.0.0", "gatehouse listens on %s", c.Server.Host)
	no(shown && (front.named("metrics") != c.Metrics.Port || c.Metrics.Host != "0.0.0.0"), "metrics are on %s:%d", c.Metrics.Host, c.Metrics.Port)
	no(!shown && front.named("metrics") != 0, "there is a port without metrics")
	for _, probe := range []probe{front.ReadinessProbe, front.LivenessProbe} {
		no(front.named(probe.HTTPGet.Port) != c.Server.Port, "a probe asks the port %q", probe.HTTPGet.Port)
	}
	ports := only(t, all, "Service").Spec.Ports
	no(len(ports) != 1 || ports[0].Port != c.Server.Port || ports[0].TargetPort != "http", "the Service has %v", ports)
	policy := only(t, all, "NetworkPolicy").Spec
	no(!slices.Equal(policy.PolicyTypes, []string{"Ingress", "Egress"}), "the NetworkPolicy is of %v", policy.PolicyTypes)
	for _, r := range policy.Ingress {
		no(len(r.From) == 0, "everybody may come to %v", r.Ports)
		no(len(r.Ports) != 1 || r.Ports[0].Port != c.Server.Port && r.Ports[0].Port != c.Metrics.Port, "who may come, may come to %v", r.Ports)
	}
	for _, r := range policy.Egress {
		no(len(r.To) == 0, "gatehouse may go everywhere")
	}
	stop := front.Lifecycle.PreStop.Sleep.Seconds
	no(stop < 1, "a pod that stops is not taken out first")
	no(p.Grace*1000 < stop*1000+c.Auth.TimeoutInMS+5000, "%d s are too few for %d s and a decision of %d ms", p.Grace, stop, c.Auth.TimeoutInMS)
	return faults
}

// headers are what a backend is told. A controller that misses one lets the client's own copy through.
var headers = []string{"Authorization", "X-Auth-Username", "X-Auth-Realm", "X-Auth-Roles"}

// unprotected says what is wrong with an Ingress's annotations: whom they ask, and what they pass on.
func unprotected(annotations map[string]string, service manifest) (faults []string) {
	const prefix = "nginx.ingress.kubernetes.io/"
	want := fmt.Sprintf("http://%s.%s.svc.cluster.local:%d/authenticate", service.Metadata.Name, service.Metadata.Namespace, service.Spec.Ports[0].Port)
	url := annotations[prefix+"auth-url"]
	if policy, ok := strings.CutPrefix(url, want); !ok || policy != "" && policy[0] != '/' {
		faults = append(faults, fmt.Sprintf("auth-url is %q, want %q", url, want))
	}
	passed := strings.Split(annotations[prefix+"auth-response-headers"], ", ")
	if !slices.Equal(passed, headers) {
		faults = append(faults, fmt.Sprintf("auth-response-headers are %q", passed))
	}
	for _, weaker := range []string{"auth-cache-key", "auth-snippet", "configuration-snippet", "server-snippet", "satisfy", "custom-http-errors", "auth-keepalive"} {
		if _, there := annotations[prefix+weaker]; there {
			faults = append(faults, "there is "+weaker)
		}
	}
	return faults
}
