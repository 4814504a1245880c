package contract_test

import (
	"fmt"
	"net/http"
	"testing"

	"gatehouse/e2e/ldap"
)

// augmenterRows are what section 2.5 says of augmenters that ask nobody.
var augmenterRows = []row{
	{
		"2.5 Augmenters run if", "plain ones come first, then the advanced ones in the order of config.yaml: what one gives another matches", same,
		ask("GET /whoami", basic("eve:three")).gets(200, `{"version":1,"username":"eve","realm":"Local","roles":["guests","given","later","last"],"attributes":{"floor":"2","team":"three"},"scopes":{}}`),
	},
	{"2.5 Augmenters run if", "a name or a role is enough for an advanced one", same, ask(get, basic("eve:three")).gets(200, anything, "X-Auth-Roles: guests,given,later,last")},
	{"2.5 Augmenters run if", "those of another realm change nothing", same, ask(get, otherAlice).gets(200, anything, "X-Auth-Roles: ")},
	{"2.5 Augmenters run if", "the realm is compared without case", "M32", ask(get, basic("dora:four")).gets(200, anything, "X-Auth-Roles: cased")},
	{
		"2.5 roles deduped", "a role that is there already is not added again, and an attribute is written over", same,
		ask("GET /whoami", basic("eve:three")).gets(200, `{"version":1,"username":"eve","realm":"Local","roles":["guests","given","later","last"],"attributes":{"floor":"2","team":"three"},"scopes":{}}`),
	},
	{"2.5 roles deduped", "a role that a provider gives twice is there once", "M37", ask(get, basic("double:pw")).gets(200, anything, "X-Auth-Roles: operators,staff")},
	{"2.5 roles deduped", "the roles of one plain augmenter come in alphabetical order, each once", "M37", on(withUsers(document2()).with(
		`augmenters: [{ name: n, type: plain, realm: local, roles: { z: [bob, bob], b: [bob], m: [bob], a: [ann] } }]`), ask(get, basic("bob:pw")).gets(200, anything, "X-Auth-Roles: b,m,z"))},
}

// directoryRows are what section 2.5 says of augmenters of type ldap. Their site has a real slapd behind it.
var directoryRows = []row{
	{"2.5 LDAP augmenter", "bind_dn logs in, and finds persons by cn anywhere under search_base", same, grants("plain", "bob", "staff")},
	{"2.5 LDAP augmenter", "who is not there has no roles", same, grants("plain", "nobody", "")},
	{"2.5 LDAP augmenter", "a role is the first CN of a group's DN", same, heldBy("role", "TestTheRolesThatAGroupGives")},
	{"2.5 LDAP augmenter", "filter keeps groups whose DN has its text", same, grants("filter", "alice", "makers")},
	{"2.5 LDAP augmenter", "filters give paths, by pieces of the DN in either order and any case", same, all(grants("filters", "alice", "/teams/makers"), grants("reversed", "alice", "/groups/teams/makers"))},
	{"2.5 LDAP augmenter", "empty filters give none", same, grants("none", "alice", "")},
	{"2.5 LDAP augmenter", "cn in small letters gives a role too, which is how slapd writes it", "M35", grants("plain", "alice", "staff,makers")},
	{"2.5 LDAP augmenter", "a directory that cannot tell is no decision", "M33", ask(get, basic("alice:pw"), "X-Auth-Realm: failing").gets(503, anything, "Retry-After: *")},
	{"2.5 LDAP augmenter", "an entry that spells the name otherwise gives nothing", "M75", heldBy("role", "TestAnotherSpellingHasNoGroups")},
	{"2.5 LDAP augmenter", "optional excuses no wait of ours", "M76", heldBy("role", "TestWhoseTurnDoesNotComeIsNotLetInWithoutOptionalRoles")},
	{"2.5 LDAP augmenter", "an optional one lets in without its roles", "M33", grants("optional", "alice", "")},
	{"2.5 LDAP augmenter", "a name means nothing in the filter", "M34", heldBy("role", "TestSlapdTellsTheGroupsOfAName")},
	{"2.5 LDAP augmenter", "roles are remembered for a minute", "M36", heldBy("role", "TestRolesThatAreAskedForAreRememberedForSoLong")},
}

// grants wants the roles that a user gets in a realm of the directory's site.
func grants(realm, user, roles string) check {
	return ask(get, basic(user+":pw"), "X-Auth-Realm: "+realm).gets(http.StatusOK, anything, "X-Auth-Username: "+user, "X-Auth-Roles: "+roles)
}

// startDirectory starts slapd, and a gateway with one realm for each way to ask it.
func startDirectory(t *testing.T) *site {
	t.Helper()
	d := ldap.Start(t, ldap.Setting{}, ldap.Person("alice", "ldap-pw"), ldap.Person("bob", "ldap-pw"),
		ldap.Group("staff", "alice", "bob"), ldap.Add("ou=teams,ou=groups,"+ldap.Base, "objectClass", "organizationalUnit", "ou", "teams"),
		ldap.Add("cn=makers,ou=teams,ou=groups,"+ldap.Base, "objectClass", "groupOfNames", "cn", "makers", "member", "uid=alice,ou=people,"+ldap.Base))
	const login = "ldap_password: " + ldap.GatePassword
	providers, augmenters := "providers:", "augmenters:"
	for realm, keys := range map[string]string{
		"plain": login, "filter": login + ", filter: ou=teams", "filters": login + ", filters: [OU=Teams]",
		"reversed": login + `, filters: ["ou=groups,ou=teams"]`, "none": login + ", filters: []",
		"failing": "ldap_password: wrong", "optional": "ldap_password: wrong, optional: true",
	} {
		providers += fmt.Sprintf("\n  - { name: %[1]s, type: plain, realm: %[1]s, users: [{ username: alice, password: pw }, "+
			"{ username: bob, password: pw }, { username: nobody, password: pw }] }", realm)
		augmenters += fmt.Sprintf("\n  - { name: %[1]s, type: ldap, realm: %[1]s, uri: %[2]q, search_base: %[3]q, bind_dn: %[4]q, %[5]s }",
			realm, d.URI, ldap.Base, ldap.Gate, keys)
	}
	return start(t, nil, document2().with(providers, augmenters).String())
}
