package auth

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// The bounds of what one Authorization header may present.
const (
	MaxCredentials = 3    // comma-separated in one header
	MaxToken       = 8192 // bytes of one bearer token
)

var (
	// ErrNone says that a request presents no credential at all.
	ErrNone = errors.New("no credential presented")
	// ErrMalformed says that an Authorization header cannot be read as RFC 7235, 7617 and 6750 say, or that
	// what is meant once stands twice. Nobody is asked about any part of such a request.
	ErrMalformed = errors.New("malformed credential")
)

// Presented is what one request presents. Its zero value is ready; Parse may be called again, and
// reuses the memory. Its credentials live no longer than the parsed header and the next Parse.
type Presented struct {
	list [MaxCredentials]Credential
	n    int
	buf  []byte // decoded Basic pairs, which the credentials point into
}

// Credentials returns what was parsed, in the order of the header, the same one only once. Credentials
// of schemes that gatehouse does not know are left out: the list may be empty.
func (p *Presented) Credentials() []Credential { return p.list[:p.n] }

// Parse reads the value of an Authorization header: up to three credentials, separated by commas, each
// a scheme in any case and one word. It returns [ErrNone] for a blank header and [ErrMalformed] if any
// part is wrong.
func (p *Presented) Parse(header string) error {
	p.n = 0
	p.buf = p.buf[:0]
	if strings.Trim(header, " \t") == "" {
		return ErrNone
	}
	// A decoded pair is never longer than its base64, so buf does not move while credentials point into it.
	if cap(p.buf) < len(header) {
		p.buf = make([]byte, 0, len(header))
	}
	var parts [MaxCredentials]string
	unique := 0
next:
	for rest, more := header, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		part = strings.Trim(part, " \t")
		for _, seen := range parts[:unique] {
			if seen == part {
				continue next
			}
		}
		if unique == MaxCredentials {
			p.n = 0
			return ErrMalformed
		}
		parts[unique] = part
		unique++
		if !p.add(part) {
			p.n = 0
			return ErrMalformed
		}
	}
	return nil
}

// add parses one part and reports whether it is well formed.
func (p *Presented) add(part string) bool {
	end := indexBlank(part)
	if end <= 0 {
		return false
	}
	scheme, word := part[:end], strings.TrimLeft(part[end:], " \t")
	if hasEither(word, ' ', '\t') {
		return false
	}
	var c Credential
	ok := true
	switch {
	case equalFold(scheme, "basic"), equalFold(scheme, "plain"):
		c, ok = p.basic(word)
	case equalFold(scheme, "bearer"):
		c, ok = bearer(word)
	case equalFold(scheme, "emailkey"):
		_, token, colon := strings.Cut(word, ":")
		c, ok = bearer(token)
		ok = ok && colon
	default:
		return true
	}
	if !ok {
		return false
	}
	for _, other := range p.list[:p.n] {
		if other == c {
			return true
		}
	}
	p.list[p.n] = c
	p.n++
	return true
}

// basic reads the base64 of user:password (RFC 7617): with padding, without control characters, with
// both halves. An empty password is nobody's, so it is refused here, once, for every provider.
func (p *Presented) basic(word string) (Credential, bool) {
	if hasEither(word, '\r', '\n') { // package base64 would skip them
		return Credential{}, false
	}
	start := len(p.buf)
	room := p.buf[start:cap(p.buf)]
	if base64.StdEncoding.DecodedLen(len(word)) > len(room) {
		return Credential{}, false
	}
	n, err := strictBase64.Decode(room, unsafe.Slice(unsafe.StringData(word), len(word)))
	if err != nil || n == 0 {
		return Credential{}, false
	}
	p.buf = p.buf[:start+n]
	pair := unsafe.String(&p.buf[start], n)
	user, password, colon := strings.Cut(pair, ":")
	if !colon || user == "" || !IsPassword(password) || !isText(user) {
		return Credential{}, false
	}
	return Credential{Scheme: Basic, Form: Password, Username: user, Secret: Secret(password)}, true
}

// IsPassword reports whether a Basic credential can carry s as its password: not empty, valid UTF-8, without
// control characters (RFC 7617, section 2).
func IsPassword(s string) bool {
	return s != "" && isText(s)
}

// isText reports whether s is valid UTF-8 without control characters.
func isText(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f { // not plain ASCII: worth a closer look
			return utf8.ValidString(s) && !hasControl(s)
		}
	}
	return true
}

var strictBase64 = base64.StdEncoding.Strict()

// bearer reads a b64token (RFC 6750, section 2.1).
func bearer(word string) (Credential, bool) {
	body := strings.TrimRight(word, "=")
	if body == "" || len(word) > MaxToken {
		return Credential{}, false
	}
	var odd byte
	for i := range len(body) {
		odd |= oddBytes[body[i]]
	}
	if odd != 0 {
		return Credential{}, false
	}
	return Credential{Scheme: Bearer, Form: formOf(word), Secret: Secret(word)}, true
}

// oddBytes has a 1 for each byte that a b64token has not before its padding. Tokens are long: a table, and no
// branch for each byte.
var oddBytes = func() (table [256]byte) {
	for b := range table {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/", rune(b)) {
			table[b] = 1
		}
	}
	return table
}()

// formOf tells the form of a bearer token. It calls a JWT whatever could be one: such a token must not
// leave for a service that expects API keys.
func formOf(token string) Form {
	if strings.HasPrefix(token, "gh_") {
		return StoredToken
	}
	head, _, dotted := strings.Cut(token, ".")
	if dots := strings.Count(token, "."); dotted && (dots == 2 || dots == 4) && isJSONHeader(head) {
		return JWT
	}
	return Opaque
}

// isJSONHeader reports whether s is the beginning of a JSON object in base64url.
func isJSONHeader(s string) bool {
	var start [48]byte
	s = s[:min(len(s), 64)]
	n, _ := base64.RawURLEncoding.Decode(start[:], unsafe.Slice(unsafe.StringData(s), len(s)))
	text := strings.TrimLeft(unsafe.String(&start[0], n), " \t\r\n")
	return strings.HasPrefix(text, "{")
}

// indexBlank returns where the first space or tab of s is, or -1.
func indexBlank(s string) int {
	for i := range len(s) {
		if s[i] == ' ' || s[i] == '\t' {
			return i
		}
	}
	return -1
}

// hasEither reports whether a or b stands in s. It is faster than strings.ContainsAny, which looks at each byte.
func hasEither(s string, a, b byte) bool {
	return strings.IndexByte(s, a) >= 0 || strings.IndexByte(s, b) >= 0
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// equalFold compares s with a lower-case ASCII word, folding ASCII only.
func equalFold(s, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != word[i] {
			return false
		}
	}
	return true
}
