package jwt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/auth"
)

// MaxLeeway is the most that a clock may be off.
const MaxLeeway = time.Minute

// A VerifierConfig says whose tokens are taken. Its zero value takes none, and everything that is left out
// is strict.
type VerifierConfig struct {
	// Keys are the issuer's, or Secret is what it shares: one of both, so that a public key can never be
	// taken for a secret.
	Keys   *KeySet
	Secret auth.Secret

	// Algorithms are those allowed. Empty, they are every asymmetric one with Keys, HS256 with Secret.
	Algorithms []string

	Issuer    string   // the claim iss
	Audiences []string // the claim aud names one of these

	// Types are the values of the header's typ that are taken, where "" stands for a header without one.
	// Empty, they are "", JWT and at+jwt (RFC 9068): tokens of another type, such as logout+jwt, were made
	// for something else (RFC 8725, section 3.11).
	Types []string

	Leeway      time.Duration // how much later exp and earlier nbf and iat count, up to [MaxLeeway]
	MaxLifetime time.Duration // from iat to exp; 0 is no limit
	OwnIssuer   string        // the iss of our own tokens, which are never taken; "" is none

	InsecureAnyIssuer   bool // takes every iss, and no iss
	InsecureAnyAudience bool // takes tokens that were made for others
}

// A Verifier checks tokens. It never changes, and is safe for concurrent use: newer keys make another one.
type Verifier struct {
	keys        *KeySet
	secret      []byte
	algorithms  []string
	types       []string
	issuer      string
	audiences   []string
	ownIssuer   string
	leeway      time.Duration
	maxLifetime time.Duration
	anyIssuer   bool
	anyAudience bool
}

// NewVerifier returns the verifier of c, or says what of c makes no sense.
func NewVerifier(c VerifierConfig) (*Verifier, error) {
	for _, check := range []func() error{c.checkKeys, c.checkClaims} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("jwt: verifier: %w", err)
		}
	}
	v := &Verifier{
		keys: c.Keys, secret: []byte(c.Secret), algorithms: c.allowed(),
		issuer: c.Issuer, audiences: slices.Clone(c.Audiences), ownIssuer: c.OwnIssuer,
		leeway: c.Leeway, maxLifetime: c.MaxLifetime,
		anyIssuer: c.InsecureAnyIssuer, anyAudience: c.InsecureAnyAudience,
		types: []string{"", "jwt", "at+jwt"},
	}
	if len(c.Types) > 0 {
		v.types = nil
		for _, typ := range c.Types {
			v.types = append(v.types, mediaType(typ))
		}
	}
	return v, nil
}

// allowed are the names of the algorithms that tokens may have.
func (c VerifierConfig) allowed() []string {
	switch {
	case len(c.Algorithms) > 0:
		return slices.Clone(c.Algorithms)
	case c.Keys == nil:
		return []string{"HS256"}
	}
	var names []string
	for name, a := range algorithms {
		if a.kind != kindSecret {
			names = append(names, name)
		}
	}
	return names
}

func (c VerifierConfig) checkKeys() error {
	if (c.Keys == nil) == (c.Secret == "") {
		return errors.New("needs a key set or a secret, and not both")
	}
	for _, name := range c.allowed() {
		a, ok := algorithms[name]
		switch {
		case !ok:
			return fmt.Errorf("algorithm %q: is unknown", name)
		case (a.kind == kindSecret) != (c.Keys == nil):
			return fmt.Errorf("algorithm %s: HS needs a secret, all others need a key set", name)
		case c.Keys == nil && len(c.Secret) < a.minSecret:
			return fmt.Errorf("secret: has %d bytes, fewer than the %d of %s", len(c.Secret), a.minSecret, name)
		}
	}
	return nil
}

func (c VerifierConfig) checkClaims() error {
	switch {
	case (c.Issuer == "") != c.InsecureAnyIssuer:
		return errors.New("needs an issuer, or InsecureAnyIssuer")
	case c.OwnIssuer != "" && c.OwnIssuer == c.Issuer:
		return errors.New("issuer: is gatehouse itself, whose tokens are never taken")
	case (len(c.Audiences) == 0) != c.InsecureAnyAudience:
		return errors.New("needs an audience, or InsecureAnyAudience")
	case slices.Contains(c.Audiences, ""):
		return errors.New("audience: is empty")
	case c.Leeway < 0 || c.Leeway > MaxLeeway:
		return fmt.Errorf("leeway: %v is not between 0 and %v", c.Leeway, MaxLeeway)
	case c.MaxLifetime < 0:
		return fmt.Errorf("lifetime: %v is less than 0", c.MaxLifetime)
	}
	return nil
}

// Verify returns the claims of a token in compact form that is good at the time now. The error is
// [ErrUnknownKey] if only a key is missing, and otherwise a *[TokenError]: the token is refused. The claims
// are then empty. The cheap checks come first, so an error can speak of claims that nobody signed.
func (v *Verifier) Verify(token string, now time.Time) (Claims, error) {
	c, err := v.takeApart(token)
	if err != nil {
		return Claims{}, err
	}
	claims, err := v.readClaims(c.payload, now)
	if err != nil {
		return Claims{}, err
	}
	if claims.Key, err = v.checkSignature(c); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

// checkSignature returns the mark of the key that verified.
func (v *Verifier) checkSignature(c compact) (mark string, err error) {
	var key any = v.secret
	if v.keys != nil {
		found, err := v.keys.find(c.kid, c.alg)
		if err != nil {
			return "", err
		}
		key, mark = found.key, found.mark
	}
	if err := algorithms[c.alg].method.Verify(c.input, c.signature, key); err != nil {
		if v.keys != nil && c.kid == "" { // the only key that fits may be an older one
			return "", ErrUnknownKey
		}
		return "", &TokenError{"signature", "is not that of the key"}
	}
	return mark, nil
}
