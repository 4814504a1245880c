package main

import (
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What `gatehouse check` says of three configurations of auth-o-tron, byte for byte, and no secret of theirs.
func TestMigrationReport(t *testing.T) {
	for _, name := range []string{"ecflow", "estate", "minimal"} {
		path := "testdata/migration/" + name + "/config.yaml"
		want, err := os.ReadFile("testdata/migration/" + name + "/report.txt")
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := runCheck("-c", path)
		if code != 0 || stdout != string(want) {
			t.Errorf("%s: exit %d, and this is not its report:\n%s", name, code, stdout)
		}
		if strings.Contains(stdout+stderr, "canary") {
			t.Errorf("%s: a secret is shown", name)
		}
		code, strict, _ := runCheck("--strict", "-c", path)
		if _, report, _ := strings.Cut(string(want), "\n"); code != 1 || strict != report {
			t.Errorf("%s: --strict: exit %d, %s", name, code, strict)
		}
	}
}

// runCheck is `gatehouse check` in this process.
func runCheck(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = run(append([]string{"check"}, args...), &process{out: &out, err: &err})
	return code, out.String(), err.String()
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Of a configuration of version 3, and of one with a fault, nothing but what was always told.
func TestNoMigrationReport(t *testing.T) {
	dir := folder(t, map[string]string{
		"three.yaml": minimal, "faulty.yaml": "version: 2.0.0\nserver: { port: no }\njwt: { secret: canary }\n",
	})
	if code, stdout, stderr := runCheck("-c", dir+"/three.yaml"); code != 0 || stdout != dir+"/three.yaml: ok\n" || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	for _, path := range []string{dir + "/three.yaml", "testdata/migration/minimal/config.yaml"} {
		if code := run([]string{"check", "-c", path}, &process{out: full{}, err: io.Discard}); code != 1 {
			t.Errorf("%s: exit %d, though nothing could be told", path, code)
		}
	}
	if code, stdout, _ := runCheck("-c", dir+"/faulty.yaml"); code != 1 || stdout != "" {
		t.Errorf("exit %d, %q", code, stdout)
	}
}

// The steps of the report lead to a configuration of version 3 that means the same, and of which there is nothing
// to say.
func TestTheStepsLeadToVersion3(t *testing.T) {
	for _, name := range []string{"ecflow", "estate", "minimal"} {
		old, _ := load("testdata/migration/"+name+"/config.yaml", nil)
		c, doc := load("testdata/migration/"+name+"/version3.yaml", nil)
		if faults := doc.Faults(); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		if c.Version != version3 {
			t.Errorf("%s: version %s", name, c.Version)
		}
		old.JWT.Secret, c.JWT.Secret = nil, nil
		for _, pair := range [][2]any{
			{old.Server, c.Server},
			{old.Metrics, c.Metrics},
			{old.Logging, c.Logging},
			{old.Auth, c.Auth},
			{old.Throttle, c.Throttle},
			{old.JWT, c.JWT},
			{kindsOf(old), kindsOf(c)},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%s: it was %+v, and is %+v", name, pair[0], pair[1])
			}
		}
	}
}

func kindsOf(c *Config) (list []string) {
	for _, p := range c.Providers {
		list = append(list, p.Type+" "+p.Realm)
	}
	for _, a := range c.Augmenters {
		list = append(list, a.Type+" "+a.Realm)
	}
	return list
}

// What one configuration has to be told, and others not.
func TestMigrationRules(t *testing.T) {
	const (
		v1      = "version: 1.0.0\nbind_address: 127.0.0.1:80\n"
		v2      = "version: 2.0.0\nserver: { port: 80 }\n"
		key     = "providers: [{ name: k, type: ecmwf-api, realm: r, uri: 'https://h' }]\n"
		tokens  = "{ name: t, type: jwt, realm: r, cert_uri: 'https://h' }"
		groups  = "augmenters: [{ name: g, type: ldap, realm: r, uri: 'ldaps://h', search_base: dc=d }]\n"
		trusted = "version: 2.0.0\nserver: { port: 80, trusted_proxies: [] }\n"
	)
	seen := map[string]bool{}
	for title, row := range map[string]struct {
		config  string
		environ []string
		want    string   // a line of it
		not     []string // numbers
	}{
		"nothing is asked":                     {v2, nil, "M54 log lines are flat (docs/logging.md), and service.name is gatehouse; key: logging.service_name", []string{"M10", "M11", "M12", "M13", "M16", "M18", "M21", "M31", "M33", "M36", "M51", "M52"}},
		"clients' addresses are known":         {trusted, nil, "M14 who fails too often has to wait: 403 with X-Error-Status: 429, which nginx/snippets make 429", nil},
		"nobody has to wait":                   {trusted + "throttle: { enabled: false }\n", nil, "requests on 0.0.0.0:80", []string{"M14"}},
		"a variable names a proxy":             {v2 + key, []string{"HTTPS_PROXY=http://u:canary@h:1"}, "M31 HTTPS_PROXY: not read: write auth.proxy", nil},
		"nobody is asked by the proxy":         {v2, []string{"HTTPS_PROXY=http://u:canary@h:1"}, `version "3"`, []string{"M31"}},
		"the proxy is configured":              {v2 + key + "auth: { proxy: 'http://p:1' }\n", []string{"HTTPS_PROXY=http://h:1"}, `version "3"`, []string{"M31"}},
		"a URL with a secret in it":            {v2 + strings.Replace(key, "//h", "//h/canary?key=canary", 1), nil, "provider k ecmwf-api, realm r: keys and tokens that are no JWTs (Bearer), asks h, remembers a yes for 1m", nil},
		"variables that go before the address": {v1, []string{"GATEHOUSE_SERVER__PORT=81"}, "bind_address remove it", []string{"M50"}},
		"metrics for this machine":             {v1, nil, `bind_address remove it; write server: { host: "127.0.0.1", port: 80 }`, nil},
		"the realm of EFAS":                    {v2 + "providers: [{ name: e, type: efas-api, realm: efas, uri: 'https://h' }]\n", nil, "M18 e: the key goes URL-encoded into the query", []string{"M19"}},
		"all claims are wanted":                {v2 + "providers: [{ name: t, type: jwt, realm: r, cert_uri: 'https://h', all_claims: true, cache: 2m }]\n", nil, "provider t jwt, realm r: JWTs (Bearer), asks h, remembers a yes for 2m", []string{"M10", "M16", "M23"}},
		"issuer and audience are named":        {v2 + "providers: [{ name: t, type: jwt, realm: r, cert_uri: 'https://h', issuer: i, audience: [a] }]\n", nil, "M26 t: gatehouse's own tokens, those of jwt.iss, let nobody in", []string{"M22"}},
		"keys beside tokens":                   {v2 + key[:len(key)-2] + ", " + tokens + "]\n", nil, "M10 k, t: a JWT is shown only to those of them that take JWTs, a key only to the others", nil},
		"roles that may be missing":            {v2 + strings.Replace(groups, "dc=d", "dc=d, optional: true", 1), nil, "M34 g: the user's name is escaped in the filter", []string{"M13", "M33"}},
		"a directory that is asked as nobody":  {v2 + strings.Replace(groups, "dc=d", "dc=d, ldap_password: canary", 1), nil, "M74 augmenters[0].ldap_password: the directory is searched as nobody; key: bind_dn", nil},
		"roles that may not":                   {v2 + groups, nil, "M33 g: no answer is 503, and not a user without roles; optional: true lets them in", []string{"M13"}},
		"sections of version 2 in version 1":   {v1 + "metrics: { enabled: false }\nserver: { port: 81 }\n", nil, "M51 server, metrics: counts, though auth-o-tron passes over it in version 1.0.0", []string{"M52"}},
		"an address of version 1 in version 2": {v2 + "bind_address: 127.0.0.1:81\n", nil, "M52 bind_address: it is of version 1.0.0, and auth-o-tron passes over it too", []string{"M51"}},
		"no headers were wanted":               {v2 + "include_legacy_headers: false\n", nil, "M38 X-Auth-Username, X-Auth-Realm and X-Auth-Roles are always sent", nil},
		"the log's level by a variable":        {v2, []string{"RUST_LOG=debug"}, "M50 RUST_LOG: no effect, as in auth-o-tron; logging.level counts", nil},
		"auth-o-tron's variables":              {v2, []string{"AOT_JWT__SECRET=canary-of-no-less-than-32-bytes-that-is", "aot_jwt__iss=i"}, "environment AOT_JWT__SECRET, aot_jwt__iss", []string{"M43"}},
		"an issuer that commands the terminal": {v2 + "jwt: { iss: \"a\\e[2J\", secret: canary }\n", nil, `tokens iss "a\x1b[2J", for 1h`, nil},
		"a host that does":                     {"version: 2.0.0\nserver: { host: \"a\\e[2J\", port: 80 }\n", nil, "requests on a\ufffd[2J:80", nil},
		"a socket":                             {"version: 2.0.0\nserver: { socket: /run/s }\n", nil, "M14 who fails too often has to wait: 403 with X-Error-Status: 429, which nginx/snippets make 429", nil},
		"version 3 by a variable":              {v2, []string{"GATEHOUSE_VERSION=1.0.0"}, `version "3"`, nil},
		"a user who stands twice":              {v2 + "providers: [{ name: p, type: plain, realm: r, users: [{ username: canary, password: a }, { username: canary, password: b }] }]\n", nil, "M61 providers[0].users[1].username: a name that stands twice", nil},
		"a key that means nothing":             {v2 + "jwt: { secret: canary, colour: blue }\n", nil, "jwt.colour (line 3) unknown key: remove it", nil},
		"an enabled store":                     {v2 + "store: { enabled: true, type: mongo, uri: 'mongodb://u:canary@h' }\n", nil, "M47 store: tokens of auth-o-tron's store let nobody in, and /token and /tokens are 404", nil},
	} {
		text, lines := reportOf(t, row.config, row.environ)
		if !slices.Contains(lines, row.want) {
			t.Errorf("%s: no line %q in\n%s", title, row.want, text)
		}
		for _, number := range row.not {
			if strings.Contains(text, "  "+number+" ") {
				t.Errorf("%s: %s is told:\n%s", title, number, text)
			}
		}
		if strings.Contains(text, "canary") || strings.ContainsRune(text, '\x1b') {
			t.Errorf("%s: a secret, or what is no text, is shown:\n%s", title, text)
		}
		numbersIn(text, seen)
	}
	for _, name := range []string{"ecflow", "estate", "minimal"} {
		text, err := os.ReadFile("testdata/migration/" + name + "/report.txt")
		if err != nil {
			t.Fatal(err)
		}
		numbersIn(string(text), seen)
	}
	for _, r := range slices.Concat(ignoredHere, differences) {
		if !seen[r.number] {
			t.Errorf("no test has a configuration that %s touches", r.number)
		}
	}
}

// reportOf is the report on a configuration, and its lines, each in one piece.
func reportOf(t *testing.T, config string, environ []string) (string, []string) {
	t.Helper()
	path := filepath.Join(folder(t, map[string]string{"config.yaml": config}), "config.yaml")
	c, doc := load(path, environ)
	if doc.Failed() {
		t.Fatal(doc.Faults())
	}
	var out strings.Builder
	if err := newMigration(path, environ, c, doc).report(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns && !strings.HasPrefix(line, "From") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	var lines []string
	for line := range strings.Lines(regexp.MustCompile(`\n {6,}`).ReplaceAllString(out.String(), " ")) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return out.String(), lines
}

func numbersIn(text string, seen map[string]bool) {
	for _, m := range regexp.MustCompile(`(?m)^  (M\d\d) `).FindAllStringSubmatch(text, -1) {
		seen[m[1]] = true
	}
}

// The page tells of every difference once, each of them is in the report or holds for any configuration, and
// every test that the page names is there.
func TestMigrationPage(t *testing.T) {
	page, err := os.ReadFile("docs/migrate-from-auth-o-tron.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile(`(?m)^\| (M\d\d) \|`).FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, m[1])
	}
	told := map[string]bool{}
	for _, r := range slices.Concat(ignoredHere, differences) {
		told[r.number] = true
	}
	for number := range expand(general) {
		if told[number] {
			t.Errorf("%s is a rule, and said to hold for any configuration", number)
		}
		told[number] = true
	}
	if all := slices.Sorted(maps.Keys(told)); !slices.Equal(rows, all) {
		t.Errorf("the page has rows for %v, and the report knows %v", rows, all)
	}
	var defects []string
	for _, m := range regexp.MustCompile(`(?m)^\| D(\d+) \|`).FindAllStringSubmatch(string(page), -1) {
		defects = append(defects, m[1])
	}
	if len(defects) != 37 || defects[0] != "1" || defects[36] != "37" {
		t.Errorf("the page has rows for these defects: %v", defects)
	}
	there := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !there[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
}

// What the page says to run beside auth-o-tron runs, in the place of what the file says, and knows clients' addresses.
func TestTheMigrationPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("docs/migrate-from-auth-o-tron.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("testdata/migration/ecflow/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	environ := regexp.MustCompile(`GATEHOUSE_[A-Z_]+=[0-9.]+`).FindAllString(string(page), -1)
	if len(environ) != 4 {
		t.Fatalf("the page says to set %q", environ)
	}
	for i, line := range environ {
		environ[i] = regexp.MustCompile(`PORT=\d+`).ReplaceAllString(line, "PORT=0") // any that is free
	}
	r := launch(t, string(config), append(environ, "AOT_LOGGING__FORMAT=json")...)
	address := r.logged(t, "listening", "address")
	if !strings.HasPrefix(address, "127.0.0.1:") {
		t.Errorf("it listens on %s", address)
	}
	for password, want := range map[string]int{"wrong": 401, "somesecret-canary": 200} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/authenticate", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("someuser", password)
		request.Header.Set("X-Real-IP", "192.0.2.1")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: status %d", password, answer.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	line := r.until(t, `"result":"all_failed"`)
	if !strings.Contains(line, `"192.0.2.1"`) || strings.Contains(strings.Join(r.log, ""), "counted against nobody") {
		t.Errorf("the client is not known: %s", line)
	}
}

// expand reads M01–M09, M15 and its like.
func expand(text string) map[string]bool {
	numbers := map[string]bool{}
	for part := range strings.SplitSeq(text, ", ") {
		first, last, ranged := strings.Cut(part, "–")
		if !ranged {
			last = first
		}
		from, _ := strconv.Atoi(first[1:])
		to, _ := strconv.Atoi(last[1:])
		for n := from; n <= to; n++ {
			numbers["M"+string(rune('0'+n/10))+string(rune('0'+n%10))] = true
		}
	}
	return numbers
}

// testNames are the tests of all rooms.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				names[m[1]] = true
			}
		}
	}
	return names
}
