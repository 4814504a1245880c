package nginx_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A password is never in a file, nor is anything else of which nginx cannot tell that it is one key.
func TestOnlyBearerIsRemembered(t *testing.T) {
	g := startFake(t, kept("4"))
	f, _ := rememberingSite(t, g.socket, remember)
	for _, test := range []struct {
		name    string
		request request
	}{
		{"a password", authorized(alice)},
		{"a password and a key", authorized(alice + ", " + kate)},
		{"a key and a password", authorized(kate + ", " + alice)},
		{"a key and a password without a space", authorized(kate + "," + alice)},
		{"two keys in one", authorized(kate + "," + kate[len("Bearer "):])},
		{"nothing", request{}},
		{"a key without a scheme", authorized("kates-own-key")},
		{"a scheme without a key", authorized("Bearer")},
		{"a key of a scheme in small letters", authorized("bearer kates-own-key")},
		{"a key of another scheme", authorized("EmailKey kate@example.org:key")},
		{"a key too long to stand beside an answer", authorized("Bearer " + strings.Repeat("x", 4001))},
		{"two realms in one header", authorized(kate, "X-Auth-Realm: portal, local")},
		{"a realm too long to stand beside an answer", authorized(kate, "X-Auth-Realm: "+strings.Repeat("x", 101))},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(g.seen())
			for range 2 {
				send(t, f.Addresses()[0], test.request)
			}
			if n := len(g.seen()) - before; n != 2 {
				t.Errorf("gatehouse was asked %d times, want twice", n)
			}
			if files := remembered(t, f); len(files) != 0 {
				t.Errorf("nginx keeps %q", files)
			}
		})
	}
	t.Run("the longest key that is remembered fits beside the largest answer", func(t *testing.T) {
		large := strings.Replace(kept("4"), "Bearer signed", "Bearer "+strings.Repeat("x", 14_600), 1)
		g.set(large)
		if n := len(large); n < 14_700 || n > 15_000 {
			t.Fatalf("the answer measures %d bytes, which is not near 15000", n)
		}
		got := send(t, f.Addresses()[0], authorized("Bearer "+strings.Repeat("x", 4000), "X-Auth-Realm: "+strings.Repeat("x", 100)))
		if files := remembered(t, f); got.StatusCode != 200 || len(files) != 1 {
			t.Errorf("status %d, want 200; %d files, want 1", got.StatusCode, len(files))
		}
	})
}

// What nginx keeps holds credentials: nobody else may look.
func TestTheFolderIsNginxsAlone(t *testing.T) {
	g := startFake(t, kept("4"))
	f, _ := rememberingSite(t, g.socket, remember)
	send(t, f.Addresses()[0], authorized(kate))
	files := remembered(t, f)
	if len(files) != 1 || !strings.Contains(files[0], kate) || !strings.Contains(files[0], "Bearer signed") {
		t.Errorf("nginx keeps %q: what docs/nginx-cache.md says of it is not so", files)
	}
	list, _ := filepath.Glob(filepath.Join(f.CacheFolder(), "*"))
	for path, want := range map[string]os.FileMode{f.CacheFolder(): os.ModeDir | 0o700, list[0]: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if err := os.Remove(list[0]); err != nil {
		t.Fatal(err)
	}
	if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != 200 || len(g.seen()) != 2 {
		t.Errorf("without the file: status %d, want 200; asked %d times, want 2", got.StatusCode, len(g.seen()))
	}
}

// What the backend and the logs see of a request is the same, asked or remembered.
func TestNobodyBehindNginxSeesThatItRemembered(t *testing.T) {
	g := startFake(t, kept("4"))
	f, b := rememberingSite(t, g.socket, remember+`
    location /nowhere/ {
        include snippets/gatehouse-protect.conf;
    }`)
	withoutID := func(r record) []header {
		return slices.DeleteFunc(r.headers, func(h header) bool { return h.name == "X-Request-ID" })
	}
	spoofed := []string{
		"X-Auth-Username: root", "X-Auth-Roles: operators", "X_Auth_Username: root", "Remote-User: root",
		"Cache-Control: no-cache, no-store", "Pragma: no-cache", "If-None-Match: *", "Range: bytes=0-1", "Cookie: a=b", "Sec-Fetch-Mode: navigate",
	}
	var first []header
	begin := time.Now()
	for i := range 3 {
		got := send(t, f.Addresses()[0], authorized(kate, spoofed...))
		records := b.take()
		if len(records) != 1 || got.StatusCode != 200 || got.body != backendBody {
			t.Fatalf("status %d, %d requests at the backend", got.StatusCode, len(records))
		}
		seen := withoutID(records[0])
		if i == 0 {
			first = seen
		}
		if !slices.Equal(seen, first) || !slices.Equal(records[0].folded("X-Auth-Username"), []string{"alice"}) ||
			!slices.Equal(records[0].folded("Authorization"), []string{"Bearer signed"}) {
			t.Errorf("the backend sees %q, and at first %q", seen, first)
		}
		for _, name := range []string{"Remote-User", "X-Accel-Expires"} {
			if values := records[0].folded(name); len(values) != 0 {
				t.Errorf("the backend sees %s: %q", name, values)
			}
		}
		// A fault that is not gatehouse's is 500 and not 503, here as there.
		assertNotReached(t, b, send(t, f.Addresses()[0], authorized(kate).to("GET /nowhere/ HTTP/1.1")), 500)
	}
	assertAskedOnce(t, len(g.seen()), begin)
	awaitLog(t, filepath.Join(f.Folder, "gatehouse.access.log"), `"alice" "local"`, 6)
}

// awaitLog waits until n lines of a log hold text: nginx writes a line after its answer.
func awaitLog(t *testing.T, path, text string, n int) {
	t.Helper()
	var log []byte
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		log, _ = os.ReadFile(path)
		if strings.Count(string(log), text) == n {
			return
		}
	}
	t.Errorf("not %d lines with %s:\n%s", n, text, log)
}

func TestNginxHasNothingToSayOfTheCache(t *testing.T) {
	f := installed(t, rig.Site{Files: []string{cacheFile, "gatehouse.conf"}, Edits: []rig.Edit{insert(remember)}})
	if out, err := f.Check(); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	f = installed(t, rig.Site{Files: []string{"gatehouse.conf"}, Edits: []rig.Edit{insert(remember)}})
	if out, err := f.Check(); err == nil || !strings.Contains(out, `unknown "gatehouse_bearer" variable`) {
		t.Errorf("the server remembers, and nothing says where: %v\n%s", err, out)
	}
}
