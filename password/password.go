// Package password owns stored password hashes: which formats are read and within which bounds, how
// a password is compared with one, what an unknown user costs, and how new hashes are made.
package password

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

const (
	// MaxSecret is the length in bytes beyond which no password matches any hash.
	MaxSecret = 1024
	// maxBcrypt is what bcrypt looks at: it would take any longer password for its first 72 bytes.
	maxBcrypt = 72
)

// A Hash is one stored password, which [Parse] has read. The zero Hash is nobody's: it matches nothing.
// A Hash prints as its [Hash.Params].
type Hash struct {
	format *format
	text   string // whole, well formed
	cost   cost
	salt   uint8 // where in text the salt begins, or what stands in its place
	decoy  bool
}

// Verify reports whether secret is the password. Digests are compared in constant time. An empty
// secret, one with a NUL and one that is too long (72 bytes for bcrypt, [MaxSecret] for all) never
// match, yet cost one hash like any other.
func (h Hash) Verify(secret string) bool {
	if h.format == nil {
		return false
	}
	fit := secret != "" && len(secret) <= h.format.longest && strings.IndexByte(secret, 0) < 0
	if !fit {
		secret = secret[:min(len(secret), maxBcrypt)]
	}
	return h.format.match(h.text, secret) && fit && !h.decoy
}

// Params names the format and its cost and nothing else, such as "bcrypt cost 12". It is equal for
// hashes that take as long to verify.
func (h Hash) Params() string {
	if h.format == nil {
		return "no hash"
	}
	return h.format.name + h.format.params(h.cost)
}

// Decoy returns a hash of equal [Hash.Params] with random salt and digest that no password matches.
// Verify it where a user is unknown, so that an answer takes as long as for one who is known.
func (h Hash) Decoy() Hash {
	if h.format == nil {
		return h
	}
	h.text = h.text[:h.salt] + h.format.letters.scramble(h.text[h.salt:])
	h.decoy = true
	return h
}

// Format writes the Params, whatever the verb: the hash itself belongs in no log.
func (h Hash) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.Params()) }

// scramble returns random letters in the shape of text: '$' and '=' stay, and the letter before one
// or at the end becomes the zero of the alphabet, so that no spare bit is set.
func (a *alphabet) scramble(text string) string {
	out := make([]byte, len(text))
	_, _ = rand.Read(out) // never fails: it would end the process
	for i, b := range out {
		switch {
		case text[i] == '$', text[i] == '=':
			out[i] = text[i]
		case i+1 == len(text), text[i+1] == '$', text[i+1] == '=':
			out[i] = a.letters[0]
		default:
			out[i] = a.letters[b%64]
		}
	}
	return string(out)
}
