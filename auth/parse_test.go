package auth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"gatehouse/auth"
)

func b64(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func login(user, password string) auth.Credential {
	return auth.Credential{Scheme: auth.Basic, Form: auth.Password, Username: user, Secret: auth.Secret(password)}
}

func token(form auth.Form, text string) auth.Credential {
	return auth.Credential{Scheme: auth.Bearer, Form: form, Secret: auth.Secret(text)}
}

func opaque(text string) auth.Credential { return token(auth.Opaque, text) }

// show prints what a credential hides.
func show(cs []auth.Credential) string {
	var b strings.Builder
	for _, c := range cs {
		fmt.Fprintf(&b, "{%s form=%d %q %.80q}", c.Scheme, c.Form, c.Username, string(c.Secret))
	}
	return "[" + b.String() + "]"
}

const jwtHead = "eyJhbGciOiJIUzI1NiJ9" // {"alg":"HS256"}

func TestParseReads(t *testing.T) {
	alice := login("alice", "pw")
	long := strings.Repeat("t", auth.MaxToken)
	for name, row := range map[string]struct {
		header string
		want   []auth.Credential
	}{
		"a Basic login":                             {"Basic " + b64("alice:pw"), []auth.Credential{alice}},
		"a scheme in lower case":                    {"basic " + b64("alice:pw"), []auth.Credential{alice}},
		"a scheme in upper case":                    {"BASIC " + b64("alice:pw"), []auth.Credential{alice}},
		"Plain is Basic":                            {"pLaIn " + b64("alice:pw"), []auth.Credential{alice}},
		"a tab after the scheme":                    {"Basic\t" + b64("alice:pw"), []auth.Credential{alice}},
		"several spaces and tabs":                   {" \tBasic \t " + b64("alice:pw") + " \t", []auth.Credential{alice}},
		"a colon belongs to the password":           {"Basic " + b64("alice:a:b:c"), []auth.Credential{login("alice", "a:b:c")}},
		"a password that is a colon":                {"Basic " + b64("alice::"), []auth.Credential{login("alice", ":")}},
		"a comma in a password":                     {"Basic " + b64("alice:a, b"), []auth.Credential{login("alice", "a, b")}},
		"outer space is not trimmed":                {"Basic " + b64(" alice : pw "), []auth.Credential{login(" alice ", " pw ")}},
		"letters keep their case":                   {"Basic " + b64("Alice:PW"), []auth.Credential{login("Alice", "PW")}},
		"é in one code point":                       {"Basic " + b64("\u00e9:pw"), []auth.Credential{login("\u00e9", "pw")}},
		"é in two is another user":                  {"Basic " + b64("e\u0301:pw"), []auth.Credential{login("e\u0301", "pw")}},
		"a byte order mark is kept":                 {"Basic " + b64("\ufeffalice:pw"), []auth.Credential{login("\ufeffalice", "pw")}},
		"both symbols of standard base64":           {"Basic " + b64("a:\u07ff\u07ff>>\u07ff?"), []auth.Credential{login("a", "\u07ff\u07ff>>\u07ff?")}},
		"a pair without padding needs none":         {"Basic " + b64("ab:cde"), []auth.Credential{login("ab", "cde")}},
		"a pair with two signs of padding":          {"Basic " + b64("ab:c"), []auth.Credential{login("ab", "c")}},
		"the shortest pair":                         {"Basic " + b64("a:b"), []auth.Credential{login("a", "b")}},
		"a password of 20,000 bytes":                {"Basic " + b64("a:"+long+long), []auth.Credential{login("a", long+long)}},
		"a bearer token":                            {"Bearer abc", []auth.Credential{opaque("abc")}},
		"a bearer scheme in any case":               {"bEARER abc", []auth.Credential{opaque("abc")}},
		"a token of one byte":                       {"Bearer x", []auth.Credential{opaque("x")}},
		"a token of 8192 bytes":                     {"Bearer " + long, []auth.Credential{opaque(long)}},
		"every byte of a b64token":                  {"Bearer azAZ09-._~+/==", []auth.Credential{opaque("azAZ09-._~+/==")}},
		"a token that is a path is only text":       {"Bearer ../", []auth.Credential{opaque("../")}},
		"an EmailKey is its token":                  {"EmailKey a@b.example:abc", []auth.Credential{opaque("abc")}},
		"an EmailKey in any case":                   {"EMAILKEY\ta@b.example:abc", []auth.Credential{opaque("abc")}},
		"an EmailKey with a stored token":           {"EmailKey a@b.example:gh_1", []auth.Credential{token(auth.StoredToken, "gh_1")}},
		"two credentials, in their order":           {"Bearer abc, Basic " + b64("alice:pw"), []auth.Credential{opaque("abc"), alice}},
		"and in the other order":                    {"Basic " + b64("alice:pw") + ",Bearer abc", []auth.Credential{alice, opaque("abc")}},
		"three credentials":                         {"Bearer a,Bearer b\t,\tBearer c", []auth.Credential{opaque("a"), opaque("b"), opaque("c")}},
		"two of a scheme are both kept":             {"Bearer a, Bearer b", []auth.Credential{opaque("a"), opaque("b")}},
		"one credential five times is one":          {"Bearer a,Bearer a, Bearer a ,Bearer a,Bearer a", []auth.Credential{opaque("a")}},
		"a fourth that stood there before":          {"Bearer a,Bearer b,Bearer c,Bearer a", []auth.Credential{opaque("a"), opaque("b"), opaque("c")}},
		"two spellings of a login are one":          {"Basic " + b64("alice:pw") + ", plain  " + b64("alice:pw"), []auth.Credential{alice}},
		"two spellings of a token are one":          {"Bearer abc, EmailKey x:abc", []auth.Credential{opaque("abc")}},
		"the place of a repeated one is its first":  {"Bearer a, Bearer b, bearer a", []auth.Credential{opaque("a"), opaque("b")}},
		"an unknown scheme is left out":             {"Negotiate YII=", nil},
		"an unknown scheme's word is not looked at": {"Foo \x80\"%", nil},
		"an unknown scheme beside a known one":      {"Negotiate YII=, Bearer a", []auth.Credential{opaque("a")}},
		"a scheme that begins as ours is another":   {"Basics " + b64("alice:pw"), nil},
		"a scheme with the Kelvin sign is another":  {"Email\u212aey a:abc", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var p auth.Presented
			if err := p.Parse(row.header); err != nil {
				t.Fatalf("refused: %v", err)
			}
			if got := p.Credentials(); !slices.Equal(got, row.want) {
				t.Errorf("got %s, want %s", show(got), show(row.want))
			}
		})
	}
}

func TestParseFindsNoneInABlankHeader(t *testing.T) {
	for _, header := range []string{"", " ", "\t", " \t \t"} {
		var p auth.Presented
		if err := p.Parse(header); !errors.Is(err, auth.ErrNone) || errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%q: got %v, want ErrNone", header, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := b64("alice:password1")
	for name, header := range map[string]string{
		"a scheme alone":                           "Basic",
		"a scheme and a space":                     "Basic ",
		"a scheme and a tab":                       "Bearer\t",
		"a word alone":                             good,
		"padding alone":                            "Basic ====",
		"base64 of nothing but a quantum's rest":   "Basic =",
		"URL-safe base64":                          "Basic " + base64.URLEncoding.EncodeToString([]byte("a:\u07ff\u07ff>>\u07ff?")),
		"base64 without its padding":               "Basic " + base64.RawStdEncoding.EncodeToString([]byte("alice:pw")),
		"base64 with too much padding":             "Basic " + b64("ab:cde") + "====",
		"bits after the end of the pair":           "Basic YTpi" + "YWF=", // a:baa with a rest of 01
		"bits after the end, of two signs":         "Basic " + "YTpiYR==", // a:ba with a rest of 0001
		"text after the padding":                   "Basic " + b64("alice:pw") + "YTpi",
		"a newline in the base64":                  "Basic " + good[:8] + "\n" + good[8:],
		"a carriage return in the base64":          "Basic " + good[:8] + "\r" + good[8:],
		"a CRLF in the base64":                     "Basic " + good[:8] + "\r\n" + good[8:],
		"a newline after the base64":               "Basic " + good + "\n",
		"a newline before the base64":              "Basic \n" + good,
		"a newline for the space":                  "Basic\n" + good,
		"a space in the base64":                    "Basic " + good[:8] + " " + good[8:],
		"a login in plain text":                    "Basic alice:pw",
		"no colon":                                 "Basic " + b64("user"),
		"two empty halves":                         "Basic " + b64(":"),
		"an empty user":                            "Basic " + b64(":pw"),
		"an empty password":                        "Basic " + b64("alice:"),
		"a NUL in the user":                        "Basic " + b64("alice\x00x:pw"),
		"a NUL in the password":                    "Basic " + b64("alice:pw\x00junk"),
		"a NUL at the end":                         "Basic " + b64("alice:pw\x00"),
		"a newline in the user":                    "Basic " + b64("al\r\nX-Auth-Roles: admin:pw"),
		"a newline in the password":                "Basic " + b64("alice:pw\n"),
		"a control character":                      "Basic " + b64("al\x01ice:pw"),
		"a tab in the user":                        "Basic " + b64("al\tice:pw"),
		"the last control character":               "Basic " + b64("alice:p\x1fw"),
		"a DEL":                                    "Basic " + b64("alice\x7f:pw"),
		"a byte that is no UTF-8":                  "Basic " + b64("\xff:pw"),
		"Latin-1 in the password":                  "Basic " + b64("alice:p\xe9"),
		"an overlong dot":                          "Basic " + b64("a\xc0\xaeb:pw"),
		"an overlong NUL":                          "Basic " + b64("a\xc0\x80:pw"),
		"half a surrogate pair":                    "Basic " + b64("a\xed\xa0\x80:pw"),
		"a cut code point at the end":              "Basic " + b64("alice:pw\xe2\x82"),
		"a colon hidden in an overlong form":       "Basic " + b64("alice\xc0\xbapw"),
		"an empty token":                           "Bearer ",
		"a token that is padding":                  "Bearer ==",
		"padding in the middle of a token":         "Bearer a=b",
		"padding before a token":                   "Bearer =a",
		"two words after Bearer":                   "Bearer a b",
		"two words and a tab":                      "Bearer a\tb",
		"a token of 8193 bytes":                    "Bearer " + strings.Repeat("t", auth.MaxToken+1),
		"a token of 8193 bytes with its padding":   "Bearer " + strings.Repeat("t", auth.MaxToken-1) + "==",
		"an escaped CRLF in a token":               "Bearer abc%0d%0aX",
		"a query in a token":                       "Bearer abc&uid=root",
		"a fragment in a token":                    "Bearer abc#",
		"a question mark":                          "Bearer abc?x",
		"a quote":                                  `Bearer "abc"`,
		"a backslash":                              `Bearer a\b`,
		"a colon":                                  "Bearer a:b",
		"a semicolon":                              "Bearer a;b",
		"a star":                                   "Bearer *",
		"a dollar":                                 "Bearer $x",
		"an at sign":                               "Bearer a@b",
		"a newline in a token":                     "Bearer a\nb",
		"a newline after a token":                  "Bearer ab\n",
		"a NUL in a token":                         "Bearer a\x00b",
		"a DEL in a token":                         "Bearer a\x7fb",
		"a byte of 0x80":                           "Bearer a\x80",
		"a byte of 0xff":                           "Bearer \xff",
		"a letter that is not ASCII":               "Bearer é",
		"an EmailKey without a token":              "EmailKey a@b.example:",
		"an EmailKey without a colon":              "EmailKey abc",
		"an EmailKey with a colon in its token":    "EmailKey a@b.example:a:b",
		"an EmailKey with a wrong token":           "EmailKey a@b.example:a%20b",
		"an EmailKey in base64 like a Basic login": "EmailKey " + b64("a@b.example:abc"),
		"a comma alone":                            ",",
		"a comma at the end":                       "Bearer a,",
		"a comma at the beginning":                 ",Bearer a",
		"two commas":                               "Bearer a,,Bearer b",
		"a fourth credential":                      "Bearer a,Bearer b,Bearer c,Bearer d",
		"a fourth of an unknown scheme":            "Bearer a,Bearer b,Bearer c,Foo d",
		"a fourth that is another spelling":        "Bearer a,Bearer b,Bearer c,bearer a",
		"four of unknown schemes":                  "A a,B b,C c,D d",
		"a bad one after a good one":               "Basic " + good + ", Bearer a%",
		"a good one after a bad one":               "Bearer a%, Basic " + good,
		"a bad one after an unknown scheme":        "Negotiate YII=, Basic x",
		"an unknown scheme alone":                  "Negotiate",
		"a scheme with parameters":                 `Digest username="alice", realm="a"`,
		"an unknown scheme with two words":         "Foo a b",
		"a vertical tab is no space":               "Basic\v" + good,
		"a no-break space is no space":             "Basic\u00a0" + good,
	} {
		t.Run(name, func(t *testing.T) {
			var p auth.Presented
			if err := p.Parse(header); !errors.Is(err, auth.ErrMalformed) || errors.Is(err, auth.ErrNone) {
				t.Errorf("%q: got %v and %s, want ErrMalformed", header, err, show(p.Credentials()))
			}
			if got := p.Credentials(); len(got) != 0 {
				t.Errorf("credentials of a malformed header: %s", show(got))
			}
		})
	}
}

// Every byte is tried, so that no row has to think of it.
func TestParseTakesOnlyTheBytesOfATokenInBearer(t *testing.T) {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"
	for b := range 256 {
		if b == ' ' || b == '\t' || b == ',' {
			continue // they end a word
		}
		var p auth.Presented
		text := "ab" + string([]byte{byte(b)}) + "cd"
		err := p.Parse("Bearer " + text)
		if want := strings.IndexByte(allowed, byte(b)) >= 0; (err == nil) != want {
			t.Errorf("byte %#02x: error %v, want it allowed: %t", b, err, want)
		}
	}
}

func TestParseTellsTheFormOfAToken(t *testing.T) {
	raw := base64.RawURLEncoding.EncodeToString
	for name, row := range map[string]struct {
		token string
		want  auth.Form
	}{
		"one that gatehouse gave out":                {"gh_abc", auth.StoredToken},
		"the bare prefix of ours":                    {"gh_", auth.StoredToken},
		"ours wins over the look of a JWT":           {"gh_" + jwtHead + ".e30.c2ln", auth.StoredToken},
		"the prefix in another case is not ours":     {"GH_abc", auth.Opaque},
		"the prefix further on is not ours":          {"xgh_abc", auth.Opaque},
		"three parts, a JSON header":                 {jwtHead + ".e30.c2ln", auth.JWT},
		"five parts, a JSON header":                  {raw([]byte(`{"alg":"dir","enc":"A128GCM"}`)) + "..aXY.Y3Q.dGFn", auth.JWT},
		"unsecured, its signature is empty":          {raw([]byte(`{"alg":"none"}`)) + ".e30.", auth.JWT},
		"nothing but dots after the header":          {jwtHead + "..", auth.JWT},
		"spaces before the header's brace":           {raw([]byte("   {\"alg\":\"HS256\"}")) + ".e30.c2ln", auth.JWT},
		"every JSON space before the brace":          {raw([]byte(" \t\r\n{}")) + ".e30.c2ln", auth.JWT},
		"a header longer than what is looked at":     {raw([]byte(`{"kid":"`+strings.Repeat("k", 500)+`"}`)) + ".e30.c2ln", auth.JWT},
		"a header of every length at its end, 1":     {raw([]byte(`{}`)) + ".e30.c2ln", auth.JWT},
		"a header of every length at its end, 2":     {raw([]byte(`{ }`)) + ".e30.c2ln", auth.JWT},
		"a header of every length at its end, 3":     {raw([]byte(`{  }`)) + ".e30.c2ln", auth.JWT},
		"a header whose JSON is broken":              {raw([]byte(`{oops`)) + ".e30.c2ln", auth.JWT},
		"a signature with padding":                   {jwtHead + ".e30.c2lnAA==", auth.JWT},
		"no dot":                                     {"abc", auth.Opaque},
		"no dot, a JSON header":                      {jwtHead, auth.Opaque},
		"two parts":                                  {jwtHead + ".e30", auth.Opaque},
		"four parts":                                 {jwtHead + ".a.b.c", auth.Opaque},
		"six parts":                                  {jwtHead + ".a.b.c.d.e", auth.Opaque},
		"an opaque token with two dots":              {"abc.def.ghi", auth.Opaque},
		"an opaque token with four dots":             {"1.2.3.4.5", auth.Opaque},
		"dots alone":                                 {"..", auth.Opaque},
		"an empty header":                            {".e30.c2ln", auth.Opaque},
		"a header of one letter":                     {"a.b.", auth.Opaque},
		"a header that is a JSON list":               {raw([]byte(`["alg"]`)) + ".e30.c2ln", auth.Opaque},
		"a header that is a JSON text":               {raw([]byte(`"{}"`)) + ".e30.c2ln", auth.Opaque},
		"a header that is not base64":                {"~~~~.e30.c2ln", auth.Opaque},
		"a brace that is not the beginning":          {raw([]byte(`x{"alg":1}`)) + ".e30.c2ln", auth.Opaque},
		"a UUID as auth-o-tron's token store has it": {"0e0ac2e1-8d7b-4b44-9c37-9ad1c81aa1b0", auth.Opaque},
	} {
		t.Run(name, func(t *testing.T) {
			var p auth.Presented
			if err := p.Parse("Bearer " + row.token); err != nil {
				t.Fatal(err)
			}
			if got := p.Credentials(); !slices.Equal(got, []auth.Credential{token(row.want, row.token)}) {
				t.Errorf("got %s, want form %d", show(got), row.want)
			}
		})
	}
}

func TestManySpellingsOfALoginAreOneCredential(t *testing.T) {
	word := b64("alice:pw")
	for _, header := range []string{
		"Basic " + word, "basic " + word, "PLAIN " + word, "Basic\t" + word, "  Basic   " + word + "  ",
		"Basic " + word + ",Basic " + word, "Basic " + word + ",plain\t" + word,
	} {
		var p auth.Presented
		if err := p.Parse(header); err != nil || !slices.Equal(p.Credentials(), []auth.Credential{login("alice", "pw")}) {
			t.Errorf("%q: got %s, %v", header, show(p.Credentials()), err)
		}
	}
}

// fasthttp rewrites one buffer for every request of a connection. What was parsed points into it, a
// clone must not.
func TestACloneOutlivesItsRequest(t *testing.T) {
	header := "Basic " + b64("alice:password") + ", Bearer abcdefghij"
	buffer := []byte(header)
	var p auth.Presented
	if err := p.Parse(unsafe.String(&buffer[0], len(buffer))); err != nil {
		t.Fatal(err)
	}
	var clones []auth.Credential
	for _, c := range p.Credentials() {
		clones = append(clones, c.Clone())
	}
	parsed := slices.Clone(p.Credentials())
	for i := range buffer {
		buffer[i] = 'X'
	}
	other := "Basic " + b64("mallo:xxxxxxxx") + ", Bearer klmnopqrst"
	if err := p.Parse(other); err != nil {
		t.Fatal(err)
	}
	want := []auth.Credential{login("alice", "password"), opaque("abcdefghij")}
	if !slices.Equal(clones, want) {
		t.Errorf("clones became %s, want %s", show(clones), show(want))
	}
	for i := range parsed {
		if parsed[i] == want[i] {
			t.Errorf("%s did not move with its buffer: this test shows nothing", show(parsed[i:i+1]))
		}
	}
}

func TestAReusedPresentedKeepsNothingOfEarlierHeaders(t *testing.T) {
	var p auth.Presented
	buffer := make([]byte, 0, 200)
	for i := range 5000 {
		user, password, text := fmt.Sprintf("user%04d", i), fmt.Sprintf("pass%04d", i*7%10000), fmt.Sprintf("token%04d", i)
		// All headers are of one length and written over each other.
		buffer = append(append(append(buffer[:0], "Basic "+b64(user+":"+password)...), ", Bearer "...), text...)
		if err := p.Parse(unsafe.String(&buffer[0], len(buffer))); err != nil {
			t.Fatal(err)
		}
		want := []auth.Credential{login(user, password), opaque(text)}
		if got := p.Credentials(); !slices.Equal(got, want) {
			t.Fatalf("round %d: got %s, want %s", i, show(got), show(want))
		}
		for _, header := range []string{"Basic " + b64(user+":"), "Bearer " + text + "%", "", "Foo bar"} {
			_ = p.Parse(header)
			if got := p.Credentials(); len(got) != 0 {
				t.Fatalf("round %d: %q after a good header presents %s", i, header, show(got))
			}
		}
	}
}

func TestThreeLoginsDoNotShareTheirMemory(t *testing.T) {
	long := strings.Repeat("p", 1000)
	want := []auth.Credential{login("a", "b"), login("alice", long), login("bob", "pw")}
	var p auth.Presented
	_ = p.Parse("Bearer x") // a small buffer, which must grow
	if err := p.Parse("Basic " + b64("a:b") + ",Basic " + b64("alice:"+long) + ",Basic " + b64("bob:pw")); err != nil {
		t.Fatal(err)
	}
	if got := p.Credentials(); !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", show(got), show(want))
	}
}

func TestParseAllocatesNothingOnceWarm(t *testing.T) {
	for name, header := range map[string]string{
		"a login":         "Basic " + b64("alice:password"),
		"a JWT":           "Bearer " + jwtHead + ".e30.c2ln",
		"an opaque token": "Bearer abc",
		"a list":          "EmailKey a@b:abc, Basic " + b64("alice:pw") + ", Bearer " + jwtHead + ".e30.c2ln",
		"a malformed one": "Basic " + b64("alice:"),
		"a blank one":     "  ",
	} {
		t.Run(name, func(t *testing.T) {
			var p auth.Presented
			_ = p.Parse(header)
			if n := testing.AllocsPerRun(200, func() { _ = p.Parse(header) }); n != 0 {
				t.Errorf("%v allocations a header", n)
			}
		})
	}
}
