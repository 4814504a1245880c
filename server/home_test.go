package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"html"
	"image/png"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/ecflowrc"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// source is one of the homepage's.
func source(name, realm string, forms ...auth.Form) gate.Source {
	return gate.Source{Name: name, Realm: realm, Forms: forms}
}

// usual is a house with two realms, one for each scheme.
func usual() House {
	return houseOf(source("local-users", "local", auth.Password), source("ecmwf-api-provider", "ecmwf", auth.Opaque))
}

func houseOf(sources ...gate.Source) House {
	return House{Listings: true, Gate: &gate.Gate{Config: gate.Config{Sources: sources}}}
}

func pageOf(t *testing.T, h House) string {
	t.Helper()
	p, err := newHomepage(h, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return string(p.text)
}

// textOf is what a reader of the page sees, one line a line.
func textOf(page string) string {
	_, page, _ = strings.Cut(page, "</style>")
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, ""))
}

func TestTheHomepageTellsHowToLogIn(t *testing.T) {
	keyed := usual()
	keyed.Keys = jwt.Published{KeySet: []byte("{}")}
	asked := usual()
	asked.Contact, asked.Docs = "https://support.example.org/desk/", "https://docs.example.org/"
	for says, row := range map[string]struct {
		house     House
		want, not []string
	}{
		"passwords alone": {
			houseOf(source("a", "local", auth.Password)),
			[]string{"Realm local", "\nUser name and password checked by a\n", "\ncurl -u NAME https://HOST/PATH\n", "~/.netrc", `auth=("NAME", "PASSWORD")`, `"type": "basic"`, "Who am I", "gatehouse v1.2.3"},
			[]string{"Bearer", "bearer", "X-Auth-Realm", "KEY", "Public keys", "Questions", "Documentation"},
		},
		"keys alone": {
			houseOf(source("a", "portal", auth.Opaque)),
			[]string{"Realm portal", "API key or token checked by a", "\ncurl -H 'Authorization: Bearer KEY' https://HOST/PATH\n", `headers={"Authorization": "Bearer KEY"}`, `"type": "bearer"`},
			[]string{"curl -u", "netrc", "password", "PASSWORD", "X-Auth-Realm", "Who am I", "TOKEN"},
		},
		"tokens alone, which ecFlow cannot send": {
			houseOf(source("a", "sso", auth.JWT)),
			[]string{"Signed token (JWT) checked by a", "curl -H 'Authorization: Bearer TOKEN' https://HOST/PATH"},
			[]string{"ecFlow", "netrc", "KEY"},
		},
		"a kind of both keys and tokens": {
			houseOf(source("a", "sso", auth.JWT, auth.Opaque)),
			[]string{"API key or token checked by a", "Signed token (JWT) checked by a"},
			[]string{"X-Auth-Realm"},
		},
		"two realms": {
			usual(),
			[]string{"curl -u NAME -H 'X-Auth-Realm: local' https://HOST/PATH", "curl -H 'Authorization: Bearer KEY' -H 'X-Auth-Realm: ecmwf' https://HOST/PATH", "Without X-Auth-Realm all realms are asked", "requests sends the name and password from there"},
			nil,
		},
		"one realm in two spellings, and two of its providers for the same": {
			houseOf(source("a", "local", auth.Password), source("b", "LOCAL", auth.Password), source("c", "Local", auth.Opaque)),
			[]string{"User name and password checked by a, b\n", "API key or token checked by c"},
			[]string{"LOCAL", "X-Auth-Realm"},
		},
		"a realm that no request can name": {
			houseOf(source("a", "météo", auth.Password), source("b", "local", auth.Password)),
			[]string{"Realm météo", "\ncurl -u NAME https://HOST/PATH\n", "X-Auth-Realm: local"},
			[]string{"X-Auth-Realm: m"},
		},
		"nobody": {
			houseOf(),
			[]string{"Nobody can log in yet", "gatehouse v1.2.3", "Providers"},
			[]string{"curl", "in one of the ways below", "401", "Who am I"},
		},
		"published keys": {keyed, []string{"Public keys"}, nil},
		"a contact":      {asked, []string{"Documentation: docs.example.org\n", "Questions: support.example.org/desk\n"}, nil},
	} {
		text := textOf(pageOf(t, row.house))
		for _, want := range row.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q", says, want)
			}
		}
		for _, not := range row.not {
			if strings.Contains(text, not) {
				t.Errorf("%s: tells of %q", says, not)
			}
		}
		if t.Failed() {
			t.Fatalf("%s:\n%s", says, text)
		}
	}
}

// What config.yaml says tells everybody nothing where server.listings is false.
func TestNothingIsListedWhereListingsAreOff(t *testing.T) {
	address, s := startWith(t, 4000, io.Discard, aliceOnly, func(h *House) {
		h.Listings, h.Contact = false, "mailto:desk@example.org"
		h.Providers = []Listing{{"a", "fake", "here"}}
		h.Keys = jwt.Published{KeySet: []byte("{}")}
		h.Readiness = func() Readiness { return Readiness{Providers: []SourceState{{Listing: Listing{"a", "fake", "here"}}}} }
	})
	c := dial(t, address)
	for path, status := range map[string]int{"/": 200, "/ready": 200, "/providers": 404, "/augmenters": 404} {
		r := c.get(path)
		body, _ := io.ReadAll(r.Body)
		for _, told := range []string{`"here"`, ">here<", "fake", "providers", s.version} {
			if r.StatusCode != status || strings.Contains(string(body), told) {
				t.Errorf("%s: %d, tells of %s: %s", path, r.StatusCode, told, body)
			}
		}
		if path == "/" && !strings.Contains(string(body), `<a href="mailto:desk@example.org">desk@example.org</a>`) {
			t.Errorf("no contact: %s", body)
		}
	}
}

// A browser takes the style, runs no script, and asks nobody else for anything.
func TestTheHomepageStandsAlone(t *testing.T) {
	p, err := newHomepage(usual(), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	page := string(p.text)
	_, style, _ := strings.Cut(page, "<style>")
	style, _, found := strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !found || !strings.Contains(p.policy, want) {
		t.Errorf("the policy %q lacks %q", p.policy, want)
	}
	for _, part := range []string{"default-src 'none';", "frame-ancestors 'none'", "base-uri 'none';", "form-action 'none';"} {
		if !strings.Contains(p.policy, part) {
			t.Errorf("the policy %q lacks %q", p.policy, part)
		}
	}
	if strings.Contains(p.policy, "unsafe") {
		t.Errorf("the policy is %q", p.policy)
	}
	for _, bad := range []string{"<script", "<img", "<iframe", "style=", " on", "url(", "@import"} {
		for _, tag := range append(regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1), style) {
			if strings.Contains(tag, bad) {
				t.Errorf("%s in %.60s", bad, tag)
			}
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !regexp.MustCompile(`^[a-z]+(\.ico)?$`).MatchString(link[1]) {
			t.Errorf("a link to %q", link[1])
		}
	}
	if len(page) > 10_000 {
		t.Errorf("%d bytes", len(page))
	}
	for part, n := range map[string]int{`<html lang="en">`: 1, "<h1>": 1, "<header>": 1, "<main>": 1, "<footer>": 1, "<nav aria-label=": 1, "<title>": 1} {
		if got := strings.Count(page, part); got != n {
			t.Errorf("%d of %s", got, part)
		}
	}
}

// No name makes another page than a tame one does, and none leaves its quotes in a shell.
func TestAnOddNameIsText(t *testing.T) {
	tags := func(name string) []string {
		page := pageOf(t, houseOf(source(name, name, auth.Password), source("b", "other", auth.Opaque)))
		if got := textOf(page); !strings.Contains(got, "Realm "+name+"\n") || !strings.Contains(got, "checked by "+name+"\n") {
			t.Errorf("%q does not stand as it is:\n%s", name, got)
		}
		return regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1)
	}
	want := tags("tame")
	for _, name := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onclick='x", "</style><b>", "&lt;b&gt;", "&amp;", "{{.Version}}", "<!--", "`id`",
		"$(id)", `a'b"c\`, "'; id; '", "!!", "a%0d%0ab", strings.Repeat("w", 128), "*",
	} {
		if got := tags(name); !slices.Equal(got, want) {
			t.Errorf("%q makes another page: %q", name, got)
		}
		got, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+realmHeader(name)).Output()
		if err != nil || string(got) != "X-Auth-Realm: "+name {
			t.Errorf("%q is %q to a shell (%v)", name, got, err)
		}
	}
}

func TestFortyRealmsAreOnOnePage(t *testing.T) {
	var sources []gate.Source
	for i := range 40 {
		sources = append(sources, source(fmt.Sprint("p", i), fmt.Sprint("realm-", i), auth.Password))
	}
	text := textOf(pageOf(t, houseOf(sources...)))
	if n := strings.Count(text, "curl -u NAME -H"); n != 40 || strings.Index(text, "realm-9") > strings.Index(text, "realm-10") {
		t.Errorf("%d realms, or out of order", n)
	}
}

// The real client's rules accept what the page says to write into .ecflowapirc.
func TestTheHomepagesEcFlowFilesWork(t *testing.T) {
	text := textOf(pageOf(t, usual()))
	files := regexp.MustCompile(`(?s)\{ "version".*?\n\} \] \}`).FindAllString(text, -1)
	if len(files) != 2 {
		t.Fatalf("%d files in\n%s", len(files), text)
	}
	escaped := regexp.MustCompile(`www\S+org`).FindString(text)
	for i, sends := range []ecflowrc.Sends{ecflowrc.Basic, ecflowrc.Bearer} {
		v := ecflowrc.Check("x", []byte(strings.ReplaceAll(files[i], "HOST", escaped)), "https://www.example.org:443")
		if !v.OK() || v.Sends != sends {
			t.Errorf("%s\n%s", files[i], v)
		}
	}
}

func TestTheHomepagesHeaders(t *testing.T) {
	address, _ := startWith(t, 4000, io.Discard, aliceOnly, func(*House) {})
	c := dial(t, address)
	for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/favicon.ico": "image/x-icon", "/static/logo.png": "image/png"} {
		c.send("GET " + path + " HTTP/1.1\r\nHost: evil.example.org\r\nX-Forwarded-Host: evil.example.org\r\n\r\n")
		r := c.read()
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cache-Control") == "" || len(body) == 0 || len(r.Cookies()) != 0 {
			t.Errorf("%s: %d %q", path, r.StatusCode, r.Header)
		}
		if bytes.Contains(body, []byte("evil")) {
			t.Errorf("%s shows the request's host", path)
		}
		if path == "/" && (r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Content-Security-Policy") == "") {
			t.Errorf("%s: %q", path, r.Header)
		}
	}
}

// Browsers and phones can read the pictures.
func TestThePicturesAreSuch(t *testing.T) {
	if p, err := png.DecodeConfig(bytes.NewReader(logo)); err != nil || p.Width != 192 || p.Height != 192 {
		t.Errorf("logo: %v %v", p, err)
	}
	if !bytes.HasPrefix(favicon, []byte{0, 0, 1, 0, 3, 0}) {
		t.Fatalf("favicon begins with %x", favicon[:6])
	}
	for i := range 3 {
		entry := favicon[6+16*i:]
		size, at := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
		if p, err := png.DecodeConfig(bytes.NewReader(favicon[at : at+size])); err != nil || p.Width != int(entry[0]) || p.Height != int(entry[1]) {
			t.Errorf("picture %d: %v %v", i, p, err)
		}
	}
}

func TestWhatIsAContact(t *testing.T) {
	for contact, text := range map[string]string{
		"mailto:desk@example.org":            "desk@example.org",
		"mailto:desk@example.org?subject=hi": "desk@example.org",
		"https://support.example.org":        "support.example.org",
		"https://example.org/a/b/?x=1":       "example.org/a/b",
		"desk@example.org":                   "",
		"mailto:desk":                        "",
		"mailto:":                            "",
		"mailto://desk@example.org":          "",
		"http://example.org":                 "",
		"https:///desk":                      "",
		"https://user:pass@example.org":      "",
		"javascript:alert(1)":                "",
		"data:text/html,x":                   "",
		"//example.org":                      "",
		"https://a b":                        "",
	} {
		if got := contactText(contact); got != text {
			t.Errorf("%s: %q, want %q", contact, got, text)
		}
		faults := conf.Collect(Config{MaxHeaderBytes: 4000, ClientIPHeader: "X-Real-IP", VerifyHeader: "v", CertHeader: "c", Contact: contact}.Check)
		if (len(faults) == 0) != (text != "") {
			t.Errorf("%s: %v", contact, faults)
		}
	}
}
