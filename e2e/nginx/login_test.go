package nginx_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// startSite starts the real gateway, the backend and nginx with gatehouse.conf, the commented location of
// which is used too. more goes into its server.
func startSite(t *testing.T, more string, edits ...rig.Edit) (*rig.Front, *backend, *rig.Gateway) {
	t.Helper()
	g, b := startGateway(t), startBackend(t)
	admin := rig.Uncommented(t, "gatehouse.conf", "    #location /admin/ {", "    #}")
	admin[2] = more + "\n" + admin[2]
	f := startFront(t, rig.Site{
		Files: []string{"gatehouse.conf"}, Gateway: g.Socket, Backend: b.address, Edits: append(edits, admin),
	})
	return f, b, g
}

func TestLogin(t *testing.T) {
	f, b, _ := startSite(t, `
    location /portal/ {
        set $gatehouse_backend http://site;
        set $gatehouse_policy portal;
        include snippets/gatehouse-protect.conf;
    }
    location /misspelt/ {
        set $gatehouse_backend http://site;
        set $gatehouse_policy operatorz;
        include snippets/gatehouse-protect.conf;
    }
    location /moved/ {
        set $gatehouse_policy anyone;
        include snippets/gatehouse-protect.conf;
        try_files /nothing-here /admin/x;
    }`)
	const admin, portal = "GET /admin/x HTTP/1.1", "GET /portal/x HTTP/1.1"
	for _, test := range []struct {
		name    string
		request request
		status  int      // of a refusal
		want    identity // or who the backend sees
		header  string   // a header of a refusal
		value   string
	}{
		{"a user of config.yaml is let in with their roles", authorized(alice), 0, isAlice, "", ""},
		{"a user without roles has no roles header", authorized(bob), 0, isBob, "", ""},
		{"a user of the password file is let in", authorized(fiona), 0, isFiona, "", ""},
		{"an API key is let in as the key service says", authorized(kate), 0, isKate, "", ""},
		{"the second of two credentials in one header may be the good one", authorized(wrongKey + ", " + alice), 0, isAlice, "", ""},
		{"nobody is asked for a password", request{}, 401, identity{}, "WWW-Authenticate", `Bearer realm="portal", Basic realm="local", Basic realm="file"`},
		{"a wrong password is 401", authorized(wrongPass), 401, identity{}, "", ""},
		{"a wrong key is 401", authorized(wrongKey), 401, identity{}, "", ""},
		{"no base64 is 401", authorized("Basic !!!!"), 401, identity{}, "", ""},
		{"an empty header is 401", authorized(""), 401, identity{}, "", ""},
		{"a key service that is broken makes 503", authorized(brokenKey), 503, identity{}, "Retry-After", "5"},
		{"a policy lets in who has its role", authorized(alice).to(admin), 0, isAlice, "", ""},
		{"a policy refuses who lacks its role, with the reason", authorized(bob).to(admin), 403, identity{}, "X-Auth-Reason", "missing role"},
		{"a policy's realm is asked alone", authorized(alice).to(portal), 401, identity{}, "WWW-Authenticate", `Bearer realm="portal"`},
		{"a policy's realm lets its users in", authorized(kate).to(portal), 0, isKate, "", ""},
		{"a policy that does not exist refuses", authorized(alice).to("GET /misspelt/ HTTP/1.1"), 403, identity{}, "X-Auth-Reason", "unknown policy"},
		{"the client's query is no policy and no realm", authorized(alice).to("GET /?realm=portal&policy=x&optional=1 HTTP/1.1"), 0, isAlice, "", ""},
		{"the client's query does not open a policy", authorized(bob).to("GET /admin/x?gatehouse_policy=anyone&roles= HTTP/1.1"), 403, identity{}, "X-Auth-Reason", "missing role"},
		{"a request that nginx sends on meets the second location's policy", authorized(bob).to("GET /moved/x HTTP/1.1"), 403, identity{}, "X-Auth-Reason", "missing role"},
		{"and passes it with the role", authorized(alice).to("GET /moved/x HTTP/1.1"), 0, isAlice, "", ""},
		{"X-Auth-Realm narrows to the user's own realm", authorized(alice, "X-Auth-Realm: LOCAL"), 0, isAlice, "", ""},
		{"X-Auth-Realm of another realm leaves nobody to ask", authorized(alice, "X-Auth-Realm: portal"), 401, identity{}, "WWW-Authenticate", `Bearer realm="portal"`},
		{"X-Auth-Realm does not lead out of a policy", authorized(alice, "X-Auth-Realm: local").to(portal), 401, identity{}, "WWW-Authenticate", "Bearer"},
		{"a browser's page load is asked for a password first", request{headers: []string{"Sec-Fetch-Mode: navigate"}}, 401, identity{}, "WWW-Authenticate", `Basic realm="local", Basic realm="file", Bearer realm="portal"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, address := range f.Addresses() {
				got := send(t, address, test.request)
				if test.status != 0 {
					assertNotReached(t, b, got, test.status)
					if test.header != "" {
						assertHeader(t, got, test.header, test.value)
					}
					continue
				}
				if got.StatusCode != 200 {
					t.Errorf("status %d, want 200", got.StatusCode)
				}
				assertReached(t, b, test.want)
			}
		})
	}
}

func TestPlainHTTPIsSentToTLSOnly(t *testing.T) {
	f, b, _ := startSite(t, "")
	conn := dialPlain(t, "127.0.0.1:"+f.Plain)
	defer conn.Close()
	got := exchange(t, conn, authorized(alice).to("GET /page?x=1 HTTP/1.1"))
	assertNotReached(t, b, got, 301)
	assertHeader(t, got, "Location", "https://www.example.org/page?x=1")
}

// The gateway's log names the client that nginx saw, whatever the client says of itself.
func TestTheGatewaysLogNamesTheClientThatNginxSaw(t *testing.T) {
	f, b, g := startSite(t, "")
	for _, test := range []struct{ address, from, want string }{
		{f.Addresses()[0], "127.0.0.9", "127.0.0.9"},
		{f.Addresses()[1], "", "::1"},
	} {
		before := len(g.Log.String())
		r := authorized(wrongPass, "X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1")
		r.from = test.from
		assertNotReached(t, b, send(t, test.address, r), 401)
		var line struct{ Client, User, Result string }
		log := g.Log.AwaitLine(t, before, `"client":`)
		if err := json.Unmarshal([]byte(log), &line); err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		if line.Client != test.want || line.User != "alice" {
			t.Errorf("logged %s, want client %s", strings.TrimSpace(log), test.want)
		}
	}
}

// C14: an operator's own page for 403 shows nothing protected, wherever it stands beside the include.
func TestAPageFor403(t *testing.T) {
	var locations strings.Builder
	for name, page := range map[string]string{
		"page": "error_page 401 403 /login.html;", "named": "error_page 403 = @login;", "hidden": "error_page 401 403 =200 /login.html;",
	} {
		for _, order := range []string{"%[1]s\n%[2]s\n", "%[2]s\n%[1]s\n"} {
			name += "x"
			fmt.Fprintf(&locations, "location /%s/ {\nset $gatehouse_backend http://site;\nset $gatehouse_policy operators;\n%s}\n",
				name, fmt.Sprintf(order, page, "include snippets/gatehouse-protect.conf;"))
		}
	}
	f, b, _ := startSite(t, locations.String()+`
    location @login { return 200 "please log in"; }
    location = /login.html { return 200 "please log in"; }`)
	for _, name := range []string{"pagex", "pagexx", "namedx", "namedxx", "hiddenx", "hiddenxx"} {
		for _, authorization := range []string{bob, wrongPass, kate} {
			got := send(t, f.Addresses()[0], authorized(authorization).to("GET /"+name+"/x HTTP/1.1"))
			if got.StatusCode == 500 || strings.Contains(got.body, backendBody) || len(b.take()) != 0 {
				t.Errorf("%s: status %d, body %q", name, got.StatusCode, got.body)
			}
		}
		send(t, f.Addresses()[0], authorized(alice).to("GET /"+name+"/x HTTP/1.1"))
		assertReached(t, b, isAlice)
	}
}
