package jwt

import (
	"crypto"
	"time"
)

// VerifyJWS checks a token's form, header and signature alone: Wycheproof's payloads are no claims.
func (v *Verifier) VerifyJWS(token string) ([]byte, error) {
	c, err := v.takeApart(token)
	if err != nil {
		return nil, err
	}
	_, err = v.checkSignature(c)
	return c.payload, err
}

// Publics are the keys that can be used.
func (s *KeySet) Publics() []crypto.PublicKey {
	var publics []crypto.PublicKey
	for _, k := range s.keys {
		publics = append(publics, k.key)
	}
	return publics
}

// Thumbprint is the kid of a key of ours with this public half.
func Thumbprint(key crypto.PublicKey) (string, error) {
	p, err := publicOf(key)
	return p.ID, err
}

// ParsePrivate reads the text of a key file.
func ParsePrivate(text []byte) (Key, error) {
	private, err := parsePrivate(text)
	if err != nil {
		return Key{}, err
	}
	return newKey(private)
}

// ScheduledUnlocked is Scheduled where nobody locks the folder.
func (c Config) ScheduledUnlocked(now time.Time) (Rotation, error) { return c.scheduled(now) }
