package auth

import (
	"fmt"
	"io"
	"strings"
)

// A Secret is text that never shows itself: printed, logged or marshalled it reads [secret].
// string(s) is its content.
type Secret string

const masked = "[secret]"

// String returns the mask.
func (Secret) String() string { return masked }

// GoString returns the mask, so that %#v of a struct around a secret hides it too.
func (Secret) GoString() string { return masked }

// Format writes the mask, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText returns the mask, for JSON, YAML and every logger that asks.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Clone returns a copy of c that shares no memory with the request c was read from.
func (c Credential) Clone() Credential {
	c.Username = strings.Clone(c.Username)
	c.Secret = Secret(strings.Clone(string(c.Secret)))
	return c
}
