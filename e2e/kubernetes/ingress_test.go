package kubernetes_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestIngressIsProtected(t *testing.T) {
	service := only(t, manifests(t, read(t, examples, "gatehouse.yaml")), "Service")
	all := manifests(t, read(t, examples, "ingress.yaml"))
	ingress := only(t, all, "Ingress")
	for _, fault := range unprotected(ingress.Metadata.Annotations, service) {
		t.Error(fault)
	}
	if len(ingress.Spec.TLS) == 0 {
		t.Error("passwords go in the clear")
	}
	// Whoever else reaches the backend can claim any name.
	fence := only(t, all, "NetworkPolicy")
	if fence.Metadata.Namespace != ingress.Metadata.Namespace || len(fence.Spec.Ingress) != 1 || len(fence.Spec.Ingress[0].From) != 1 {
		t.Errorf("the backend is not fenced: %+v", fence)
	}
}

// controller is what ingress-nginx makes of the annotations, as far as it matters: the question is asked with the
// client's own headers but for its address, and each header of the list takes the place of the client's.
func controller(annotations map[string]string, listen, gateway, site string) string {
	url := annotations["nginx.ingress.kubernetes.io/auth-url"]
	path := url[strings.Index(url, "/authenticate"):]
	var passed strings.Builder
	for i, name := range strings.Split(annotations["nginx.ingress.kubernetes.io/auth-response-headers"], ", ") {
		variable := "$upstream_http_" + strings.ReplaceAll(strings.ToLower(name), "-", "_")
		fmt.Fprintf(&passed, "auth_request_set $header%d %s; proxy_set_header %s $header%d;\n", i, variable, name, i)
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	return fmt.Sprintf(`%s
pid nginx.pid; error_log stderr warn;
events { }
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen %s;
		location = /_external-auth {
			internal;
			proxy_pass_request_body off; proxy_set_header Content-Length "";
			proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr;
			proxy_buffering off; proxy_buffer_size 4k; proxy_http_version 1.1;
			proxy_pass http://%s%s;
		}
		location / {
			auth_request /_external-auth;
			%s
			proxy_pass %s;
		}
	}
}
`, user, listen, gateway, path, passed.String(), site)
}

// By an nginx with what ingress-nginx makes of the annotations, a user comes in, and of the client's own names and
// roles none reaches the site, not even those for which gatehouse has nothing to say.
func TestIngressPassesNoClaimOfTheClient(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("*** SKIPPED: there is no nginx")
	}
	site, told := site(t)
	m := mountAll(t, manifests(t, read(t, examples, "gatehouse.yaml")))
	m.edit(t, "etc/gatehouse/config.yaml", strings.NewReplacer("10.244.0.0/16", "127.0.0.0/8", "- alice", "- carol").Replace)
	gateway, _ := m.serve(t)
	annotations := only(t, manifests(t, read(t, examples, "ingress.yaml")), "Ingress").Metadata.Annotations
	listen := freeAddress(t)
	conf := filepath.Join(m.dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(controller(annotations, listen, gateway, site)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t, nginx, "-p", m.dir, "-c", conf, "-g", "daemon off;")
	listensOn(t, "tcp", listen)
	if status := ask(t, listen, "/", "").StatusCode; status != http.StatusUnauthorized || told.Load() != nil {
		t.Errorf("nobody is answered with %d, and the site was told %v", status, told.Load())
	}
	if status := ask(t, listen, "/", "alice").StatusCode; status != http.StatusOK {
		t.Fatalf("alice is answered with %d", status)
	}
	h := *told.Load()
	claims := slices.Concat(h.Values("X-Auth-Username"), h.Values("X-Auth-Realm"), h.Values("X-Auth-Roles"))
	if !slices.Equal(claims, []string{"alice", "local"}) || !strings.HasPrefix(h.Get("Authorization"), "Bearer ") {
		t.Errorf("the site is told %v", h)
	}
}
