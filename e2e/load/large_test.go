package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// C19: what is large and good is let in, as quickly as what is small. What is too large is refused, and is never a
// fault.
func TestLargeRequestsAreNoSlower(t *testing.T) {
	var cookies []string
	for i := range 4 {
		cookies = append(cookies, "Cookie", fmt.Sprintf("c%d=%s", i, strings.Repeat("x", 7500)))
	}
	longest := "Bearer quick" + strings.Repeat("k", 8000-len("quick"))
	manyRoles := make([]string, 100)
	for i := range manyRoles {
		manyRoles[i] = fmt.Sprintf("%q", fmt.Sprintf("role-number-%03d", i))
	}
	config := fmt.Sprintf(keysConfig, "", startKeyService(t)) +
		"  - { name: users, type: plain, realm: local, users: [{ username: rich, password: in-many-roles, roles: [" + strings.Join(manyRoles, ", ") + "] }] }\n" +
		"  - { name: much, type: http, realm: much, url: " + startRoleService(t) + ", user: login, roles: groups, key: { in: header } }\n"
	g := rig.NewInstance(t, config, nil)
	f := startFront(t, g.Socket)
	c := newClient(t, f, 8)

	plain := p99(t, c, "Bearer quick")
	for _, row := range []struct {
		name, authorization string
		headers             []string
	}{
		{"30 kB of cookies", "Bearer quick", cookies},
		{"100 roles", basic("rich:in-many-roles"), nil},
		{"a key of 8 kB", longest, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, most := p99(t, c, row.authorization, row.headers...), 20*time.Millisecond+3*plain; got > most {
				t.Errorf("p99 %s beside %s of a plain request, want %s at most", got, plain, most)
			}
		})
	}
	for _, row := range []struct {
		name, authorization string
		headers             []string
		statuses            string
	}{
		{"cookies and no credential", "", cookies, "401"},
		{"cookies and a wrong credential", "Bearer wrong", cookies, "401"},
		{"a wrong key of 8 kB", "Bearer " + strings.Repeat("w", 8000), nil, "401"},
		{"a password that is longer than any may be", basic("rich:" + strings.Repeat("p", 5000)), nil, "401"},
		{"a long realm", "Bearer quick", []string{"X-Auth-Realm", strings.Repeat("r", 8000)}, "401"},
		{"more in one line than nginx takes", "Bearer quick", []string{"Cookie", strings.Repeat("x", 9000)}, "400"},
		{"more in all lines than nginx takes", "Bearer quick", append(cookies, "Cookie", strings.Repeat("x", 7500)), "400"},
		{"too many roles", "Bearer too-many", nil, "403"},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, _, err := c.get(row.authorization, row.headers...)
			if err != nil || fmt.Sprint(status) != row.statuses {
				t.Errorf("status %d, %v, want %s", status, err, row.statuses)
			}
		})
	}
}

// p99 asks 200 times, one after the other, and wants 200 each time.
func p99(t *testing.T, c *client, authorization string, headers ...string) time.Duration {
	t.Helper()
	took := new(times)
	for range 200 {
		begin := time.Now()
		status, _, err := c.get(authorization, headers...)
		took.add(time.Since(begin))
		if err != nil || status != 200 {
			t.Fatalf("status %d: %v", status, err)
		}
	}
	t.Logf("p99 %s", took.quantile(.99))
	return took.quantile(.99)
}

// startRoleService knows one key, whose roles take more than an answer may hold.
func startRoleService(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "too-many" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		role := `"` + strings.Repeat("r", 100) + "%03d" + `"`
		var all []string
		for i := range 300 {
			all = append(all, fmt.Sprintf(role, i))
		}
		_, _ = fmt.Fprintf(w, `{"login": "too-rich", "groups": [%s]}`, strings.Join(all, ","))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
