// Package canary looks for secrets where none may be: in logs, metrics, answers.
package canary

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// tooShort is the length in bytes below which a text turns up by chance.
const tooShort = 6

// Leaks says which of secrets text holds, and in which form.
func Leaks(text string, secrets []string) (found []string) {
	folded := strings.ToLower(text)
	for _, secret := range secrets {
		if len(secret) < tooShort {
			continue
		}
		for _, f := range forms(secret) {
			if f.folded && strings.Contains(folded, f.text) || !f.folded && strings.Contains(text, f.text) {
				found = append(found, fmt.Sprintf("%q as %s", secret, f.name))
				break
			}
		}
	}
	return found
}

// Check fails t if text, which is what stood in place, holds one of secrets.
func Check(t testing.TB, place, text string, secrets []string) {
	t.Helper()
	for _, leak := range Leaks(text, secrets) {
		t.Errorf("%s holds the secret %s", place, leak)
	}
}

// A form is how a secret may be written.
type form struct {
	name, text string
	folded     bool // without regard to case
}

// forms are all ways of writing a secret that are looked for.
func forms(secret string) []form {
	list := []form{
		{"it is", secret, false},
		{"a URL's query", url.QueryEscape(secret), false},
		{"a URL's path", url.PathEscape(secret), false},
		{"hex", hex.EncodeToString([]byte(secret)), true},
		{"JSON", quoted(secret), false},
		{"Go", strings.Trim(fmt.Sprintf("%q", secret), `"`), false},
		{"Go's bytes", strings.Trim(fmt.Sprint([]byte(secret)), "[]"), false},
	}
	for shift := range 3 {
		list = append(list,
			form{"base64", encoded(base64.RawStdEncoding, secret, shift), false},
			form{"base64 for URLs", encoded(base64.RawURLEncoding, secret, shift), false})
	}
	for word := range slices.Chunk([]byte(secret), 8) { // as a stack shows arguments
		if len(word) == 8 {
			list = append(list, form{"a word of a stack", fmt.Sprintf("0x%x", binary.LittleEndian.Uint64(word)), true})
		}
	}
	return list
}

func quoted(secret string) string {
	text, _ := json.Marshal(secret) // of a string: cannot fail
	return strings.Trim(string(text), `"`)
}

// encoded is what of a text's base64 is the secret's alone, if the secret begins shift bytes behind a multiple
// of three.
func encoded(e *base64.Encoding, secret string, shift int) string {
	text := e.EncodeToString(append(make([]byte, shift), secret...))
	return text[(8*shift+5)/6 : 8*(shift+len(secret))/6]
}
