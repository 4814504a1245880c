package oidc_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Opaque tokens are the provider's to judge, which is remembered for cache; a revoked one is refused within that, and an
// outage of the provider is none of the token's.
func TestOpaqueTokensOfAnOpenIDProvider(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "one", Alg: "ES256"})
	const section = `  - { name: %[5]s, type: introspection, realm: %[5]s, cache: 2s, url: "%[1]s%[3]s", client_id: gatehouse, client_secret: "%[4]s", %[6]s }
`
	providers := ""
	for realm, more := range map[string]string{
		"site":       fmt.Sprintf("issuer: %q, audience: [%s], username_claim: client_id", o.issuer, audience),
		"users":      "username_claim: preferred_username, insecure_any_audience: true",
		"for-others": "audience: [https://other.example.org], username_claim: client_id",
		"by-others":  "issuer: https://idp.example.org, insecure_any_audience: true, username_claim: client_id",
		"unnamed":    "max_concurrent: 4, insecure_any_audience: true",
	} {
		providers += fmt.Sprintf(section, o.issuer, audience, asked, clientSecret, realm, more)
	}
	g := open(t, providers)
	token, kept, alice := o.token("/opaque"), o.token("/opaque"), o.login("alice", "/opaque")
	if a := g.want("a client's", "site", token, http.StatusOK); a.user != "robot" {
		t.Errorf("it is %q", a.user)
	}
	g.want("made for others", "for-others", token, http.StatusUnauthorized)
	g.want("made by others", "by-others", token, http.StatusUnauthorized)
	g.want("of a client, which has neither username nor sub here", "unnamed", token, http.StatusForbidden)
	if a := g.want("a user's", "users", alice["access_token"], http.StatusOK); a.user != "alice" || a.roles != "staff" {
		t.Errorf("it is %q with the roles %q", a.user, a.roles)
	}
	g.want("nobody's", "site", "nobodys-token", http.StatusUnauthorized)

	before := o.count(asked)
	g.want("a JWT, which is never sent there", "site", o.token("/ES256"), http.StatusUnauthorized)
	if n := o.count(asked) - before; n != 0 {
		t.Errorf("asked %d times about a JWT", n)
	}

	o.revoke("robot", token)
	g.await("a revoked one", "site", the(token), http.StatusUnauthorized, 2*time.Second+slack/4)

	g.want("before the outage", "site", kept, http.StatusOK)
	unseen := o.token("/opaque")
	o.stop()
	g.want("remembered", "site", kept, http.StatusOK)
	g.want("new here", "site", unseen, http.StatusServiceUnavailable)
	g.await("remembered for longer than cache", "site", the(kept), http.StatusServiceUnavailable, 2*time.Second+slack/4)
}

// That the provider does not know gatehouse says nothing of a token.
func TestAWrongClientSecretIsNoDenial(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "one", Alg: "ES256"})
	g := open(t, fmt.Sprintf(`
  - { name: site, type: introspection, realm: site, url: "%s%s", client_id: gatehouse, client_secret: another-secret, insecure_any_audience: true, username_claim: client_id }
`, o.issuer, asked))
	g.want("with a wrong secret", "site", o.token("/opaque"), http.StatusServiceUnavailable)
	g.want("nobody's", "site", "nobodys-token", http.StatusServiceUnavailable)
}
