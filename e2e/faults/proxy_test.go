package faults_test

import (
	"strings"
	"testing"
)

// nowhere are services that cannot be reached from the start.
const nowhere = `
  - { name: plain-name, type: http, realm: plain-name, url: "http://keys.invalid/", insecure_http: true, user: uid }
  - { name: secure-name, type: http, realm: secure-name, url: "https://keys.invalid/", user: uid }
  - { name: ecmwf-name, type: ecmwf-api, realm: ecmwf-name, uri: "https://keys.invalid/v1" }
  - { name: unspecified, type: http, realm: unspecified, url: "http://0.0.0.0:1/", insecure_http: true, user: uid }
  - { name: unspecified-6, type: ecmwf-api, realm: unspecified-6, uri: "http://[::]:1/", insecure_http: true }
  - { name: no-port, type: http, realm: no-port, url: "http://127.0.0.1:1/", user: uid }`

// C03, C17: where nobody is to be found nobody is let in, and no proxy is asked instead: the variables of this
// gateway's environment name one that says yes.
func TestAServiceThatIsNowhere(t *testing.T) {
	h := open(t, nowhere)
	for line := range strings.Lines(nowhere) {
		_, rest, _ := strings.Cut(line, "realm: ")
		realm, _, ok := strings.Cut(rest, ",")
		if !ok {
			continue
		}
		t.Run(realm, func(t *testing.T) {
			got := h.ask(t, realm, bearer(key("good-alone", 0)))
			if got.status != 503 || got.took > timeout+timeout/10+slack {
				t.Errorf("%d after %s", got.status, got.took)
			}
			if got := h.crowd(t, realm, "crowd", 0, 200); got[503] != 200 {
				t.Errorf("200 at once: %v", got)
			}
		})
	}
}

// C17: what auth.proxy names is asked, and the environment's proxy is not.
func TestTheProxyOfTheConfigurationIsAsked(t *testing.T) {
	proxy := start(t, false)
	t.Setenv("GATEHOUSE_AUTH__PROXY", "http://"+proxy.address)
	h := open(t, nowhere)
	if got := h.ask(t, "plain-name", bearer(key("good", 0))); got.status != 200 || proxy.asked.Load() != 1 {
		t.Errorf("%d, and the proxy was asked %d times", got.status, proxy.asked.Load())
	}
	if got := h.ask(t, "secure-name", bearer(key("good", 0))); got.status != 503 || proxy.met.Load() != 2 {
		t.Errorf("over TLS: %d, and the proxy had %d connections", got.status, proxy.met.Load())
	}
}
