package contract_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

// routeRows are section 2.1, but for what a 401 says.
var routeRows = []row{
	{"2.1 Two listeners", "there are two ports, and neither shows the other's routes", same, all(
		ask("GET /metrics").gets(404, ""), ask("GET /authenticate", alice).onMetrics().gets(404, ""))},
	{"2.1 App port =", "version 2.0.0 listens on server.host and server.port", same, onPorts(func(app, metrics string) document {
		return document2().with("server: { host: 127.0.0.1, port: "+app+" }", "metrics: { port: "+metrics+" }")
	})},
	{"2.1 metrics port = same host", "the metrics' host is the server's", same, onIPv6(document2().with(`server: { host: "::1", port: 0 }`))},
	{"2.1 metrics port = same host", "there is no second port with metrics.enabled: false", same, on(document2().with(`metrics: { enabled: false }`), hasNoMetrics)},
	{
		"2.1 Equal ports", "equal ports are a fault, in these words", same,
		document2().with(`server: { host: 127.0.0.1, port: 9191 }`, `metrics: { port: 9191 }`).stops("application port and metrics port are both 9191, they must be different"),
	},
	{"2.1 Header names", "names of headers are written with capitals", "M62", spelled("Authorization", "X-Auth-Username", "X-Auth-Realm", "X-Auth-Roles", "Content-Length")},
	{"2.1 Query strings", "the query of /authenticate means nothing", same, ask("GET /authenticate?user=eve&X-Auth-Realm=none", alice).lets("alice", "Local")},
	{"2.1 Query strings", "the query of the other routes means nothing", same, all(
		ask("GET /health?realm=none").gets(200, "OK"), ask("GET /whoami?roles=none", alice).gets(200, anything),
		ask("GET /metrics?name[]=none").onMetrics().gets(200, anything))},
	{"2.1 Query strings", "realm in the query of /authenticate and /whoami narrows who is asked", "M07", all(
		ask("GET /authenticate?realm=ecmwf", alice).refused(`Bearer realm="ecmwf"`), ask("GET /authenticate?realm=local", alice).lets("alice", "Local"),
		ask("GET /whoami?realm=ecmwf", alice).refused(`Bearer realm="ecmwf"`))},
	{"2.1 Trailing slash", "a slash at the end is another path, on both ports", same, all(
		ask("GET /authenticate/", alice).gets(404, ""), ask("GET /whoami/", alice).gets(404, ""), ask("GET /health/").gets(404, ""),
		ask("GET /providers/").gets(404, ""), ask("GET /health/").onMetrics().gets(404, ""), ask("GET /metrics/").onMetrics().gets(404, ""))},
	{"2.1 Unrouted", "an unknown path is an empty 404, on both ports", same, all(
		ask("GET /nothing", alice).gets(404, "", "!Content-Type"), ask("POST /nothing").gets(404, ""),
		ask("GET /nothing").onMetrics().gets(404, "", "!Content-Type"), ask("GET //metrics").onMetrics().gets(404, ""))},
	{"2.1 Wrong method", "a wrong method is an empty 405", same, all(
		ask("POST /whoami", alice).gets(405, "", "!Content-Type"), ask("DELETE /providers").gets(405, ""), ask("PUT /health").gets(405, ""),
		ask("POST /metrics").onMetrics().gets(405, "", "!Content-Type"), ask("DELETE /health").onMetrics().gets(405, ""))},
	{"2.1 Wrong method", "Allow names the same methods, with a space behind the comma", "M49", all(
		ask("POST /whoami", alice).gets(405, "", "Allow: GET, HEAD"), ask("POST /metrics").onMetrics().gets(405, "", "Allow: GET, HEAD"))},
	{"2.1 Wrong method", "/authenticate answers every method like GET", "M08", all(
		ask("POST /authenticate", alice).lets("alice", "Local"), ask("FROB /authenticate", alice).lets("alice", "Local"))},
	{"2.1 also answers HEAD", "every route of GET answers HEAD, with the same headers and no body", same, all(
		ask("HEAD /authenticate", alice).gets(200, "", "Authorization: *", "X-Auth-Username: alice", "Content-Length: 26"), ask("HEAD /whoami", alice).gets(200, ""),
		ask("HEAD /providers").gets(200, ""), ask("HEAD /augmenters").gets(200, ""), ask("HEAD /").gets(200, ""), ask("HEAD /static/logo.png").gets(200, ""),
		ask("HEAD /health").gets(200, ""), ask("HEAD /health").onMetrics().gets(200, ""), ask("HEAD /metrics").onMetrics().gets(200, ""))},

	{"2.1 GET /authenticate", "a user is 200, in 26 bytes of no type", same, ask("GET /authenticate", alice).gets(200, "Authenticated successfully", "!Content-Type", "Content-Length: 26")},
	{"2.1 GET /authenticate", "Authorization has the token", same, bears(`^Bearer [\w-]+\.[\w-]+\.[\w-]+$`)},
	{"2.1 GET /authenticate", "the roles are joined by commas, and none is an empty header", same, all(
		ask("GET /authenticate", alice).gets(200, anything, "X-Auth-Username: alice", "X-Auth-Realm: Local", "X-Auth-Roles: operators,staff"),
		ask("GET /authenticate", basic("twin:first")).gets(200, anything, "X-Auth-Roles: "))},
	{
		"2.1 GET /authenticate", "the three headers come with include_legacy_headers: false too", "M38",
		on(withUsers(document2()).with("include_legacy_headers: false"), ask("GET /authenticate", basic("bob:pw")).gets(200, anything, "X-Auth-Username: bob", "X-Auth-Realm: local", "X-Auth-Roles: ")),
	},
	{"2.1 GET /authenticate", "a role with a comma is in the token only", "M39", on(withUsers(document2()), ask("GET /authenticate", basic("comma:pw")).gets(200, anything, "X-Auth-Roles: a"))},
	{"2.1 GET /authenticate", "no cache may keep the answer", "M46", all(
		ask("GET /authenticate", alice).gets(200, anything, "Cache-Control: no-store", "X-Accel-Expires: 0"),
		ask("GET /authenticate").gets(401, anything, "Cache-Control: no-store", "X-Accel-Expires: 0"))},
	{"2.1 GET /whoami", "whoami tells of a user in auth-o-tron's bytes", same, all(
		ask("GET /whoami", alice).gets(200, `{"version":1,"username":"alice","realm":"Local","roles":["operators","staff"],"attributes":{},"scopes":{}}`,
			"Content-Type: application/json", "Cache-Control: no-store", "!Authorization"),
		ask("GET /whoami", "Authorization: Bearer good", "X-Auth-Realm: ecmwf").gets(200,
			`{"version":1,"username":"kate","realm":"ecmwf","roles":[],"attributes":{"ecmwf-email":"kate@example.org"},"scopes":{}}`))},
	{
		"2.1 GET /whoami", "JSON escapes the three signs of HTML", "M65",
		ask("GET /whoami", basic("R&D:seven")).gets(200, `{"version":1,"username":"R\u0026D","realm":"Local","roles":[],"attributes":{},"scopes":{}}`),
	},
	{"2.1 GET /whoami", "whoami of nobody is the 401", same, ask("GET /whoami").refused(challenges)},
	{"2.1 GET /token ", "there is no token store, and so no route that makes a token", "M47", all(ask("GET /token", alice).gets(404, ""), ask("HEAD /token", alice).gets(404, ""))},
	{"2.1 GET /tokens", "none that lists tokens", "M47", ask("GET /tokens", alice).gets(404, "")},
	{"2.1 DELETE /token/", "none that removes one", "M47", ask("DELETE /token/4c1b4f0e", alice).gets(404, "")},
	{"2.1 unauthenticated /token", "nor is /token there for nobody", "M47", ask("GET /token").gets(404, "")},
	{"2.1 GET /providers", "providers are listed in the order of config.yaml, to everybody", same, ask("GET /providers").gets(200, `{"providers":[`+
		`{"name":"users","type":"plain","realm":"Local"},{"name":"more","type":"plain","realm":"Local"},{"name":"users","type":"plain","realm":"the \"other\""},`+
		`{"name":"ecmwf","type":"ecmwf-api","realm":"ecmwf"},{"name":"efas","type":"efas-api","realm":"floods"},{"name":"tokens","type":"jwt","realm":"tokens"},`+
		`{"name":"every","type":"jwt","realm":"every"},{"name":"offline","type":"openid-offline","realm":"iam"},`+
		`{"name":"generator","type":"ecmwf-token-generator","realm":"generated"}]}`, "Content-Type: application/json")},
	{"2.1 GET /providers", "no provider is an empty list", same, on(document2(), ask("GET /providers").gets(200, `{"providers":[]}`))},
	{"2.1 GET /augmenters", "augmenters are listed in the order of config.yaml, to everybody", same, ask("GET /augmenters").gets(200, `{"augmenters":[`+
		`{"name":"advanced","type":"plain_advanced","realm":"Local"},{"name":"names","type":"plain","realm":"Local"},{"name":"byname","type":"plain_advanced","realm":"Local"},`+
		`{"name":"elsewhere","type":"plain_advanced","realm":"another"},{"name":"cased","type":"plain_advanced","realm":"LOCAL"},`+
		`{"name":"limit","type":"plain_advanced","realm":"Local"},{"name":"soon","type":"plain_advanced","realm":"Local"}]}`, "Content-Type: application/json")},
	{"2.1 GET /augmenters", "no augmenter is an empty list", same, on(document2(), ask("GET /augmenters").gets(200, `{"augmenters":[]}`))},
	{"2.1 GET / ,", "the page at / is HTML, and tells the version", same, all(ask("GET /").gets(200, anything, "Content-Type: text/html; charset=utf-8"), showsItsVersion)},
	{"2.1 GET / ,", "the pictures have their paths and types", same, all(
		ask("GET /static/logo.png").gets(200, anything, "Content-Type: image/png"), ask("GET /favicon.ico").gets(200, anything, "Content-Type: image/x-icon"))},
	{"2.1 GET / ,", "the page is another, which loads no script", "M48", ask("GET /").gets(200, anything, "Content-Security-Policy: *")},
	{"2.1 GET /health", "health is the same two bytes on both ports", same, all(
		ask("GET /health").gets(200, "OK", "!Content-Type"), ask("GET /health").onMetrics().gets(200, "OK", "!Content-Type"))},
	{
		"2.1 GET /metrics", "metrics are Prometheus's text, version 0.0.4", "M63",
		ask("GET /metrics").onMetrics().gets(200, anything, "Content-Type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
	},
}

// on has a gateway of its own for a check.
func on(d document, holds check) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		holds(t, start(t, s.services, d.String()))
	}
}

// withUsers adds a plain provider.
func withUsers(d document) document {
	return d.with(`providers: [{ name: p, type: plain, realm: local, users: [{ username: bob, password: pw }, { username: comma, password: pw, roles: [a, "b,c"] }] }]`)
}

// onPorts wants a gateway to listen on ports that were free, and nowhere else.
func onPorts(with func(app, metrics string) document) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		ports := freePorts(t, 2)
		g := start(t, s.services, with(ports[0], ports[1]).String())
		if g.app != "127.0.0.1:"+ports[0] || g.metrics != "" && g.metrics != "127.0.0.1:"+ports[1] {
			t.Errorf("it listens on %s and %s, want the ports %s", g.app, g.metrics, ports)
		}
	}
}

func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

func hasNoMetrics(t *testing.T, s *site) {
	if s.metrics != "" {
		t.Errorf("metrics are shown on %s", s.metrics)
	}
}

// spelled wants headers of a yes as they are sent.
func spelled(names ...string) check {
	return func(t *testing.T, s *site) {
		head := ask("GET /authenticate", alice).put(t, s).head
		for _, name := range names {
			if !strings.Contains(head, "\r\n"+name+": ") {
				t.Errorf("no header is spelled %s in %q", name, head)
			}
		}
	}
}

// bears wants the yes's Authorization to look so.
func bears(form string) check {
	return func(t *testing.T, s *site) {
		if got := ask("GET /authenticate", alice).put(t, s).header.Get("Authorization"); !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("Authorization: %q", got)
		}
	}
}

func showsItsVersion(t *testing.T, s *site) {
	version := strings.TrimPrefix(strings.TrimSpace(command(t, t.TempDir(), nil, "version").out), "gatehouse ")
	if page := ask("GET /").put(t, s).body; version == "" || !strings.Contains(page, version) {
		t.Errorf("no version %q in %q", version, page)
	}
}

// challenged is an answer to nobody, by what its challenges are.
func challenged(challenge string) check { return ask("GET /authenticate").refused(challenge) }

// refusalRows are what section 2.1 says of the 401.
var refusalRows = []row{
	{"2.1 401 everywhere", "the 401 has auth-o-tron's 32 bytes and headers, whatever was wrong", same, all(
		ask("GET /authenticate").refused(challenges), ask("GET /authenticate", wrong).refused(challenges), ask("GET /authenticate", "Authorization: x").refused(challenges),
		ask("GET /whoami").refused(challenges), ask("GET /whoami", wrong).refused(challenges))},
	{"2.1 There is no 403", "a service that cannot answer is 503 with Retry-After", "M13", failing.gets(503, anything, "Retry-After: *", "!Authorization")},
	{"2.1 There is no 403", "a user who cannot be named is 403", "M15", nameless.gets(403, anything, "X-Auth-Reason: no usable user name", "!Authorization", "!X-Auth-Username")},
	{"2.1 There is no 403", "wrong passwords are 401 as often as they come where nobody tells the client's address", same, guesses(40)},
	{"2.1 There is no 403", "who fails too often has to wait, where the client's address is told", "M14", heldBy("e2e/nginx", "TestOneWhoFailsTooOftenMustWait")},
	{"2.1 one header", "there is one line of challenges", same, challenged(challenges)},
	{"2.1 per provider in config order", "challenges are in the order of config.yaml, and one that stands twice is told once", same, on(document2().with(`providers:
  - { name: a, type: ecmwf-api, realm: z, uri: "http://127.0.0.1:1" }
  - { name: b, type: plain, realm: y, users: [] }
  - { name: c, type: ecmwf-api, realm: z, uri: "http://127.0.0.1:1" }
  - { name: d, type: plain, realm: z, users: [] }`), challenged(`Bearer realm="z", Basic realm="y", Basic realm="z"`))},
	{"2.1 scheme is Basic", "every kind has auth-o-tron's scheme", same, challenged(challenges)},
	{"2.1 token store is never", "nothing else is in the challenges", same, challenged(challenges)},
	{"2.1 efas-api always says", "the challenge of efas-api has the realm of config.yaml", "M19", all(
		ask("GET /authenticate", "X-Auth-Realm: floods").refused(`Bearer realm="floods"`), ask("GET /authenticate", "X-Auth-Realm: efas").refused("Bearer"))},
	{"2.1 no providers", "no provider is challenged by Bearer alone", same, on(document2(), challenged("Bearer"))},
	{"2.1 Same list whatever", "the challenges are those of the realms that were asked for", "M45", all(
		ask("GET /authenticate", "X-Auth-Realm: LOCAL").refused(`Basic realm="Local"`), ask("GET /authenticate", "X-Auth-Realm: none").refused("Bearer"))},
	{
		"2.1 Same list whatever", "a browser's navigation is challenged by Basic first", "M45",
		on(document2().with(`providers: [{ name: a, type: ecmwf-api, realm: z, uri: "http://127.0.0.1:1" }, { name: d, type: plain, realm: y, users: [] }]`),
			ask("GET /authenticate", "Sec-Fetch-Mode: navigate").refused(`Basic realm="y", Bearer realm="z"`)),
	},
	{"2.1 realm text is not escaped", "quotes in a realm are escaped", "M45", ask("GET /authenticate", `X-Auth-Realm: the "other"`).refused(`Basic realm="the \"other\""`)},
}

// guesses tries so many wrong passwords, and the right one.
func guesses(n int) check {
	return func(t *testing.T, s *site) {
		for i := range n {
			ask("GET /authenticate", basic("eve:guess"+strings.Repeat("!", i))).refused(challenges)(t, s)
		}
		ask("GET /authenticate", basic("eve:three")).lets("eve", "Local")(t, s)
	}
}
