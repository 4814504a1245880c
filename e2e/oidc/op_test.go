package oidc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

const (
	// clientSecret is that of gatehouse and of the client robot. Its bytes are others in a form (RFC 6749, section 2.3.1).
	clientSecret = "s3cret: of/ours+%Canary"
	// audience is what the tokens for a resource are for.
	audience = "https://data.example.org"

	endpoint = "/protocol/openid-connect"
	certs    = endpoint + "/certs"
	asked    = endpoint + "/token/introspect"
)

// A key is one that the provider publishes.
type key struct {
	ID  string `json:"kid"`
	Alg string `json:"alg"`
	Use string `json:"use,omitempty"` // sig unless set
}

// An op is a running OpenID provider.
type op struct {
	t       *testing.T
	port    int
	base    string // Keycloak's
	issuer  string
	process *exec.Cmd // nil when it is stopped
	log     *rig.Output
}

// startOP starts a provider with these keys, which is stopped when t ends.
func startOP(t *testing.T, keys ...key) *op {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	o := &op{t: t, port: freePort(t), log: new(rig.Output)}
	o.base = fmt.Sprintf("http://127.0.0.1:%d", o.port)
	o.issuer = o.base + "/realms/site"
	t.Cleanup(func() {
		if o.process != nil {
			o.stop()
		}
	})
	o.start(keys...)
	return o
}

// ports counts those that were given away.
var ports atomic.Int64

// freePort is one that nobody gets who asks for any, so that it stays free while a provider is down.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + (os.Getpid()+int(ports.Add(1)))%10_000
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// start starts it, where it was before.
func (o *op) start(keys ...key) {
	o.t.Helper()
	begin := len(o.log.String())
	o.process = exec.Command("node", "op/op.mjs", packages, fmt.Sprint(o.port), clientSecret)
	o.process.Stdout, o.process.Stderr = o.log, o.log
	o.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := o.process.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.log.AwaitLine(o.t, begin, "listening")
	o.publish(keys...)
}

// stop ends it: nobody listens on its port then.
func (o *op) stop() {
	o.t.Helper()
	_ = o.process.Process.Signal(syscall.SIGTERM)
	_ = o.process.Wait() // by the signal
	o.process = nil
	if o.t.Failed() {
		o.t.Logf("the provider:\n%s", o.log)
	}
}

// publish has it publish these keys and no others. The first that fits signs.
func (o *op) publish(keys ...key) {
	o.t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		o.t.Fatal(err)
	}
	o.call(http.NewRequest(http.MethodPost, o.base+"/test/keys", strings.NewReader(string(text))))
}

// count is how often a path was asked for.
func (o *op) count(path string) int {
	o.t.Helper()
	counts := map[string]int{}
	if err := json.Unmarshal(o.call(http.NewRequest(http.MethodGet, o.base+"/test/counts", nil)), &counts); err != nil {
		o.t.Fatal(err)
	}
	return counts[path]
}

// token is a new one of the client robot for a resource, such as /RS256?ttl=60 or /opaque.
func (o *op) token(resource string) string {
	o.t.Helper()
	return o.grant("robot", url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}, "resource": {audience + resource}})["access_token"]
}

// grant asks the token endpoint, as a client that has the secret or, named in the form, as one without.
func (o *op) grant(client string, form url.Values) map[string]string {
	o.t.Helper()
	return o.post("/token", client, form)
}

// revoke withdraws a token of a client.
func (o *op) revoke(client, token string) {
	o.t.Helper()
	form := url.Values{"token": {token}}
	if client == "app" {
		form.Set("client_id", client)
	}
	o.post("/revoke", client, form)
}

func (o *op) post(path, client string, form url.Values) map[string]string {
	o.t.Helper()
	request, err := http.NewRequest(http.MethodPost, o.issuer+endpoint+path, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if form.Get("client_id") == "" {
			request.SetBasicAuth(client, url.QueryEscape(clientSecret))
		}
	}
	said, members := o.call(request, err), map[string]any{}
	texts := map[string]string{}
	if len(said) > 0 {
		if err := json.Unmarshal(said, &members); err != nil {
			o.t.Fatalf("%s: %v", path, err)
		}
	}
	for name, value := range members {
		texts[name], _ = value.(string)
	}
	return texts
}

func (o *op) call(request *http.Request, err error) []byte {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		o.t.Fatalf("%v\n%s", err, o.log)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %d %v\n%s", request.URL.Path, response.StatusCode, err, text)
	}
	return text
}
