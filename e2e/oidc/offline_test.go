package oidc_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// A site that takes Keycloak's access tokens by its keys, and its offline tokens by asking: the first never leave, even
// those that are refused; the second are introspected and traded, and stop when they are revoked.
func TestOfflineTokensInKeycloaksShape(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "one", Alg: "ES256"})
	g := open(t, fmt.Sprintf(`
  - { name: access, type: jwt, realm: site, issuer: "%[1]s", audience: [%[2]s] }
  - name: offline
    type: openid-offline
    realm: site
    iam_url: "%[3]s"
    cert_uri: "%[1]s%[4]s"
    issuer: "%[1]s"
    audience: [%[2]s]
    public_client_id: app
    private_client_id: gatehouse
    private_client_secret: "%[5]s"
    cache: 2s
`, o.issuer, audience, o.base, certs, clientSecret))
	alice, bob := o.login("alice", "/ES256"), o.login("bob", "/ES256")
	before := o.count(asked)
	g.want("an access token", "site", alice["access_token"], http.StatusOK)
	other := o.grant("app", url.Values{"client_id": {"app"}, "grant_type": {"refresh_token"}, "refresh_token": {alice["refresh_token"]}})
	g.want("an ID token", "site", other["id_token"], http.StatusUnauthorized)
	ended := o.token("/ES256?ttl=1")
	time.Sleep(2 * time.Second)
	g.want("an access token that has ended", "site", ended, http.StatusUnauthorized)
	g.wantNobody("an access token by an unknown key", "site", renamed(t, alice["access_token"], "stranger"))
	if n := o.count(asked) - before; n != 0 {
		t.Errorf("the provider was asked %d times about what is no offline token", n)
	}

	for user, tokens := range map[string]map[string]string{"alice": alice, "bob": bob} {
		if a := g.want("an offline token", "site", tokens["refresh_token"], http.StatusOK); a.user != user || a.roles != "staff" {
			t.Errorf("%s's is %q's with the roles %q", user, a.user, a.roles)
		}
	}
	if n := o.count(asked) - before; n != 2 {
		t.Errorf("asked %d times about two offline tokens", n)
	}
	g.want("remembered", "site", alice["refresh_token"], http.StatusOK)

	o.revoke("app", alice["refresh_token"])
	g.await("a revoked one", "site", the(alice["refresh_token"]), http.StatusUnauthorized, 2*time.Second+slack/4)
	g.want("another's", "site", bob["refresh_token"], http.StatusOK)
	o.stop()
	g.await("an outage", "site", the(bob["refresh_token"]), http.StatusServiceUnavailable, 2*time.Second+slack/4)
}
