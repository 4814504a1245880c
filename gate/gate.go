// Package gate decides one request: whose its credential is, whether the policy of its location lets that
// user in, and what is said of the user to the backend. It knows no provider: it is handed sources.
package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/auth"
	"gatehouse/jwt"
	"gatehouse/role"
)

// A Source is a way in with its place in config.yaml.
type Source struct {
	auth.Authenticator
	Name   string
	Type   string
	Realm  string
	Scheme auth.Scheme
	Forms  []auth.Form
}

// Config is what a Gate is made of. Every field but Policies is needed.
type Config struct {
	Sources   []Source // in the order of config.yaml
	Policies  map[string]Policy
	Roles     *role.Rules
	Issuer    *jwt.Issuer
	Timeout   time.Duration // of one whole decision
	MaxHeader int           // bytes that the four identity headers' values may have together
	Counts    Counts
}

// Counts is told of what the gate had to leave out.
type Counts interface {
	RoleLeftOut()
	AttributesDropped()
}

// An Ask is one request's question.
type Ask struct {
	Credentials []auth.Credential
	Fault       error    // why the request's credentials cannot be read: auth.ErrNone, auth.ErrMalformed
	Realms      []string // every realm the request names; all must hold
	Policy      string   // the location's policy; "" where it has none
}

// A Decision lets a user in.
type Decision struct {
	User  auth.User
	Token string // compact JWT
	Roles string // the roles a comma-joined header can carry
}

// Forbidden says that the user is known and not let in, or that nobody can be named.
type Forbidden struct {
	Reason string // one of a few fixed sentences; may be sent to the client
	User   auth.User
	detail error // for the log only
}

func (f *Forbidden) Error() string {
	if f.detail != nil {
		return fmt.Sprintf("%s: %v", f.Reason, f.detail)
	}
	return f.Reason
}

// The reasons of [Forbidden].
const (
	UnknownPolicy = "unknown policy"
	UnusableName  = "no usable user name"
	UnusableRole  = "unusable role"
	MissingRole   = "missing role"
	TooManyRoles  = "too many roles"
)

// A Gate answers asks. It is safe for concurrent use.
type Gate struct {
	Config
	challenges []challenge
}

// New returns a gate.
func New(c Config) *Gate {
	return &Gate{Config: c, challenges: challengesOf(c.Sources)}
}

// Decide answers one ask. Its error is the ask's own fault, [auth.ErrDenied] where nobody knows the credential, a [Forbidden]
// where a known user may not pass, and anything else where no decision could be made. It keeps nothing
// of ask, whose strings may point into the request.
func (g *Gate) Decide(ctx context.Context, ask Ask) (Decision, error) {
	policy, err := g.policy(ask.Policy)
	if err != nil {
		return Decision{}, err
	}
	if ask.Fault != nil {
		return Decision{}, ask.Fault
	}
	user, err := g.identify(ctx, ask.Credentials, narrowed{ask.Realms, policy.Realm})
	if err != nil {
		return Decision{}, err
	}
	if err := usable(user); err != nil {
		return Decision{}, err
	}
	user = g.Roles.Apply(user)
	if err := policy.admit(user); err != nil {
		return Decision{}, err
	}
	return g.grant(user)
}

func (g *Gate) policy(name string) (Policy, error) {
	if name == "" {
		return Policy{}, nil
	}
	p, ok := g.Policies[name]
	if !ok {
		return Policy{}, &Forbidden{Reason: UnknownPolicy}
	}
	return p, nil
}

// usable refuses what a provider says of a user where a header, a log line and a token could read it
// differently. Every provider's answer passes here.
func usable(u auth.User) error {
	if err := auth.CheckName(u.Name); err != nil {
		return &Forbidden{Reason: UnusableName, detail: fmt.Errorf("provider %q: the name %w", u.Provider, err)}
	}
	for _, r := range u.Roles {
		if err := auth.CheckName(r); err != nil {
			return &Forbidden{Reason: UnusableRole, User: u, detail: fmt.Errorf("provider %q: a role %w", u.Provider, err)}
		}
	}
	return nil
}

// grant makes what is said of the user: the token, and the roles as a header. Where that is more than
// nginx would take, the attributes go first.
func (g *Gate) grant(u auth.User) (Decision, error) {
	d := Decision{User: u, Roles: g.rolesHeader(u.Roles)}
	rest := g.MaxHeader - len("Bearer ") - len(u.Name) - len(u.Realm) - len(d.Roles)
	var err error
	if d.Token, err = g.Issuer.Issue(u); err != nil {
		return Decision{}, granted(err)
	}
	if len(d.Token) <= rest {
		return d, nil
	}
	if d.Token, err = g.Issuer.IssueWithoutAttributes(u); err != nil {
		return Decision{}, granted(err)
	}
	if len(d.Token) > rest {
		return Decision{}, &Forbidden{Reason: TooManyRoles, User: u}
	}
	g.Counts.AttributesDropped()
	return d, nil
}

// granted makes a denial of a token that would be dead at once: the user's own end has passed.
func granted(err error) error {
	if errors.Is(err, jwt.ErrExpired) {
		return fmt.Errorf("%w: %w", auth.ErrDenied, err)
	}
	return err
}

// rolesHeader joins the roles that a comma-joined header can carry: one with a comma in it would be read
// as two.
func (g *Gate) rolesHeader(roles []string) string {
	fit := make([]string, 0, len(roles))
	for _, r := range roles {
		if strings.Contains(r, ",") {
			g.Counts.RoleLeftOut()
			continue
		}
		fit = append(fit, r)
	}
	return strings.Join(fit, ",")
}
