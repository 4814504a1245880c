// Package auth is gatehouse's vocabulary: what a request presents, who it turns out to be, and the
// one question every way in answers.
package auth

import (
	"context"
	"errors"
	"time"
)

// A Scheme is an HTTP authentication scheme (RFC 7235) in its canonical spelling.
type Scheme string

// The schemes gatehouse understands. Plain is read as Basic, EmailKey as Bearer.
const (
	Basic  Scheme = "Basic"  // RFC 7617
	Bearer Scheme = "Bearer" // RFC 6750
)

// TLS is what a client's certificate comes by. It is no scheme of HTTP, so no challenge names it.
const TLS Scheme = "TLS"

// A Form says what kind of secret a [Credential] carries, as far as its text shows it. Only sources
// that name a form are shown credentials of that form.
type Form uint8

// The forms.
const (
	Password    Form = iota + 1 // the password of a Basic credential
	StoredToken                 // a token of gatehouse's own store: gh_…
	JWT                         // a compact JWS or JWE (RFC 7519): three or five parts, the first a JSON header
	Opaque                      // any other bearer token, such as an API key
	Certificate                 // a client's certificate, see [Presented.Certify]
)

// A Credential is one thing a request presents. A credential that [Presented.Parse] made points into
// memory of its request: [Credential.Clone] it before the request may end.
type Credential struct {
	Scheme   Scheme
	Form     Form
	Username string // Basic only; at least one byte
	Secret   Secret // at least one byte
}

// A User is who a credential turned out to be.
type User struct {
	Realm      string              // the realm of the source that said yes
	Name       string              // usable, see [CheckName]
	Roles      []string            // in the source's order
	Attributes map[string]string   // what else the source tells of the user
	Scopes     map[string][]string // by provider name
	Provider   string              // the name of the source that said yes
	Record     string              // fingerprint of what said yes, such as a password file's line; see Env.Forget in package provider
	Until      time.Time           // when this answer dies; zero: it sets no end of its own

	Final             bool // whether Roles and Attributes are what gatehouse itself gave the user: nothing is added or changed
	AttributesDropped bool // whether there are more Attributes than the source could tell
}

// An Authenticator decides whose a credential is. It is the only interface a way in has to meet.
type Authenticator interface {
	// Authenticate returns the user whose credential c is. The error wraps [ErrNotMine] where c is of
	// another kind and was not looked at, [ErrDenied] where it was looked at and refused (an unknown
	// user too). Any other error says that no decision could be made: it never means a wrong password.
	// Authenticate returns soon after ctx ends, and keeps nothing of c but hashes.
	Authenticate(ctx context.Context, c Credential) (User, error)
}

// Func makes an [Authenticator] of a function.
type Func func(context.Context, Credential) (User, error)

// Authenticate calls f.
func (f Func) Authenticate(ctx context.Context, c Credential) (User, error) { return f(ctx, c) }

// The two definite answers of an [Authenticator] that are not a user.
var (
	ErrNotMine = errors.New("not a credential of this kind")
	ErrDenied  = errors.New("credential denied")
)
