package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"

	"gatehouse/auth"
	"gatehouse/conf"
	"gatehouse/password"
)

// Plain is a list of users in config.yaml.
type Plain struct {
	Users []PlainUser `yaml:"users" doc:"The users."`
}

// PlainUser is one user of a [Plain].
type PlainUser struct {
	Username     string       `yaml:"username" doc:"The user's name."`
	Password     *auth.Secret `yaml:"password" secret:"true" doc:"The password in clear text. Better: password_hash."`
	PasswordHash *auth.Secret `yaml:"password_hash" secret:"true" doc:"The password's hash, as gatehouse hash prints it after the colon."`
	Roles        []string     `yaml:"roles" doc:"The user's roles."`
}

// Check reports users who could not log in, or whom a backend could not tell apart.
func (p *Plain) Check(r conf.Report) {
	if len(p.Users) == 0 {
		r.Warn("users", "there are none: nobody can log in here")
	}
	seen := map[string]bool{}
	for i, u := range p.Users {
		at := r.At("users", i)
		u.check(at)
		if seen[u.Username] {
			at.Strict("username", "is listed twice")
		}
		seen[u.Username] = true
	}
}

func (u PlainUser) check(r conf.Report) {
	if err := auth.CheckName(u.Username); err != nil {
		r.Fault("username", "%v", err)
	}
	if strings.Contains(u.Username, ":") {
		r.Strict("username", "has a colon, which ends the name in a Basic credential: nobody can log in by it")
	}
	if u.Password != nil && !auth.IsPassword(string(*u.Password)) && *u.Password != "" {
		r.Strict("password", "is not valid UTF-8 or has a control character: nobody can log in with it")
	}
	switch {
	case u.Password != nil && u.PasswordHash != nil:
		r.Fault("password", "stands beside password_hash: keep one of them")
	case u.Password == nil && u.PasswordHash == nil:
		r.Fault("", "has neither password nor password_hash")
	case u.Password != nil && *u.Password == "":
		r.Fault("password", "is empty")
	case u.Password != nil && len(*u.Password) > password.MaxSecret:
		r.Fault("password", "is longer than %d bytes", password.MaxSecret)
	case u.PasswordHash != nil:
		if _, err := password.Parse(string(*u.PasswordHash), false); err != nil {
			r.Fault("password_hash", "%v", err)
		}
	}
	for i, role := range u.Roles {
		if err := auth.CheckName(role); err != nil {
			r.At("roles", i).Fault("", "%v", err)
		}
	}
}

// plain answers from memory. Of clear-text passwords it keeps keyed hashes only.
type plain struct {
	key    []byte // random, of this process
	users  map[string][]plainUser
	decoy  *password.Hash // what an unknown user costs; nil if no user has a hash
	hashes *password.Pool
}

type plainUser struct {
	mac   [sha256.Size]byte // of a clear-text password, else zero
	hash  *password.Hash
	roles []string
}

// Open returns the provider.
func (p *Plain) Open(_ context.Context, env Env) (auth.Authenticator, error) {
	a := &plain{key: make([]byte, 32), users: map[string][]plainUser{}, hashes: env.Hashes}
	_, _ = rand.Read(a.key) // never fails (crypto/rand, since Go 1.24)
	var hashes []password.Hash
	for _, u := range p.Users {
		made := plainUser{roles: u.Roles}
		if u.PasswordHash != nil {
			h, err := password.Parse(string(*u.PasswordHash), false)
			if err != nil {
				return nil, fmt.Errorf("user %q: password_hash: %w", u.Username, err)
			}
			made.hash = &h
			hashes = append(hashes, h)
		} else {
			made.mac = a.sum(string(*u.Password))
		}
		a.users[u.Username] = append(a.users[u.Username], made)
	}
	a.decoy, _ = decoyOf(env.Hashes, slices.Values(hashes))
	return a, nil
}

func (a *plain) sum(secret string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(secret))
	mac.Sum(sum[:0])
	return sum
}

// Authenticate compares c with every user of its name: auth-o-tron lets a name stand twice.
func (a *plain) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Password {
		return auth.User{}, auth.ErrNotMine
	}
	sum := a.sum(string(c.Secret))
	users := a.users[c.Username]
	hashed := false
	for _, u := range users {
		var ok bool
		if u.hash == nil {
			ok = subtle.ConstantTimeCompare(sum[:], u.mac[:]) == 1
		} else {
			var err error
			if ok, err = a.hashes.Verify(ctx, c.Username, *u.hash, string(c.Secret)); err != nil {
				return auth.User{}, err
			}
			hashed = true
		}
		if ok {
			return auth.User{Name: c.Username, Roles: u.roles}, nil
		}
	}
	if !hashed && a.decoy != nil {
		if _, err := a.hashes.Verify(ctx, c.Username, *a.decoy, string(c.Secret)); err != nil {
			return auth.User{}, err
		}
	}
	return auth.User{}, auth.ErrDenied
}
