package main

import (
	"slices"
	"strings"
)

// A rule is one deliberate difference from auth-o-tron. docs/migrate-from-auth-o-tron.md tells of each by its number,
// which never becomes another's.
type rule struct {
	number string
	// of names what of a configuration the rule touches: none, then it does not.
	of   func(m *migration) []string
	text string
}

// told is what rules say of a configuration.
func told(rules []rule, m *migration) (list []remark) {
	for _, r := range rules {
		if of := r.of(m); len(of) > 0 {
			names := strings.Join(slices.DeleteFunc(of, func(s string) bool { return s == "" }), ", ")
			if names != "" {
				names += ": "
			}
			list = append(list, remark{r.number, names + r.text})
		}
	}
	return list
}

// general are the differences that show in requests, and not in a configuration.
const general = "M01–M09, M15, M17, M40–M42, M45, M46, M48, M49, M53, M55–M57, M59, M60, M62–M66, M68–M73, M76, M78"

// ignoredHere are what stands in a configuration of auth-o-tron and does nothing.
var ignoredHere = []rule{
	{"M38", when(func(m *migration) bool { return m.Legacy != nil && *m.Legacy }), "include_legacy_headers: nothing changes: X-Auth-Username, X-Auth-Realm and X-Auth-Roles are always sent"},
	{"M44", when(func(m *migration) bool { return m.JWT.Audience != "" && !*m.JWT.IssueAud }), "jwt.aud: not in tokens, as in auth-o-tron; jwt.issue_aud: true puts it there"},
	{"M47", when(func(m *migration) bool { return m.Store.Enabled }), "store: tokens of auth-o-tron's store let nobody in, and /token and /tokens are 404"},
	{"M47", when(func(m *migration) bool { return m.doc.Has("store") && !m.Store.Enabled }), "store: it is off, so nothing changes"},
	{"M50", faulty("unknown key"), "unknown, and ignored as in auth-o-tron"},
	{"M50", faulty("has no effect, as in", "has no effect beside"), "no effect, as in auth-o-tron"},
	{"M50", when(func(m *migration) bool { return lookup(m.environ)("RUST_LOG") != "" }), "RUST_LOG: no effect, as in auth-o-tron; logging.level counts"},
	{"M52", when(func(m *migration) bool { return m.Version == version2 && m.BindAddress != "" }), "bind_address: it is of version 1.0.0, and auth-o-tron passes over it too"},
}

// differences are those that a configuration is touched by or not.
var differences = []rule{
	{"M10", keysBesideTokens, "a JWT is shown only to those of them that take JWTs, a key only to the others"},
	{"M11", sameScheme, "asked one after another, and not all at once"},
	{"M12", when(func(m *migration) bool { return len(m.Providers) > 1 || len(ldapAugmenters(m)) > 0 }), "auth.timeout_in_ms is for the whole decision; whoever is asked has an equal share of what is left"},
	{"M13", services, "no answer is 503, where it was 401; an nginx without nginx/snippets makes 500 of it; stale_if_error: 10m lets known users in meanwhile"},
	{"M14", when(func(m *migration) bool { return m.Throttle.Enabled && m.Server.Blind() }), "failed logins are counted once server.trusted_proxies names nginx's address, and nginx sends X-Real-IP; until then nobody has to wait"},
	{"M14", when(func(m *migration) bool { return m.Throttle.Enabled && !m.Server.Blind() }), "who fails too often has to wait: 403 with X-Error-Status: 429, which nginx/snippets make 429"},
	{"M16", otherMemory, "remembers a yes for 1m and a no for 5s; key: cache"},
	{"M18", kinds("ecmwf-api", "efas-api"), "the key goes URL-encoded into the query"},
	{"M19", efasOfAnotherRealm, `X-Auth-Realm and WWW-Authenticate mean the configured realm, not "efas"; key: realm`},
	{"M20", kinds("ecmwf-api", "efas-api"), "401 means no, as 403 does; any other status but 200 is an outage; redirects are not followed"},
	{"M21", kinds("jwt", "openid-offline", "ecmwf-token-generator"), "nbf and iat are checked, with leeway: 10s; a login ends at exp, and not 60s later"},
	{"M22", trusting, "iss or aud are not checked, as in auth-o-tron: write issuer and audience, or any token of that identity provider lets in"},
	{"M23", withoutClaims, "claims become attributes only by attributes, or all of them by all_claims: true"},
	{"M24", kinds("jwt", "openid-offline", "ecmwf-token-generator"), "the claims sub and scope may be missing, if there is a name"},
	{"M25", kinds("jwt", "openid-offline", "ecmwf-token-generator"), "ES, PS and EdDSA too; no HS512 by a key set; weak keys are left out, and sets with a secret in them refused"},
	{"M26", kinds("jwt"), "gatehouse's own tokens, those of jwt.iss, let nobody in"},
	{"M27", kinds("openid-offline"), "offline_access must be a word of scope, and not a piece of one"},
	{"M28", kinds("openid-offline", "ecmwf-token-generator"), "statuses count: all but a clear no is an outage"},
	{"M29", kinds("openid-offline", "ecmwf-token-generator"), "a login ends no later than its access token"},
	{"M30", kinds("jwt", "openid-offline", "ecmwf-token-generator"), "keys are asked for every 5m, and at once for an unknown kid; the last good ones stay in an outage; key: refresh"},
	{"M31", proxied, "not read: write auth.proxy"},
	{"M32", foreignCase, "its realm is compared without case, so that it applies where auth-o-tron passed over it"},
	{"M33", ldapWithoutLeave, "no answer is 503, and not a user without roles; optional: true lets them in"},
	{"M34", ldapAugmenters, "the user's name is escaped in the filter"},
	{"M35", ldapAugmenters, "cn counts in any case; a name with more than one entry is no decision"},
	{"M36", ldapAugmenters, "roles are remembered for 1m, not 2m; key: cache"},
	{"M37", augmentersOf("plain", "ldap"), "a role that a user has already is not added again"},
	{"M38", when(func(m *migration) bool { return m.Legacy == nil || !*m.Legacy }), "X-Auth-Username, X-Auth-Realm and X-Auth-Roles are always sent"},
	{"M39", rolesWithComma, "roles with a comma are in the token, and not in X-Auth-Roles"},
	{"M43", faulty("fewer than"), "too short, and taken all the same: make one with openssl rand -base64 48, and give it to the backends"},
	{"M51", strays, "counts, though auth-o-tron passes over it in version 1.0.0"},
	{"M54", when(func(m *migration) bool { return !m.doc.Has("logging", "service_name") }), "log lines are flat (docs/logging.md), and service.name is gatehouse; key: logging.service_name"},
	{"M54", when(func(m *migration) bool { return m.doc.Has("logging", "service_name") }), "log lines are flat: docs/logging.md has the fields"},
	{"M58", faulty("without TLS"), "keys or passwords in clear text, as in auth-o-tron: use TLS, or insecure_http, insecure_ldap: true"},
	{"M61", faulty("is the name of another provider too", "is listed twice"), "a name that stands twice"},
	{"M67", kinds("openid-offline"), "private_client_id and private_client_secret are form-encoded in Basic, which changes some signs"},
	{"M74", faulty("stands without bind_dn"), "the directory is searched as nobody; key: bind_dn"},
	{"M75", ldapAugmenters, "roles only of the entry whose name is the user's letter by letter; key: insecure_any_spelling"},
	{"M77", kinds("jwt"), "ID, refresh, offline and logout tokens let nobody in, by typ or token_use; key: id_tokens"},
}
