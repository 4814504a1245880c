package auth_test

import (
	"strings"
	"testing"

	"gatehouse/auth"
)

func TestCheckName(t *testing.T) {
	const (
		usable  = ""
		empty   = "is empty"
		long    = "is longer than 128 bytes"
		invalid = "is not valid UTF-8"
		outer   = "begins or ends with white space"
		control = "has a control, format or line-separator character"
	)
	for name, row := range map[string]struct{ text, want string }{
		"a plain name":                         {"alice", usable},
		"one byte":                             {"a", usable},
		"128 bytes":                            {strings.Repeat("a", 128), usable},
		"an address":                           {"alice@example.org", usable},
		"a space inside":                       {"Alice Liddell", usable},
		"a comma":                              {"a,b", usable},
		"quotes and backslashes":               {`a"b\c`, usable},
		"é in one code point":                  {"\u00e9", usable},
		"é in two":                             {"e\u0301", usable},
		"another script":                       {"Алиса", usable},
		"beyond the basic plane":               {"𝒜", usable},
		"a no-break space inside":              {"a\u00a0b", usable},
		"nothing":                              {"", empty},
		"129 bytes":                            {strings.Repeat("a", 129), long},
		"129 bytes in 65 letters":              {strings.Repeat("é", 64) + "a", long},
		"bytes that are no UTF-8":              {"al\xffice", invalid},
		"an overlong NUL":                      {"al\xc0\x80ice", invalid},
		"half a surrogate pair":                {"\xed\xa0\x80", invalid},
		"a cut code point":                     {"al\xe2\x82", invalid},
		"what a decoder puts for bad bytes":    {"al\ufffdice", invalid},
		"a space before":                       {" alice", outer},
		"a space after":                        {"alice ", outer},
		"a space alone":                        {" ", outer},
		"a tab before":                         {"\talice", outer},
		"a newline after":                      {"alice\n", outer},
		"a no-break space after":               {"alice\u00a0", outer},
		"an ideographic space before":          {"\u3000alice", outer},
		"a line separator after":               {"alice\u2028", outer},
		"a CRLF and a header":                  {"al\r\nX-Auth-Roles: admin", control},
		"a newline":                            {"al\nice", control},
		"a carriage return":                    {"al\rice", control},
		"a tab":                                {"al\tice", control},
		"a NUL":                                {"al\x00ice", control},
		"a NUL at the end":                     {"alice\x00", control},
		"U+0001":                               {"al\x01ice", control},
		"an escape":                            {"\x1b[2J", control},
		"DEL":                                  {"al\x7fice", control},
		"a C1 control":                         {"al\u009bice", control},
		"NEL":                                  {"al\u0085ice", control},
		"a line separator":                     {"al\u2028ice", control},
		"a paragraph separator":                {"al\u2029ice", control},
		"an override of the writing direction": {"al\u202eice", control},
		"an isolate of the writing direction":  {"al\u2066ice", control},
		"a zero-width space":                   {"al\u200bice", control},
		"a byte order mark":                    {"\ufeffalice", control},
		"a soft hyphen":                        {"al\u00adice", control},
		"a tag character":                      {"alice\U000e0041", control},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := auth.CheckName(row.text); err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("%q: got %q, want %q", row.text, got, row.want)
			}
		})
	}
}

func TestSameRealm(t *testing.T) {
	for name, row := range map[string]struct {
		a, b string
		want bool
	}{
		"equal text":                        {"ecmwf", "ecmwf", true},
		"ASCII letters in another case":     {"ECMWF", "ecmwf", true},
		"all of the alphabet":               {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", true},
		"signs beside the letters":          {"a-b.c_1", "A-B.C_1", true},
		"a longer one":                      {"ecmwf", "ecmwf2", false},
		"a shorter one":                     {"ecmwf", "ecm", false},
		"nothing":                           {"", "ecmwf", false},
		"a star is no wildcard":             {"*", "a", false},
		"a list is no realm":                {"a,b", "a", false},
		"outer space":                       {"a ", "a", false},
		"@ is not the upper case of `":      {"@", "`", false},
		"[ is not the upper case of {":      {"[", "{", false},
		"] is not the upper case of }":      {"]", "}", false},
		"a space is not NUL":                {" ", "\x00", false},
		"the Kelvin sign is no k":           {"\u212a", "k", false},
		"k is no Kelvin sign":               {"kkk", "\u212a", false},
		"a dotted capital I is no i":        {"İ", "i", false},
		"a dotted capital I is no i and ̇.": {"İ", "i\u0307", false},
		"ß is not ss":                       {"ß", "ss", false},
		"ß is not SS of the same length":    {"SS", "ß", false},
		"a long s is no s":                  {"ſ", "s", false},
		"other than ASCII names no realm":   {"süd", "süd", false},
		"nor in another case":               {"SÜD", "süd", false},
		"nor as bytes":                      {"\xff", "\xff", false},
		"one byte apart from 0x80":          {"a\x80", "a\x00", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := auth.SameRealm(row.a, row.b); got != row.want {
				t.Errorf("SameRealm(%q, %q) = %t", row.a, row.b, got)
			}
			if got := auth.SameRealm(row.b, row.a); got != row.want {
				t.Errorf("SameRealm(%q, %q) = %t, and not the other way round", row.b, row.a, got)
			}
		})
	}
}

func TestIsToken(t *testing.T) {
	for s, want := range map[string]bool{
		"X-Real-IP": true, "a": true, "!#$%&'*+-.^_`|~09azAZ": true,
		"": false, "X Real": false, "X:": false, "a\n": false, "\x7f": false, "é": false, "a/b": false, `"`: false, "a@": false, "(": false,
	} {
		if auth.IsToken(s) != want {
			t.Errorf("%q: want %t", s, want)
		}
	}
}
