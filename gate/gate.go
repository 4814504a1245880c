// Package gate decides one request: whose its credential is, whether the policy of its location lets that
// user in, and what is said of the user to the backend. It knows no provider: it is handed sources.
package gate

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/jwt"
	"gatehouse/role"
	"gatehouse/throttle"
)

// A Source is a way in with its place in config.yaml.
type Source struct {
	auth.Authenticator
	ID           uint64 // as what the memory knows it, of [Memory.NewID]; 0: as nothing that was there before
	Name         string
	Type         string
	Realm        string
	Scheme       auth.Scheme
	Forms        []auth.Form
	Cache        time.Duration // how long a yes is remembered; 0: not at all
	StaleIfError time.Duration // how much longer, while the source cannot answer
	ProxyCache   bool          // whether the proxy may remember its users too
}

// UntilForgotten is the [Source.Cache] of a source that tells by [Memory.Forget] when its answers change.
const UntilForgotten time.Duration = -1

// MaxSources is how many sources a gate can have.
const MaxSources = 256

// Config is what a Gate is made of. Every field but Policies, Before and Fits is needed.
type Config struct {
	Sources   []Source // at most MaxSources, in the order of config.yaml
	Before    []Source // those of the gate whose place this one takes; nil where there was none
	Memory    *Memory
	Throttle  *throttle.Throttle
	Policies  map[string]Policy
	Roles     *role.Rules
	Issuer    *jwt.Issuer
	Timeout   time.Duration // of one whole decision
	MaxHeader int           // bytes that the four identity headers' values may have together
	Counts    Counts
	Fits      func(Fit) // is told of every user for whom a token is signed, or is not as it would not fit; nil: nobody is
}

// Counts is told of what the gate had to leave out.
type Counts interface {
	RoleLeftOut()
	AttributesDropped()
	TooManyRoles()
}

// A Fit is how the identity headers of a user fit into [Config.MaxHeader].
type Fit struct {
	User    auth.User // not to be written to
	Size    int       // bytes that their values take: with the attributes, but where Refused
	Limit   int       // Config.MaxHeader
	Dropped bool      // the attributes are left out, as only the rest fits
	Refused bool      // the user is not let in, as the rest does not fit either
}

// An Ask is one request's question.
type Ask struct {
	Credentials []auth.Credential
	Fault       error      // why the request's credentials cannot be read: auth.ErrNone, auth.ErrMalformed
	Realms      []string   // every realm the request names; all must hold
	Policy      string     // the location's policy; "" where it has none
	Client      netip.Addr // who asks; the zero Addr where nobody trusted tells
	Arrived     time.Time  // when the request did; zero: now
	Trace       auth.Trace // of the request
}

// A Decision lets a user in.
type Decision struct {
	User          auth.User     // shared with other decisions: not to be written to
	Authorization string        // Bearer and the JWT
	Roles         string        // the roles a comma-joined header can carry
	Remembered    bool          // nobody had to be asked for this request alone
	Stale         bool          // the user's provider cannot answer, and said so of them before
	ProxyCache    time.Duration // how long the proxy may remember this; 0: not at all
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
	terms      terms
	challenges []challenge
}

// New returns a gate. Several may share a memory, one after the other or at once: what one remembers of a source
// counts for all whose source has the same ID.
func New(c Config) *Gate {
	c.Sources = slices.Clone(c.Sources)
	for i := range c.Sources {
		if s := &c.Sources[i]; s.ID == 0 {
			s.ID = c.Memory.NewID()
		}
	}
	return &Gate{Config: c, terms: terms{c.Roles, c.Issuer, c.MaxHeader}, challenges: challengesOf(c.Sources)}
}

// Decide answers one ask. Its error is the ask's own fault, [auth.ErrDenied] where nobody knows the credential,
// a [Forbidden] where a known user may not pass, a [Panic] of a source, and anything else where no decision
// could be made; ctx ends the wait for it. It keeps nothing of ask, whose strings may point into the request.
func (g *Gate) Decide(ctx context.Context, ask Ask) (Decision, error) {
	policy, err := g.policy(ask.Policy)
	if err != nil {
		return Decision{}, err
	}
	if ask.Fault != nil {
		return Decision{}, ask.Fault
	}
	now := ask.Arrived
	if now.IsZero() {
		now = time.Now()
	}
	id, how, err := g.identify(ctx, &ask, narrowed{ask.Realms, policy.Realm}, now)
	if err != nil {
		return Decision{}, err
	}
	if id.terms != g.terms { // remembered by the gate before a reload
		if id, err = g.renew(id, id.key); err != nil {
			return Decision{}, err
		}
	}
	if err := policy.admit(id.user); err != nil {
		return Decision{}, err
	}
	if how != recalled {
		now = time.Now() // the question may have taken long
	}
	t, err := g.authorize(id, now)
	if err != nil {
		return Decision{}, err
	}
	return Decision{
		User: id.user, Authorization: t.authorization, Roles: id.roles, Remembered: how != asked, Stale: id.stale,
		ProxyCache: ask.sharedFor(id, t),
	}, nil
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
