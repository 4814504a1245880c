package nginx_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// installed writes a configuration without starting it.
func installed(t *testing.T, s rig.Site) *rig.Front {
	t.Helper()
	f := &rig.Front{Folder: rig.Folder(t)}
	s.Gateway, s.Backend = "/run/gatehouse/gatehouse.sock", "127.0.0.1:3001"
	f.Install(t, s)
	return f
}

// With both servers installed, the first has the upstream.
var both = rig.Edit{"gatehouse.conf", "include snippets/gatehouse-upstream.conf;", ""}

func TestNginxHasNothingToSayOfTheFiles(t *testing.T) {
	for _, s := range []rig.Site{
		{Files: []string{"gatehouse.conf"}},
		{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{rig.Uncommented(t, "gatehouse.conf", "    #location /admin/ {", "    #}")}},
		{Files: []string{"ecflow.conf"}},
		{Files: []string{"ecflow.conf", "ecflow-tasks.conf"}},
		{Files: []string{"ecflow.conf", "ecflow-tasks.conf", "gatehouse.conf"}, Edits: []rig.Edit{both}},
	} {
		t.Run(strings.Join(s.Files, " and "), func(t *testing.T) {
			f := installed(t, s)
			out, err := f.Check()
			if err != nil || strings.Count(out, "\n") != 2 || !strings.Contains(out, "test is successful") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// nginx checks buffers against each other, also those that a location takes from further out.
func TestBuffersFurtherOutDoNotStopNginx(t *testing.T) {
	for _, outer := range []string{
		"proxy_buffers 4 256k; proxy_busy_buffers_size 256k;",
		"proxy_busy_buffers_size 16k;",
		"proxy_temp_file_write_size 8k;",
		"proxy_max_temp_file_size 8k;",
		"proxy_buffer_size 1m; proxy_buffers 2 1m; proxy_busy_buffers_size 1m; proxy_temp_file_write_size 1m;",
	} {
		t.Run(outer, func(t *testing.T) {
			f := installed(t, rig.Site{Files: []string{"gatehouse.conf"}, HTTP: outer + "\n"})
			if out, err := f.Check(); err != nil || strings.Count(out, "\n") != 2 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// A mistake that would open the gate must not get past nginx -t.
func TestNginxRefusesMistakes(t *testing.T) {
	for _, test := range []struct {
		name string
		site rig.Site
		want string
	}{
		{
			"the upstream twice",
			rig.Site{Files: []string{"gatehouse.conf", "ecflow.conf"}},
			`duplicate upstream "gatehouse"`,
		},
		{
			"the protection in the server, where a location can lose it",
			rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{insert("include snippets/gatehouse-protect.conf;")}},
			`"proxy_pass" directive is not allowed here in .*/gatehouse-protect.conf`,
		},
		{
			"a proxy_pass beside the protection",
			rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{{"gatehouse.conf", "    location / {\n", "    location / {\n proxy_pass http://site;\n"}}},
			`"proxy_pass" directive is duplicate`,
		},
		{
			"satisfy any beside the protection",
			rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{{"gatehouse.conf", "    location / {\n", "    location / {\n satisfy any;\n"}}},
			`"satisfy" directive is duplicate`,
		},
		{
			"another gate beside the protection",
			rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{{"gatehouse.conf", "    location / {\n", "    location / {\n auth_request off;\n"}}},
			`"auth_request" directive is duplicate`,
		},
		{
			"the protection without its upstream",
			rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{{"gatehouse.conf", "include snippets/gatehouse-upstream.conf;", ""}}},
			`unknown log format "gatehouse"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := installed(t, test.site)
			if out, err := f.Check(); err == nil || !regexp.MustCompile(test.want).MatchString(out) {
				t.Errorf("%v, want %s:\n%s", err, test.want, out)
			}
		})
	}
}

// nginx takes any 2xx for a yes. A backend's must not do, where the question is led to it by mistake.
func TestAYesOfAnybodyElseLetsNobodyIn(t *testing.T) {
	// What the backend answers, this one says at /open/ and /named/, without asking.
	const others = `
    location /open/ {
        proxy_pass http://site;
    }
    location /named/ {
        proxy_pass http://site/named/;
    }`
	for _, test := range []struct {
		name   string
		edits  []rig.Edit
		status int
	}{
		{"the server's part is missing", []rig.Edit{{"gatehouse.conf", "include snippets/gatehouse-server.conf;", ""}}, 500},
		{
			"it is missing, and what is not protected says yes to all",
			[]rig.Edit{
				{"gatehouse.conf", "include snippets/gatehouse-server.conf;", "location = /_gatehouse { proxy_pass http://site; }"},
			},
			502,
		},
		{"a rewrite leads to a yes", []rig.Edit{insert("rewrite ^/_gatehouse /open/ last;")}, 502},
		{"a rewrite leads to a yes with a name", []rig.Edit{insert("rewrite ^/_gatehouse /named/ last;")}, 502},
		{"gatehouse's path is another service", []rig.Edit{{"snippets/gatehouse-server.conf", "proxy_pass http://gatehouse$gatehouse_path;", "proxy_pass http://site;"}}, 502},
		{"the backend is not named", []rig.Edit{{"gatehouse.conf", "set $gatehouse_backend http://site;\n        include", "include"}}, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := startBackend(t)
			f := startFront(t, rig.Site{
				Files: []string{"gatehouse.conf"}, Gateway: startGateway(t).Socket, Backend: b.address,
				Edits: append(test.edits, insert(others)),
			})
			got := send(t, f.Addresses()[0], authorized(alice, "X-Auth-Username: root").to("GET /x HTTP/1.1"))
			if got.StatusCode != test.status || got.body == backendBody {
				t.Errorf("status %d, want %d; body %q", got.StatusCode, test.status, got.body)
			}
			for _, r := range b.take() {
				if strings.Contains(r.line, " /x ") {
					t.Errorf("the backend was asked %q", r.line)
				}
			}
		})
	}
}

func TestTheAccessLogNamesTheUserAndNoQuery(t *testing.T) {
	f, b, _ := startSite(t, "")
	send(t, f.Addresses()[0], authorized(alice).to("GET /page?token=query-secret HTTP/1.1"))
	got := assertReached(t, b, isAlice)
	if got.line != "GET /page?token=query-secret HTTP/1.1" {
		t.Errorf("the backend was asked %q", got.line)
	}
	send(t, f.Addresses()[1], authorized(wrongPass).to("GET /page?token=query-secret HTTP/1.1"))
	want := regexp.MustCompile(`^127\.0\.0\.1 "alice" "local" \[\S+\] "GET /page" 200 12 [0-9.]+ [0-9a-f]{32}
::1 "" "" \[\S+\] "GET /page" 401 \d+ [0-9.]+ [0-9a-f]{32}
$`)
	var log []byte
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error // nginx writes a line after its answer
		if log, err = os.ReadFile(filepath.Join(f.Folder, "gatehouse.access.log")); err != nil {
			t.Fatal(err)
		}
		if want.Match(log) {
			return
		}
	}
	t.Errorf("the log is\n%s", log)
}
