package ecflow_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/ecflow"
)

func TestRealClientAgainstBareServer(t *testing.T) {
	real := ecflow.Install(t)
	server := real.Start(t)
	host, port, _ := net.SplitHostPort(server.Addr)
	for _, command := range []string{"--ping", "--stats"} {
		before := server.Connections()
		exit, output := real.Client(t.Context(), "", "--http", "--host", host, "--port", port, command)
		if exit != 0 {
			t.Errorf("%s: exit %d\n%s", command, exit, output)
		}
		if server.Connections() == before {
			t.Errorf("%s did not reach the server", command)
		}
		if command == "--stats" && !strings.Contains(output, "Server Statistics") {
			t.Errorf("%s shows no statistics:\n%s", command, output)
		}
	}
	for _, who := range server.Identities() {
		if strings.HasPrefix(who, "Secured") {
			t.Errorf("the server took a request without X-Auth-Username for %s", who)
		}
	}
	if !strings.Contains(server.Output(), "Identity extracted is") {
		t.Errorf("the server does not tell whom it took requests for:\n%s", server.Output())
	}
}

// A proxy that sets the headers as the gateway does shows that the whitelist is in force by them.
func TestServerObeysTheNameInTheHeader(t *testing.T) {
	real := ecflow.Install(t)
	server := real.Start(t)
	for _, test := range []struct {
		name, user, command string
		allowed             bool
	}{
		{"alice may read", "alice", "--stats", true},
		{"bob may read", "bob", "--stats", true},
		{"bob may not write", "bob", "--shutdown=yes", false},
		{"alice may write", "alice", "--shutdown=yes", true},
		{"carol may not even read", "carol", "--stats", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(server.Identities())
			host, port := proxyAs(t, test.user, server.Addr)
			exit, output := real.Client(t.Context(), "", "--http", "--host", host, "--port", port, test.command)
			if allowed := exit == 0; allowed != test.allowed {
				t.Errorf("%s as %s: exit %d\n%s", test.command, test.user, exit, output)
			}
			if who := server.Identities()[before:]; !slices.Contains(who, "SecuredUserX: "+test.user) {
				t.Errorf("the server took the request for %q", who)
			}
		})
	}
}

func proxyAs(t *testing.T, user, addr string) (host, port string) {
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: addr})
		r.Out.Header = http.Header{
			"Content-Type":    r.In.Header["Content-Type"],
			"Authorization":   {"Bearer x"},
			"X-Auth-Username": {user},
		}
	}})
	t.Cleanup(proxy.Close)
	host, port, _ = net.SplitHostPort(proxy.Listener.Addr().String())
	return host, port
}
