package oidc_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// everyKey is a key for each algorithm that the provider can sign with, and one that is not for signatures.
var everyKey = []key{
	{ID: "rs256", Alg: "RS256"},
	{ID: "rs384", Alg: "RS384"},
	{ID: "rs512", Alg: "RS512"},
	{ID: "ps256", Alg: "PS256"},
	{ID: "ps512", Alg: "PS512"},
	{ID: "es256", Alg: "ES256"},
	{ID: "es384", Alg: "ES384"},
	{ID: "es512", Alg: "ES512"},
	{ID: "eddsa", Alg: "EdDSA"},
	{ID: "ed25519", Alg: "Ed25519"}, // RFC 9864's name for the same
	{ID: "enc", Alg: "RSA-OAEP-256", Use: "enc"},
}

// The access tokens of a third party's provider (RFC 9068, typ at+jwt) verify whatever they are signed with, by
// discovery and by the address of its keys; and let nobody in where they were made for others, or by others.
func TestTokensOfAnOpenIDProvider(t *testing.T) {
	t.Parallel()
	o := startOP(t, everyKey...)
	g := open(t, fmt.Sprintf(`
  - { name: discovered, type: jwt, realm: discovered, issuer: "%[1]s", audience: [%[2]s] }
  - { name: by-keys, type: jwt, realm: by-keys, cert_uri: "%[1]s%[3]s", issuer: "%[1]s", audience: [other, %[2]s] }
  - { name: for-others, type: jwt, realm: for-others, issuer: "%[1]s", audience: [https://other.example.org] }
  - { name: by-others, type: jwt, realm: by-others, cert_uri: "%[1]s%[3]s", issuer: https://idp.example.org, audience: [%[2]s] }
  - { name: es256, type: jwt, realm: es256, issuer: "%[1]s", audience: [%[2]s], algorithms: [ES256] }
  - { name: ids, type: jwt, realm: ids, issuer: "%[1]s", audience: [app], id_tokens: true }
`, o.issuer, audience, certs))
	for _, k := range everyKey {
		if k.Use != "" {
			continue
		}
		token := o.token("/" + k.Alg)
		for _, realm := range []string{"discovered", "by-keys"} {
			a := g.want(k.Alg, realm, token, http.StatusOK)
			scopes, _ := a.claims["scopes"].(map[string]any)
			if a.user != "robot" || a.status == http.StatusOK && fmt.Sprint(scopes[realm]) != "[read]" {
				t.Errorf("%s: %s is %q with the scopes %v", realm, k.Alg, a.user, scopes)
			}
		}
		for _, realm := range []string{"for-others", "by-others"} {
			g.want(k.Alg, realm, token, http.StatusUnauthorized)
		}
		g.want(k.Alg, "es256", token, map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[k.Alg == "ES256"])
	}
	g.want("an encrypted one", "discovered", o.token("/encrypted"), http.StatusUnauthorized)

	alice := o.login("alice", "/PS256")
	if a := g.want("a user's", "discovered", alice["access_token"], http.StatusOK); a.user != "alice" || a.roles != "staff" {
		t.Errorf("got %q with the roles %q", a.user, a.roles)
	}
	g.want("a user's ID token", "discovered", alice["id_token"], http.StatusUnauthorized)
	g.want("a user's ID token, where it is for", "ids", alice["id_token"], http.StatusOK)
	g.want("a user's access token, where ID tokens are taken", "ids", alice["access_token"], http.StatusUnauthorized)
}

// A login ends with its token, though the token is remembered and the clocks may be a minute apart.
func TestATokenOfAnOpenIDProviderEnds(t *testing.T) {
	t.Parallel()
	o := startOP(t, key{ID: "one", Alg: "ES256"})
	g := open(t, fmt.Sprintf(`
  - { name: jwt, type: jwt, realm: jwt, issuer: "%[1]s", audience: [%[2]s], leeway: 1m }
  - { name: asked, type: introspection, realm: asked, url: "%[1]s%[3]s", client_id: gatehouse, client_secret: "%[4]s", audience: [%[2]s], username_claim: client_id }
`, o.issuer, audience, asked, clientSecret))
	resources := map[string]string{"jwt": "/ES256?ttl=5", "asked": "/opaque?ttl=5"}
	used, unseen := map[string]string{}, map[string]string{}
	for realm, resource := range resources {
		used[realm], unseen[realm] = o.token(resource), o.token(resource)
		g.want("a new one", realm, used[realm], http.StatusOK)
	}
	end := time.Now().Add(6 * time.Second) // ttl, and what is cut off seconds
	for realm := range resources {
		g.await("one that ends", realm, the(used[realm]), http.StatusUnauthorized, time.Until(end))
	}
	time.Sleep(time.Until(end))
	for realm := range resources {
		g.want("one that has ended, and is new here", realm, unseen[realm], http.StatusUnauthorized)
	}
}
