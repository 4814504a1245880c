package jwt

import (
	"errors"
	"net/url"
	"time"

	"gatehouse/conf"
)

// HasKeys reports whether keys sign, and no secret.
func (c Config) HasKeys() bool { return c.Keys != nil || c.KeysDir != "" }

// keep is how long a key is published after its last token was signed: the token's life, and as much as the clocks
// of gateways and backends may differ.
func (c Config) keep() time.Duration { return time.Duration(c.Lifetime) + c.PublishBefore }

func (c Config) checkKeys(r conf.Report) {
	c.checkSchedule(r)
	switch {
	case !c.HasKeys():
		return
	case c.Keys != nil && c.KeysDir != "":
		r.Fault("keys_dir", "is set as well as keys, want only one of the two")
	case c.Keys != nil && len(c.Keys) == 0, len(c.Keys) > maxRing:
		r.Fault("keys", "want 1 to %d files", maxRing)
	}
	if c.Secret != nil {
		r.Fault("secret", "is set as well as keys: want one of the two to sign with")
	}
	for i, f := range c.Keys {
		if f.File == "" {
			r.At("keys", i).Fault("file", "is missing")
		}
	}
	if c.PublishBefore < time.Second || c.PublishBefore > longestPublishBefore {
		r.Fault("publish_before", "must be between 1s and %v", longestPublishBefore)
	}
	if u := c.issuerURL(); u == nil || u.Scheme != "https" {
		r.Warn("iss", "is no https URL: a backend cannot find the keys by it, and has to be told where /.well-known/jwks.json is")
	}
}

// issuerURL is the issuer as an address to begin others with, or nil.
func (c Config) issuerURL() *url.URL {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	return u
}

// ReadKeys reads the keys that the section names, and reports what is wrong with them. It returns the paths on
// whose content that depends, which are to be followed.
func (c *Config) ReadKeys(r conf.Report) (paths []string) {
	var err error
	switch {
	case c.KeysDir != "" && c.Keys == nil:
		if c.ring, paths, err = c.readFolder(); err != nil {
			r.Fault("keys_dir", "%v", err)
		}
		return append([]string{c.KeysDir}, paths...)
	case len(c.Keys) > 0 && len(c.Keys) <= maxRing:
		for _, f := range c.Keys {
			paths = append(paths, f.File)
		}
		var i int
		if c.ring, i, err = listRing(c.Keys); err != nil {
			r.At("keys", i).Fault("file", "%v", err)
		}
	}
	return paths
}

// NewKeyed returns an issuer that signs with the keys that [Config.ReadKeys] read: with the one whose time it is.
// Claims are those of [New].
func NewKeyed(c Config, issueAud bool, now func() time.Time) (*Issuer, error) {
	if c.ring == nil {
		return nil, errors.New("jwt: no keys are read")
	}
	i := newIssuer(c, issueAud, now)
	i.phase = c.ring.at(now())
	k := i.phase.signer
	return i.signingWith(k.Algorithm, k.ID, k.private)
}

// Current returns i, or, where another key signs by now or others are published, the issuer that is to take its
// place.
func (i *Issuer) Current() (*Issuer, error) {
	if !i.timed() {
		return i, nil
	}
	if p := i.config.ring.at(i.now()); p.same(i.phase) {
		return i, nil
	}
	return NewKeyed(i.config, i.audience != "", i.now)
}

// mostPatient is how long nobody looks whether the clock was set.
const mostPatient = 10 * time.Second

// Patience is how long to wait before [Issuer.Current] is asked again; negative: for ever.
func (i *Issuer) Patience() time.Duration {
	switch {
	case !i.timed():
		return -1
	case i.phase.until.IsZero(): // until the clock is set back
		return mostPatient
	}
	if d := i.phase.until.Sub(i.now()); d > 0 {
		return min(d, mostPatient)
	}
	return time.Second // it is overdue, and was not possible
}

func (i *Issuer) timed() bool { return i.config.ring != nil && i.config.ring.timed }

// KeyID is the kid of the tokens.
func (i *Issuer) KeyID() string { return i.phase.signer.ID }
