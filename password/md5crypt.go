package password

import (
	"crypto/md5"
	"crypto/subtle"
	"strings"
)

// MD5-crypt of FreeBSD, and Apache's twin of it: the same thousand rounds under another name.
const (
	md5Magic  = "$1$"
	apr1Magic = "$apr1$"
)

// readMD5 reads salt and digest.
func readMD5(rest string) (cost, int, error) {
	return cost{size: 1, passes: 1}, 0, saltAndDigest(rest, 8, 22)
}

func matchMD5(magic string) func(text, secret string) bool {
	return func(text, secret string) bool {
		salt, digest, _ := strings.Cut(text[len(magic):], "$")
		return subtle.ConstantTimeCompare([]byte(digest), md5Crypt(magic, salt, secret)) == 1
	}
}

// md5Crypt returns the 22 letters of digest.
func md5Crypt(magic, salt, secret string) []byte {
	inner := md5.Sum([]byte(secret + salt + secret))
	first := append([]byte(secret), magic+salt...)
	for left := len(secret); left > 0; left -= md5.Size {
		first = append(first, inner[:min(left, md5.Size)]...)
	}
	for n := len(secret); n > 0; n >>= 1 {
		if n&1 == 1 {
			first = append(first, 0)
		} else {
			first = append(first, secret[0])
		}
	}
	sum := md5.Sum(first)
	round := make([]byte, 0, 2*len(secret)+len(salt)+md5.Size)
	for i := range 1000 {
		sum = md5.Sum(md5Round(round[:0], i, sum[:], salt, secret))
	}
	return md5Letters(sum)
}

// md5Round appends to buf what the round with number i hashes.
func md5Round(buf []byte, i int, sum []byte, salt, secret string) []byte {
	odd := i&1 == 1
	if odd {
		buf = append(buf, secret...)
	} else {
		buf = append(buf, sum...)
	}
	if i%3 != 0 {
		buf = append(buf, salt...)
	}
	if i%7 != 0 {
		buf = append(buf, secret...)
	}
	if odd {
		return append(buf, sum...)
	}
	return append(buf, secret...)
}

// md5Letters writes sum in the order of bytes that MD5-crypt has.
func md5Letters(sum [md5.Size]byte) []byte {
	out := make([]byte, 0, 24)
	for i := range 5 {
		third := i + 12
		if i == 4 {
			third = 5
		}
		out = appendLetters(out, uint32(sum[i])<<16|uint32(sum[i+6])<<8|uint32(sum[third]), 4)
	}
	return appendLetters(out, uint32(sum[11]), 2)
}

func appendLetters(out []byte, bits uint32, n int) []byte {
	for range n {
		out = append(out, crypt64.letters[bits&63])
		bits >>= 6
	}
	return out
}
