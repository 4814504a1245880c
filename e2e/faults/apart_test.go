package faults_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

// C07: the same bytes are another login in another realm and at another provider, and who is remembered is looked at
// as who is new: over the real gateway, each asked cold and warm, and all at once.
func TestTheSameBytesElsewhereAreAnotherLogin(t *testing.T) {
	one, two := start(t, false), start(t, false)
	shared, own := key("shared", 0), key("own", 0)
	one.answers[shared], two.answers[shared] = `{"uid":"alice","roles":["staff"]}`, `{"uid":"bob","roles":["guest"]}`
	one.answers[own] = `{"uid":"alice","roles":["staff"]}`
	hash, err := bcrypt.GenerateFromPassword([]byte(canary+"1"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	folder := rig.Folder(t)
	rig.Write(t, filepath.Join(folder, "users"), "kim:"+string(hash)+"\na:"+string(hash)+"\n")
	h := open(t, fmt.Sprintf(`
  - { name: one, type: http, realm: one, url: "http://%s/", user: uid, roles: roles }
  - { name: two, type: http, realm: two, url: "http://%s/", user: uid, roles: roles }
  - { name: hashed, type: htpasswd, realm: hashed, file: %s/users }
  - name: clear
    type: plain
    realm: clear
    users: [{ username: kim, password: %[4]q, roles: [clerk] }, { username: a, password: "b:c" }]
policies:
  staff: { roles: [staff] }
`, one.address, two.address, folder, canary+"2"))
	rows := []struct {
		realm, authorization string
		status               int
		user, roles          string
	}{
		{"one", bearer(shared), 200, "alice", "staff"},
		{"two", bearer(shared), 200, "bob", "guest"},
		{"", bearer(shared), 200, "alice", "staff"}, // the first that knows it
		{"one", bearer(own), 200, "alice", "staff"},
		{"two", bearer(own), 401, "", ""},
		{"sound", bearer(own), 401, "", ""},
		{"hashed", basic("kim", canary+"1"), 200, "kim", ""},
		{"clear", basic("kim", canary+"1"), 401, "", ""},
		{"clear", basic("kim", canary+"2"), 200, "kim", "clerk"},
		{"hashed", basic("kim", canary+"2"), 401, "", ""},
		{"clear", basic("a", "b:c"), 200, "a", ""},
		{"clear", basic("a:b", "c"), 200, "a", ""}, // the same bytes: a user name ends at the first colon
		{"clear", basic("a", "bc"), 401, "", ""},
		{"clear", basic("ab", ":c"), 401, "", ""},
		{"hashed", basic("nobody", canary+"1"+string(hash)), 401, "", ""},
		{"hashed", basic("nobody", string(hash)), 401, "", ""},
		{"hashed", basic("kim", string(hash)), 401, "", ""},
		{"hashed", basic("a", canary+"1"), 200, "a", ""},
	}
	var all sync.WaitGroup
	for range 8 {
		for _, r := range rows {
			all.Go(func() {
				got := h.ask(t, r.realm, r.authorization)
				user, realm, roles := got.header.Get("X-Auth-Username"), got.header.Get("X-Auth-Realm"), got.header.Get("X-Auth-Roles")
				if got.status != r.status || user != r.user || roles != r.roles || r.user != "" && r.realm != "" && realm != r.realm {
					t.Errorf("at %q: %d, %q of %q with %q, want %d, %q with %q", r.realm, got.status, user, realm, roles, r.status, r.user, r.roles)
				}
			})
		}
	}
	all.Wait()
}
