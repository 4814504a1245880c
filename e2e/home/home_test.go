package home_test

import (
	"encoding/base64"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

const head = `
version: "3"
server: { host: 127.0.0.1, port: 0, socket: "{{folder}}/gatehouse.sock", trusted_proxies: [], contact: "mailto:servicedesk@example.org" }
metrics: { enabled: false }
logging: { format: json, level: info }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
`

// houses are those whose homepage is looked at.
var houses = map[string]string{
	"nobody": "  []\n",
	"usual": `
  - { name: local-users, type: plain, realm: local, users: [{ username: alice, password: secret1 }] }
  - { name: ecmwf-api-provider, type: ecmwf-api, realm: ecmwf, uri: "http://127.0.0.1:9/v1", insecure_http: true }
  - { name: sso, type: jwt, realm: institute, issuer: "https://sso.example.org", cert_uri: "http://127.0.0.1:9/certs", audience: [gatehouse] }
`,
	"many": both(func(yield func(string) bool) {
		for i := range 40 {
			yield(fmt.Sprint("realm-", i))
		}
	}),
	"odd": both(slices.Values([]string{"<script>alert(1)</script>", `"quoted' $(realm)`, "مؤسسة الأرصاد", strings.Repeat("w", 120), "&amp;</style><b>"})),
}

// both is a provider of each sort for each realm.
func both(realms iter.Seq[string]) string {
	var b strings.Builder
	for realm := range realms {
		fmt.Fprintf(&b, "  - { name: %q, type: plain, realm: %q, users: [{ username: alice, password: secret1 }] }\n", "users of "+realm[:min(len(realm), 100)], realm)
		fmt.Fprintf(&b, "  - { name: %q, type: http, realm: %q, url: \"http://127.0.0.1:9\", user: login }\n", "keys of "+realm[:min(len(realm), 100)], realm)
	}
	return b.String()
}

// serve starts gatehouse and returns the URL of its homepage.
func serve(t *testing.T, providers string) string {
	t.Helper()
	g := rig.StartGateway(t, head+providers, nil, nil)
	line := g.Log.AwaitLine(t, 0, `"address":"127.`)
	return "http://" + regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line) + "/"
}

// faint returns each text that stands out from what is behind it by less than 4.5 to 1 (WCAG 2.2, 1.4.3).
const faint = `(() => {
	const rgb = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = rgb(c).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c } return "rgb(255, 255, 255)" };
	const list = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		if (!n.data.trim()) continue;
		const [a, b] = [light(getComputedStyle(n.parentElement).color), light(behind(n.parentElement))].sort((a, b) => b - a);
		if ((a + .05) / (b + .05) < 4.5) list.push(n.data.trim());
	}
	return list;
})()`

// wide returns each element that is wider than the screen, or begins or ends beside it.
const wide = `[...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect(); return r.left < 0 || r.right > innerWidth + .5 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth })
	.map(e => e.tagName + " " + e.textContent.slice(0, 40)).concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])`

func TestTheHomepageFitsEveryScreen(t *testing.T) {
	b := open(t)
	for name, providers := range houses {
		page := serve(t, providers)
		for _, size := range [][2]int{{360, 740}, {1280, 800}} {
			for _, scheme := range []string{"light", "dark"} {
				title := fmt.Sprintf("%s-%dx%d-%s", name, size[0], size[1], scheme)
				b.visit(page, size[0], size[1], scheme)
				b.screenshot(title)
				b.evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil)
				b.screenshot(title + "-open")
				var width int
				if b.evaluate("innerWidth", &width); width != size[0] {
					t.Errorf("%s: laid out for %d", title, width)
				}
				var list []string
				if b.evaluate(wide, &list); len(list) > 0 {
					t.Errorf("%s: too wide: %q", title, list)
				}
				if b.evaluate(faint, &list); len(list) > 0 {
					t.Errorf("%s: hard to read: %q", title, list)
				}
				b.assertCalm(title, page)
			}
		}
	}
}

// assertCalm fails if the browser complained of the page, or if the page fetched anything but itself and its picture.
func (b *browser) assertCalm(title, page string) {
	b.t.Helper()
	asked := regexp.MustCompile(`"url":"([^"]*)"`)
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded":
			b.t.Errorf("%s: %s", title, e.Params)
		case "Network.requestWillBeSent":
			if url := asked.FindSubmatch(e.Params); url == nil || string(url[1]) != page && string(url[1]) != page+"favicon.ico" {
				b.t.Errorf("%s: fetches something: %s", title, e.Params)
			}
		}
	}
}

// screenshot keeps a picture of the screen in $SCREENSHOTS, if that names a folder: of all of the page if it
// is one of an open one.
func (b *browser) screenshot(title string) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture struct {
		Data string `json:"data"`
	}
	b.ask("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": strings.HasSuffix(title, "-open")}, &picture)
	data, err := base64.StdEncoding.DecodeString(picture.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, title+".png"), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Whoever has no mouse sees where they are.
func TestTheKeyboardReachesEveryLink(t *testing.T) {
	b := open(t)
	b.visit(serve(t, houses["usual"]), 1280, 800, "light")
	var want int
	b.evaluate(`document.querySelectorAll("a, summary").length`, &want)
	seen := map[string]bool{}
	for range want {
		b.press("Tab", 9)
		var at struct {
			Text, Outline string
			Width         float64
		}
		b.evaluate(`(e => { const s = getComputedStyle(e); return { Text: e.textContent, Outline: s.outlineStyle, Width: parseFloat(s.outlineWidth) } })(document.activeElement)`, &at)
		if at.Outline != "solid" || at.Width < 2 {
			t.Errorf("%q: no ring around it: %+v", at.Text, at)
		}
		seen[at.Text] = true
	}
	if len(seen) != want || want < 7 {
		t.Errorf("%d of %d were reached: %v", len(seen), want, seen)
	}
}
