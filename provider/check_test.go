package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/directory"
	"gatehouse/password"
)

func remote(change func(*HTTP)) *HTTP {
	h := newHTTP()
	h.URL, h.User = "https://service.example/me", "uid"
	change(h)
	return h
}

func plainUsers(users ...PlainUser) *Plain { return &Plain{Users: users} }

func secret(s string) *auth.Secret { return ptr(auth.Secret(s)) }

func TestFaultsOfASection(t *testing.T) {
	dir := t.TempDir()
	good, empty := filepath.Join(dir, "good"), filepath.Join(dir, "empty")
	writeFile(t, good, "alice:"+firstBcrypt+"\nbroken line\nbob:$2y$99$"+firstBcrypt[7:]+"\n")
	writeFile(t, empty, "")
	alice := PlainUser{Username: "alice", Password: secret(canary)}
	for _, c := range []struct {
		name   string
		config Config
		faults []string // path: a piece of the message; empty: none
	}{
		{"http: a good one", remote(func(*HTTP) {}), nil},
		{"http: to this machine without TLS", remote(func(h *HTTP) { h.URL = "http://127.0.0.1:8000/" }), nil},
		{"http: to ::1 without TLS", remote(func(h *HTTP) { h.URL = "http://[::1]:8000/" }), nil},
		{"http: to localhost without TLS", remote(func(h *HTTP) { h.URL = "http://localhost/" }), nil},
		{"http: to another host without TLS", remote(func(h *HTTP) { h.URL = "http://service.example/?k=" + canary }), []string{"url: keys would travel to service.example without TLS"}},
		{"http: to a host whose name begins like this one", remote(func(h *HTTP) { h.URL = "http://localhost.example/" }), []string{"url: without TLS"}},
		{"http: to 127.0.0.1.example without TLS", remote(func(h *HTTP) { h.URL = "http://127.0.0.1.example/" }), []string{"url: without TLS"}},
		{"http: to another host without TLS, on purpose", remote(func(h *HTTP) { h.URL, h.InsecureHTTP = "http://service.example/", true }), nil},
		{"http: no URL", remote(func(h *HTTP) { h.URL = "" }), []string{"url: is missing"}},
		{"http: no scheme", remote(func(h *HTTP) { h.URL = "service.example/" + canary }), []string{"url: must begin with https://"}},
		{"http: another scheme", remote(func(h *HTTP) { h.URL = "ftp://service.example" }), []string{"url: must begin with https://"}},
		{"http: a file", remote(func(h *HTTP) { h.URL = "file:///etc/passwd" }), []string{"url: must begin with https://"}},
		{"http: no host", remote(func(h *HTTP) { h.URL = "https:///me?k=" + canary }), []string{"url: must begin with https://"}},
		{"http: no URL at all", remote(func(h *HTTP) { h.URL = "https://[" + canary }), []string{"url: is no URL"}},
		{"http: a bad escape", remote(func(h *HTTP) { h.URL = "https://service.example/%zz" + canary }), []string{"url: is no URL"}},
		{"http: a password in the URL", remote(func(h *HTTP) { h.URL = "https://me:canary%2F7f3a+Rw=@service.example/" }), []string{"url: has a user name or password"}},
		{"http: a user in the URL", remote(func(h *HTTP) { h.URL = "https://me@service.example/" }), []string{"url: has a user name or password"}},
		{"http: a fragment", remote(func(h *HTTP) { h.URL = "https://service.example/#" + canary }), []string{"url: has a fragment"}},
		{"http: no path of the name", remote(func(h *HTTP) { h.User = "" }), []string{"user: is missing"}},
		{
			"http: statuses that cannot mean no", remote(func(h *HTTP) { h.DenyStatuses = []int{200, 399, 400, 499, 500, -1, 0, 1 << 40} }),
			[]string{"deny_statuses[0]: 200", "deny_statuses[1]: 399", "deny_statuses[4]: 500", "deny_statuses[5]: -1", "deny_statuses[6]: 0", "deny_statuses[7]: cannot mean no"},
		},
		{"http: a limit that cannot mean no", remote(func(h *HTTP) { h.DenyStatuses = []int{401, 429} }), []string{"deny_statuses[1]: 429 cannot mean no"}},
		{"http: no status means no", remote(func(h *HTTP) { h.DenyStatuses = nil }), nil},
		{"http: no questions at once", remote(func(h *HTTP) { h.MaxConcurrent = 0 }), []string{"max_concurrent: at least 1"}},
		{"http: a header with a space", remote(func(h *HTTP) { h.Key = KeyPlace{"header", "X Key"} }), []string{"key.name: is no header"}},
		{"http: a header with a line break", remote(func(h *HTTP) { h.Key = KeyPlace{"header", "X\r\nY"} }), []string{"key.name: is no header"}},
		{"http: a header with a colon", remote(func(h *HTTP) { h.Key = KeyPlace{"header", "X:"} }), []string{"key.name: is no header"}},
		{"http: a header of other letters", remote(func(h *HTTP) { h.Key = KeyPlace{"header", "Schlüssel"} }), []string{"key.name: is no header"}},
		{"http: nothing filled in", new(HTTP), []string{"max_concurrent: at least 1", "url: is missing", "user: is missing"}},

		{"ecmwf: a good one", ecmwfAt("https://api.ecmwf.int/v1"), nil},
		{"ecmwf: no URI", newECMWF(), []string{"uri: is missing"}},
		{"ecmwf: without TLS", ecmwfAt("http://api.ecmwf.int/v1"), []string{"uri: without TLS"}},
		{"ecmwf: without TLS, on purpose", &ECMWF{URI: "http://api.ecmwf.int/v1", InsecureHTTP: true, MaxConcurrent: 1}, nil},
		{"ecmwf: a password in the URI", ecmwfAt("https://me:canary%2F7f3a+Rw=@api.ecmwf.int"), []string{"uri: has a user name or password"}},
		{"ecmwf: less than no questions", &ECMWF{URI: "https://api.ecmwf.int/v1", MaxConcurrent: -1}, []string{"max_concurrent: at least 1"}},

		{"plain: a good one", plainUsers(alice), nil},
		{"plain: nobody", plainUsers(), []string{"warning: users: there are none"}},
		{"plain: twice the same", plainUsers(alice, PlainUser{Username: "bob", Password: secret("x")}, alice), []string{`users[2].username: is listed twice`}},
		{"plain: a password and a hash", plainUsers(PlainUser{Username: "alice", Password: secret(canary), PasswordHash: secret(firstBcrypt)}), []string{"users[0].password: stands beside password_hash"}},
		{"plain: neither", plainUsers(PlainUser{Username: "alice"}), []string{"users[0]: has neither password nor password_hash"}},
		{"plain: an empty password", plainUsers(PlainUser{Username: "alice", Password: secret("")}), []string{"users[0].password: is empty"}},
		{"plain: the longest password", plainUsers(PlainUser{Username: "alice", Password: secret(strings.Repeat("a", password.MaxSecret))}), nil},
		{"plain: a password that is too long", plainUsers(PlainUser{Username: "alice", Password: secret(strings.Repeat(canary, 100))}), []string{"users[0].password: is longer than 1024 bytes"}},
		{"plain: no hash", plainUsers(PlainUser{Username: "alice", PasswordHash: secret("")}), []string{"users[0].password_hash: no hash at all"}},
		{"plain: a password for a hash", plainUsers(PlainUser{Username: "alice", PasswordHash: secret(canary)}), []string{"users[0].password_hash: not a supported hash format"}},
		{"plain: a damaged hash", plainUsers(PlainUser{Username: "alice", PasswordHash: secret(firstBcrypt[:50])}), []string{"users[0].password_hash: bcrypt"}},
		{"plain: a hash that is too dear", plainUsers(PlainUser{Username: "alice", PasswordHash: secret("$2y$31$" + firstBcrypt[7:])}), []string{"users[0].password_hash: bcrypt: cost 31"}},
		{"plain: a weak hash", plainUsers(PlainUser{Username: "alice", PasswordHash: secret(firstSHA)}), []string{"users[0].password_hash: weak"}},
		{"plain: a password in braces", plainUsers(PlainUser{Username: "alice", PasswordHash: secret("{PLAIN}" + canary)}), []string{"users[0].password_hash: weak"}},
		{"plain: no name", plainUsers(PlainUser{Password: secret(canary)}), []string{"users[0].username: is empty"}},
		{"plain: a name with a line break", plainUsers(PlainUser{Username: "al\r\nX", Password: secret(canary)}), []string{"users[0].username: control"}},
		{"plain: a name with outer space", plainUsers(PlainUser{Username: "alice ", Password: secret(canary)}), []string{"users[0].username: white space"}},
		{"plain: a role with a line break", plainUsers(PlainUser{Username: "alice", Password: secret(canary), Roles: []string{"a", "b\n", ""}}), []string{"users[0].roles[1]: ", "users[0].roles[2]: is empty"}},

		{"htpasswd: a good one, less its broken lines", &Htpasswd{File: good}, nil},
		{"htpasswd: an empty file", &Htpasswd{File: empty, GroupFile: empty}, nil},
		{"htpasswd: no file", new(Htpasswd), []string{"file: is missing"}},
		{"htpasswd: no file there", &Htpasswd{File: filepath.Join(dir, "none")}, []string{"file: no such file"}},
		{"htpasswd: a folder", &Htpasswd{File: dir}, []string{"file: no regular file"}},
		{"htpasswd: a device", &Htpasswd{File: os.DevNull}, []string{"file: no regular file"}},
		{"htpasswd: no group file there", &Htpasswd{File: good, GroupFile: filepath.Join(dir, "none")}, []string{"group_file: no such file"}},
		{"htpasswd: neither is there", &Htpasswd{File: dir, GroupFile: dir}, []string{"file: no regular file", "group_file: no regular file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := said(conf.Collect(c.config.Check))
			if len(got) != len(c.faults) {
				t.Fatalf("got %q, want %q", got, c.faults)
			}
			for i, want := range c.faults {
				at := strings.LastIndex(want, ": ") // path: piece
				if !strings.HasPrefix(got[i], want[:at+2]) || !strings.Contains(got[i][at+2:], want[at+2:]) {
					t.Errorf("got %q, want %q", got[i], want)
				}
				for _, s := range []string{canary, "canary", firstBcrypt[10:], firstSHA[5:]} {
					if shows(got[i], s) {
						t.Errorf("shows %q: %s", s, got[i])
					}
				}
			}
		})
	}
}

func said(faults []conf.Fault) []string {
	texts := make([]string, len(faults))
	for i, f := range faults {
		texts[i] = f.String()
	}
	slices.Sort(texts)
	return texts
}

func TestInspectListsEveryLineThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	users, groups := filepath.Join(dir, "users"), filepath.Join(dir, "groups")
	writeFile(t, users, "# staff\nalice:"+firstBcrypt+"\nno colon\nbob:$2y$31$"+firstBcrypt[7:]+"\nalice:"+secondBcrypt+"\n")
	writeFile(t, groups, "staff: alice\nno colon\n")
	got := said(conf.Collect((&Htpasswd{File: users, GroupFile: groups}).Inspect))
	want := []string{
		"file: " + users + ":3: has no colon",
		"file: " + users + ":4: bcrypt: cost 31 is not within 4 to 14",
		"file: " + users + ":5: an earlier line has the same name, and that one counts: delete it",
		"group_file: " + groups + ":2: has no colon",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if faults := conf.Collect((&Htpasswd{File: "/nowhere"}).Inspect); len(faults) > 0 {
		t.Errorf("Check has said so: %v", faults)
	}
}

// providers is a config.yaml with nothing but providers.
type providers struct {
	Providers []Entry `yaml:"providers"`
}

func checked(text string, lenient bool) (providers, []string) {
	d := conf.Parse("config.yaml", []byte(text))
	var p providers
	d.Decode(&p, lenient)
	for i := range p.Providers {
		p.Providers[i].Check(d.Report().At("providers", i))
	}
	return p, said(d.Faults())
}

func TestASectionOfConfigYAML(t *testing.T) {
	const entry = "providers:\n- name: one\n  realm: r\n"
	for _, c := range []struct {
		name, text string
		lenient    bool
		want       []string
	}{
		{"http with its defaults", entry + "  type: http\n  url: https://h/\n  user: uid\n", false, nil},
		{
			"http without TLS", entry + "  type: http\n  url: http://h/\n  user: uid\n", false,
			[]string{"config.yaml:5: providers[0].url: keys would travel to h without TLS"},
		},
		{
			"http without TLS, leniently", entry + "  type: http\n  url: http://h/\n  user: uid\n", true,
			[]string{"warning: config.yaml:5: providers[0].url: keys would travel to h without TLS"},
		},
		{
			"a password in the URL, leniently", entry + "  type: http\n  url: https://a:" + canary + "@h/\n  user: uid\n", true,
			[]string{"config.yaml:5: providers[0].url: "},
		},
		{
			"a key's place that is none", entry + "  type: http\n  url: https://h/\n  user: uid\n  key: {in: body}\n", false,
			[]string{"config.yaml:7: providers[0].key.in: "},
		},
		{"an unknown kind", entry + "  type: ldpa\n", false, []string{"config.yaml:4: providers[0].type: "}},
		{
			"a key of another kind", entry + "  type: ecmwf-api\n  uri: https://h/\n  url: https://h/\n", false,
			[]string{"config.yaml:6: providers[0].url: unknown key"},
		},
		{
			"plain users twice, leniently", entry + "  type: plain\n  users: [{username: a, password: x}, {username: a, password: y}]\n", true,
			[]string{"warning: config.yaml:5: providers[0].users[1].username: "},
		},
		{"a number for a password", entry + "  type: plain\n  users: [{username: a, password: 12345}]\n", false, nil},
		{
			"no name and no realm", "providers:\n- type: ecmwf-api\n  uri: https://h/\n", false,
			[]string{"config.yaml:2: providers[0].name: is empty", "config.yaml:2: providers[0].realm: is empty"},
		},
		{
			"a realm with a line break", "providers:\n- {type: ecmwf-api, uri: 'https://h/', name: a, realm: \"a\\nb\"}\n", false,
			[]string{"config.yaml:2: providers[0].realm: "},
		},
		{
			"a realm that no request can ask for", "providers:\n- {type: ecmwf-api, uri: 'https://h/', name: a, realm: zürich}\n", false,
			[]string{"warning: config.yaml:2: providers[0].realm: has other than ASCII letters"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, got := checked(c.text, c.lenient)
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) || shows(got[i], canary) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
			if len(p.Providers) != 1 {
				t.Fatalf("got %d entries", len(p.Providers))
			}
		})
	}
}

func TestDefaultsOfHTTP(t *testing.T) {
	p, _ := checked("providers:\n- {name: a, realm: r, type: http, url: 'https://h/', user: uid}\n", false)
	h := p.Providers[0].Config.(*HTTP)
	if h.Key.In != "authorization" || h.Key.name() != "Bearer" || fmt.Sprint(h.DenyStatuses) != "[401 403]" || h.MaxConcurrent != 32 || h.InsecureHTTP {
		t.Errorf("got %+v", h)
	}
	a := open(t, t.Context(), ecmwfAt("https://h"), newWorld(t).Env).(*httpService)
	if a.spare.most != 32 || fmt.Sprint(a.DenyStatuses) != "[401 403]" {
		t.Errorf("got %+v", a.HTTP)
	}
	if a := open(t, t.Context(), &ECMWF{URI: "https://h", MaxConcurrent: 5}, newWorld(t).Env).(*httpService); a.spare.most != 5 {
		t.Errorf("got %d", a.spare.most)
	}
}

// Lists in config.yaml replace the default; they do not change it for the next section.
func TestSectionsShareNoDefaults(t *testing.T) {
	a, b := newHTTP(), newHTTP()
	a.DenyStatuses[0] = 404
	if b.DenyStatuses[0] != 401 {
		t.Errorf("got %v", b.DenyStatuses)
	}
}

func TestFaultsOfADirectorySection(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*LDAP)
		fault  string
	}{
		"group_base is no DN":                     {func(l *LDAP) { l.GroupBase = "groups" }, `group_base: "groups" is no distinguished name (RFC 4514)`},
		"decoy_dn is no DN":                       {func(l *LDAP) { l.DecoyDN = "decoy" }, `decoy_dn: "decoy" is no distinguished name (RFC 4514)`},
		"group_name is empty":                     {func(l *LDAP) { l.GroupBase, l.GroupName = "dc=example", "" }, `group_name: "" is no attribute's name, such as mail`},
		"group_filter without group_base":         {func(l *LDAP) { l.GroupFilter = "(memberUid={username})" }, "group_base: is missing: no groups are searched for without it"},
		"group_name without group_base":           {func(l *LDAP) { l.GroupName = "ou" }, "group_base: is missing: no groups are searched for without it"},
		"an attribute that is called nothing":     {func(l *LDAP) { l.Attributes = map[string]string{"mail": ""} }, `attributes.mail: "" is no attribute's name, such as mail`},
		"user is every attribute":                 {func(l *LDAP) { l.User, l.UserFilter = "*", "(uid={username})" }, `user: "*" is no attribute's name, such as mail`},
		"roles is no attribute":                   {func(l *LDAP) { l.Roles = "member of" }, `roles: "member of" is no attribute's name, such as mail`},
		"attributes by number and with an option": {func(l *LDAP) { l.Roles, l.Attributes = "2.5.4.11", map[string]string{"name": "cn;lang-fr"} }, ""},
	} {
		l := newLDAP()
		l.Config = directory.Config{URI: "ldaps://d.example", BindDN: "cn=gate", Password: "x", SearchBase: "dc=example"}
		c.change(l)
		got := ""
		for _, fault := range conf.Collect(l.Check) {
			got += fault.String()
		}
		if got != c.fault {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
