package http_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

var aliceWord, wrong = strings.TrimPrefix(alice, "Basic "), basic("alice:x")

// presented are header lines, and whom they let in: "" is 401. 400 ends the connection, too.
var presented = []struct {
	name  string
	lines []string
	user  string
	odd   bool // 400
}{
	{name: "one good login", lines: []string{"Authorization: " + alice}, user: "alice"},
	{name: "good, then wrong", lines: []string{"Authorization: " + alice, "Authorization: " + wrong}},
	{name: "wrong, then good", lines: []string{"Authorization: " + wrong, "Authorization: " + alice}},
	{name: "good twice", lines: []string{"Authorization: " + alice, "Authorization: " + alice}},
	{name: "good and empty", lines: []string{"Authorization: " + alice, "Authorization:"}},
	{name: "good twice, in two spellings of the name", lines: []string{"AUTHORIZATION: " + alice, "authorization: " + alice}},
	{name: "good in another spelling of the name", lines: []string{"aUtHoRiZaTiOn: " + alice}, user: "alice"},
	{name: "an underscore's name is another", lines: []string{"Author_ization: " + alice}},
	{name: "another scheme's spelling", lines: []string{"Authorization: bAsIc " + aliceWord}, user: "alice"},
	{name: "two blanks", lines: []string{"Authorization: Basic  " + aliceWord}, user: "alice"},
	{name: "a tab", lines: []string{"Authorization: Basic\t" + aliceWord}, user: "alice"},
	{name: "blanks around", lines: []string{"Authorization: \t " + alice + " \t"}, user: "alice"},
	{name: "no blank", lines: []string{"Authorization: Basic" + aliceWord}},
	{name: "a word too many", lines: []string{"Authorization: " + alice + " x"}},
	{name: "good, comma, wrong", lines: []string{"Authorization: " + alice + ", " + wrong}, user: "alice"},
	{name: "wrong, comma, good", lines: []string{"Authorization: " + wrong + "," + alice}, user: "alice"},
	{name: "two who are somebody: the first in the header", lines: []string{"Authorization: " + kate + ", " + bob}, user: "kate"},
	{name: "the same in the other order", lines: []string{"Authorization: " + bob + ", " + kate}, user: "bob"},
	{name: "the same credential four times is one", lines: []string{"Authorization: " + strings.Repeat(alice+",", 3) + alice}, user: "alice"},
	{name: "four credentials", lines: []string{"Authorization: Bearer a, Bearer b, Bearer c, " + alice}},
	{name: "a comma at the end", lines: []string{"Authorization: " + alice + ","}},
	{name: "a comma at the beginning", lines: []string{"Authorization: ," + alice}},
	{name: "good, comma, malformed", lines: []string{"Authorization: " + alice + ", Bearer"}},
	{name: "nothing", lines: nil},
	{name: "blank", lines: []string{"Authorization: \t"}},
	{name: "the user's realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm: local"}, user: "alice"},
	{name: "the user's realm in another case", lines: []string{"Authorization: " + alice, "x-AUTH-realm: LOCAL"}, user: "alice"},
	{name: "another realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm: portal"}},
	{name: "the realm twice", lines: []string{"Authorization: " + alice, "X-Auth-Realm: local", "X-Auth-Realm: local"}},
	{name: "two realms", lines: []string{"Authorization: " + alice, "X-Auth-Realm: local", "x-auth-realm: portal"}},
	{name: "realm, comma, realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm: local,portal"}},
	{name: "any realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm: *"}},
	{name: "a realm of 10 kB", lines: []string{"Authorization: " + alice, "X-Auth-Realm: " + strings.Repeat("r", 10_000)}},
	{name: "an empty realm and one", lines: []string{"Authorization: " + alice, "X-Auth-Realm:", "X-Auth-Realm: local"}},
	{name: "a realm that is no ASCII", lines: []string{"Authorization: " + alice, "X-Auth-Realm: loc\xc3\xa4l"}},
	{name: "a Latin-1 byte", lines: []string{"Authorization: Bearer caf\xe9"}},
	{name: "a byte that is no text, in a scheme", lines: []string{"Authorization: B\xe4sic " + aliceWord}},
	{name: "a tab in a key", lines: []string{"Authorization: Bearer a\tb"}},
	{name: "a folded line", lines: []string{"Authorization: Basic", " " + aliceWord}, odd: true},
	{name: "a folded realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm:", "\tlocal"}, odd: true},
	{name: "NUL", lines: []string{"Authorization: " + alice + "\x00"}, odd: true},
	{name: "a control character in the realm", lines: []string{"Authorization: " + alice, "X-Auth-Realm: loc\x01al"}, odd: true},
	{name: "a bare CR", lines: []string{"Authorization: " + alice + "\rX: y"}, odd: true},
	{name: "a blank before the colon", lines: []string{"Authorization : " + alice}, odd: true},
}

// C13: a header that stands twice, or that a proxy could read otherwise, lets nobody in, and the same request
// always gets the same answer.
func TestWhatIsPresentedTwiceOrOddly(t *testing.T) {
	const repeats = 500 // by each way in
	g := start(t)
	for _, e := range g.endpoints() {
		for _, row := range presented {
			request := get("/authenticate", row.lines...)
			if row.odd {
				for range 5 {
					w := dial(t, e)
					if a := w.ask(t, request); a.status != 400 || w.isOpen() {
						t.Errorf("%s: %d, want 400 and an end", row.name, a.status)
					}
				}
				continue
			}
			status := map[bool]int{true: 200, false: 401}[row.user != ""]
			w := dial(t, e)
			first := w.ask(t, request)
			assertIdentity(t, row.name, first, row.user)
			if first.status != status {
				t.Errorf("%s: %d, want %d", row.name, first.status, status)
				continue
			}
			w.assertSame(t, row.name, request, first, repeats)
		}
	}
}

// assertSame sends a request n times more, many at once.
func (w *wire) assertSame(t *testing.T, name, request string, first answer, n int) {
	t.Helper()
	const atOnce = 50
	for range n / atOnce {
		if _, err := io.WriteString(w, strings.Repeat(request, atOnce)); err != nil {
			t.Fatal(err)
		}
		for range atOnce {
			a, err := w.read(http.MethodGet)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if a.status != first.status || a.body != first.body || a.header.Get("X-Auth-Username") != first.header.Get("X-Auth-Username") ||
				a.header.Get("WWW-Authenticate") != first.header.Get("WWW-Authenticate") {
				t.Fatalf("%s: %s, and before %s", name, a.text(), first.text())
			}
		}
	}
}
