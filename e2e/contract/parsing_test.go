package contract_test

import (
	"strings"
	"testing"
	"time"
)

// What a row asks by.
const (
	get       = "GET /authenticate"
	good      = "Authorization: Bearer good" // a key of ecmwf
	bad       = "Authorization: Bearer bad"  // a key of nobody
	basicTwin = "Basic dHdpbjpmaXJzdA=="     // twin:first
)

// Keys whose service fails, and of whom it tells no name.
var (
	failing  = ask(get, "Authorization: Bearer failing", "X-Auth-Realm: ecmwf")
	nameless = ask(get, "Authorization: Bearer noname", "X-Auth-Realm: ecmwf")
)

// parsingRows are what section 2.2 says of the header Authorization.
var parsingRows = []row{
	{"2.2 First Authorization", "two lines of Authorization are malformed", "M02", ask(get, alice, otherAlice).counts(401, "invalid_header", "unknown")},
	{"2.2 bytes outside visible", "an Authorization with other than visible ASCII is 401, and counted as malformed", "M64", all(
		ask(get, "Authorization: Basic caf\xe9").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: Bearer caf\u00e9").counts(401, "invalid_header", "unknown"))},
	{"2.2 Missing/blank", "no Authorization and a blank one are told apart from a wrong one", same, all(
		ask(get).counts(401, "no_auth_header", "unknown"), ask(get, "Authorization:").counts(401, "no_auth_header", "unknown"),
		ask(get, "Authorization:  \t ").counts(401, "no_auth_header", "unknown"))},
	{"2.2 Split on ,", "commas part credentials", same, ask(get, "Authorization: Bearer bad,"+basicTwin).lets("twin", "Local")},
	{"2.2 trim", "blanks around a part mean nothing", same, ask(get, "Authorization: \t Bearer bad \t,\t  "+basicTwin+"  ").lets("twin", "Local")},
	{"2.2 identical parts", "parts that are the same are one", same, ask(get, "Authorization: Bearer bad,Bearer bad, Bearer bad,Bearer bad,Bearer bad, "+basicTwin).lets("twin", "Local")},
	{"2.2 4th unique", "the fourth different part is malformed, the third is not", same, all(
		ask(get, "Authorization: Bearer a, Bearer b, "+basicTwin).lets("twin", "Local"),
		ask(get, "Authorization: "+basicTwin+", Bearer b, Bearer c, Bearer d").counts(401, "invalid_header", "unknown"))},
	{"2.2 exactly two", "a part of one word or of three makes the whole header malformed", same, all(
		ask(get, "Authorization: Bearer").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: "+basicTwin+", Bearer").counts(401, "invalid_header", "unknown"),
		ask(get, "Authorization: Bearer a b").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: Basic dHdpb jpmaXJzdA==").counts(401, "invalid_header", "unknown"))},
	{"2.2 exactly two", "a comma at either end makes it malformed", same, all(
		ask(get, "Authorization: "+basicTwin+",").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: ,"+basicTwin).counts(401, "invalid_header", "unknown"))},
	{"2.2 exactly two", "several blanks and a tab part the two words", same, ask(get, strings.Replace("Authorization: "+basicTwin, "Basic ", "Basic \t  ", 1)).lets("twin", "Local")},
	{"2.2 Scheme is case", "schemes have any case, and plain is basic", same, all(
		ask(get, "Authorization: bAsIc dHdpbjpmaXJzdA==").lets("twin", "Local"), ask(get, "Authorization: PLAIN dHdpbjpmaXJzdA==").lets("twin", "Local"),
		ask(get, "Authorization: bearer good").lets("kate", "ecmwf"), ask(get, "Authorization: BEARER good").lets("kate", "ecmwf"))},
	{"2.2 Scheme is case", "a scheme of no provider is a wrong credential", same, all(
		ask(get, "Authorization: Negotiate YII=").counts(401, "all_failed", "unknown"), ask(get, "Authorization: Digest x").counts(401, "all_failed", "unknown"))},
	{"2.2 EmailKey", "EmailKey is the key behind its colon", "M05", ask(get, "Authorization: EmailKey kate@example.org:good").lets("kate", "ecmwf")},
	{"2.2 Per scheme the last", "of one scheme the last credential may be the good one", same, ask(get, "Authorization: Bearer bad, Bearer good").lets("kate", "ecmwf")},
	{"2.2 Per scheme the last", "so may the first", "M03", ask(get, "Authorization: Bearer good, Bearer bad").lets("kate", "ecmwf")},
	{"2.2 in random", "schemes are tried in the order of the header", "M03", repeated(10, all(
		ask(get, "Authorization: Bearer good, "+basicTwin).lets("kate", "ecmwf"), ask(get, "Authorization: "+basicTwin+", Bearer good").lets("twin", "Local")))},
	{"2.2 first scheme with", "one good credential of several is enough", same, all(
		ask(get, "Authorization: Bearer bad, Negotiate YII=, "+basicTwin).lets("twin", "Local"), ask(get, wrong+", Bearer good").lets("kate", "ecmwf"))},

	{"2.2 standard base64", "Basic is base64 with its padding, of the standard alphabet", same, all(
		ask(get, "Authorization: Basic dHdpbjpmaXJzdA==").lets("twin", "Local"), ask(get, "Authorization: Basic dHdpbjpmaXJzdA").gets(401, unauthorized),
		ask(get, "Authorization: Basic em_Dqzpww6Rzcw==").gets(401, unauthorized), ask(get, "Authorization: Basic !!!!").gets(401, unauthorized))},
	{"2.2 standard base64", "a Basic that is no base64 is counted as malformed, beside whatever it stands", "M01", all(
		ask(get, "Authorization: Basic !!!!").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: Basic !!!!, Bearer good").counts(401, "invalid_header", "unknown"))},
	{"2.2 standard base64", "names and passwords are UTF-8", same, all(ask(get, basic("zoë:päss")).gets(200, anything, "X-Auth-Username: zoë"), ask(get, basic("zo\xeb:p\xe4ss")).gets(401, unauthorized))},
	{"2.2 standard base64", "the first colon ends the name", same, ask(get, alice).lets("alice", "Local")},
	{"2.2 empty user", "an empty name is 401", same, ask(get, basic(":one")).gets(401, unauthorized)},
	{"2.2 missing : =", "a missing colon and an empty password are malformed", "M01", all(
		ask(get, basic("alice")).counts(401, "invalid_header", "unknown"), ask(get, basic("alice:")).counts(401, "invalid_header", "unknown"))},
	{"2.2 missing : =", "an empty password cannot be configured", "M17", withPassword(`""`).stops("is empty")},
	{"2.2 exact, case-sensitive", "names and passwords are compared exactly", same, all(
		ask(get, basic("Alice:one:two")).counts(401, "all_failed", "unknown"), ask(get, basic("alice:One:two")).counts(401, "all_failed", "unknown"),
		ask(get, basic("alice:one:two ")).counts(401, "all_failed", "unknown"), ask(get, basic(" alice:one:two")).counts(401, "all_failed", "unknown"))},
	{"2.2 duplicate names", "a name may stand twice in a provider", same, all(ask(get, basic("twin:first")).lets("twin", "Local"), ask(get, basic("twin:second-7Kq")).lets("twin", "Local"))},
	{"2.2 duplicate names", "two providers may have one name", same, all(ask(get, alice).lets("alice", "Local"), ask(get, otherAlice).lets("alice", `the "other"`))},
	{"2.2 duplicate names", "what stands twice is told", "M61", all(full.warns(`username: is listed twice`), full.warns(`"users" is the name of another provider too`))},
	{"", "a Bearer credential is a b64token of at most 8,192 bytes", "M04", all(
		ask(get, "Authorization: Bearer good&x=1").counts(401, "invalid_header", "unknown"), ask(get, "Authorization: Bearer "+strings.Repeat("x", 8193)).counts(401, "invalid_header", "unknown"))},
	{"", "a request with a body, or that others may read otherwise, is 400", "M09", all(ask(get, alice, "Content-Length: 4", "", "body").gets(400, anything), ask("GET /authenticate#x", alice).gets(400, anything))},
}

func repeated(n int, holds check) check {
	return func(t *testing.T, s *site) {
		for range n {
			holds(t, s)
		}
	}
}

func withPassword(password string) document {
	return document2().with(`providers: [{ name: p, type: plain, realm: local, users: [{ username: u, password: ` + password + ` }] }]`)
}

// askingRows are what section 2.2 says of who is asked.
var askingRows = []row{
	{"2.2 X-Auth-Realm (first", "X-Auth-Realm is compared without case, in ASCII", same, all(
		ask(get, alice, "X-Auth-Realm: lOCAL").lets("alice", "Local"), ask(get, otherAlice, "X-Auth-Realm: local").counts(401, "all_failed", "unknown"),
		ask(get, alice, "X-Auth-Realm: loca").counts(401, "all_failed", "unknown"))},
	{"2.2 X-Auth-Realm (first", "two X-Auth-Realm are malformed", "M02", ask(get, alice, "X-Auth-Realm: Local", "X-Auth-Realm: other").counts(401, "invalid_header", "unknown")},
	{"2.2 Empty value", "an empty realm is nobody's", same, ask(get, alice, "X-Auth-Realm:").counts(401, "all_failed", "unknown")},
	{"2.2 Not visible-ASCII", "a realm of other than ASCII is nobody's too", "M06", ask(get, alice, "X-Auth-Realm: L\u00f6cal").counts(401, "all_failed", "unknown")},
	{"2.2 With a filter the token", "there is no token store to ask", "M47", ask("GET /token", alice, "X-Auth-Realm: Local").gets(404, "")},
	{"2.2 Without it every", "without a realm every provider of the scheme may know the credential", same, all(
		ask(get, alice).lets("alice", "Local"), ask(get, basic("max:six")).lets("max", "Local"), ask(get, otherAlice).lets("alice", `the "other"`), ask(get, good).lets("kate", "ecmwf"))},
	{"2.2 Without it every", "a JWT is shown to no service of API keys, nor an opaque key to a provider of tokens", "M10", formsApart},
	{"", "a key that begins with gh_ is shown to no service: it is kept for gatehouse's own store", "M78", storedApart},
	{"2.2 run concurrently", "providers are asked one after the other, in the order of config.yaml", "M11", inOrder},
	{"2.2 run concurrently", "a provider that hangs leaves the others their share of the time", "M12", hangs},
	{"2.2 first Ok wins", "the first of config.yaml wins where several say yes", same, on(document2().with(`providers:
  - { name: a, type: plain, realm: one, users: [{ username: bob, password: pw }] }
  - { name: b, type: plain, realm: two, users: [{ username: bob, password: pw }] }`), repeated(5, ask(get, basic("bob:pw")).lets("bob", "one")))},
	{"2.2 Worst case", "all providers and schemes together have auth.timeout_in_ms", "M12", wholeTimeout},
	{"2.2 Augmenters have no", "augmenters are asked within it too", "M12", heldBy("role", "TestSourcesShareTheTimeThatIsLeft")},
	{"", "a plain password is compared in constant time", "M17", heldBy("e2e/supply", "TestSecretsAreComparedInConstantTime")},
}

func storedApart(t *testing.T, s *site) {
	s.services.say("GET /efas?token=gh_key", 200, `{"username":"kate","roles":[]}`)
	s.services.say("GET /ecmwf/who-am-i?token=gh_key", 200, `{"uid":"kate"}`)
	s.services.calls("/")
	ask(get, "Authorization: Bearer gh_key").counts(401, "all_failed", "unknown")(t, s)
	if asked := s.services.calls("/"); len(asked) != 0 {
		t.Errorf("asked were %v", asked)
	}
}

func formsApart(t *testing.T, s *site) {
	jwt := s.services.token(t, nil, claims{"iss": "forms"})
	s.services.calls("/")
	ask(get, "Authorization: Bearer "+jwt).lets("kate", "tokens")(t, s)
	if asked := len(s.services.calls("/ecmwf")) + len(s.services.calls("/efas")); asked != 0 {
		t.Errorf("services of API keys were asked of a JWT %d times", asked)
	}
	s.services.say("GET /efas?token=forms", 403, "")
	s.services.say("GET /ecmwf/who-am-i?token=forms", 403, "")
	s.services.say("POST /generator/validate-token", 200, `{"active":false}`)
	ask(get, "Authorization: Bearer forms").refused(challenges)(t, s)
	if asked := s.services.calls("/auth"); len(asked) != 0 {
		t.Errorf("Keycloak was asked of an opaque key %d times", len(asked))
	}
}

func inOrder(t *testing.T, s *site) {
	s.services.say("GET /efas?token=order", 200, `{"username":"kate","roles":[]}`)
	s.services.say("GET /ecmwf/who-am-i?token=order", 200, `{"uid":"kate"}`)
	s.services.calls("/")
	ask(get, "Authorization: Bearer order").lets("kate", "ecmwf")(t, s)
	if asked := s.services.calls("/"); len(asked) != 1 || asked[0].target != "/ecmwf/who-am-i?token=order" {
		t.Errorf("asked were %v", asked)
	}
}

// slow is a gateway whose whole decision takes 1.2 s, and the first of whose services hangs.
func slow(t *testing.T, s *site) *site {
	for _, token := range []string{"slow", "other", "third"} {
		s.services.say("GET /hang/who-am-i?token="+token, -1, "")
	}
	s.services.say("GET /last/who-am-i?token=slow", 200, `{"uid":"kate"}`)
	return start(t, s.services, document2().with(`auth: { timeout_in_ms: 1200 }`, `providers:
  - { name: a, type: ecmwf-api, realm: one, uri: "{{services}}/hang" }
  - { name: b, type: ecmwf-api, realm: two, uri: "{{services}}/last" }
  - { name: c, type: plain, realm: three, users: [{ username: bob, password: pw }] }`).String())
}

func hangs(t *testing.T, s *site) {
	ask(get, "Authorization: Bearer slow").lets("kate", "two")(t, slow(t, s))
}

func wholeTimeout(t *testing.T, s *site) {
	g, begin := slow(t, s), time.Now()
	ask(get, "Authorization: Bearer slow, Bearer other, Bearer third", "X-Auth-Realm: one").gets(503, anything, "Retry-After: *")(t, g)
	if took := time.Since(begin); took > 3*time.Second { // each by itself would be 3.6 s
		t.Errorf("that took %s", took)
	}
}
