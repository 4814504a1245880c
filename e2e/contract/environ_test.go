package contract_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// digits are a secret that could be read as a number.
const digits = "12345678901234567890123456789012"

// variableRows are what section 2.4 says of AOT_ variables.
var variableRows = []row{
	{"2.4 Env: prefix", "the prefix has any case, two underscores nest, keys are in lower case", same, all(
		document2().stops("jwt.exp: ", "AOT_JWT__EXP=x"), document2().stops("jwt.exp: ", "aot_jwt__exp=x"), document2().stops("jwt.exp: ", "Aot_Jwt__Exp=x"))},
	{"2.4 Env: prefix", "variables go over the file: dictionaries are merged, lists are replaced whole", same, by(
		`AOT_JWT={iss=over}`, `AOT_PROVIDERS=[{name=q,type=plain,realm=new,users=[{username=bob,password=pw,roles=[x,y]}]}]`)(func(t *testing.T, s *site) {
		ask(get, basic("bob:pw")).gets(200, anything, "X-Auth-Realm: new", "X-Auth-Roles: x,y")(t, s)
		ask("GET /providers").gets(200, `{"providers":[{"name":"q","type":"plain","realm":"new"}]}`)(t, s)
		if c := claimsOf(t, s, basic("bob:pw")); c["iss"] != "over" || c["exp"].(float64)-c["iat"].(float64) != 3600 {
			t.Errorf("claims %v", c)
		}
	})},
	{"2.4 Values are parsed", "booleans and whole numbers", same, all(
		document2().with(`server: { host: 127.0.0.1, port: 7 }`, `metrics: { port: 7 }`).loads("AOT_METRICS__ENABLED=false"), document2().stops("metrics.enabled: ", "AOT_METRICS__ENABLED=no"),
		document2().with(`metrics: { port: 7 }`).stops("are both 7", "AOT_SERVER__PORT=7"), document2().stops("server.port: ", "AOT_SERVER__PORT=1x"))},
	{"2.4 Values are parsed", "a float is no whole number", same, all(document2().stops("jwt.exp: ", "AOT_JWT__EXP=4.5"), document2().stops("auth.timeout_in_ms: ", "AOT_AUTH__TIMEOUT_IN_MS=4.5"))},
	{"2.4 Values are parsed", "a pair of quotes around a text is taken off", same, by(`AOT_JWT__ISS="quoted \"one\""`)(hasIssuer(`quoted "one"`))},
	{"2.4 Values are parsed", "single quotes hold one sign", same, by(`AOT_JWT__ISS='c'`)(hasIssuer("c"))},
	{"2.4 Values are parsed", "without quotes a text is a text", same, by(`AOT_JWT__ISS=https://auth.example.org/`)(hasIssuer("https://auth.example.org/"))},
	{"2.4 Values are parsed", "lists and dictionaries are written [a,b] and {k=v}", same, by(
		`AOT_AUGMENTERS=[{name=a,type=plain_advanced,realm=local,match={username=[bob]},augment={roles=[r1,"r 2"],attributes={k=v}}}]`)(
		ask("GET /whoami", basic("bob:pw")).gets(200, `{"version":1,"username":"bob","realm":"local","roles":["r1","r 2"],"attributes":{"k":"v"},"scopes":{}}`))},
	{"2.4 so AOT_JWT__SECRET", "a secret of digits in both quotes is that text", same, by(`AOT_JWT__SECRET="` + digits + `"`)(signsBy(digits))},
	{"2.4 so AOT_JWT__SECRET", "one of digits alone is that text too", "M57", by("AOT_JWT__SECRET=" + digits)(signsBy(digits))},
	{"2.4 One list element", "a number is a place in a list", "M71", by("AOT_PROVIDERS__0__REALM=other")(ask(get, basic("bob:pw")).lets("bob", "other"))},
	{"2.4 a whole list", "a whole list can be set", same, by(`AOT_PROVIDERS=[{type=plain,name=p,realm=all,users=[{username=ann,password="12"}]}]`)(ask(get, basic("ann:12")).lets("ann", "all"))},
	{"", "GATEHOUSE_ variables win", "M57", by("AOT_JWT__ISS=old", "GATEHOUSE_JWT__ISS=new")(hasIssuer("new"))},
}

// by has a gateway of its own with variables for a check. Its user is bob, with the password pw.
func by(environ ...string) func(check) check {
	return func(holds check) check {
		return func(t *testing.T, s *site) {
			t.Helper()
			holds(t, start(t, s.services, withUsers(document2()).with("metrics: { enabled: false }").String(), environ...))
		}
	}
}

func hasIssuer(want string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		if c := claimsOf(t, s, basic("bob:pw")); c["iss"] != want {
			t.Errorf("iss %q, want %q", c["iss"], want)
		}
	}
}

func signsBy(secret string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		authorization := ask(get, basic("bob:pw")).put(t, s).header.Get("Authorization")
		if token, ok := strings.CutPrefix(authorization, "Bearer "); !ok || !isSignedBy(token, secret) {
			t.Errorf("%q is not by %q", authorization, secret)
		}
	}
}

// commandRows are what section 2.4 says of the command line and of the log's way.
var commandRows = []row{
	{"2.4 CLI:", "--schema prints a JSON Schema, wherever it stands", same, all(printsSchema("--schema"), printsSchema("anything", "--schema", "-x"))},
	{"2.4 CLI:", "the schema is gatehouse's", "M55", func(t *testing.T, _ *site) {
		if p := command(t, t.TempDir(), nil, "--schema"); !strings.Contains(p.out, `"policies"`) {
			t.Errorf("exit status %d: %.200s", p.exit, p.out)
		}
	}},
	{"2.4 every other argument", "an unknown argument is a fault", "M55", told(2, "", nil, "--nonsense")},
	{"2.4 RUST_LOG", "RUST_LOG is not read", same, by("RUST_LOG=off")(func(t *testing.T, s *site) {
		ask(get).gets(401, unauthorized)(t, s)
		s.out.AwaitLine(t, 0, `"auth.header.missing"`)
	})},
	{"2.4 Logs go", "the log is on standard output, and nothing of it on standard error", same, func(t *testing.T, s *site) {
		if out, err := s.out.String(), s.err.String(); !strings.Contains(out, `"message":"listening"`) || strings.Contains(err, "listening") {
			t.Errorf("on standard error: %s", err)
		}
	}},
	{"", "a changed config.yaml is taken in", "M59", heldBy(".", "TestReloadWithoutAGap")},
	{"", "a stop answers what has begun", "M60", heldBy("server", "TestShutdownFinishesWhatHasBegun")},
}

func printsSchema(arguments ...string) check {
	return func(t *testing.T, _ *site) {
		t.Helper()
		p := command(t, t.TempDir(), nil, arguments...)
		if p.exit != 0 || !json.Valid([]byte(p.out)) || !strings.Contains(p.out, `"$schema"`) {
			t.Errorf("%q: exit status %d: %.200s%s", arguments, p.exit, p.out, p.err)
		}
	}
}
