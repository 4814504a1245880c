package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
)

// The formats of nginx that a leaked file gives away at once, with the letter case nginx asks for.
const (
	shaPrefix   = "{SHA}"
	sshaPrefix  = "{SSHA}"
	plainPrefix = "{PLAIN}"
)

// readSHA1 reads the padded base64 of a digest.
func readSHA1(rest string) (cost, int, error) {
	if n, ok := encodedLength(rest); !ok || n != sha1.Size {
		return cost{}, 0, errDigest
	}
	return cost{size: 1, passes: 1}, 0, nil
}

// readSaltedSHA1 reads the padded base64 of a digest and 4 to 16 bytes of salt. Nothing tells how long
// the salt once was, so this is the one hash that can be cut and still be well formed.
func readSaltedSHA1(rest string) (cost, int, error) {
	if n, ok := encodedLength(rest); !ok || n < sha1.Size+4 || n > sha1.Size+16 {
		return cost{}, 0, errDigest
	}
	return cost{size: 1, passes: 1}, 0, nil
}

// encodedLength returns how many bytes a padded base64 text stands for.
func encodedLength(text string) (n int, ok bool) {
	body := strings.TrimRight(text, "=")
	ok = len(text)%4 == 0 && len(text)-len(body) < 3 && std64.whole(body)
	return len(body) * 6 / 8, ok
}

func matchSHA1(text, secret string) bool {
	return equalSHA1(text[len(shaPrefix):], secret)
}

func matchSaltedSHA1(text, secret string) bool {
	return equalSHA1(text[len(sshaPrefix):], secret)
}

// equalSHA1 compares secret with the base64 of a SHA-1 digest and the salt that follows it, if any.
func equalSHA1(encoded, secret string) bool {
	stored, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(stored) < sha1.Size {
		return false
	}
	sum := sha1.Sum(append([]byte(secret), stored[sha1.Size:]...))
	return subtle.ConstantTimeCompare(stored[:sha1.Size], sum[:]) == 1
}

// readPlain refuses what no password could match.
func readPlain(rest string) (cost, int, error) {
	if rest == "" || len(rest) > MaxSecret || strings.IndexByte(rest, 0) >= 0 {
		return cost{}, 0, errors.New("the password is empty, too long or has a NUL")
	}
	return cost{size: 1, passes: 1}, 0, nil
}

// matchPlain compares digests, so that the time does not tell the length.
func matchPlain(text, secret string) bool {
	stored, given := sha256.Sum256([]byte(text[len(plainPrefix):])), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(stored[:], given[:]) == 1
}
