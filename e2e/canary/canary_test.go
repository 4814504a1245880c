package canary

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const bird = "s3cret/bird+of~\"prey\" ü"

// A search that overlooks a form would find nothing for ever.
func TestEveryFormIsFound(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":            bird,
		"in a query":          url.Values{"k": {bird}}.Encode(),
		"in a path":           "/" + url.PathEscape(bird) + "/",
		"hex":                 hex.EncodeToString([]byte("a" + bird)),
		"HEX":                 strings.ToUpper(hex.EncodeToString([]byte(bird))),
		"JSON":                fmt.Sprintf(`{"k":%s}`, `"s3cret/bird+of~\"prey\" ü"`),
		"%q":                  fmt.Sprintf("%q", bird),
		"%+v of bytes":        fmt.Sprintf("%+v", struct{ b []byte }{[]byte("x" + bird + "y")}),
		"base64, alone":       base64.StdEncoding.EncodeToString([]byte(bird)),
		"base64, one before":  base64.StdEncoding.EncodeToString([]byte("u" + bird + "etc")),
		"base64, two before":  base64.StdEncoding.EncodeToString([]byte("u:" + bird + "e")),
		"base64 for URLs":     base64.RawURLEncoding.EncodeToString([]byte(`{"k":"` + bird + `"}`)),
		"a word of a stack":   "main.f(0x622f746572633373, 0x2)",
		"base64, five before": base64.StdEncoding.EncodeToString([]byte("alice" + bird)),
		"base64, of a Basic":  base64.StdEncoding.EncodeToString([]byte("alice:" + bird)),
	} {
		if len(Leaks("before "+text+" after", []string{"another", bird})) != 1 {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	for _, text := range []string{"", bird[1:], strings.ToUpper(bird), "6ecret"} {
		if found := Leaks(text, []string{bird, "short", ""}); found != nil {
			t.Errorf("%q: found %q", text, found)
		}
	}
}

func TestTheSecretsOfAConfiguration(t *testing.T) {
	const config = `
auth: { proxy: "http://user:of-the-proxy@h:1" }
jwt: { secret_file: jwt.txt }
logging: { level: warn }
providers:
  - { type: plain, users: [{ username: a, password: of-a }, { username: b, password_hash: $2y$04$of-b }] }
  - { type: http, url: "https://h/?k=of-a-query&l=of%20another" , key: { in: query, name: token } }
  - { type: htpasswd, file: users }
store: { uri: "mongodb://u:of-the-store@h/d" }
`
	got := InConfig(config, map[string]string{"jwt.txt": "of-jwt\n", "users": "c:of-c\nd:of-d\n# e\n"})
	slices.Sort(got)
	want := []string{"$2y$04$of-b", "of another", "of-a", "of-a-query", "of-c", "of-d", "of-jwt", "of-the-proxy", "of-the-store"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := Level(config); got != "warn" {
		t.Errorf("level %q", got)
	}
	if InConfig("\t: [", nil) != nil || Level("") != "" || Level("logging: 3") != "" {
		t.Error("found something in a text that has nothing")
	}
}
