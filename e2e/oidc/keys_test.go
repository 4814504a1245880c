package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// cooldown is the least time between two looks at the keys, which docs/configuration.md tells of.
	cooldown = 10 * time.Second
	// slack is for a machine that is busy.
	slack = 4 * time.Second
)

func jwtAt(o *op) string {
	return fmt.Sprintf(`  - { name: site, type: jwt, realm: site, issuer: "%s", audience: [%s], refresh: 10s }
`, o.issuer, audience)
}

// A provider changes its keys: tokens by the new one are good within seconds, and those by a key that is gone are good no
// longer than refresh, who was let in by them neither.
func TestAProviderChangesItsKeys(t *testing.T) {
	t.Parallel()
	first, second := key{ID: "first", Alg: "ES256"}, key{ID: "second", Alg: "ES256"}
	o := startOP(t, first)
	g := open(t, jwtAt(o))
	used, unseen := o.token("/ES256"), o.token("/ES256")
	g.want("by the only key", "site", used, http.StatusOK)

	o.publish(second, first)
	g.await("by a new key", "site", func() string { return o.token("/ES256") }, http.StatusOK, cooldown+slack)
	g.want("by the old one, which is still published", "site", used, http.StatusOK)

	o.publish(second)
	g.await("by a key that is gone, until the next look", "site", the(used), http.StatusServiceUnavailable, cooldown+slack)
	g.await("by a key that is gone", "site", the(used), http.StatusUnauthorized, cooldown+slack)
	g.wantNobody("by a key that is gone, and new here", "site", unseen)
	g.want("by the key that stays", "site", o.token("/ES256"), http.StatusOK)
}

// Nobody notices that the provider is down whose key is known, though it is looked for in vain; where no keys are known
// nobody can be told anything, and gatehouse starts all the same.
func TestAProviderIsDown(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "before", Alg: "ES256"})
	g := open(t, jwtAt(o))
	used, unseen := o.token("/ES256"), o.token("/ES256")
	g.want("while it is up", "site", used, http.StatusOK)

	o.stop()
	late := open(t, jwtAt(o))
	if a := late.want("where no key is known", "site", used, http.StatusServiceUnavailable); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for end := time.Now().Add(cooldown + slack); !strings.Contains(g.log.String(), "keys cannot be had"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the keys are not looked for")
		}
	}
	g.want("of a known user", "site", used, http.StatusOK)
	g.want("by a known key", "site", unseen, http.StatusOK)

	o.start(key{ID: "after", Alg: "ES256"})
	for name, one := range map[string]*gateway{"had keys": g, "had none": late} {
		one.await("it is up again, and the gateway "+name, "site", func() string { return o.token("/ES256") }, http.StatusOK, cooldown+slack)
	}
}

// However many tokens name keys that nobody has, the provider is asked for its keys as if it were one.
func TestAFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "one", Alg: "ES256"})
	g := open(t, jwtAt(o))
	token := o.token("/ES256")
	g.want("before", "site", token, http.StatusOK)
	before, begin := o.count(certs), time.Now()
	var all sync.WaitGroup
	const flood, clients = 1000, 16
	for c := range clients {
		all.Go(func() {
			for n := c; n < flood; n += clients {
				g.wantNobody("an unknown key", "site", renamed(t, token, fmt.Sprintf("stranger-%d", n)))
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	if n, most := o.count(certs)-before, 2+int(took/cooldown); n > most {
		t.Errorf("%d tokens within %s had the keys asked for %d times, more than %d", flood, took, n, most)
	}
	g.want("meanwhile", "site", o.token("/ES256"), http.StatusOK)
}

// renamed is a token whose header names another key.
func renamed(t *testing.T, token, kid string) string {
	t.Helper()
	_, rest, _ := strings.Cut(token, ".")
	header, err := json.Marshal(map[string]string{"alg": "ES256", "typ": "at+jwt", "kid": kid})
	if err != nil {
		t.Error(err)
	}
	return base64.RawURLEncoding.EncodeToString(header) + "." + rest
}
