package ecflowrc

import (
	"fmt"
	"strings"
)

// A fileCase is a file and what the client does with it. It is put both to Check and to the real client.
// In the file, HOST and PORT stand for the server's.
type fileCase struct {
	name string
	file string
	want Sends
	used int    // -1: no entry
	sent string // the Authorization header; user:password in clear for Basic
}

func bearer(server, key string) string {
	return fmt.Sprintf(`{"server": %q, "type": "bearer", "api": {"url": "https://u", "key": %q, "email": "e@x"}}`, server, key)
}

func basic(server, user, password string) string {
	return fmt.Sprintf(`{"server": %q, "type": "basic", "api": {"username": %q, "password": %q}}`, server, user, password)
}

func file(entries ...string) string {
	return `{"version": 1, "tokens": [` + strings.Join(entries, ", ") + `]}`
}

func versioned(version string) string {
	return `{"version": ` + version + `, "tokens": [` + bearer(".*", "key1") + `]}`
}

func tokensOf(value string) string { return `{"version": 1, "tokens": ` + value + `}` }

var good = bearer(".*", "key1")

// fileCases were all answered by ecFlow 5.19.0.
var fileCases = []fileCase{
	{"a pattern that is anything matches", file(good), Bearer, 0, "Bearer key1"},
	{"the whole URL matches", file(bearer("https://HOST:PORT", "key1")), Bearer, 0, "Bearer key1"},
	{"the whole URL, escaped, matches", file(bearer(`https://127\.0\.0\.1:PORT`, "key1")), Bearer, 0, "Bearer key1"},
	{"a backslash too many does not match", file(bearer(`https://127\\.0\\.0\\.1:PORT`, "key1")), Nothing, -1, ""},
	{"a pattern around the host matches", file(bearer(".*HOST.*", "key1")), Bearer, 0, "Bearer key1"},
	{"the host alone does not match", file(bearer("HOST", "key1")), Nothing, -1, ""},
	{"host and port do not match without the scheme", file(bearer("HOST:PORT", "key1")), Nothing, -1, ""},
	{"the URL without the port does not match", file(bearer("https://HOST", "key1")), Nothing, -1, ""},
	{"the URL with a slash does not match", file(bearer("https://HOST:PORT/", "key1")), Nothing, -1, ""},
	{"upper case does not match", file(bearer("HTTPS://HOST:PORT", "key1")), Nothing, -1, ""},
	{"another scheme does not match", file(bearer("http://HOST:PORT", "key1")), Nothing, -1, ""},
	{"an empty pattern does not match", file(bearer("", "key1")), Nothing, -1, ""},
	{"a name and a password are sent", file(basic(".*", "u", "p w")), Basic, 0, "Basic u:p w"},
	{"of two that match the first is used, a bearer", file(good, basic(".*", "u", "p")), Bearer, 0, "Bearer key1"},
	{"of two that match the first is used, a basic", file(basic(".*", "u", "p"), good), Basic, 0, "Basic u:p"},
	{"one that does not match is passed over", file(bearer("x", "key0"), good), Bearer, 1, "Bearer key1"},

	{"a bad pattern is a failed connection", file(bearer("*", "key1")), NoConnection, -1, ""},
	{"a bad pattern hides what comes after it", file(bearer("*", "key0"), good), NoConnection, -1, ""},
	{"a bad pattern after the match is not looked at", file(good, bearer("*", "key2")), Bearer, 0, "Bearer key1"},
	{"a bad pattern of an unknown type is not looked at", file(`{"server": "*", "type": "x"}`, good), Bearer, 1, "Bearer key1"},

	{"a missing version voids the file", `{"tokens": [` + good + `]}`, Nothing, -1, ""},
	{"a version that is text voids the file", versioned(`"1"`), Nothing, -1, ""},
	{"version 2 voids the file", versioned("2"), Nothing, -1, ""},
	{"version 1.0 is no integer", versioned("1.0"), Nothing, -1, ""},
	{"version 1e0 is no integer", versioned("1e0"), Nothing, -1, ""},
	{"version true voids the file", versioned("true"), Nothing, -1, ""},
	{"version null voids the file", versioned("null"), Nothing, -1, ""},
	{"of a version the low 32 bits count", versioned("4294967297"), Bearer, 0, "Bearer key1"},
	{"of a negative version too", versioned("-4294967295"), Bearer, 0, "Bearer key1"},
	{"of a version of 64 bits too", versioned("18446744069414584321"), Bearer, 0, "Bearer key1"},
	{"a version of more than 64 bits is no integer", versioned("18446744073709551617"), Nothing, -1, ""},
	{"version in capitals is another word", strings.Replace(versioned("1"), "version", "Version", 1), Nothing, -1, ""},
	{"version may come last", `{"tokens": [` + good + `], "version": 1}`, Bearer, 0, "Bearer key1"},
	{"the later of two versions counts", `{"version": 2, "version": 1, "tokens": [` + good + `]}`, Bearer, 0, "Bearer key1"},
	{"the later of two lists counts", `{"version": 1, "tokens": [` + bearer(".*", "key0") + `], "tokens": [` + good + `]}`, Bearer, 0, "Bearer key1"},

	{"an empty list has no match", file(), Nothing, -1, ""},
	{"no list has no match", `{"version": 1}`, Nothing, -1, ""},
	{"a list that is null has no match", tokensOf("null"), Nothing, -1, ""},
	{"an object is a list in the order of its names", tokensOf(`{"b": ` + bearer(".*", "key0") + `, "a": ` + good + `}`), Bearer, 0, "Bearer key1"},
	{"a list that is text voids the file", tokensOf(`"x"`), Nothing, -1, ""},
	{"a list that is a number voids the file", tokensOf("1.5"), Nothing, -1, ""},
	{"unknown keys are ignored", `{"version": 1, "a": [1], "tokens": [` + strings.Replace(good, "{", `{"b": 2, `, 2) + `]}`, Bearer, 0, "Bearer key1"},

	{"an entry of an unknown type is skipped", file(strings.Replace(bearer(".*", "key0"), `"bearer"`, `"saml"`, 1), good), Bearer, 1, "Bearer key1"},
	{"Bearer in capitals is an unknown type", file(strings.Replace(good, `"bearer"`, `"Bearer"`, 1)), Nothing, -1, ""},
	{"an entry without a type is skipped", file(`{"server": ".*"}`, good), Bearer, 1, "Bearer key1"},
	{"an entry whose type is a number is skipped", file(`{"server": ".*", "type": 1}`, good), Bearer, 1, "Bearer key1"},
	{"an unknown type may be wrong in all else", file(`{"type": "x", "server": 3, "api": []}`, good), Bearer, 1, "Bearer key1"},
	{"an entry that is null is skipped", file("null", good), Bearer, 1, "Bearer key1"},
	{"an entry that is a number voids the file", file(good, "3"), Nothing, -1, ""},
	{"an entry that is text voids the file", file(good, `"x"`), Nothing, -1, ""},
	{"an entry that is a list voids the file", file(good, "[]"), Nothing, -1, ""},
	{"an entry without a server voids the file", file(good, `{"type": "basic", "api": {"username": "u", "password": "p"}}`), Nothing, -1, ""},
	{"a server that is a number voids the file", file(strings.Replace(good, `".*"`, "1", 1)), Nothing, -1, ""},
	{"an entry without api voids the file", file(good, `{"server": "x", "type": "bearer"}`), Nothing, -1, ""},
	{"an api that is text voids the file", file(`{"server": ".*", "type": "bearer", "api": "x"}`), Nothing, -1, ""},
	{"bearer without url voids the file", file(strings.Replace(good, `"url"`, `"x"`, 1)), Nothing, -1, ""},
	{"bearer without key voids the file", file(strings.Replace(good, `"key"`, `"x"`, 1)), Nothing, -1, ""},
	{"bearer without email voids the file", file(strings.Replace(good, `"email"`, `"x"`, 1)), Nothing, -1, ""},
	{"a key that is null voids the file", file(strings.Replace(good, `"key1"`, "null", 1)), Nothing, -1, ""},
	{"basic without username voids the file", file(strings.Replace(basic(".*", "u", "p"), `"username"`, `"x"`, 1)), Nothing, -1, ""},
	{"basic without password voids the file", file(strings.Replace(basic(".*", "u", "p"), `"password"`, `"x"`, 1)), Nothing, -1, ""},

	{"an empty key is not sent", file(bearer(".*", "")), Nothing, 0, ""},
	{"an empty name and password are not sent", file(basic(".*", "", "")), Nothing, 0, ""},
	{"an empty password is sent", file(basic(".*", "u", "")), Basic, 0, "Basic u:"},
	{"an empty name is sent", file(basic(".*", "", "p")), Basic, 0, "Basic :p"},
	{"a name with a colon is sent", file(basic(".*", "u:v", "p")), Basic, 0, "Basic u:v:p"},
	{"a key with a space is sent", file(bearer(".*", "ke y")), Bearer, 0, "Bearer ke y"},
	{"a key with a line break breaks the header", file(bearer(".*", "key1\r\nX-Other: y")), Bearer, 0, "Bearer key1"},
	{"letters of any script are sent as UTF-8", file(basic(".*", "josé", "pä")), Basic, 0, "Basic josé:pä"},

	{"no JSON voids the file", `{"version": 1,`, Nothing, -1, ""},
	{"a comma too many voids the file", tokensOf("[" + good + ",]"), Nothing, -1, ""},
	{"a comment voids the file", "// mine\n" + file(good), Nothing, -1, ""},
	{"text behind the end voids the file", file(good) + " x", Nothing, -1, ""},
	{"a second object voids the file", file(good) + "{}", Nothing, -1, ""},
	{"blank lines around it do not matter", "\n\t" + file(good) + "\r\n\n", Bearer, 0, "Bearer key1"},
	{"a byte order mark does not matter", "\ufeff" + file(good), Bearer, 0, "Bearer key1"},
	{"two byte order marks void the file", "\ufeff\ufeff" + file(good), Nothing, -1, ""},
	{"a NUL byte is the end", file(good) + "\x00x", Bearer, 0, "Bearer key1"},
	{"an empty file is void", "", Nothing, -1, ""},
	{"a file that is a list is void", "[]", Nothing, -1, ""},
	{"a file that is null is void", "null", Nothing, -1, ""},
	{"invalid UTF-8 voids the file", `{"version": 1, "x": "` + "\xff" + `", "tokens": [` + good + `]}`, Nothing, -1, ""},
	{"half a surrogate pair voids the file", `{"version": 1, "x": "\ud800", "tokens": [` + good + `]}`, Nothing, -1, ""},
	{"a whole surrogate pair does not", `{"version": 1, "x": "\\\ud83d\ude00", "tokens": [` + good + `]}`, Bearer, 0, "Bearer key1"},
	{"a number beyond float64 voids the file", `{"version": 1, "x": 1e999, "tokens": [` + good + `]}`, Nothing, -1, ""},
}

// at puts the server into the file.
func (c fileCase) at(host, port string) []byte {
	return []byte(strings.NewReplacer("HOST", host, "PORT", port).Replace(c.file))
}

// A patternCase is a server value and what the client makes of it for a URL https://127.0.0.1:PORT.
type patternCase struct {
	name, pattern string
	want          Sends
}

// patternCases were all answered by ecFlow 5.19.0.
var patternCases = []patternCase{
	{"a lazy star", `.*?`, Bearer},
	{"a star of a star, which ECMAScript refuses", `(?:.*)**`, Bearer},
	{"a plus of a star", `.*+`, Bearer},
	{"anchors change nothing", `^.*$`, Bearer},
	{"alternatives are whole", `https|.*`, Bearer},
	{"part of an alternative is not enough", `https|://.*`, Nothing},
	{"a named class", `[[:alnum:]:/.]+`, Bearer},
	{"an escaped letter without a meaning is itself", `\https://.*`, Bearer},
	{"an escaped slash", `https:\/\/.*`, Bearer},
	{"hexadecimal and Unicode escapes", `\x68\u0074tps.*`, Bearer},
	{"a class escape", `https://\d+\.\d+\.\d+\.\d+:\d{1,5}`, Bearer},
	{"a set of nothing never matches", `[]`, Nothing},
	{"all but nothing is anything", `[^]*`, Bearer},
	{"a closing bracket is itself", `.*]`, Nothing},
	{"a lookahead", `(?=https).*`, Bearer},
	{"a negative lookahead", `(?!http:).*`, Bearer},
	{"a back reference", `ht(t)\1ps.*|h(t)\2ps.*`, Bearer},
	{"a back reference to a group that did not take part fails", `(x)?\1.*`, Nothing},
	{"a word boundary", `\bhttps\b.*`, Bearer},
	{"flags in the pattern are refused", `(?i).*`, NoConnection},
	{"lookbehind is refused", `(?<=x)|.*`, NoConnection},
	{"a named group is refused", `(?<n>.*)`, NoConnection},
	{"a lone brace is refused", `a{|.*`, NoConnection},
	{"an interval without a minimum is refused", `.{,9}`, NoConnection},
	{"an interval upside down is refused", `.{2,1}|.*`, NoConnection},
	{"an interval too big is refused", `.{0,200000}`, NoConnection},
	{"a range upside down is refused", `[z-a]|.*`, NoConnection},
	{"a range from a class is refused", `[\w-x]|.*`, NoConnection},
	{"an open group is refused", `(|.*`, NoConnection},
	{"a closed group that was not opened is refused", `.*)`, NoConnection},
	{"a reference to no group is refused", `\2|.*`, NoConnection},
	{"a backslash at the end is refused", `.*\`, NoConnection},
	{"a quantified anchor is refused", `^*.*`, NoConnection},
}
