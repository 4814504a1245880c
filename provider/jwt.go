package provider

import (
	"context"
	"fmt"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/jwt"
)

// JWT takes the tokens of an identity provider, which are checked here, by its keys.
type JWT struct {
	Tokens              `yaml:",inline"`
	Secret              *auth.Secret `yaml:"secret" secret:"true" doc:"A secret that the identity provider shares, in the place of keys: tokens are then signed with HS256, HS384 or HS512."`
	InsecureAnyIssuer   bool         `yaml:"insecure_any_issuer" doc:"Whether tokens are taken whoever issued them."`
	InsecureAnyAudience bool         `yaml:"insecure_any_audience" doc:"Whether tokens are taken that were made for others."`
	AcceptOwnTokens     bool         `yaml:"accept_own_tokens" doc:"In the place of all keys above: gatehouse's own tokens of users of this realm let in, until they end."`
	IDTokens            bool         `yaml:"id_tokens" doc:"Whether ID tokens let in too, which clients get to know their user, and which are not made to be sent to services."`
}

func newJWT() *JWT { return &JWT{Tokens: newTokens()} }

// IgnoredKeys are keys of auth-o-tron that have no effect there either.
func (*JWT) IgnoredKeys() map[string]string {
	return map[string]string{"iam_realm": "has no effect, as in auth-o-tron"}
}

// Check reports what is wrong with the section.
func (j *JWT) Check(r conf.Report) {
	if j.AcceptOwnTokens {
		j.checkAlone(r)
		return
	}
	secret := auth.Secret("")
	switch {
	case j.Secret != nil && j.CertURI != "":
		r.Fault("secret", "stands beside cert_uri: keep one of them")
	case j.Secret != nil && *j.Secret == "":
		r.Fault("secret", "is empty: anybody could sign tokens")
	case j.Secret != nil:
		secret = *j.Secret
		if len(secret) < jwt.MinSecret {
			r.Fault("secret", "has %d bytes, fewer than %d: it can be guessed", len(secret), jwt.MinSecret)
		}
	case j.CertURI != "":
		checkURL(r, "cert_uri", j.CertURI, j.InsecureHTTP)
	case j.Issuer == "":
		r.Fault("cert_uri", "is missing: it says where the identity provider's keys are; issuer alone lets them be discovered")
	default:
		checkURL(r, "issuer", j.Issuer, j.InsecureHTTP)
	}
	j.checkTrust(r)
	j.check(r, secret)
}

// checkTrust reports whose tokens are taken that perhaps should not be.
func (j *JWT) checkTrust(r conf.Report) {
	switch {
	case j.Issuer != "" && j.InsecureAnyIssuer:
		r.Fault("insecure_any_issuer", "stands beside issuer: keep one of them")
	case j.Issuer == "" && !j.InsecureAnyIssuer && (j.CertURI != "" || j.Secret != nil):
		r.Strict("issuer", "is missing: the claim iss is not checked; write the identity provider's (for Keycloak https://HOST/realms/REALM), or insecure_any_issuer: true")
	}
	checkAudience(r, j.Audience, j.InsecureAnyAudience)
}

// Open returns the provider. Its keys are asked for in the background, until ctx ends.
func (j *JWT) Open(ctx context.Context, env Env) (auth.Authenticator, error) {
	if j.AcceptOwnTokens {
		return &ownTokens{env}, nil
	}
	p := &bearerJWT{JWT: j, env: env}
	var err error
	if j.Secret != nil {
		p.fixed, err = j.verifier(env, nil, *j.Secret)
	} else {
		p.keys, err = j.keyring(ctx, env)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// bearerJWT verifies tokens: with keys that change, or a secret that does not.
type bearerJWT struct {
	*JWT
	env   Env
	keys  *keyring
	fixed *jwt.Verifier
}

// Authenticate verifies the token.
func (p *bearerJWT) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.JWT {
		return auth.User{}, auth.ErrNotMine
	}
	if ctx.Err() != nil {
		return auth.User{}, cause(ctx.Err())
	}
	if jwt.SaysIssuer(string(c.Secret), p.env.OwnIssuer) { // whatever becomes of the identity provider's keys
		return auth.User{}, fmt.Errorf("%w: the token is gatehouse's own", auth.ErrDenied)
	}
	claims, err := p.claims(ctx, string(c.Secret))
	if err != nil {
		return auth.User{}, err
	}
	if !isAccess(claims.All, p.IDTokens) {
		return auth.User{}, fmt.Errorf("%w: it is no access token", auth.ErrDenied)
	}
	return p.owner(p.env.Name, claims), nil
}

func (p *bearerJWT) claims(ctx context.Context, token string) (jwt.Claims, error) {
	if p.keys != nil {
		return p.keys.verify(ctx, token)
	}
	claims, err := p.fixed.Verify(token, p.env.Now())
	if err != nil {
		return jwt.Claims{}, fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	return claims, nil
}
