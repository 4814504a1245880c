package contract_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"
)

// Where Keycloak and the token generator are asked.
const (
	introspectPath = "/auth/realms/iam/protocol/openid-connect/token/introspect"
	keycloakPath   = "/auth/realms/iam/protocol/openid-connect/token"
	validatePath   = "/generator/validate-token"
	refreshPath    = "/generator/admin/refresh-access-token"
)

// What they say where they say yes.
const (
	activeOffline = `{"active":true,"scope":"openid offline_access"}`
	active        = `{"active":true}`
)

// tradedRows are what section 2.5 says of the kinds that trade a token for another.
var tradedRows = []row{
	{"2.5 openid-offline |", "Keycloak is asked by two forms, with the private client's Basic", same, offline(200, activeOffline, func(t *testing.T, s *site, token string) {
		ask(get, "Authorization: Bearer "+token, "X-Auth-Realm: iam").lets("kate", "iam")(t, s)
		for _, want := range []struct{ path, body string }{
			{introspectPath, "token=" + token}, {keycloakPath, "client_id=public&grant_type=refresh_token&refresh_token=" + token},
		} {
			asked := s.services.calls(want.path)
			if len(asked) != 1 || asked[0].method != "POST" || asked[0].target != want.path || asked[0].body != want.body ||
				"Authorization: "+asked[0].header.Get("Authorization") != basic("private:"+clientSecret) || asked[0].header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("asked %+v, want %s", asked, want.body)
			}
		}
	})},
	{"2.5 openid-offline |", "a client id and secret of other signs are form-encoded in it", "M67", oddClient},
	{"2.5 openid-offline |", "an inactive token is wrong, and so is one without the scope", same, all(
		offline(200, `{"active":false}`, isStatus("iam", 401)), offline(200, `{"active":true,"scope":"openid"}`, isStatus("iam", 401)))},
	{"2.5 openid-offline |", "the scope is a word of its own", "M27", offline(200, `{"active":true,"scope":"xoffline_access2"}`, isStatus("iam", 401))},
	{"2.5 openid-offline |", "the status of Keycloak counts", "M28", all(offline(500, activeOffline, isStatus("iam", 503)), offline(401, `{"error":"invalid_client"}`, isStatus("iam", 503)))},
	{"2.5 openid-offline |", "a login ends with the access token", "M29", offline(200, activeOffline, func(t *testing.T, s *site, token string) {
		if c := claimsOf(t, s, "Authorization: Bearer "+token, "X-Auth-Realm: iam"); c["exp"].(float64)-c["iat"].(float64) > 1800 {
			t.Errorf("claims %v", c)
		}
	})},
	{"2.5 openid-offline |", "a yes is remembered, and Keycloak asked once", same, offline(200, activeOffline, func(t *testing.T, s *site, token string) {
		for range 3 {
			ask(get, "Authorization: Bearer "+token, "X-Auth-Realm: iam").lets("kate", "iam")(t, s)
		}
		if n := len(s.services.calls(introspectPath)) + len(s.services.calls(keycloakPath)); n != 2 {
			t.Errorf("Keycloak was asked %d times", n)
		}
	})},
	{"2.5 ecmwf-token-generator |", "the token generator is asked by two objects of JSON", same, generated(200, active, func(t *testing.T, s *site, token string) {
		ask(get, "Authorization: Bearer "+token, "X-Auth-Realm: generated").lets("kate", "generated")(t, s)
		for path, want := range map[string]map[string]string{
			validatePath: {"token": token, "client_id": "us"}, refreshPath: {"client_id": "us", "client_secret": clientSecret, "refresh_token": token},
		} {
			var body map[string]string
			asked := s.services.calls(path)
			if len(asked) != 1 || json.Unmarshal([]byte(asked[0].body), &body) != nil || !reflect.DeepEqual(body, want) ||
				asked[0].method != "POST" || asked[0].header.Get("Content-Type") != "application/json" || asked[0].header.Get("Authorization") != "" {
				t.Errorf("asked %+v, want %v", asked, want)
			}
		}
	})},
	{"2.5 ecmwf-token-generator |", "a token that is not active there is wrong", same, generated(200, `{"active":false}`, isStatus("generated", 401))},
	{"2.5 ecmwf-token-generator |", "the status of the token generator counts", "M28", all(generated(500, active, isStatus("generated", 503)), generated(404, "", isStatus("generated", 503)))},
	{"2.5 ecmwf-token-generator |", "its yes is remembered too", same, generated(200, active, func(t *testing.T, s *site, token string) {
		for range 3 {
			ask(get, "Authorization: Bearer "+token, "X-Auth-Realm: generated").lets("kate", "generated")(t, s)
		}
		if n := len(s.services.calls(validatePath)) + len(s.services.calls(refreshPath)); n != 2 {
			t.Errorf("the token generator was asked %d times", n)
		}
	})},
	{"2.5 ecmwf-token-generator |", "a no is remembered for 5 s, not for minutes", "M16", heldBy("gate", "TestARefusalIsRememberedShortly")},
}

// A presented is what becomes of a token that is put.
type presented func(t *testing.T, s *site, token string)

// isStatus wants the token to be refused with a status.
func isStatus(realm string, status int) presented {
	return func(t *testing.T, s *site, token string) {
		t.Helper()
		ask(get, "Authorization: Bearer "+token, "X-Auth-Realm: "+realm).gets(status, anything, "!Authorization")(t, s)
	}
}

// offline has Keycloak say so of a token that is new, and trade it.
func offline(status int, says string, holds presented) check {
	return traded(introspectPath, status, says, keycloakPath, holds)
}

// generated has the token generator say so of a token that is new, and trade it.
func generated(status int, says string, holds presented) check {
	return traded(validatePath, status, says, refreshPath, holds)
}

func traded(asked string, status int, says, trades string, holds presented) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		access := s.services.token(t, nil, claims{"exp": in(30 * time.Minute)})
		s.services.say("POST "+asked, status, says)
		s.services.say("POST "+trades, 200, fmt.Sprintf(`{"access_token":%q}`, access))
		s.services.calls("/")
		holds(t, s, s.services.token(t, nil, claims{"typ": "Offline", "jti": fmt.Sprint(time.Now().UnixNano())}))
	}
}

func oddClient(t *testing.T, s *site) {
	g := start(t, s.services, document2().with(`providers: [{ name: o, type: openid-offline, realm: iam, cert_uri: "{{services}}/certs", public_client_id: public, `+
		`private_client_id: "a:b", private_client_secret: "c%+d", iam_url: "{{services}}/auth" }]`).String())
	offline(200, activeOffline, func(t *testing.T, _ *site, token string) {
		ask(get, "Authorization: Bearer "+token).lets("kate", "iam")(t, g)
	})(t, s)
	asked := s.services.calls(introspectPath)
	if want := basic("a%3Ab:c%25%2Bd"); len(asked) != 1 || "Authorization: "+asked[0].header.Get("Authorization") != want {
		t.Errorf("asked %v, want %s", asked, want)
	}
}
