package operations_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// A step is what surrounds one block of the page.
type step struct {
	typed         string // by the operator, where they are asked
	before, after func(*machine)
}

const (
	alice = "wonderland\n"
	bob   = "builder-of-things\n"
)

// steps are those of the page's blocks that need more than to be run.
var steps = map[string]step{
	"first user":    {typed: alice},
	"reload":        {after: awaitLog(`"message":"configuration loaded"`)},
	"mended":        {after: awaitLog(`"message":"configuration loaded"`)},
	"add":           {typed: bob, after: func(m *machine) { awaitLog(`"users":2`)(m); m.logsIn("bob:builder-of-things") }},
	"groups":        {after: awaitLog(`"message":"configuration loaded"`)},
	"roles":         {typed: alice},
	"lock out":      {typed: bob},
	"throttled":     {before: throttled},
	"own secret":    {after: awaitLog(`"message":"configuration loaded"`)},
	"verify":        {typed: alice},
	"rotate":        {after: awaitLog(`"message":"configuration loaded"`)},
	"rotated":       {typed: alice, after: notAskedAgain},
	"keys":          {after: func(m *machine) { awaitLog(`"message":"configuration loaded"`)(m); m.signsWith("EdDSA") }},
	"upgrade":       {before: packages},
	"restore":       {before: lost},
	"restored":      {typed: alice},
	"one request":   {before: oneRequest},
	"turn":          {after: turned},
	"down":          {before: func(m *machine) { m.systemctl("stop") }},
	"provider down": {before: providerDown, after: forgets},
	"file refused":  {before: badFile},
}

// mark has awaitLog look at what is logged from now on.
func (m *machine) mark() { m.marked = len(read(m.t, m.service.journal)) }

// awaitLog waits for a line with text in it.
func awaitLog(text string) func(*machine) {
	return func(m *machine) {
		m.t.Helper()
		m.await(text, func() bool { return strings.Contains(read(m.t, m.service.journal)[m.marked:], text) })
	}
}

// await waits until something holds.
func (m *machine) await(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("waited in vain: %s\n%s", what, read(m.t, m.service.journal))
		}
	}
}

func (m *machine) login(credentials string, more ...string) string {
	m.t.Helper()
	return m.ask(append(more, "-u", credentials, "http://gatehouse/authenticate")...)
}

func (m *machine) logsIn(credentials string) {
	m.t.Helper()
	if got := m.login(credentials); got != "200" {
		m.t.Errorf("%s: status %s", credentials, got)
	}
}

// signsWith holds by which algorithm a token is signed.
func (m *machine) signsWith(algorithm string) {
	m.t.Helper()
	head := m.shell("curl -s -u alice:wonderland -o /dev/null -D - --unix-socket run/gatehouse/gatehouse.sock http://gatehouse/authenticate |" +
		` sed -n 's/^Authorization: Bearer \([^.]*\).*/\1/p' | base64 -d 2>/dev/null || true`)
	if !strings.Contains(head, `"`+algorithm+`"`) {
		m.t.Errorf("a token begins %q", head)
	}
}

func (m *machine) systemctl(verb string) {
	m.t.Helper()
	if err := m.service.do(verb); err != nil {
		m.t.Fatal(err)
	}
}

// throttled has somebody guess until they have to wait.
func throttled(m *machine) {
	for n := range 7 {
		if m.login(fmt.Sprintf("carol:guess%d", n), "-H", "X-Real-IP: 192.0.2.7") == "403" {
			return
		}
	}
	m.t.Fatal("seven wrong passwords, and carol does not have to wait")
}

// notAskedAgain holds that whoever is known stays so through a rotation: a yes that was remembered is not in the log.
func notAskedAgain(m *machine) {
	if strings.Contains(read(m.t, m.service.journal)[m.marked:], `"message":"authenticated"`) {
		m.t.Error("the rotation made gatehouse forget alice")
	}
}

// packages makes the packages that the operator has, each with the binary and nothing else.
func packages(m *machine) {
	for _, v := range []string{"1.2.3", "1.2.4"} {
		m.shell("mkdir -p deb/DEBIAN deb/usr/bin; cp usr/bin/gatehouse deb/usr/bin; " +
			`printf 'Package: gatehouse\nVersion: ` + v + `\nArchitecture: amd64\nMaintainer: a <a@example.org>\nDescription: gatehouse\n' >deb/DEBIAN/control; ` +
			"dpkg-deb -Znone --build deb root/gatehouse_" + v + "_amd64.deb >/dev/null")
	}
}

// lost is a machine after the loss: the package was installed anew, and was started once, which made it another secret.
func lost(m *machine) {
	m.systemctl("stop")
	secret := m.root + "/var/lib/gatehouse/jwt.secret"
	before := read(m.t, secret)
	m.shell("rm -r etc var/lib/gatehouse")
	m.install()
	m.systemctl("start")
	if read(m.t, secret) == before || strings.Contains(read(m.t, m.root+"/etc/gatehouse/users.htpasswd"), "alice") {
		m.t.Error("nothing was lost")
	}
}

// oneRequest is one that nginx asked about, with its line in nginx's log.
func oneRequest(m *machine) {
	const id = "5ac3f0b77b0e4e6f8d6f7f1d2a3b4c5d"
	if got := m.ask("-u", "alice:wonderland", "-H", "X-Real-IP: 192.0.2.8", "-H", "X-Request-ID: "+id, "http://gatehouse/authenticate/admins"); got != "403" {
		m.t.Errorf("status %s", got)
	}
	if !strings.Contains(read(m.t, source+"/nginx/snippets/gatehouse-upstream.conf"), `"$request_method $uri" $status $body_bytes_sent $request_time $request_id'`) {
		m.t.Error("nginx logs otherwise")
	}
	m.write("var/log/nginx/gatehouse.access.log", `192.0.2.8 "" "" [2026-03-01T11:00:00+00:00] "GET /admin/" 403 22 0.001 `+id+"\n")
}

func turned(m *machine) {
	m.await("a new audit file", func() bool {
		m.login("alice:wrong" + time.Now().String())
		return strings.TrimSpace(m.shell("ls var/log/gatehouse")) == "audit.log\naudit.log.1"
	})
}

// providerDown gives the machine a service that says whose a key is, with stale_if_error, and takes it away again.
func providerDown(m *machine) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"name": "dora"}`) }))
	defer service.Close()
	section := "  - name: api-keys\n    type: http\n    realm: portal\n    url: " + service.URL + "\n    user: name\n    cache: 1s\n    stale_if_error: 1h\n"
	m.edit("\n# What a location demands", section+"\n# What a location demands")
	awaitLog(`"message":"configuration loaded"`)(m)
	if got := m.key("known"); got != "200" {
		m.t.Errorf("the service knows a key, and gatehouse says %s", got)
	}
	service.Close()
	if got := m.key("unknown"); got != "503" {
		m.t.Errorf("a new key in an outage: %s", got)
	}
	time.Sleep(1100 * time.Millisecond)
	if got := m.key("known"); got != "200" {
		m.t.Errorf("a known key in an outage: %s", got)
	}
}

// forgets is why the page says not to touch the section of a provider that is down.
func forgets(m *machine) {
	m.edit("    stale_if_error: 1h\n", "")
	awaitLog(`"message":"configuration loaded"`)(m)
	if got := m.key("known"); got != "503" {
		m.t.Errorf("after a change of the provider's section a known key is answered with %s: change what the page says", got)
	}
}

func (m *machine) key(secret string) string {
	m.t.Helper()
	return m.ask("-H", "Authorization: Bearer "+secret, "-H", "X-Real-IP: 192.0.2.9", "http://gatehouse/authenticate")
}

// edit changes config.yaml in its place.
func (m *machine) edit(from, to string) {
	m.t.Helper()
	text := read(m.t, m.root+"/etc/gatehouse/config.yaml")
	if !strings.Contains(text, from) {
		m.t.Fatalf("config.yaml has no %q:\n%s", from, text)
	}
	m.mark()
	m.write("etc/gatehouse/config.yaml", strings.Replace(text, from, to, 1))
}

// badFile is a password file without a line that can be used.
func badFile(m *machine) {
	m.write("etc/gatehouse/users.htpasswd", "alice wonderland\n")
	m.await("the file is refused", func() bool {
		return strings.Contains(m.shell("curl -s http://127.0.0.1:"+m.port+"/metrics"), `gatehouse_file_bad{provider_name="local-users"} 1`)
	})
}
