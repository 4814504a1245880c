package load_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"gatehouse/e2e/rig"
)

const crowd = 200

// crowdConfig has as many users by password as by key.
func crowdConfig(service string) string {
	var users strings.Builder
	for i := range crowd {
		fmt.Fprintf(&users, "      - { username: user%03d, password: password%03d, roles: [role%03d] }\n", i, i, i)
	}
	return fmt.Sprintf(keysConfig, "", service) + "  - name: users\n    type: plain\n    realm: local\n    users:\n" + users.String()
}

// member returns what the member i of the crowd brings at the turn n, and who that is; every tenth time it is wrong,
// and so nobody.
func member(i, n int) (authorization, name string) {
	switch {
	case n%10 == 9:
		return basic(fmt.Sprintf("user%03d:password%03d", i, (i+1)%crowd)), ""
	case i%2 == 0:
		name = fmt.Sprintf("user%03d", i)
		return basic(fmt.Sprintf("%s:password%03d", name, i)), name
	}
	name = fmt.Sprintf("quick%03d", i)
	return "Bearer " + name, name
}

// C02: whatever many users ask at once, over connections that they share, and while gatehouse is reloaded, nobody
// gets what was said of somebody else.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	config := strings.Replace(crowdConfig(startKeyService(t)), "providers:", "throttle: { enabled: false }\nproviders:", 1)
	g := rig.NewInstance(t, config, nil)
	f := startFront(t, g.Socket)
	throughNginx := newClient(t, f, 32)
	direct := newDirectClient(t, g.Socket, 8)
	turns := int(during(10, 100))
	var all sync.WaitGroup
	var answers atomic.Int64
	for i := range crowd {
		all.Go(func() {
			for n := range turns {
				authorization, want := member(i, n)
				got, err := throughNginx.askedWho(authorization)
				if err != nil || got != want {
					t.Errorf("through nginx: %q was taken for %q: %v", want, got, err)
					return
				}
				got, err = direct.toldWho(authorization)
				if err != nil || got != want {
					t.Errorf("at gatehouse: %q was taken for %q: %v", want, got, err)
					return
				}
				answers.Add(2)
			}
		})
	}
	for n := range 4 {
		seen := len(g.Log.String())
		g.Put(t, "config.yaml", changed(config, n))
		g.Signal(t, syscall.SIGHUP)
		g.Log.AwaitLine(t, seen, "configuration loaded")
	}
	all.Wait()
	if got := answers.Load(); got != int64(2*crowd*turns) {
		t.Errorf("%d answers", got)
	}
}

// askedWho returns whom the backend sees, nobody for a 401.
func (c *client) askedWho(authorization string) (string, error) {
	status, body, err := c.get(authorization)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized:
		return "", nil
	case status != http.StatusOK:
		return "", fmt.Errorf("status %d", status)
	}
	return whom(body)
}

// toldWho returns whom gatehouse names in its headers, nobody for a 401.
func (c *client) toldWho(authorization string) (string, error) {
	r, err := c.send(authorization)
	if err != nil {
		return "", err
	}
	_ = r.Body.Close()
	switch r.StatusCode {
	case http.StatusUnauthorized:
		return "", nil
	case http.StatusOK:
		name, err := whom(r.Header.Get("X-Auth-Username") + " " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if role, ok := strings.CutPrefix(r.Header.Get("X-Auth-Roles"), "role"); ok && name != "user"+role {
			err = fmt.Errorf("%s has the role of user%s", name, role)
		}
		return name, err
	}
	return "", fmt.Errorf("status %d", r.StatusCode)
}
