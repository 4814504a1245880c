package nginx_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

const (
	cacheFile = "snippets/gatehouse-cache.conf"
	remember  = "set $gatehouse_cache $gatehouse_bearer;"
)

// kept is a yes that nginx may keep for so many seconds; more are headers of it.
func kept(seconds string, more ...string) string {
	head := strings.Join(append([]string{"HTTP/1.1 200 OK", "X-Accel-Expires: " + seconds}, more...), "\r\n") + "\r\n"
	return strings.Replace(fakeYes, "HTTP/1.1 200 OK\r\n", head, 1)
}

// anotherYes lets in as well as 200 does.
const anotherYes = "HTTP/1.1 204 No Content\r\nX-Accel-Expires: 4\r\nX-Auth-Username: alice\r\n\r\n"

// assertAskedOnce wants one question since begin, about what nginx may then keep for 4 s. On a machine that has
// stalled for so long, it may have asked again.
func assertAskedOnce(t *testing.T, asked int, begin time.Time) {
	t.Helper()
	if late := time.Since(begin) >= 4*time.Second; asked < 1 || asked > 1 && !late {
		t.Errorf("gatehouse was asked %d times, want once", asked)
	}
}

// withLine puts a line before all headers of an answer.
func withLine(answer, line string) string {
	return strings.Replace(answer, "\r\n", "\r\n"+line+"\r\n", 1)
}

// named is a yes to another user.
func named(answer, user string) string { return strings.Replace(answer, "alice", user, 1) }

// rememberingSite is gatehouse.conf where nginx remembers, with more in its server.
func rememberingSite(t *testing.T, socket, more string, edits ...rig.Edit) (*rig.Front, *backend) {
	t.Helper()
	b := startBackend(t)
	return startFront(t, rig.Site{
		Files: []string{cacheFile, "gatehouse.conf"}, Gateway: socket, Backend: b.address,
		HTTP:  "    proxy_cache_path " + rig.Folder(t) + "/cache keys_zone=everything:1m;\n",
		Edits: append(edits, insert(more)),
	}), b
}

// remembered returns what nginx keeps.
func remembered(t *testing.T, f *rig.Front) (files []string) {
	t.Helper()
	list, err := os.ReadDir(f.CacheFolder())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range list {
		text, err := os.ReadFile(filepath.Join(f.CacheFolder(), file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(text))
	}
	return files
}

func TestNginxRemembersNothingUnlessItIsTold(t *testing.T) {
	for _, test := range []struct {
		name  string
		files []string
	}{
		{"as shipped", []string{"gatehouse.conf"}},
		{"the folder is named, and no server says so", []string{cacheFile, "gatehouse.conf"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, b := startFake(t, kept("4")), startBackend(t)
			f := startFront(t, rig.Site{Files: test.files, Gateway: g.socket, Backend: b.address})
			for range 3 {
				if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != 200 {
					t.Errorf("status %d, want 200", got.StatusCode)
				}
			}
			if n := len(g.seen()); n != 3 {
				t.Errorf("gatehouse was asked %d times, want 3", n)
			}
		})
	}
}

// hostileCache is what an operator may have set further out for other sites.
const hostileCache = `
    proxy_cache_use_stale error timeout invalid_header updating http_500 http_502 http_503 http_504 http_403;
    proxy_cache_background_update on;
    proxy_cache_lock on;
    proxy_cache_min_uses 3;
    proxy_cache_bypass 1;
    proxy_no_cache 1;
    proxy_buffering off;
    open_file_cache_valid 1h;
    open_file_cache_errors on;` + hostileServer

func TestAYesIsRememberedForItsTimeOnly(t *testing.T) {
	for _, variant := range []struct{ name, server string }{
		{"as shipped", remember},
		{"in hostile surroundings", remember + hostileCache},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			g := startFake(t, kept("1"))
			f, b := rememberingSite(t, g.socket, variant.server)
			begin := time.Now()
			for range 5 {
				if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != 200 {
					t.Errorf("status %d, want 200", got.StatusCode)
				}
			}
			end := time.Now()
			if n := len(g.seen()); n != 1 && end.Sub(begin) < time.Second {
				t.Errorf("gatehouse was asked %d times, want once", n)
			}
			g.set(hangUp) // nobody can be asked, and the old yes is no answer
			time.Sleep(time.Until(end.Add(2 * time.Second)))
			b.take()
			assertNotReached(t, b, send(t, f.Addresses()[0], authorized(kate)), 503)
		})
	}
}

// Whatever gatehouse and all around say, only a yes that it lets nginx keep for less than 5 s is kept: nginx
// counts whole seconds and goes on until the last is over, so that 4 of them may be almost 5.
func TestNoOtherAnswerIsRemembered(t *testing.T) {
	for _, variant := range []struct{ name, server string }{
		{"as shipped", remember},
		{"in hostile surroundings", remember + hostileCache},
	} {
		t.Run(variant.name, func(t *testing.T) {
			g := startFake(t, fakeYes)
			f, b := rememberingSite(t, g.socket, variant.server)
			for _, test := range []struct {
				name, answer string
				status       int
			}{
				{"a yes that says nothing", fakeYes, 200},
				{"a yes not to be kept", kept("0", "Cache-Control: no-store"), 200},
				{"a yes not to be kept, told last", withLine(kept("0"), "Cache-Control: no-store"), 200},
				{"a yes not to be kept, and to be kept", kept("0", "Cache-Control: max-age=60"), 200},
				{"a yes to be kept, and not to be kept", withLine(kept("0"), "Cache-Control: max-age=60"), 200},
				{"a yes to be kept by everybody else's header", withLine(fakeYes, "Cache-Control: public, max-age=60, stale-if-error=60"), 200},
				{"a yes to be kept until a date", withLine(fakeYes, "Expires: Thu, 31 Dec 2099 23:59:59 GMT"), 200},
				{"a yes to be kept for too long", kept("5"), 200},
				{"a yes to be kept for much too long", kept("40"), 200},
				{"a yes to be kept until a second", kept("@4102444800"), 200},
				{"a yes to nobody", strings.Replace(kept("4"), "X-Auth-Username: alice\r\n", "", 1), 502},
				{"a yes that says nothing, to a name that does", named(fakeYes, "200 4 x"), 200},
				{"the same in another order", named(fakeYes, "4 200 x"), 200},
				{"a yes to be kept for too long, to a name that says less", named(kept("40"), "200 4 x"), 200},
				{"another yes to a name that says otherwise", named(anotherYes, "200 4 x"), 200},
				{"another yes", anotherYes, 200},
				{"a refusal", withLine(plainNo, "X-Accel-Expires: 4"), 403},
				{"a refusal with a name", withLine(plainNo, "X-Accel-Expires: 4\r\nX-Auth-Username: alice"), 403},
				{"too many failures", withLine(tooOften, "X-Accel-Expires: 4"), 429},
				{"a wrong key", withLine(notYou, "X-Accel-Expires: 4\r\nX-Auth-Username: alice"), 401},
				{"no decision", withLine(overload, "X-Accel-Expires: 4\r\nX-Auth-Username: alice"), 503},
			} {
				t.Run(test.name, func(t *testing.T) {
					g.set(test.answer)
					before := len(g.seen())
					for range 2 {
						if got := send(t, f.Addresses()[0], authorized(kate)); got.StatusCode != test.status {
							t.Errorf("status %d, want %d", got.StatusCode, test.status)
						}
					}
					if n := len(g.seen()) - before; n != 2 {
						t.Errorf("gatehouse was asked %d times, want twice", n)
					}
					if files := remembered(t, f); len(files) != 0 {
						t.Errorf("nginx keeps %q", files)
					}
				})
			}
			b.take()
		})
	}
}

// gatehouse says no-store to all but nginx. nginx 1.22 would go by whichever header comes first.
func TestTheOrderOfTheHeadersDoesNotMatter(t *testing.T) {
	g := startFake(t, "")
	f, _ := rememberingSite(t, g.socket, remember)
	for i, answer := range []string{kept("4", "Cache-Control: no-store"), withLine(kept("4"), "Cache-Control: no-store")} {
		g.set(answer)
		begin, before, key := time.Now(), len(g.seen()), authorized(fmt.Sprintf("Bearer key-%d", i))
		for range 3 {
			send(t, f.Addresses()[0], key)
		}
		assertAskedOnce(t, len(g.seen())-before, begin)
	}
}

// Who comes while another asks the same asks too. Had they to wait, nginx would look after them every 500 ms.
func TestNobodyWaitsForAnothersAnswer(t *testing.T) {
	var asked atomic.Int64
	both := make(chan struct{})
	door := openDoor(t, func(conn net.Conn) {
		if _, err := readHead(bufio.NewReader(conn)); err != nil {
			return
		}
		if asked.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
			_, _ = io.WriteString(conn, kept("4"))
		case <-time.After(5 * time.Second): // nginx has given up
		}
	})
	f, _ := rememberingSite(t, door.socket, remember+hostileCache,
		rig.Edit{"snippets/gatehouse-server.conf", "proxy_read_timeout          6s;", "proxy_read_timeout 3s;"})
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			conn := dial(t, f.Addresses()[0], "")
			defer conn.Close()
			if got := exchange(t, conn, authorized(kate)); got.StatusCode != 200 {
				t.Errorf("status %d, want 200", got.StatusCode)
			}
		})
	}
	running.Wait()
}
