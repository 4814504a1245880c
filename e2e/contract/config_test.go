package contract_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// fileRows are what section 2.4 says of the file itself.
var fileRows = []row{
	{"2.4 File:", "AOT_CONFIG_PATH names the file, ./config.yaml is the default", same, all(
		told(0, "other.yaml: ok", []string{"AOT_CONFIG_PATH=other.yaml"}, "check"), told(0, "config.yaml: ok", nil, "check"))},
	{"2.4 all parent", "a relative AOT_CONFIG_PATH is looked for in the folders above", same, above(0, "AOT_CONFIG_PATH=config.yaml")},
	{"2.4 all parent", "./config.yaml is not", "M56", above(1)},
	{"2.4 selects the schema", "version tells whose keys count, with quotes or without", same, all(
		document1().with("metrics: { enabled: false }").loads(), document1().with("version: 1.0.0").loads(), document2().with("version: 2.0.0").loads(),
		document2().with(`version: "2.0.1"`).stops(`"2.0.1" is not one of`))},
	{"2.4 selects the schema", "users of either version's file are let in", same, all(
		on(withUsers(document1()).with("metrics: { port: 0 }"), ask(get, basic("bob:pw")).lets("bob", "local")), on(withUsers(document2()), ask(get, basic("bob:pw")).lets("bob", "local")))},
	{"2.4 tolerated everywhere", "unknown keys are tolerated at every depth", same, document2().with("novelty: { a: 1 }", "server: { host: 127.0.0.1, port: 0, a: 1 }", "jwt: { iss: aot, exp: 3600, secret: "+key+", a: 1 }",
		"providers: [{ name: p, type: plain, realm: r, a: 1, users: [{ username: u, password: p, a: 1 }] }]",
		"augmenters: [{ name: a, type: plain_advanced, realm: r, a: 1, match: { username: [u], a: 1 }, augment: { roles: [x], a: 1 } }]").loads()},
	{"2.4 tolerated everywhere", "unknown keys are told", "M50", document2().with("novelty: 1").warns("novelty: unknown key")},
	{"2.4 config_path", "AOT_CONFIG_PATH is no key", same, document2().silent("config_path", "AOT_CONFIG_PATH=config.yaml")},
	{"2.4 Errors", "a configuration that cannot be read ends with status 1, and says so on standard error", same, all(
		told(1, "", []string{"AOT_CONFIG_PATH=none.yaml"}), document2().with("jwt: [").stops("config.yaml"), document2().without("version").stops("version: is missing"))},
	{"2.4 Errors", "each fault is a line with its place, in other words", "M68", document2().with("jwt: { iss: aot, exp: soon, secret: " + key + " }").stops("config.yaml:8: jwt.exp: ")},
}

// told runs a command beside two files, config.yaml and other.yaml.
func told(exit int, out string, environ []string, arguments ...string) check {
	return func(t *testing.T, _ *site) {
		t.Helper()
		folder := t.TempDir()
		for _, name := range []string{"config.yaml", "other.yaml"} {
			rig.Write(t, filepath.Join(folder, name), document2().String())
		}
		p := command(t, folder, environ, arguments...)
		if p.exit != exit || !strings.HasPrefix(p.out, out) || exit != 0 && p.err == "" {
			t.Errorf("exit status %d, want %d and %q: %s%s", p.exit, exit, out, p.out, p.err)
		}
	}
}

// above runs check in a folder below that of config.yaml.
func above(exit int, environ ...string) check {
	return func(t *testing.T, _ *site) {
		t.Helper()
		folder := t.TempDir()
		rig.Write(t, filepath.Join(folder, "config.yaml"), document2().String())
		below := filepath.Join(folder, "below")
		if err := os.Mkdir(below, 0o700); err != nil {
			t.Fatal(err)
		}
		if p := command(t, below, environ, "check"); p.exit != exit {
			t.Errorf("exit status %d, want %d: %s%s", p.exit, exit, p.out, p.err)
		}
	}
}

// keyRows are the table of keys of section 2.4. Of a key that version 1.0.0 has too both versions are tried.
var keyRows = []row{
	{"2.4 | version |", "version is needed", same, all(document2().without("version").stops("version: is missing"), document1().without("version").stops("version: is missing"))},
	{"2.4 | bind_address", "bind_address of version 1.0.0 is HOST:PORT, an IPv6 host in brackets", same, all(
		onPorts(func(app, _ string) document {
			return document1().with(`bind_address: "127.0.0.1:`+app+`"`, "metrics: { enabled: false }")
		}),
		onIPv6(document1().with(`bind_address: "[::1]:0"`, "metrics: { port: 0 }")), document1().with(`bind_address: "127.0.0.1"`).stops("bind_address: is not HOST:PORT"))},
	{"2.4 | bind_address", "version 2.0.0 does not listen on bind_address", same, document2().with(`bind_address: "nonsense"`).loads()},
	{"2.4 | bind_address", "it says so", "M52", document2().with(`bind_address: "127.0.0.1:1"`).warns("bind_address: belongs to version 1.0.0")},
	{"2.4 | server.host", "version 2.0.0 listens on every address where server.host is not set", same, document2().with("server: { port: 8080 }", "metrics: { port: 9191 }").warns("on 0.0.0.0:9191, as auth-o-tron does")},
	{"2.4 | server.host", "a port is a number up to 65535", same, all(document2().with("server: { port: 65536 }").stops("server.port: 65536 is no port"), document2().with("server: { port: http }").stops("server.port: "))},
	{"2.4 | server.host", "server.port need not be set", "M50", document2().with("server: { host: 127.0.0.1 }").loads()},
	{"2.4 | server.host", "server.host and server.port count in version 1.0.0 too", "M51", document1().with("server: { port: 1 }").warns("bind_address: has no effect: server.host or server.port is set")},
	{"2.4 | metrics.enabled", "metrics are on, on port 9090, where nothing is said of them", same, all(
		document2().without("metrics").with("server: { host: 127.0.0.1, port: 9090 }").stops("application port and metrics port are both 9090"),
		document1().without("metrics").with(`bind_address: "127.0.0.1:9090"`).stops("application port and metrics port are both 9090"))},
	{"2.4 | metrics.enabled", "metrics.enabled counts in version 1.0.0 too", "M51", document1().with(`bind_address: "127.0.0.1:9090"`, "metrics: { enabled: false }").loads()},
	{"2.4 | store.enabled", "a store that is off is off", same, all(document2().silent("store"), document2().with(`store: { enabled: "false" }`).silent("store"))},
	{"2.4 | store.enabled", "a store need not be there, and one that is on is told and not used", "M47", all(
		document2().without("store").loads(), document2().with(`store: { enabled: true, type: mongo, uri: "mongodb://127.0.0.1:1", database: d }`).warns("store.enabled: a token store is not part of gatehouse yet"))},
	{"2.4 | services[]", "services are never used", same, document2().loads()},
	{"2.4 | services[]", "they need not be there, and are told if they are", "M50", all(document2().without("services").loads(), document2().warns("services: has no effect, as in auth-o-tron"))},
	{"2.4 | providers[]", "providers are a list", same, document2().with("providers: 7").stops("providers: want a list")},
	{"2.4 | providers[]", "they need not be there", "M50", document2().without("providers").loads()},
	{"2.4 | augmenters[]", "augmenters need not be there", same, document2().loads()},
	{"2.4 | jwt.iss", "a secret of any length is taken", same, document2().with("jwt: { iss: aot, exp: 3600, secret: x }").loads()},
	{"2.4 | jwt.iss", "a short secret is told, and an empty one is a fault", "M43", all(
		document2().with("jwt: { iss: aot, exp: 3600, secret: x }").warns("jwt.secret: has 1 bytes"), document2().with(`jwt: { iss: aot, exp: 3600, secret: "" }`).stops("jwt.secret: is empty"))},
	{"2.4 | jwt.iss", "jwt.iss and jwt.exp need not be set", "M50", document2().with("jwt: { secret: " + key + " }").loads()},
	{"2.4 | jwt.iss", "jwt.exp is seconds", same, document2().with("jwt: { iss: aot, exp: 1, secret: " + key + " }").loads()},
	{"2.4 | jwt.iss", "times that no token or decision can have are faults", "M69", all(
		document2().with("jwt: { iss: aot, exp: 0, secret: "+key+" }").stops("jwt.exp: "), document2().with("jwt: { iss: aot, exp: -1, secret: "+key+" }").stops("jwt.exp: "),
		document2().with("jwt: { iss: aot, exp: 9223372036854775807, secret: "+key+" }").stops("jwt.exp: "), document2().with("auth: { timeout_in_ms: 0 }").stops("auth.timeout_in_ms: "))},
	{"2.4 | jwt.aud", "jwt.aud is taken, and not issued", same, hasNone("aud")},
	{"2.4 | include_legacy", "include_legacy_headers is a boolean", same, all(document2().with("include_legacy_headers: true").silent("include_legacy_headers"), document2().with("include_legacy_headers: 7").stops("include_legacy_headers: "))},
	{"2.4 | include_legacy", "that false does not turn the headers off is told", "M38", document2().with("include_legacy_headers: false").warns("include_legacy_headers: is false")},
	{"2.4 | logging.level", "the five levels are taken, and no other starts", same, all(leveled("trace"), leveled("debug"), leveled("info"), leveled("warn"), leveled("error"), document2().with("logging: { level: loud, format: json }").stops("logging.level: "))},
	{"2.4 | logging.level", "a format that is not json is console", same, document2().with("logging: { level: info, format: plain }").warns("console is taken")},
	{"2.4 | logging.level", "logging need not be there", "M50", document2().without("logging").loads()},
	{"2.4 | logging.service_name", "service_name and service_version stand in each line", same, logged(`"service.name":"aot","service.version":"0.3.7"`)},
	{"2.4 | logging.service_name", "service_name is gatehouse by default", "M54", schemaSays(`"default": "gatehouse"`)},
	{"2.4 | auth.timeout", "auth.timeout_in_ms is 5000 by default", same, schemaSays(`"default": 5000`)},
}

// onIPv6 wants a gateway to listen on ::1 with both ports, where there is IPv6.
func onIPv6(d document) check {
	return func(t *testing.T, s *site) {
		if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
			t.Skip("this machine has no IPv6")
		}
		if g := start(t, s.services, d.String()); !strings.HasPrefix(g.app, "[::1]:") || !strings.HasPrefix(g.metrics, "[::1]:") {
			t.Errorf("it listens on %s and %s", g.app, g.metrics)
		}
	}
}

func leveled(level string) check {
	return document2().with("logging: { level: " + level + ", format: json }").loads()
}

func logged(text string) check {
	return func(t *testing.T, s *site) {
		for line := range strings.Lines(s.out.String()) {
			if !strings.Contains(line, text) {
				t.Errorf("no %s in %s", text, line)
			}
		}
	}
}

func schemaSays(text string) check {
	return func(t *testing.T, _ *site) {
		if p := command(t, t.TempDir(), nil, "schema"); p.exit != 0 || !strings.Contains(p.out, text) {
			t.Errorf("exit status %d, no %s", p.exit, text)
		}
	}
}

// entry is a document with one provider or augmenter of these keys.
func entry(list, keys string) document {
	return document2().with(list + ": [{ name: n, realm: r, " + keys + " }]")
}

// sectionRows are the providers and augmenters of section 2.4, each with every key and with one less.
var sectionRows = []row{
	{"2.4 Providers (type", "plain", same, all(wants("providers", "type: plain", "users: [{ username: u, password: p, roles: [a] }]"),
		entry("providers", "type: plain, users: [{ username: u, password: p }]").loads(), entry("providers", "type: plain, users: [{ username: u }]").stops("has neither password"))},
	{"2.4 Providers (type", "what has no effect, or says nobody, may be missing", "M50", all(
		entry("providers", "type: plain").warns("users: there are none"), entry("providers", `type: jwt, cert_uri: "https://127.0.0.1:1"`).loads(),
		entry("augmenters", "type: plain").loads(), entry("augmenters", "type: plain_advanced").warns("match: names no user and no role"))},
	{"2.4 Providers (type", "a type that is unknown is a fault", same, entry("providers", "type: ldaps").stops("is not one of")},
	{"2.4 jwt {name", "jwt", same, wants("providers", "type: jwt", `cert_uri: "https://127.0.0.1:1/certs"`, "iam_realm: r")},
	{"2.4 ecmwf-api {", "ecmwf-api", same, wants("providers", "type: ecmwf-api", `uri: "https://127.0.0.1:1"`)},
	{"2.4 efas-api {", "efas-api", same, wants("providers", "type: efas-api", `uri: "https://127.0.0.1:1"`)},
	{"2.4 openid-offline {", "openid-offline", same, wants("providers", "type: openid-offline", `cert_uri: "https://127.0.0.1:1/certs"`, "public_client_id: a", "private_client_id: b", "private_client_secret: c", `iam_url: "https://127.0.0.1:1"`)},
	{"2.4 ecmwf-token-generator {", "ecmwf-token-generator", same, wants("providers", "type: ecmwf-token-generator", `cert_uri: "https://127.0.0.1:1/certs"`, "client_id: b", "client_secret: c", `token_generator_url: "https://127.0.0.1:1"`)},
	{"2.4 Augmenters: plain", "augmenters of type plain", same, wants("augmenters", "type: plain", "roles: { a: [u, v] }")},
	{"2.4 plain_advanced {", "augmenters of type plain_advanced", same, wants("augmenters", "type: plain_advanced", "match: { username: [u], role: [a] }", "augment: { roles: [b], attributes: { k: v } }")},
	{"2.4 ldap {name", "augmenters of type ldap", same, wants("augmenters", "type: ldap", `uri: "ldaps://127.0.0.1:1"`, `search_base: "dc=x"`, "filter: a", "filters: [ou=a]", `bind_dn: "cn=g,dc=x"`, "ldap_password: p")},
	{"2.4 ldap {name", "without bind_dn nobody logs in to search", "M74", entry("augmenters", `type: ldap, uri: "ldaps://127.0.0.1:1", search_base: "dc=x", ldap_password: p`).warns("ldap_password: stands without bind_dn")},
	{"", "keys and passwords that would leave without TLS are told", "M58", all(
		entry("providers", `type: ecmwf-api, uri: "http://192.0.2.1/"`).warns("without TLS"), entry("augmenters", `type: ldap, uri: "ldap://192.0.2.1", search_base: "dc=x"`).warns("without TLS"))},
}

// needless are keys that may be left out: auth-o-tron's own, or those of M50 and M74.
var needless = []string{"iam_realm", "filter", "filters", "roles", "match", "augment", "bind_dn", "ldap_password", "users"}

// wants takes a section with all its keys, and refuses it without one that is needed, and without its name or realm.
func wants(list string, keys ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		keys := append([]string{"name: n", "realm: r"}, keys...)
		section := func(keys []string) document {
			return document2().with(list + ": [{ " + strings.Join(keys, ", ") + " }]")
		}
		section(keys).loads()(t, s)
		for i := range keys {
			if name, _, _ := strings.Cut(keys[i], ":"); !slices.Contains(needless, name) {
				section(slices.Delete(slices.Clone(keys), i, i+1)).stops("")(t, s)
			}
		}
	}
}
