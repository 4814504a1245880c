package provider

import (
	"context"
	"sync"
)

// KeySets hand the keys of identity providers on: a reload opens a provider anew whose section has changed, perhaps
// while nobody can be asked for the keys. They live as long as the process, and are safe for concurrent use.
type KeySets struct {
	mu    sync.Mutex
	rings map[*keyring]bool // those that are open
}

// NewKeySets returns some that hold nothing yet.
func NewKeySets() *KeySets { return &KeySets{rings: map[*keyring]bool{}} }

// join has k begin with the keys that another keyring has from the same place, if there is one, and gives its own to
// others until ctx ends. Nil KeySets do nothing.
func (s *KeySets) join(ctx context.Context, k *keyring) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.rings {
		have := other.current.Load()
		if have == nil || !k.samePlace(other) {
			continue
		}
		if verifier, err := k.build(have.keys); err == nil {
			k.current.Store(&keyed{have.keys, verifier})
		}
	}
	s.rings[k] = true
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.rings, k)
	})
}

// samePlace reports whether two keyrings ask the same for their keys.
func (k *keyring) samePlace(other *keyring) bool {
	if k.insecureHTTP != other.insecureHTTP || (k.certURI == nil) != (other.certURI == nil) {
		return false
	}
	if k.certURI == nil {
		return k.issuer == other.issuer
	}
	return k.certURI.String() == other.certURI.String()
}
