package contract_test

import "testing"

// clientSecret is gatehouse's own at Keycloak and at the token generator.
const clientSecret = "hush9d2cQ"

// full is a config.yaml of version 2.0.0 with all that auth-o-tron has but its token store and a directory.
var full = document2().with(
	`logging: { level: debug, format: json, service_name: aot, service_version: 0.3.7 }`,
	`auth: { timeout_in_ms: 4000 }`,
	`include_legacy_headers: true`,
	`jwt: { iss: aot, exp: 3600, secret: `+key+`, aud: nobody }`,
	`providers:
  - name: users
    type: plain
    realm: Local
    users:
      - { username: alice, password: "one:two", roles: [operators, staff] }
      - { username: double, password: pw, roles: [operators, staff, operators] }
      - { username: twin, password: first }
      - { username: twin, password: second-7Kq }
      - { username: zoë, password: "päss" }
      - { username: eve, password: three, roles: [guests] }
      - { username: dora, password: four }
      - { username: late, password: five }
  - name: more
    type: plain
    realm: Local
    users: [{ username: max, password: six }, { username: R&D, password: seven }]
  - { name: users, type: plain, realm: 'the "other"', users: [{ username: alice, password: other }] }
  - { name: ecmwf, type: ecmwf-api, realm: ecmwf, uri: "{{services}}/ecmwf" }
  - { name: efas, type: efas-api, realm: floods, uri: "{{services}}/efas" }
  - { name: tokens, type: jwt, realm: tokens, cert_uri: "{{services}}/certs", iam_realm: unused }
  - { name: every, type: jwt, realm: every, cert_uri: "{{services}}/certs", iam_realm: unused, all_claims: true }
  - name: offline
    type: openid-offline
    realm: iam
    cert_uri: "{{services}}/certs"
    public_client_id: public
    private_client_id: private
    private_client_secret: `+clientSecret+`
    iam_url: "{{services}}/auth"
  - name: generator
    type: ecmwf-token-generator
    realm: generated
    cert_uri: "{{services}}/certs"
    client_id: us
    client_secret: `+clientSecret+`
    token_generator_url: "{{services}}/generator"`,
	`augmenters:
  - { name: advanced, type: plain_advanced, realm: Local, match: { role: [given] }, augment: { roles: [given, later], attributes: { team: two, floor: "2" } } }
  - { name: names, type: plain, realm: Local, roles: { given: [eve], guests: [eve] } }
  - { name: byname, type: plain_advanced, realm: Local, match: { username: [eve], role: [nobody] }, augment: { roles: [last], attributes: { team: three } } }
  - { name: elsewhere, type: plain_advanced, realm: another, match: { username: [eve] }, augment: { roles: [never] } }
  - { name: cased, type: plain_advanced, realm: LOCAL, match: { username: [dora] }, augment: { roles: [cased] } }
  - { name: limit, type: plain_advanced, realm: Local, match: { username: [late] }, augment: { attributes: { exp: "1000" } } }
  - { name: soon, type: plain_advanced, realm: Local, match: { username: [max] }, augment: { attributes: { exp: "4000000000" } } }`,
)

// challenges are those of full.
const challenges = `Basic realm="Local", Basic realm="the \"other\"", Bearer realm="ecmwf", Bearer realm="floods", Bearer realm="tokens", ` +
	`Bearer realm="every", Bearer realm="iam", Bearer realm="generated"`

// Credentials of full, and a wrong one.
var (
	alice      = basic("alice:one:two")
	otherAlice = basic("alice:other")
	wrong      = basic("alice:wrong")
)

func TestTheContract(t *testing.T) {
	s := start(t, startServices(t), full.String())
	s.services.say("GET /ecmwf/who-am-i?token=good", 200, `{"uid": "kate", "email": "kate@example.org", "other": 1}`)
	s.services.say("GET /ecmwf/who-am-i?token=noname", 200, `{}`)
	s.services.say("GET /ecmwf/who-am-i?token=failing", 500, `{}`)
	for _, name := range []string{
		"nginx", "routes", "refusals", "parsing", "asking", "tokens", "remote", "verified", "traded", "augmenters",
		"metrics", "log", "files", "keys", "sections", "variables", "commands",
	} {
		t.Run(name, func(t *testing.T) { replay(t, tables[name], s) })
	}
}

func TestTheContractOfADirectory(t *testing.T) { replay(t, directoryRows, startDirectory(t)) }
