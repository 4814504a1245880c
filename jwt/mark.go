package jwt

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// markOf names a key as it counts: the same key under another kid, or for another algorithm, verifies other tokens.
func markOf(k publicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return "", errors.New("cannot be written as X.509 has it")
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %x", k.id, k.alg, der))
	return hex.EncodeToString(sum[:]), nil
}

// Has reports whether the key that [Claims.Key] names is one of the set, under the same kid and for the same
// algorithm.
func (s *KeySet) Has(mark string) bool {
	return slices.ContainsFunc(s.keys, func(k publicKey) bool { return k.mark == mark })
}

// HasAll reports whether every key of other is one of the set.
func (s *KeySet) HasAll(other *KeySet) bool {
	return !slices.ContainsFunc(other.keys, func(k publicKey) bool { return !s.Has(k.mark) })
}
