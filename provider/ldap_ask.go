package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"gatehouse/auth"
	"gatehouse/directory"
	"gatehouse/password"
)

// ldapService asks an [LDAP]. Each question has a connection of its own, which ends with it: a login changes
// whose a connection is, and none is ever somebody else's.
type ldapService struct {
	LDAP
	at    *directory.Service
	decoy string // the DN that is tried for unknown names
	wants []string
	env   Env
	spare *spare
}

// Open returns the provider. It does not connect: gatehouse starts while the directory is down.
func (l *LDAP) Open(_ context.Context, env Env) (auth.Authenticator, error) {
	at := directory.New(l.settled(), func(err error) { env.Log.Error().Err(err).Msg("nobody can log in by this directory") })
	s := &ldapService{LDAP: *l, at: at, decoy: l.DecoyDN, wants: l.wanted(), env: env, spare: newSpare(env, l.MaxConcurrent)}
	if s.decoy == "" {
		s.decoy = "cn=" + rand.Text() + "," + l.SearchBase
	}
	return s, nil
}

// Authenticate asks the directory whose the password is. What no directory could mean by one user alone, or takes
// for no password, is denied unasked.
func (s *ldapService) Authenticate(ctx context.Context, c auth.Credential) (auth.User, error) {
	if c.Form != auth.Password {
		return auth.User{}, auth.ErrNotMine
	}
	secret := string(c.Secret)
	if auth.CheckName(c.Username) != nil || len(secret) > password.MaxSecret || !auth.IsPassword(secret) {
		return auth.User{}, auth.ErrDenied
	}
	var u auth.User
	err := s.spare.call(ctx, c, func(ctx context.Context) (err error) {
		u, err = s.ask(ctx, c)
		return spared(err)
	})
	if err != nil {
		return auth.User{}, err
	}
	return u, nil
}

func (s *ldapService) ask(ctx context.Context, c auth.Credential) (auth.User, error) {
	conn, err := s.at.Dial(ctx)
	if err != nil {
		return auth.User{}, err
	}
	defer conn.Close()
	entry, err := s.find(conn, c)
	if err != nil {
		return auth.User{}, err
	}
	return s.user(conn, entry)
}

// find returns the entry of the one whose password c has.
func (s *ldapService) find(conn *directory.Conn, c auth.Credential) (directory.Entry, error) {
	if s.UserDN != "" {
		return s.findByDN(conn, c)
	}
	if err := conn.Login(); err != nil {
		return directory.Entry{}, err
	}
	entry, err := conn.User(c.Username, s.wants...)
	if unknown := errors.Is(err, directory.ErrNobody); unknown || errors.Is(err, directory.ErrSeveral) {
		if !unknown {
			s.env.Log.Warn().Str("username", c.Username).Msg("more than one entry has that name: nobody can log in by it")
		}
		if err := check(conn, s.decoy, c.Secret); err != nil {
			return directory.Entry{}, err
		}
		return directory.Entry{}, auth.ErrDenied
	}
	if err != nil {
		return directory.Entry{}, unsaid(err)
	}
	return entry, check(conn, entry.DN, c.Secret)
}

func (s *ldapService) findByDN(conn *directory.Conn, c auth.Credential) (directory.Entry, error) {
	dn := directory.UserDN(s.UserDN, c.Username)
	if err := check(conn, dn, c.Secret); err != nil {
		return directory.Entry{}, err
	}
	if err := conn.Login(); err != nil {
		return directory.Entry{}, err
	}
	entry, err := conn.Read(dn, s.wants...)
	if err != nil {
		return directory.Entry{}, fmt.Errorf("the user's entry: %w", unsaid(err))
	}
	return entry, nil
}

// check tries a password.
func check(conn *directory.Conn, dn string, secret auth.Secret) error {
	err := conn.Bind(dn, secret)
	if result, ok := errors.AsType[*directory.Result](err); ok && result.Denies() {
		return auth.ErrDenied
	}
	return unsaid(err)
}

// unsaid is an error that is no answer about a user, as [spare.call] wants it.
func unsaid(err error) error {
	if result, ok := errors.AsType[*directory.Result](err); ok && result.Busy() {
		return &auth.Later{After: minPause, Err: result}
	}
	return err
}

// spared is an error as [spare.call] wants it.
func spared(err error) error {
	if _, ok := errors.AsType[*directory.Unreached](err); ok {
		return &silence{err: err, unreached: true}
	}
	if errors.Is(err, directory.ErrSilent) || errors.Is(err, directory.ErrBroken) || errors.Is(err, context.Canceled) {
		return &silence{err: err}
	}
	return err
}

// user reads the entry of one who is logged in. The name is the directory's spelling, never the client's: a
// directory takes Alice for alice, and what is said of the user by name must not.
func (s *ldapService) user(conn *directory.Conn, entry directory.Entry) (auth.User, error) {
	names := entry.Values(s.User)
	if len(names) != 1 {
		return auth.User{}, fmt.Errorf("the user's entry has %d values of %s, and one is the name", len(names), s.User)
	}
	u := auth.User{Name: names[0], Attributes: map[string]string{}}
	if s.Roles != "" {
		u.Roles = groupNames(entry.Values(s.Roles))
	}
	for name, attribute := range s.Attributes {
		if values := entry.Values(attribute); len(values) > 0 {
			u.Attributes[name] = values[0]
		}
	}
	if s.GroupBase == "" {
		return u, nil
	}
	if err := conn.Login(); err != nil { // the user may not be let see groups
		return auth.User{}, err
	}
	groups, err := conn.Groups(s.GroupBase, s.GroupFilter, u.Name, entry.DN, s.GroupName)
	if err != nil {
		return auth.User{}, fmt.Errorf("the user's groups: %w", unsaid(err))
	}
	for _, g := range groups {
		for _, role := range g.Values(s.GroupName) {
			if !slices.Contains(u.Roles, role) {
				u.Roles = append(u.Roles, role)
			}
		}
	}
	return u, nil
}
