package faults_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

const (
	// timeout is auth.timeout_in_ms.
	timeout = 1500 * time.Millisecond
	// stale is how long the realms with stale_if_error remember a yes without asking again.
	stale = 100 * time.Millisecond
)

// sound is a service without a fault, and the local providers.
const sound = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
logging: { level: trace }
auth: { timeout_in_ms: %d }
metrics: { port: 0 }
jwt: { iss: gatehouse, exp: 1h, secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: users, type: plain, realm: users, users: [{ username: bob, password: "Canary7f3+a/x~bob" }] }
  - { name: file, type: htpasswd, realm: file, file: users.htpasswd, group_file: groups }
  - { name: sound, type: http, realm: sound, url: "http://%s/", user: uid, max_concurrent: 256 }
`

// A house is a gateway with one sound service, beside whatever the test adds.
type house struct {
	*rig.Gateway
	*phone
	t     *testing.T
	sound *service
	n     int // of the sound service's keys
}

// open starts a gateway with more providers, as lines of config.yaml. When t ends nothing may have shown a key,
// followed a redirect or asked a proxy.
func open(t *testing.T, providers string) *house {
	t.Helper()
	h := &house{t: t, sound: start(t, false)}
	hash, err := bcrypt.GenerateFromPassword([]byte(canary+"fiona"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(sound, timeout.Milliseconds(), h.sound.address) + providers
	h.Gateway = rig.StartGateway(t, config, map[string]string{"users.htpasswd": "fiona:" + string(hash) + "\n", "groups": "staff: fiona\n"}, nil)
	h.phone = newPhone(t, h.Socket)
	t.Cleanup(func() {
		if n := elsewhere.met.Load(); n != 0 {
			t.Errorf("%d connections to where redirects lead", n)
		}
		if n := proxyTrap.met.Load(); n != 0 {
			t.Errorf("%d connections to the proxy of the environment", n)
		}
		if text := h.scrape(); shows(text) {
			t.Error("the metrics show a key")
		}
		for line := range strings.Lines(h.Log.String()) {
			if shows(line) {
				t.Errorf("the log shows a key: %s", line)
			} else if !json.Valid([]byte(line)) {
				t.Errorf("a log line that is no JSON: %s", line)
			}
		}
	})
	return h
}

// start starts a service for the time of a test.
func start(t *testing.T, secure bool) *service {
	t.Helper()
	s, err := listen(secure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.close()
		if s.referer.Load() != 0 {
			t.Error("a service was told a Referer")
		}
	})
	return s
}

func (h *house) scrape() string {
	h.t.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(h.Log.AwaitLine(h.t, 0, `"metrics listening"`)), &line); err != nil {
		h.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil}}
	response, err := client.Get("http://" + line.Address + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// metric is the value of one line of the metrics.
func (h *house) metric(series string) float64 {
	h.t.Helper()
	for line := range strings.Lines(h.scrape()) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return v
		}
	}
	h.t.Fatalf("no metric %s", series)
	return 0
}

// memory is what the gateway had in memory at most, in bytes.
func (h *house) memory() (most int) {
	h.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.PID))
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &most); err == nil {
			return most << 10
		}
	}
	h.t.Fatal("no VmHWM")
	return 0
}

// files is how many files and sockets the gateway has open.
func (h *house) files() int {
	h.t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", h.PID))
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// meanwhile logs in at the realms without a fault, again and again until done is closed, and wants a yes each
// time. It returns how long those took, in order.
func (h *house) meanwhile(t *testing.T, done <-chan struct{}) []time.Duration {
	t.Helper()
	var took []time.Duration
	for {
		h.n++
		for _, l := range []struct{ realm, authorization string }{
			{"users", basic("bob", canary+"bob")},
			{"file", basic("fiona", canary+"fiona")},
			{"sound", bearer(key("good-sound", 0))},
			{"sound", bearer(key("good-sound", h.n))}, // who is not remembered
		} {
			r := h.ask(t, l.realm, l.authorization)
			if took = append(took, r.took); r.status != 200 {
				t.Errorf("meanwhile a login of the realm %s got %d %s", l.realm, r.status, r.body)
			}
		}
		select {
		case <-done:
			slices.Sort(took)
			return took
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// during calls load, and returns how long logins at the sound realms took meanwhile, in order.
func (h *house) during(t *testing.T, load func()) []time.Duration {
	t.Helper()
	done := make(chan struct{})
	var took []time.Duration
	var all sync.WaitGroup
	all.Go(func() { took = h.meanwhile(t, done) })
	load()
	close(done)
	all.Wait()
	return took
}

// p99 is the time under which 99 of 100 in an ordered list are.
func p99(took []time.Duration) time.Duration { return took[len(took)*99/100] }

func most(took []time.Duration) time.Duration { return took[len(took)-1] }
