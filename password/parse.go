package password

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
)

// ErrWeak says that a hash is of a format that [Parse] reads only if told to.
var ErrWeak = errors.New("is a weak format and not allowed")

// Parse reads one hash as crypt(3), htpasswd or nginx write it: bcrypt (2a, 2b, 2y), apr1,
// sha256-crypt, sha512-crypt, yescrypt and argon2id; if weak also md5-crypt, {SHA}, {SSHA} and
// {PLAIN}. All else is an error, which names the family or the broken bound and shows nothing of
// the hash. The Hash keeps text.
func Parse(text string, weak bool) (Hash, error) {
	for i := range formats {
		f := &formats[i]
		for _, prefix := range f.prefixes {
			if rest, ok := strings.CutPrefix(text, prefix); ok {
				return f.parse(text, rest, weak)
			}
		}
	}
	return Hash{}, refusal(text)
}

func (f *format) parse(text, rest string, weak bool) (Hash, error) {
	if f.weak && !weak {
		return Hash{}, fmt.Errorf("%s %w", f.name, ErrWeak)
	}
	c, salt, err := f.read(rest)
	if err != nil {
		return Hash{}, fmt.Errorf("%s: %w", f.name, err)
	}
	return Hash{format: f, text: text, cost: c, salt: uint8(len(text) - len(rest) + salt)}, nil
}

// refusal tells why text is of no format.
func refusal(text string) error {
	if text == "" {
		return errors.New("no hash at all")
	}
	for _, family := range unsupported {
		if strings.HasPrefix(text, family.prefix) {
			return fmt.Errorf("%s is not supported", family.name)
		}
	}
	if len(text) == 13 && crypt64.all(text) {
		return errors.New("traditional DES crypt is not supported")
	}
	return errors.New("not a supported hash format")
}

// number reads a decimal of at most nine digits, without sign or leading zero.
func number(text string) (n uint32, ok bool) {
	if text == "" || len(text) > 9 || text[0] == '0' {
		return 0, false
	}
	for i := range len(text) {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + uint32(digit)
	}
	return n, true
}

// within checks a parameter that an error may show, since it is no part of salt or digest.
func within(what string, n, low, high uint32) error {
	if n < low || n > high {
		return fmt.Errorf("%s %d is not within %d to %d", what, n, low, high)
	}
	return nil
}

var (
	errDigest = errors.New("the digest is cut off or damaged")
	errSalt   = errors.New("the salt is damaged")
)

// saltAndDigest checks the "salt$digest" that ends a hash of crypt(3). A salt may hold what libxcrypt
// lets it hold.
func saltAndDigest(text string, longestSalt, digestLength int) error {
	salt, digest, _ := strings.Cut(text, "$")
	if len(salt) > longestSalt {
		return errSalt
	}
	for i := range len(salt) {
		if b := salt[i]; b <= ' ' || b > '~' || strings.IndexByte(":;*!\\", b) >= 0 {
			return errSalt
		}
	}
	if len(digest) != digestLength || !crypt64.whole(digest) {
		return errDigest
	}
	return nil
}

// matchBy compares by one decoder of go-crypt.
func matchBy(decode algorithm.DecodeFunc) func(text, secret string) bool {
	return func(text, secret string) bool {
		digest, err := decode(text)
		return err == nil && digest.Match(secret)
	}
}
