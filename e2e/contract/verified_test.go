package contract_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// verifiedRows are what section 2.5 says of the kind jwt, and of what a token makes of a user.
var verifiedRows = []row{
	{"2.5 jwt |", "jwt asks GET {cert_uri} for a key set", same, asksForKeys},
	{"2.5 jwt |", "keys are asked for in the background, not for each token", "M30", heldBy("provider", "TestARemovedKeyStopsWithinTheRefresh")},
	{"2.5 jwt |", "RS256 by a key that its kid names lets in", same, tokenedBy(nil, nil).lets("kate")},
	{"2.5 jwt |", "so does RS512", same, tokenedBy(claims{"alg": "RS512", "kid": "any"}, nil).lets("kate")},
	{"2.5 jwt |", "a kid that is not in the key set does not", same, heldBy("provider", "TestUnknownKeysCostOneLook")},
	{"2.5 jwt |", "while nobody has looked whether it is by now, that is no decision", "M30", heldBy("provider", "TestAStrangersTokenDeniesNoNewKey")},
	{"2.5 jwt |", "a token that says it is no access token lets nobody in", "M77", all(tokenedBy(nil, claims{"typ": "ID"}).is(401), tokenedBy(nil, claims{"typ": "Bearer"}).lets("kate"))},
	{"2.5 jwt |", "a token without kid is by the only key that fits", "M25", all(tokenedBy(claims{"alg": "RS512", "kid": nil}, nil).lets("kate"), tokenedBy(claims{"kid": nil}, nil).is(401))},
	{"2.5 jwt |", "a key set with a symmetric key is refused as a whole", "M25", symmetricKeys},
	{"2.5 jwt |", "a token of another type, or with crit, is refused", "M72", all(tokenedBy(claims{"typ": "logout+jwt"}, nil).is(401), tokenedBy(claims{"crit": []string{"exp"}}, nil).is(401))},
	{"2.5 jwt |", "exp is needed, and a minute is too late", same, all(tokenedBy(nil, claims{"exp": nil}).is(401), tokenedBy(nil, claims{"exp": in(-90 * time.Second)}).is(401))},
	{"2.5 jwt |", "half a minute is too late too, and nbf counts", "M21", all(tokenedBy(nil, claims{"exp": in(-30 * time.Second)}).is(401), tokenedBy(nil, claims{"nbf": in(90 * time.Second)}).is(401))},
	{"2.5 jwt |", "iss and aud may be any where none is configured", same, tokenedBy(nil, claims{"iss": "https://anybody.example.org", "aud": "others"}).lets("kate")},
	{"2.5 jwt |", "that is told", "M22", full.warns("providers[5].issuer: is missing")},
	{"2.5 jwt |", "gatehouse's own iss lets nobody in", "M26", tokenedBy(nil, claims{"iss": "aot"}).is(401)},
	{"2.5 jwt |", "sub and scope may be missing where there is a name", "M24", tokenedBy(nil, claims{"sub": nil, "scope": nil}).lets("kate")},
	{"2.5 username = preferred_username", "preferred_username is the user, and without one sub", same, all(
		tokenedBy(nil, claims{"preferred_username": "ann"}).lets("ann"), tokenedBy(nil, claims{"preferred_username": nil, "sub": "s-1"}).lets("s-1"))},
	{"2.5 roles = realm_access", "roles are those of the realm, entitlements, and those of every resource", same, tokenedBy(nil, claims{
		"realm_access": claims{"roles": []string{"r2", "r1"}}, "entitlements": []string{"e1"}, "resource_access": claims{"app": claims{"roles": []string{"a1"}}, "more": claims{"roles": []string{"m1"}}},
	}).knows("tokens", `"roles":["r2","r1","e1","a1","m1"],"attributes":{},`)},
	{"2.5 attributes = all other", "no claim is an attribute unless it is asked for", "M23", tokenedBy(nil, claims{"email": "k@example.org"}).knows("tokens", `"roles":[],"attributes":{},`)},
	{"2.5 attributes = all other", "all_claims makes attributes of all others: text without control characters, all else as JSON", same, tokenedBy(nil, claims{
		"email": "k\u0007@example.org", "groups": []string{"a", "b"}, "address": claims{"city": "Reading"}, "level": 7, "verified": true, "exp": 4000000000,
	}).knows("every", `"roles":[],"attributes":{"address":"{\"city\":\"Reading\"}","email":"k@example.org","exp":"4000000000","groups":"[\"a\",\"b\"]","level":"7","verified":"true"},`)},
	{"2.5 exp, iss, aud, jti, email", "exp, iss, aud and jti are among them", same, tokenedBy(nil, claims{"exp": 4000000000, "iss": "i", "aud": []string{"x", "y"}, "jti": "j"}).knows("every",
		`"roles":[],"attributes":{"aud":"[\"x\",\"y\"]","exp":"4000000000","iss":"i","jti":"j"},`)},
	{"2.5 scopes = {provider name", "scopes are the words of scope, by the provider's name", same, tokenedBy(nil, claims{"scope": "one two"}).knows("tokens", `"scopes":{"tokens":["one","two"]}}`)},
}

// A tokened is a token of the identity provider, by what is other than usual in it.
type tokened struct{ header, claims claims }

func tokenedBy(header, more claims) tokened { return tokened{header, more} }

func (k tokened) credential(t *testing.T, s *site) string {
	return "Authorization: Bearer " + s.services.token(t, k.header, k.claims)
}

// lets wants the token to let a user in.
func (k tokened) lets(user string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		ask(get, k.credential(t, s), "X-Auth-Realm: tokens").lets(user, "tokens")(t, s)
	}
}

func (k tokened) is(status int) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		ask(get, k.credential(t, s), "X-Auth-Realm: tokens").gets(status, unauthorized)(t, s)
	}
}

// knows wants a piece of /whoami.
func (k tokened) knows(realm, part string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		a := ask("GET /whoami", k.credential(t, s), "X-Auth-Realm: "+realm).put(t, s)
		if a.status != 200 || !strings.Contains(a.body, part) {
			t.Errorf("got %d %s, want %s", a.status, a.body, part)
		}
	}
}

func asksForKeys(t *testing.T, s *site) {
	s.services.mu.Lock()
	s.services.says["GET /realms/r/certs"] = s.services.says["GET /certs"]
	s.services.mu.Unlock()
	g := start(t, s.services, document2().with(`providers: [{ name: tokens, type: jwt, realm: tokens, cert_uri: "{{services}}/realms/r/certs", iam_realm: r }]`).String())
	tokened{}.lets("kate")(t, g)
	if asked := s.services.calls("/realms/r/certs"); len(asked) != 1 || asked[0].method != "GET" || asked[0].body != "" {
		t.Errorf("asked %v", asked)
	}
}

func symmetricKeys(t *testing.T, s *site) {
	s.services.say("GET /symmetric", 200, fmt.Sprintf(`{"keys":[{"kty":"oct","alg":"HS512","kid":"one","k":%q}]}`, b64(key+key)))
	g := start(t, s.services, document2().with(`providers: [{ name: tokens, type: jwt, realm: tokens, cert_uri: "{{services}}/symmetric", iam_realm: r }]`).String())
	ask(get, tokened{}.credential(t, s)).gets(503, anything, "Retry-After: *")(t, g)
}
