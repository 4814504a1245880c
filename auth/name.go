package auth

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the length in bytes up to which a user name, realm or role is usable.
const MaxName = 128

// CheckName tells why name cannot stand for a user, realm or role, or returns nil. A usable name is
// valid UTF-8 of 1 to [MaxName] bytes without control, format or line-separator characters and
// without outer space, so that it reads the same in a header, a log line and a token.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > MaxName:
		return errors.New("is longer than 128 bytes")
	case !utf8.ValidString(name), strings.ContainsRune(name, utf8.RuneError): // what a JSON decoder made of bad text
		return errors.New("is not valid UTF-8")
	}
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	if unicode.IsSpace(first) || unicode.IsSpace(last) {
		return errors.New("begins or ends with white space")
	}
	for _, r := range name {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return errors.New("has a control, format or line-separator character")
		}
	}
	return nil
}

// IsToken reports whether s is a token (RFC 7230, section 3.2.6), as a header's name and a scheme are.
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
