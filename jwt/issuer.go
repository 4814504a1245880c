package jwt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	josejwt "github.com/golang-jwt/jwt/v5"

	"gatehouse/auth"
)

// ErrExpired says that the user's own end has passed: a token for them would be dead at once.
var ErrExpired = errors.New("the user's own limit has passed")

// An Issuer signs users. It is safe for concurrent use.
type Issuer struct {
	config   Config
	issuer   string
	audience string // "" issues none
	subject  func(u auth.User) string
	lifetime time.Duration
	method   josejwt.SigningMethod
	key      any    // for method
	header   string // encoded, with its dot
	phase    phase  // of the keyring; the zero phase where there is none
	now      func() time.Time
}

// New returns an issuer that signs with HS256 and secret, which must not be empty. Claims are those of
// auth-o-tron 0.3.7, and aud where issueAud says so.
func New(c Config, issueAud bool, secret auth.Secret, now func() time.Time) (*Issuer, error) {
	if secret == "" {
		return nil, errors.New("jwt: empty secret")
	}
	return newIssuer(c, issueAud, now).signingWith("HS256", keyID([]byte(secret)), []byte(secret))
}

func newIssuer(c Config, issueAud bool, now func() time.Time) *Issuer {
	i := &Issuer{config: c, issuer: c.Issuer, subject: realmName, lifetime: time.Duration(c.Lifetime), now: now}
	if issueAud {
		i.audience = c.Audience
	}
	if c.Subject == Unambiguous {
		i.subject = unambiguous
	}
	return i
}

// signingWith completes i.
func (i *Issuer) signingWith(algorithm, id string, key any) (*Issuer, error) {
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": algorithm, "kid": id})
	if err != nil {
		return nil, fmt.Errorf("jwt: header: %w", err)
	}
	i.header = base64.RawURLEncoding.EncodeToString(header) + "."
	i.method, i.key = algorithms[algorithm].method, key
	return i, nil
}

// realmName is auth-o-tron's sub: of realm a-b and user c as of realm a and user b-c.
func realmName(u auth.User) string { return u.Realm + "-" + u.Name }

// unambiguous is a sub whose first hyphen ends the realm. Where the realm has none it is that of auth-o-tron.
func unambiguous(u auth.User) string {
	realm := strings.ReplaceAll(strings.ReplaceAll(u.Realm, "%", "%25"), "-", "%2D")
	return realm + "-" + u.Name
}

// keyID names a secret so that gateways that share it agree, and two secrets can be told apart. It is a
// MAC under the secret over a text that is no token's signing input, so it tells a reader exactly as
// much as any signature does.
func keyID(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("gatehouse key id"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:9])
}

// claims in the order in which auth-o-tron writes them.
type claims struct {
	Subject           string              `json:"sub"`
	Issuer            string              `json:"iss"`
	Expires           int64               `json:"exp"`
	IssuedAt          int64               `json:"iat"`
	Roles             []string            `json:"roles"`
	Username          string              `json:"username"`
	Scopes            map[string][]string `json:"scopes"`
	Realm             string              `json:"realm"`
	Attributes        map[string]string   `json:"attributes"`
	AttributesDropped bool                `json:"attributes_dropped,omitempty"`
	Audience          string              `json:"aud,omitempty"`
}

// A Token is a signed JWT in compact form. Its times are wall time, as those of whoever verifies it are: they
// are to be compared anew after the clock was set, or the machine slept.
type Token struct {
	Text  string
	Begin time.Time // the claim iat
	Renew time.Time // past half its life: whoever keeps it should ask for another
	End   time.Time // the claim exp
}

// Issue returns a token for u. It ends at the issuer's lifetime or at u.Until, whichever is first; where
// that has passed the error is [ErrExpired].
func (i *Issuer) Issue(u auth.User) (Token, error) {
	now := i.now() // once: the clock may be set at any time
	return i.sign(i.claims(u, now), now)
}

// IssueWithoutAttributes is Issue for a user whose attributes do not fit: the claim attributes is empty
// and attributes_dropped is true.
func (i *Issuer) IssueWithoutAttributes(u auth.User) (Token, error) {
	now := i.now()
	c := i.claims(u, now)
	c.Attributes, c.AttributesDropped = map[string]string{}, true
	return i.sign(c, now)
}

func (i *Issuer) claims(u auth.User, now time.Time) claims {
	c := claims{
		Subject: i.subject(u), Issuer: i.issuer,
		IssuedAt: now.Unix(), Expires: now.Add(i.lifetime).Unix(),
		Roles: u.Roles, Username: u.Name, Scopes: lists(u.Scopes), Realm: u.Realm,
		Attributes: u.Attributes, AttributesDropped: u.AttributesDropped, Audience: i.audience,
	}
	if !u.Until.IsZero() {
		c.Expires = min(c.Expires, u.Until.Unix())
	}
	if c.Roles == nil {
		c.Roles = []string{}
	}
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	return c
}

// lists returns scopes as a token must write them: where there is nothing, an empty list and no null.
func lists(scopes map[string][]string) map[string][]string {
	full := make(map[string][]string, len(scopes))
	for name, list := range scopes {
		full[name] = append([]string{}, list...)
	}
	return full
}

func (i *Issuer) sign(c claims, now time.Time) (Token, error) {
	if c.Expires <= c.IssuedAt {
		return Token{}, ErrExpired
	}
	body, err := json.Marshal(c)
	if err != nil {
		return Token{}, fmt.Errorf("jwt: claims: %w", err)
	}
	input := i.header + base64.RawURLEncoding.EncodeToString(body)
	signature, err := i.method.Sign(input, i.key)
	if err != nil {
		return Token{}, fmt.Errorf("jwt: sign: %w", err)
	}
	half := time.Duration(c.Expires-c.IssuedAt) * time.Second / 2
	end := time.Unix(c.Expires, 0)
	return Token{
		Text:  input + "." + base64.RawURLEncoding.EncodeToString(signature),
		Begin: time.Unix(c.IssuedAt, 0), Renew: auth.Earlier(now.Round(0).Add(half), end), End: end,
	}, nil
}
