package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"golang.org/x/crypto/bcrypt"
)

// makers lists the kinds of hash that [Make] makes, the one to prefer first.
var makers = []struct {
	kind    string
	longest int
	make    func(secret string) (string, error)
}{
	{"bcrypt", maxBcrypt, makeBcrypt},
	{"argon2id", MaxSecret, makeArgon2id},
	{"sha512", MaxSecret, makeSHA512},
}

// Kinds returns the kinds of hash that [Make] makes, the one to prefer first.
func Kinds() []string {
	kinds := make([]string, len(makers))
	for i, m := range makers {
		kinds[i] = m.kind
	}
	return kinds
}

// Make returns a new hash of secret of one of the [Kinds]. It refuses a secret that could never log
// in: an empty one, one that is too long for the kind, is not UTF-8 or has control characters.
func Make(kind, secret string) (string, error) {
	for _, m := range makers {
		if m.kind != kind {
			continue
		}
		if err := checkSecret(secret, m.longest); err != nil {
			return "", fmt.Errorf("%s: the password %w", kind, err)
		}
		return m.make(secret)
	}
	return "", fmt.Errorf("unknown kind of hash %q, have %s", kind, strings.Join(Kinds(), ", "))
}

func checkSecret(secret string, longest int) error {
	switch {
	case secret == "":
		return errors.New("is empty")
	case len(secret) > longest:
		return fmt.Errorf("is longer than %d bytes", longest)
	case !utf8.ValidString(secret):
		return errors.New("is not valid UTF-8")
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("has a control character")
	}
	return nil
}

// makeBcrypt calls its hash 2y, as htpasswd does: crypt(3) takes 2a for a variant of its own.
func makeBcrypt(secret string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), 12)
	if err != nil {
		return "", fmt.Errorf("bcrypt: %w", err)
	}
	return "$2y$" + string(hash[len("$2a$"):]), nil
}

// makeArgon2id takes OWASP's least setting of 19 MiB, so that a full pool stays small.
func makeArgon2id(secret string) (string, error) {
	hasher, err := argon2.New(argon2.WithVariantID(), argon2.WithM(19456), argon2.WithT(2), argon2.WithP(1),
		argon2.WithS(16), argon2.WithK(32))
	if err != nil {
		return "", fmt.Errorf("argon2id: %w", err)
	}
	return encoded(hasher.Hash(secret))
}

// makeSHA512 takes half of the rounds that [Parse] allows: twenty times crypt(3)'s default, and still
// quicker than bcrypt at cost 12.
func makeSHA512(secret string) (string, error) {
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(maxSHARounds/2))
	if err != nil {
		return "", fmt.Errorf("sha512: %w", err)
	}
	return encoded(hasher.Hash(secret))
}

func encoded(digest algorithm.Digest, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("make hash: %w", err)
	}
	return digest.Encode(), nil
}
