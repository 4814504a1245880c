package secrets_test

import "strings"

// faulty are configurations with a fault at or near a secret, by what is wrong.
func faulty(s *sweep, good string) map[string]string {
	add := func(text string) string { return good + text }
	user := func(fields string) string {
		return add("  - { name: more, type: plain, realm: more, users: [{ username: u, " + fields + " }] }\n")
	}
	service := func(url string) string {
		return add(`  - { name: more, type: http, realm: more, user: uid, url: "` + url + "\" }\n")
	}
	q := func(prefix string) string { return `"` + s.secret(prefix) + `"` }
	return map[string]string{
		"a list for a secret":       user("password: [" + q("") + "]"),
		"a mapping for a secret":    user("password: { a: " + q("") + " }"),
		"a secret as a key":         user("password: { " + q("") + ": a }"),
		"a key that is near":        user("passwrod: " + q("")),
		"an unknown key":            user("password: a1234567, pin: " + q("")),
		"a hash that is none":       user("password_hash: " + q("")),
		"a hash cut off":            user("password_hash: " + q("$2y$12$")),
		"a password and a hash":     user("password: " + q("") + ", password_hash: " + q("$2y$04$")),
		"a file and a password":     user("password: " + q("") + ", password_file: filed.txt"),
		"a control in a password":   user(`password: "\x01` + s.secret("") + `"`),
		"an odd tag":                user("password: !!binary " + q("")),
		"an unknown alias":          user("password: *x, b: " + q("")),
		"an open quote":             good + `  - { name: more, users: [{ password: "` + s.secret("") + "\n",
		"an open quote, one line":   `jwt: { secret: '` + s.secret(""),
		"a tab":                     "jwt:\n\tsecret: " + s.secret("") + "\n",
		"a secret for a line":       add("\n" + s.secret("") + "\n"),
		"a secret for a section":    strings.Replace(good, "state_dir: state", "state_dir: state\njwt: "+s.secret(""), 1),
		"a secret for a provider":   add("  - " + s.secret("") + "\n"),
		"a secret for a kind":       add("  - { name: m, realm: m, type: plain, users: " + q("") + " }\n"),
		"a key that stands twice":   strings.Replace(good, "state_dir: state", `state_dir: state`+"\njwt: { secret: "+q("")+", secret: "+q("")+" }", 1),
		"a short secret":            strings.Replace(good, "state_dir: state", "state_dir: state\njwt: { secret: "+s.word()+" }", 1),
		"a proxy of no kind":        strings.Replace(good, `proxy: "http://`, `proxy: "socks5://`, 1),
		"a proxy with an odd port":  strings.Replace(good, "@127.0.0.1:", "@127.0.0.1:x", 1),
		"a proxy that is a list":    strings.Replace(strings.Replace(good, `proxy: "`, `proxy: ["`, 1), "\" }\nstore", "\"] }\nstore", 1),
		"a proxy's key near":        strings.Replace(good, `proxy: "`, `proxi: "`, 1),
		"a store that is a list":    strings.Replace(good, "store: {", "store: { uri: 3, uri: x, ", 1),
		"a store that is on":        strings.Replace(good, "enabled: false", "enabled: true", 1),
		"a password in a URL":       service("https://u:" + s.word() + "@127.0.0.1/"),
		"a user in a URL":           service("https://" + s.word() + "@127.0.0.1/"),
		"a URL that is none":        service("https://h:x/?k=" + s.secret("")),
		"an escape that is none":    service("https://h/%zz" + s.secret("")),
		"a scheme that is none":     service("ftp://u:" + s.word() + "@h/?k=" + s.secret("")),
		"a URL's fragment":          service("https://h/#" + s.secret("")),
		"a URL without TLS":         service("http://keys.example.org/?k=" + s.secret("")),
		"a URL that is a list":      add("  - { name: m, type: http, realm: m, user: uid, url: [" + q("https://h/?k=") + "] }\n"),
		"a URL's key near":          add("  - { name: m, type: http, realm: m, user: uid, uri: " + q("https://h/?k=") + " }\n"),
		"a URI's key near":          add("  - { name: m, type: ecmwf-api, realm: m, url: " + q("https://h/?k=") + " }\n"),
		"a key name that is a key":  add("  - { name: m, type: http, realm: m, user: uid, url: \"https://h\", key: " + q("") + " }\n"),
		"a secret file not there":   strings.Replace(good, "state_dir: state", "state_dir: state\njwt: { secret_file: nothere }\nlogin: "+q(""), 1),
		"a secret in a block":       add("      >-\n        " + s.secret("") + "\n"),
		"a document behind another": add("---\njwt: { secret: " + q("") + " }\n"),
	}
}
