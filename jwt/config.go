// Package jwt signs a user: the token that gatehouse sends out, and the secret it signs with. And it verifies
// the tokens of others, with their public keys or a shared secret.
package jwt

import (
	"errors"
	"strconv"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// MinSecret is the length in bytes under which a secret is too short for HS256 (RFC 7518, section 3.2).
const MinSecret = 32

// Config is the section jwt of config.yaml.
type Config struct {
	Issuer   string       `yaml:"iss" doc:"The claim iss of every token."`
	Audience string       `yaml:"aud" doc:"The claim aud of every token; versions 1.0.0 and 2.0.0 issue it with issue_aud only."`
	IssueAud *bool        `yaml:"issue_aud" doc:"Whether the claim aud is issued. Default: true in version 3, false in 1.0.0 and 2.0.0."`
	Subject  string       `yaml:"sub" enum:"realm-name,unambiguous" doc:"The claim sub: REALM-NAME as auth-o-tron writes it, or the same with every - and % of the realm as %2D and %25, so that no two users have one."`
	Lifetime Seconds      `yaml:"exp" doc:"How long a token is valid: seconds, or a duration such as 1h."`
	Secret   *auth.Secret `yaml:"secret" secret:"true" doc:"The HS256 secret, at least 32 bytes. Without one, gatehouse makes one and keeps it in state_dir."`

	Keys          []KeyFile     `yaml:"keys" doc:"In the place of a secret: private keys. The first signs, all are published."`
	KeysDir       string        `yaml:"keys_dir" path:"true" doc:"In the place of a secret: the folder in which gatehouse key rotate keeps private keys, each of which signs from the time that is its name."`
	PublishBefore time.Duration `yaml:"publish_before" doc:"How long a key of keys_dir is published before it signs."`

	RotateEvery time.Duration `yaml:"rotate_every" doc:"How long a key of keys_dir signs until gatehouse itself makes the next one there. Default: never, gatehouse key rotate does."`

	state string   // the folder state_dir, or ""
	ring  *Keyring // of Keys or KeysDir; nil: HS256 signs
}

// KeyFile is one file of [Config.Keys].
type KeyFile struct {
	File string `yaml:"file" path:"true" doc:"One private key: Ed25519, EC on P-256 or RSA, in PEM or as a JWK."`
}

// The values of [Config.Subject].
const (
	RealmName   = "realm-name"
	Unambiguous = "unambiguous"
)

// longestPublishBefore keeps a mistake from making keys that never sign.
const longestPublishBefore = 90 * 24 * time.Hour

// Check reports what is wrong with the section.
func (c Config) Check(r conf.Report) {
	switch {
	case c.Lifetime <= 0:
		r.Fault("exp", "must be more than 0")
	case c.Lifetime < Seconds(time.Second): // a token's times are whole seconds: most would be dead at once
		r.Fault("exp", "must be at least 1 second")
	}
	if c.IssueAud != nil && *c.IssueAud && c.Audience == "" {
		r.Fault("issue_aud", "there is no jwt.aud to issue")
	}
	c.checkKeys(r)
	if c.Secret == nil {
		return
	}
	switch n := len(*c.Secret); {
	case n == 0:
		r.Fault("secret", "is empty: anybody could sign tokens; set at least %d random bytes, or leave the key out", MinSecret)
	case n < MinSecret:
		r.Strict("secret", "has %d bytes, fewer than %d: it can be guessed; make one with: openssl rand -base64 48", n, MinSecret)
	}
}

// Seconds is a time span that config.yaml writes as whole seconds (3600) or as a duration (1h).
type Seconds time.Duration

// UnmarshalText reads either notation.
func (s *Seconds) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		if n < 0 || n > int64(longest/time.Second) {
			return errors.New("is out of range")
		}
		*s = Seconds(time.Duration(n) * time.Second)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("is neither seconds (3600) nor a duration (1h)")
	}
	if d < 0 || d > longest {
		return errors.New("is out of range")
	}
	*s = Seconds(d)
	return nil
}

// longest keeps the end of any token well inside what a client's date type can hold.
const longest = 100 * 365 * 24 * time.Hour
