package kubernetes_test

import (
	"strings"
	"testing"
)

// A broken file is a good one with one text replaced.
type broken struct{ from, to, fault string }

func (b broken) of(t *testing.T, file string) string {
	t.Helper()
	good := read(t, examples, file)
	if !strings.Contains(good, b.from) {
		t.Fatalf("%s has no %q", file, b.from)
	}
	return strings.Replace(good, b.from, b.to, 1)
}

// No test of the manifests would be worth much if it let these pass.
func TestFaultsInManifestsAreSeen(t *testing.T) {
	for name, b := range map[string]broken{
		"a root that may be written":     {"            readOnlyRootFilesystem: true\n", "", "may write to its root"},
		"capabilities":                   {"capabilities: { drop: [ALL] }", "capabilities: { drop: [KILL] }", "keeps capabilities"},
		"one capability back":            {"{ drop: [ALL] }", "{ drop: [ALL], add: [NET_ADMIN] }", "keeps capabilities"},
		"new privileges":                 {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "may gain privileges"},
		"root":                           {"runAsUser: 65532", "runAsUser: 0", "may run as root"},
		"no seccomp":                     {"            seccompProfile: { type: RuntimeDefault }\n", "", "no seccomp profile"},
		"the cluster's token":            {"      automountServiceAccountToken: false\n", "", "token of the cluster"},
		"Services' variables":            {"      enableServiceLinks: false", "      #", "Services' variables"},
		"the node's network":             {"      automountService", "      hostNetwork: true\n      automountService", "something of the node"},
		"memory without a bound":         {"              memory: 384Mi\n", "", "no bound on memory"},
		"memory up to the brim":          {"memory: 384Mi", "memory: 256Mi", "no room above"},
		"no limit for Go":                {"name: GOMEMLIMIT", "name: GOMAXPROCS", "GOMEMLIMIT is of"},
		"an image that changes":          {"gatehouse:0.1.0\"", "gatehouse:latest\"", "no pinned image"},
		"a config that is never renewed": {"mountPath: /etc/gatehouse,", "mountPath: /etc/gatehouse, subPath: etc,", "never see a change"},
		"a config that may be written":   {"mountPath: /etc/gatehouse, readOnly: true", "mountPath: /etc/gatehouse", "may write to /etc/gatehouse"},
		"a secret for everybody":         {"defaultMode: 0440", "defaultMode: 0444", "everybody in the pod"},
		"a secret for nobody":            {"        fsGroup: 65532", "        #", "may not read secret"},
		"a folder of the node":           {"emptyDir: { medium: Memory, sizeLimit: 1Mi }", "hostPath: { path: /srv }", "of another kind"},
		"another account":                {"serviceAccountName: gatehouse", "serviceAccountName: default", "no ServiceAccount"},
		"another namespace":              {"  namespace: gatehouse\n", "  namespace: site\n", "in the namespace"},
		"pods that nothing selects":      {"  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: gatehouse", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: gateway", "NetworkPolicy gatehouse selects"},
		"another port of the container":  {"containerPort: 8080", "containerPort: 8081", "container's port"},
		"another port of the Service":    {"port: 8080, targetPort", "port: 80, targetPort", "the Service has"},
		"another port of the policy":     {"{ port: 8080, protocol", "{ port: 8081, protocol", "who may come"},
		"another port in config.yaml":    {"      port: 8080\n", "      port: 8081\n", "gatehouse's 8081"},
		"a probe of another port":        {"path: /health, port: http", "path: /health, port: metrics", "a probe asks"},
		"everybody":                      {"    - from:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: monitoring\n          podSelector:\n            matchLabels:\n              app.kubernetes.io/name: prometheus\n      ports", "    - ports", "everybody may come"},
		"no fence on the way out":        {"[Ingress, Egress]", "[Ingress]", "NetworkPolicy is of"},
		"too short an end":               {"terminationGracePeriodSeconds: 23", "terminationGracePeriodSeconds: 12", "too few"},
		"an abrupt end":                  {"sleep: { seconds: 5 }", "sleep: { seconds: 0 }", "not taken out first"},
		"an unknown key of config.yaml":  {"timeout_in_ms: 3000", "timeout_in_msec: 3000", "timeout_in_msec"},
		"a secret that is not mounted":   {"/run/secrets/gatehouse/jwt.secret", "/run/secrets/jwt.secret", "jwt.secret"},
		"users that are not mounted":     {"gatehouse/users.htpasswd", "gatehouse/users", "users"},
		"another program":                {"args: [serve,", "args: [version,", "does not serve"},
	} {
		faults := strings.Join(examine(t, b.of(t, "gatehouse.yaml")), "\n")
		if !strings.Contains(faults, b.fault) {
			t.Errorf("%s: want %q in the faults %q", name, b.fault, faults)
		}
	}
}

func TestFaultsInAnIngressAreSeen(t *testing.T) {
	service := only(t, manifests(t, read(t, examples, "gatehouse.yaml")), "Service")
	const url = "http://gatehouse.gatehouse.svc.cluster.local:8080/authenticate"
	for name, b := range map[string]broken{
		"a header that is missing": {", X-Auth-Roles", "", "auth-response-headers"},
		"another port":             {":8080/authenticate", ":80/authenticate", "auth-url"},
		"another namespace":        {"gatehouse.gatehouse.svc", "gatehouse.default.svc", "auth-url"},
		"another path":             {url, url + "d", "auth-url"},
		"answers that are kept":    {"    # All four", "    nginx.ingress.kubernetes.io/auth-cache-key: $http_authorization\n    #", "auth-cache-key"},
		"another way in":           {"    # All four", "    nginx.ingress.kubernetes.io/satisfy: any\n    #", "satisfy"},
	} {
		ingress := only(t, manifests(t, b.of(t, "ingress.yaml")), "Ingress")
		faults := strings.Join(unprotected(ingress.Metadata.Annotations, service), "\n")
		if !strings.Contains(faults, b.fault) {
			t.Errorf("%s: want %q in the faults %q", name, b.fault, faults)
		}
	}
}

// kubeconform, with schemas made of Kubernetes' own document, sees what the API server would refuse or drop.
func TestFaultsAgainstTheSchemasAreSeen(t *testing.T) {
	dir := schemas(t)
	for name, b := range map[string]broken{
		"an unknown field":             {"replicas: 2", "replicass: 2", "replicass"},
		"an unknown field of a pod":    {"enableServiceLinks", "enableServiceLink", "enableServiceLink"},
		"an unknown field of a policy": {"policyTypes:", "policyType:", "policyType"},
		"a field that is missing":      {"        - name: gatehouse\n          image:", "        - image:", "name"},
		"a text for a number":          {"replicas: 2", "replicas: two", "replicas"},
		"an unknown kind":              {"kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "could not find schema"},
		"a key that stands twice":      {"replicas: 2", "replicas: 2\n  replicas: 3", "replicas"},
	} {
		err := conform(t, dir, b.of(t, "gatehouse.yaml"))
		if err == nil || !strings.Contains(err.Error(), b.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
