package provider

import (
	"net/http"
	"reflect"
	"testing"

	"gatehouse/auth"
)

// The contract's row: GET {uri}?token={token}, encoded; username, roles and email of its answer. The challenge and the
// filter have the configured realm, which auth-o-tron writes efas.
func TestEFAS(t *testing.T) {
	for name, c := range map[string]struct {
		uri, body string
		status    int
		want      outcome
		user      auth.User
		asked     string
	}{
		"a user": {
			"https://efas.example/key", `{"username":"alice","roles":["a","b"],"email":"a@b","uid":"root"}`, 200, aUser,
			auth.User{Name: "alice", Roles: []string{"a", "b"}, Attributes: map[string]string{"email": "a@b"}},
			"https://efas.example/key?token=canary%2F7f3a%2BRw%3D",
		},
		"no roles, no email, a query of its own": {
			"https://efas.example/key?v=2", `{"username":"alice"}`, 200, aUser,
			auth.User{Name: "alice", Attributes: map[string]string{}},
			"https://efas.example/key?token=canary%2F7f3a%2BRw%3D&v=2",
		},
		"no user name":  {"https://efas.example/key", `{"uid":"alice"}`, 200, namelessly, auth.User{Attributes: map[string]string{}}, ""},
		"forbidden":     {"https://efas.example/key", `{}`, 403, denied, auth.User{}, ""},
		"unauthorized":  {"https://efas.example/key", `{}`, 401, denied, auth.User{}, ""},
		"broken":        {"https://efas.example/key", `{}`, 500, noDecision, auth.User{}, ""},
		"other success": {"https://efas.example/key", `{"username":"alice"}`, 204, noDecision, auth.User{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, e := newWorld(t), newEFAS()
			asked := ""
			w.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return response(c.status, c.body), nil
			})
			e.URI = c.uri
			u, err := open(t, t.Context(), e, w.Env).Authenticate(t.Context(), bearer(canary))
			if outcomeOf(u, err) != c.want || !reflect.DeepEqual(u, c.user) || c.asked != "" && asked != c.asked {
				t.Errorf("got %+v, %v, asked %s", u, err, asked)
			}
		})
	}
}
