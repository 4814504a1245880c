package auth_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/auth"
)

var b64token = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// FuzzParse: nothing panics, nothing but what the RFCs allow comes out, and each credential written in
// its canonical form is read as itself.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", " \t", "Basic " + b64("alice:pw"), "plain\t" + b64("a:b:c") + " ,Bearer x", "EmailKey a@b:tok.en~",
		"Bearer " + jwtHead + ".e30.c2ln, Bearer gh_1,Bearer gh_1", "Bearer a,Bearer b,Bearer c,Bearer d",
		"Basic YTpiYR==", "Basic\n" + b64("a:b"), "Basic " + b64("é:\x00"), "Negotiate YII=, Bearer a==", ",", "Bearer  =",
		"Basic " + b64("a:b") + ",BASIC " + b64("aa:bb") + ",Plain " + b64("aaa:bbb"),
	} {
		f.Add(seed, "Basic "+b64("earlier:password"))
	}
	f.Fuzz(func(t *testing.T, header, earlier string) {
		var fresh, reused auth.Presented
		_ = reused.Parse(earlier)
		err := fresh.Parse(header)
		if again := reused.Parse(header); !errors.Is(again, err) || !slices.Equal(reused.Credentials(), fresh.Credentials()) {
			t.Fatalf("%q after %q: %v and %s, alone %v and %s", header, earlier,
				again, show(reused.Credentials()), err, show(fresh.Credentials()))
		}
		switch blank := strings.Trim(header, " \t") == ""; {
		case blank != errors.Is(err, auth.ErrNone):
			t.Fatalf("%q: got %v", header, err)
		case err == nil:
		case !blank && !errors.Is(err, auth.ErrMalformed):
			t.Fatalf("%q: got %v", header, err)
		case len(fresh.Credentials()) > 0:
			t.Fatalf("%q is refused and presents %s", header, show(fresh.Credentials()))
		}
		list := fresh.Credentials()
		if len(list) > auth.MaxCredentials {
			t.Fatalf("%q: %d credentials", header, len(list))
		}
		for i, c := range list {
			if slices.Contains(list[:i], c) {
				t.Fatalf("%q: %s is there twice", header, show(list))
			}
			checkCredential(t, header, c)
		}
	})
}

func checkCredential(t *testing.T, header string, c auth.Credential) {
	t.Helper()
	canonical := "Bearer " + string(c.Secret)
	switch c.Scheme {
	case auth.Basic:
		canonical = "Basic " + b64(c.Username+":"+string(c.Secret))
		if c.Form != auth.Password || reasonToRefuse(c.Username, string(c.Secret)) != "" || strings.Contains(c.Username, ":") {
			t.Fatalf("%q: accepted %s", header, show([]auth.Credential{c}))
		}
	case auth.Bearer:
		if !b64token.MatchString(string(c.Secret)) || len(c.Secret) > auth.MaxToken || c.Username != "" ||
			c.Form != auth.StoredToken && c.Form != auth.JWT && c.Form != auth.Opaque {
			t.Fatalf("%q: accepted %s", header, show([]auth.Credential{c}))
		}
	default:
		t.Fatalf("%q: a credential of the scheme %q", header, c.Scheme)
	}
	var p auth.Presented
	if err := p.Parse(canonical); err != nil || !slices.Equal(p.Credentials(), []auth.Credential{c}) {
		t.Fatalf("%q: %s written as %q gives %s, %v", header, show([]auth.Credential{c}), canonical, show(p.Credentials()), err)
	}
}

// reasonToRefuse names what Parse says it refuses in a login that net/http takes.
func reasonToRefuse(user, password string) string {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	switch {
	case user == "", password == "":
		return "an empty half"
	case !utf8.ValidString(user), !utf8.ValidString(password):
		return "invalid UTF-8"
	case strings.IndexFunc(user+password, control) >= 0:
		return "a control character"
	}
	return ""
}

// FuzzBasicAgainstNetHTTP holds our reading of Basic against the standard library's. What both take must
// be one login; what only net/http takes must have a reason that we know.
func FuzzBasicAgainstNetHTTP(f *testing.F) {
	for _, seed := range []string{
		"alice:pw", "alice:a:b:c", ":", ":pw", "alice:", "alice", "é:ü", "e\u0301:x", "\ufeffa:b", "a\x00:b", "a:b\n", "\xff:b", "a\x7f:b",
	} {
		f.Add(seed, true, "Basic ")
		f.Add(b64(seed), false, "bAsIc ")
	}
	for _, word := range []string{"YTpi\n", "YTpiYR==", "YTpiYQ", "YTpiYQ==YTpi", "YT\rpi", " YTpi", "YTpi,YTpi", "_-==", "===="} {
		f.Add(word, false, "Basic ")
	}
	f.Add("a:b", true, "Plain ")
	f.Add("a:b", true, "Basic\t")
	f.Fuzz(func(t *testing.T, text string, encode bool, scheme string) {
		word := text
		if encode {
			word = b64(text)
		}
		header := scheme + word
		request := http.Request{Header: http.Header{"Authorization": {header}}}
		user, password, theirs := request.BasicAuth()

		var p auth.Presented
		err := p.Parse(header)
		ours := err == nil && len(p.Credentials()) > 0
		switch {
		case theirs && ours:
			if want := []auth.Credential{login(user, password)}; !slices.Equal(p.Credentials(), want) {
				t.Fatalf("%q: got %s, net/http %s", header, show(p.Credentials()), show(want))
			}
		case theirs:
			why := reasonToRefuse(user, password)
			if canonical := b64(user + ":" + password); why == "" && canonical != header[len("Basic "):] {
				why = "base64 that is not canonical"
			}
			if why == "" {
				t.Fatalf("%q: net/http reads %q and %q, we say %v", header, user, password, err)
			}
		case ours && p.Credentials()[0].Scheme == auth.Basic && !strings.Contains(header, ","):
			// We take tabs, more spaces and the name Plain too: in the strict form net/http must agree.
			words := strings.FieldsFunc(header, func(r rune) bool { return r == ' ' || r == '\t' })
			request.Header.Set("Authorization", "Basic "+words[1])
			user, password, ok := request.BasicAuth()
			if want := []auth.Credential{login(user, password)}; !ok || !slices.Equal(p.Credentials(), want) {
				t.Fatalf("%q: got %s, net/http %t %s", header, show(p.Credentials()), ok, show(want))
			}
		}
	})
}
