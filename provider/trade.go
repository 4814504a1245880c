package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"gatehouse/auth"
	"gatehouse/jwt"
)

// A trader gives a user's long-lived token to a service, which says whether it is good, and gives an access token
// for it that is verified here.
type trader struct {
	tokens *Tokens
	env    Env
	forms  []auth.Form
	spare  *spare
	keys   *keyring

	notOurs func(token string) bool // whether a token is nothing to ask about; nil: all may be

	ask    func(ctx context.Context, token string) *http.Request // whether it is good
	isGood func(reply) error                                     // [auth.ErrDenied] if not
	trade  func(ctx context.Context, token string) *http.Request // for an access token
}

// Authenticate returns the user whom the access token names. The answer lives as long as that.
func (t *trader) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if !slices.Contains(t.forms, c.Form) || t.notOurs != nil && t.notOurs(string(c.Secret)) {
		return auth.User{}, auth.ErrNotMine
	}
	if jwt.SaysIssuer(string(c.Secret), t.env.OwnIssuer) { // good at our backends, and nobody else's to know
		return auth.User{}, fmt.Errorf("%w: the token is gatehouse's own", auth.ErrDenied)
	}
	var access string
	err := t.spare.call(ctx, c, func(ctx context.Context) (err error) {
		access, err = t.access(ctx, string(c.Secret))
		return err
	})
	if err != nil {
		return auth.User{}, err
	}
	claims, err := t.keys.verify(ctx, access)
	if err != nil {
		return auth.User{}, notVerified(err)
	}
	return t.tokens.owner(t.env.Name, claims), nil
}

// notVerified is what becomes of an access token that the service has just made and that is not good here: of the
// wrong issuer or audience it lets nobody in; all else is a fault of the service's or of ours, not of the user's token.
func notVerified(err error) error {
	failed, ok := errors.AsType[*jwt.TokenError](err)
	if !errors.Is(err, auth.ErrDenied) || ok && (failed.Check == "iss" || failed.Check == "aud") {
		return err
	}
	return fmt.Errorf("the access token that it gave cannot be verified: %v", err)
}

func (t *trader) access(ctx context.Context, token string) (string, error) {
	put := func(question func(context.Context, string) *http.Request) (reply, error) {
		return exchange(ctx, t.env.HTTP, t.env.Now, maxAnswer, func(ctx context.Context) *http.Request { return question(ctx, token) })
	}
	r, err := put(t.ask)
	if err == nil {
		err = t.isGood(r)
	}
	if err != nil {
		return "", err
	}
	if r, err = put(t.trade); err != nil {
		return "", err
	}
	return accessToken(r)
}
