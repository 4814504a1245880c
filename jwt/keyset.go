package jwt

import (
	"errors"
	"fmt"

	"gatehouse/strictjson"
)

// MaxKeySet is the most bytes that [ParseKeySet] looks at.
const MaxKeySet = 256 << 10

const maxKeys = 100

// ErrUnknownKey is the error of [Verifier.Verify] for a token that passes every other check, but no key of
// the set is the one it names, or fits it, or verifies it where it names none. It is not a refusal yet: the keys may have been changed, and may
// be asked for again, at a rate that a stranger's tokens cannot raise.
var ErrUnknownKey = errors.New("token: no known key fits it")

// A KeySet holds public keys that verify. It never changes: a newer set is another one. Why it is our own and no
// library's: docs/architecture.md, "What a provider must keep".
type KeySet struct {
	keys    []publicKey
	leftOut []error
}

// ParseKeySet reads a JWK Set (RFC 7517, section 5) of keys for RSA, ECDSA on P-256, P-384 and P-521, and
// Ed25519. A key that is not for verifying, of an unknown kind, weak or malformed is left out, as is one
// with private members. The whole set is refused, so that the caller stays with the one it has, if it is
// not strict JSON, if two of its keys have one kid, or if it holds a symmetric key, which nobody may publish.
// No error quotes the text.
func ParseKeySet(text []byte) (*KeySet, error) {
	if len(text) > MaxKeySet {
		return nil, fmt.Errorf("key set: has more than %d bytes", MaxKeySet)
	}
	object, err := strictjson.Object(text)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	list, ok := object["keys"].([]any)
	if !ok {
		return nil, errors.New("key set: has no list keys")
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("key set: has %d keys, more than %d", len(list), maxKeys)
	}
	s := &KeySet{}
	for i, element := range list {
		jwk, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("key set: key %d: is no object", i)
		}
		if err := s.add(i, jwk); err != nil {
			return nil, fmt.Errorf("key set: key %d: %w", i, err)
		}
	}
	return s, nil
}

func (s *KeySet) add(i int, jwk map[string]any) error {
	if jwk["kty"] == "oct" {
		return errors.New("is symmetric: whoever can read it can sign")
	}
	k, err := readKey(jwk)
	if err != nil {
		s.leftOut = append(s.leftOut, fmt.Errorf("key %d: %w", i, err))
		return nil
	}
	if k.id != "" && s.byID(k.id) != nil {
		return errors.New("has the kid of an earlier one")
	}
	s.keys = append(s.keys, k)
	return nil
}

// Len is how many keys can be used. A set of none is one like any other: its owner may have withdrawn all.
func (s *KeySet) Len() int { return len(s.keys) }

// LeftOut says of each key that cannot be used why, by its place in the set, from 0.
func (s *KeySet) LeftOut() []error { return s.leftOut }

func (s *KeySet) byID(id string) *publicKey {
	for i := range s.keys {
		if s.keys[i].id == id {
			return &s.keys[i]
		}
	}
	return nil
}

// find returns the key for a token: that of its kid and no other, or without one the only key that fits.
func (s *KeySet) find(id, alg string) (*publicKey, error) {
	if id != "" {
		switch k := s.byID(id); {
		case k == nil:
			return nil, ErrUnknownKey
		case !k.fits(alg):
			return nil, &TokenError{"alg", "is not for the key that kid names"}
		default:
			return k, nil
		}
	}
	var found *publicKey
	for i := range s.keys {
		switch k := &s.keys[i]; {
		case !k.fits(alg):
		case found != nil:
			return nil, &TokenError{"kid", "is missing, and several keys fit"}
		default:
			found = k
		}
	}
	if found == nil {
		return nil, ErrUnknownKey
	}
	return found, nil
}
