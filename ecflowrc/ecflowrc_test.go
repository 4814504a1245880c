package ecflowrc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const url = "https://127.0.0.1:8443"

func TestCheckSaysWhatTheClientDoes(t *testing.T) {
	for _, c := range fileCases {
		t.Run(c.name, func(t *testing.T) {
			v := Check(".ecflowapirc", c.at("127.0.0.1", "8443"), url)
			if v.Sends != c.want || v.Used != c.used {
				t.Errorf("sends %v by entry %d, want %v by %d\n%s", v.Sends, v.Used, c.want, c.used, v)
			}
			if v.OK() && c.sent == "" {
				t.Errorf("OK, but nothing is sent\n%s", v)
			}
		})
	}
}

func TestPatternIsReadAsTheClientDoes(t *testing.T) {
	for _, c := range patternCases {
		t.Run(c.name, func(t *testing.T) {
			if v := Check(".ecflowapirc", []byte(file(bearer(c.pattern, "key1"))), url); v.Sends != c.want {
				t.Errorf("%s: sends %v, want %v\n%s", c.pattern, v.Sends, c.want, v)
			}
		})
	}
}

func TestPatternThatTakesForeverIsNotWaitedFor(t *testing.T) {
	v := Check(".ecflowapirc", []byte(file(bearer(`((h|t|p|s|:|/|\d|\.)*)*x`, "key1"), good)), url)
	if v.Sends != Undecided || v.OK() {
		t.Errorf("%s", v)
	}
}

func TestOnlyAUsableCredentialIsOK(t *testing.T) {
	for _, test := range []struct {
		name, entry string
		ok          bool
	}{
		{"a key", bearer(".*", "abc-._~+/09=="), true},
		{"a name and a password", basic(".*", "u", "p:w ä"), true},
		{"a key with a space", bearer(".*", "a b"), false},
		{"a key with a line break", bearer(".*", "ab\n"), false},
		{"a key beyond ASCII", bearer(".*", "é"), false},
		{"a key too long", bearer(".*", strings.Repeat("a", 8193)), false},
		{"an empty key", bearer(".*", ""), false},
		{"a name with a colon", basic(".*", "u:v", "p"), false},
		{"a password with a line break", basic(".*", "u", "p\n"), false},
		{"an empty password", basic(".*", "u", ""), false},
		{"an empty name", basic(".*", "", "p"), false},
		{"neither name nor password", basic(".*", "", ""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if v := Check(".ecflowapirc", []byte(file(test.entry)), url); v.OK() != test.ok {
				t.Errorf("OK is %v\n%s", v.OK(), v)
			}
		})
	}
}

func TestNotesAndWarnings(t *testing.T) {
	const domain = "https://your_domain.com"
	for _, test := range []struct{ name, server, entry, want string }{
		{"the documented value gets a suggestion", domain, bearer("your_domain.com", "k"), `"https://your_domain\\.com:443"`},
		{"the host alone is named as the reason", domain, bearer("your_domain.com", "k"), "matches the host alone"},
		{"a missing scheme is named", domain, bearer("your_domain.com:443", "k"), "lacks the scheme"},
		{"a missing port is named", domain, bearer("https://your_domain.com", "k"), "lacks the port"},
		{"another scheme is named", domain, bearer("http://your_domain.com:443", "k"), "is for http"},
		{"another case is named", "https://Your_Domain.com", bearer(".*your_domain.com.*", "k"), "upper and lower case"},
		{"a part is named", domain, bearer("domain", "k"), "matches a part only"},
		{"any host is warned of", domain, bearer(".*", "k"), "to any server"},
		{"any host is sent to in clear", domain, bearer(".*", "k"), "in clear when the client is run with --http"},
		{"a dot for any character is warned of", domain, bearer("https://your_domain.com:443", "k"), "your_domainxcom:443"},
		{"a longer domain is warned of", domain, bearer(`https://your_domain.*`, "k"), "elsewhere.example:443"},
		{"http is warned of", "http://your_domain.com:80", bearer(".*", "k"), "over http the secret is sent in clear"},
		{"TLS is never verified", domain, bearer(".*", "k"), "does not verify"},
		{"a second match is named", domain, bearer(".*", "k") + "," + basic(".*", "u", "p"), "entry 1 ends its search"},
		{"the user name is shown", domain, basic(".*", "who", "p"), `the name "who"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if out := Check(".ecflowapirc", []byte(file(test.entry)), test.server).String(); !strings.Contains(out, test.want) {
				t.Errorf("no %q in\n%s", test.want, out)
			}
		})
	}
}

func TestSuggestionMatchesAndLeaksNowhere(t *testing.T) {
	for _, server := range []string{"https://your_domain.com", "host-1.example:8443", "https://[::1]:443", "http://a.b:80"} {
		to, err := parseTarget(server)
		if err != nil {
			t.Fatal(err)
		}
		data := strings.Replace(file(bearer("X", "k")), `"X"`, to.suggestion(), 1)
		v := Check(".ecflowapirc", []byte(data), server)
		if !v.OK() || len(v.Warnings) != 1 {
			t.Errorf("%s", v)
		}
	}
}

func TestServerIsWhatTheClientIsToldOf(t *testing.T) {
	for _, test := range []struct{ name, server, want string }{
		{"a URL", "https://a.b:8443", "https://a.b:8443"},
		{"a URL without a port means 443", "https://a.b", "https://a.b:443"},
		{"an http URL without a port means 80", "http://a.b/", "http://a.b:80"},
		{"host and port mean https", "a.b:443", "https://a.b:443"},
		{"the host stays as typed", "HTTPS://A.b:443", "https://A.b:443"},
		{"brackets stay", "https://[::1]:3141", "https://[::1]:3141"},
		{"an address in brackets is no port", "https://[::1]", "https://[::1]:443"},
		{"a host alone lacks its port", "a.b", ""},
		{"a path is no server", "https://a.b:443/x", ""},
		{"a user is no server", "https://u@a.b:443", ""},
		{"another scheme is no server", "ftp://a.b:443", ""},
		{"port 0 is none", "a.b:0", ""},
		{"port 65536 is none", "a.b:65536", ""},
		{"a signed port is none", "a.b:+443", ""},
		{"nothing is no server", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := Check(".ecflowapirc", []byte(file(good)), test.server)
			if v.OK() != (test.want != "") || v.OK() && v.Server != test.want {
				t.Errorf("want %q\n%s", test.want, v)
			}
		})
	}
}

func TestCheckFileLooksAtTheMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rc")
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o604: true} {
		if err := os.WriteFile(path, []byte(file(good)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		v, err := CheckFile(path, url)
		if err != nil || strings.Contains(v.String(), "chmod 600") != warned {
			t.Errorf("mode %o: %v\n%s", mode, err, v)
		}
		if !strings.Contains(v.String(), "ECF_AUTHTOKENS") {
			t.Errorf("no word on a file of another name\n%s", v)
		}
	}
	if _, err := CheckFile(path+".none", url); err == nil {
		t.Error("a missing file is no error")
	}
}
