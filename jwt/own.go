package jwt

import (
	"errors"
	"fmt"
	"time"

	"gatehouse/auth"
	"gatehouse/conf"
)

// ownLeeway is how far the clocks of gateways that share keys may be apart.
const ownLeeway = 10 * time.Second

// An OwnVerifier takes what one issuer signs: by its secret, or by each key that it publishes.
type OwnVerifier struct{ verifier *Verifier }

// Verifier returns the verifier of the issuer's own tokens. Like the issuer it is of one phase of the keys.
func (i *Issuer) Verifier() (*OwnVerifier, error) {
	c := VerifierConfig{
		Issuer: i.issuer, Leeway: ownLeeway, Types: []string{"JWT"},
		InsecureAnyAudience: i.audience == "", // then no token of ours has one
	}
	if i.audience != "" {
		c.Audiences = []string{i.audience}
	}
	if secret, ok := i.key.([]byte); ok && len(i.phase.published) == 0 {
		c.Secret = auth.Secret(secret)
	} else {
		p, err := i.Published()
		if err != nil {
			return nil, err
		}
		if c.Keys, err = ParseKeySet(p.KeySet); err != nil {
			return nil, fmt.Errorf("jwt: own %w", err)
		}
	}
	v, err := NewVerifier(c)
	if err != nil {
		return nil, err
	}
	return &OwnVerifier{v}, nil
}

// Verify returns whom a token speaks of, whose Until is its end, so that what is issued for them ends no later.
// The error is a *[TokenError] or [ErrUnknownKey]: the token is refused.
func (v *OwnVerifier) Verify(token string, now time.Time) (auth.User, error) {
	c, err := v.verifier.Verify(token, now)
	if err != nil {
		return auth.User{}, err
	}
	u := auth.User{Until: c.Expires, Record: c.Key, Attributes: map[string]string{}, Final: true}
	u.Name, _ = c.All["username"].(string)
	u.Realm, _ = c.All["realm"].(string)
	u.AttributesDropped, _ = c.All["attributes_dropped"].(bool)
	if u.Roles, err = stringsOf(c.All["roles"]); err != nil {
		return auth.User{}, &TokenError{"roles", err.Error()}
	}
	if u.Scopes, err = scopesOf(c.All["scopes"]); err != nil {
		return auth.User{}, &TokenError{"scopes", err.Error()}
	}
	attributes, ok := c.All["attributes"].(map[string]any)
	for name, value := range attributes {
		text, isText := value.(string)
		u.Attributes[name], ok = text, ok && isText
	}
	if !ok {
		return auth.User{}, &TokenError{"attributes", "is no object of strings"}
	}
	return u, nil
}

func scopesOf(claim any) (map[string][]string, error) {
	lists, ok := claim.(map[string]any)
	if !ok {
		return nil, errors.New("is no object")
	}
	var scopes map[string][]string
	for provider, list := range lists {
		texts, err := stringsOf(list)
		if err != nil {
			return nil, err
		}
		if scopes == nil {
			scopes = map[string][]string{}
		}
		scopes[provider] = texts
	}
	return scopes, nil
}

// stringsOf returns a list of strings, which may be empty.
func stringsOf(v any) ([]string, error) {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return nil, nil
	}
	return texts(v)
}

// CheckOwn reports why the tokens of the section cannot be taken as credentials.
func (c Config) CheckOwn(r conf.Report) {
	switch {
	case c.Issuer == "":
		r.Fault("accept_own_tokens", "needs jwt.iss: tokens could be anybody's")
	case c.Secret != nil && len(*c.Secret) < MinSecret:
		r.Fault("accept_own_tokens", "needs a jwt.secret of at least %d bytes: it can be guessed, and tokens made by it would let in", MinSecret)
	}
}
