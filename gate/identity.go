package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
	"gatehouse/jwt"
	"gatehouse/role"
)

// An identity is what is remembered of a user: all that an answer says of them, and that no policy changes.
// Once others may see it, only seen and the token change.
type identity struct {
	user   auth.User
	told   told      // of the user by the source
	terms  terms     // on which the rest was made of it
	roles  string    // as X-Auth-Roles carries them
	end    time.Time // after this the sources are asked again; zero: never
	last   time.Time // until then it is good while they cannot answer
	stale  bool      // whether it is used past its time
	shared bool      // whether the proxy may remember it too; never one that is stale
	alias  string    // of the credential, see [alias]
	source uint64    // the ID of the one that said yes
	key    cache.Key // under which it is remembered
	digest cache.Key // of the credential, whoever is asked
	past   *identity // what it goes on from, until it is kept

	seen    atomic.Pointer[sighting]
	signing sync.Mutex // held by the one who signs anew
	token   atomic.Pointer[token]
}

// terms are what a gate says of a user by, beside what the source says.
type terms struct {
	roles     *role.Rules
	issuer    *jwt.Issuer
	maxHeader int
}

// A token is a JWT with a life of its own, shorter than or longer than the identity's.
type token struct {
	authorization string    // Bearer and the JWT
	begin         time.Time // before this it is of the future: the clock was set back
	renew         time.Time // past this a new one is signed
	end           time.Time // past this it is dead
}

// young reports whether the token needs no other at now.
func (t *token) young(now time.Time) bool { return now.Before(t.renew) && !now.Before(t.begin) }

// alive reports whether a backend takes the token at now.
func (t *token) alive(now time.Time) bool { return now.Before(t.end) && !now.Before(t.begin) }

// fresh reports whether the identity is good without another question.
func (id *identity) fresh(now time.Time) bool { return id.end.IsZero() || now.Before(id.end) }

// weight is about what the identity costs in memory, in bytes.
func (id *identity) weight() uint32 {
	n := identityWeight + len(id.user.Name) + len(id.alias) + len(id.roles)
	if t := id.token.Load(); t != nil {
		n += len(t.authorization)
	}
	for _, r := range id.user.Roles {
		n += len(r) + 16
	}
	for k, v := range id.user.Attributes {
		n += len(k) + len(v) + 64
	}
	return uint32(min(n, 1<<30))
}

// dress says of the identity's user what this gate does, on top of what the source told. It may ask for roles, and
// then the identity is good for no longer than they are.
func (g *Gate) dress(ctx context.Context, id *identity, t told) error {
	id.user.Roles, id.user.Attributes, id.user.Until = t.roles, t.attributes, t.until
	user, end, err := g.Roles.Apply(ctx, id.user)
	if err != nil {
		return err
	}
	id.user = user
	id.told, id.terms, id.roles = t, g.terms, g.rolesHeader(user.Roles)
	id.end = auth.Earlier(auth.Earlier(t.end, end), user.Until)
	id.last = auth.Earlier(t.last, user.Until)
	if t.last.Equal(t.end) { // it does not outlive its time
		id.last = id.end
	}
	return g.sign(id, time.Now())
}

// renewable reports whether this gate can say what it does of an identity that may be another gate's without
// asking anybody: a remembered user waits for nobody.
func (g *Gate) renewable(id *identity) bool {
	return id.terms.roles == g.Roles || g.Roles.Local(id.user.Realm)
}

// renew returns what this gate says of a renewable identity that another gate made, and remembers that instead,
// under k. The source need not be asked: what it told stands, and what the same rules gave.
func (g *Gate) renew(old *identity, k cache.Key) (*identity, error) {
	id := &identity{user: old.user, source: old.source, alias: old.alias, key: k, digest: old.digest, shared: old.shared, stale: old.stale}
	if old.terms.roles == g.Roles {
		id.told, id.terms, id.roles, id.end, id.last = old.told, g.terms, old.roles, old.end, old.last
		if err := g.sign(id, time.Now()); err != nil {
			return nil, err
		}
	} else if err := g.dress(context.Background(), id, old.told); err != nil {
		return nil, err
	}
	g.Memory.replace(old, id)
	return id, nil
}

// authorize returns the identity's token, signed anew past half its life. Whoever finds somebody else
// signing takes the old one, if that is alive.
func (g *Gate) authorize(id *identity, now time.Time) (*token, error) {
	t := id.token.Load()
	switch {
	case t.young(now):
		return t, nil
	case !t.alive(now):
		id.signing.Lock()
	case !id.signing.TryLock():
		return t, nil
	}
	defer id.signing.Unlock()
	if t = id.token.Load(); t.young(now) { // somebody else was first
		return t, nil
	}
	if err := g.sign(id, now); err != nil {
		return nil, err
	}
	return id.token.Load(), nil
}

// maxShared is how long a proxy may remember a user: so long a revocation is not heard there.
const maxShared = 5 * time.Second

// sharedFor is how long the proxy may answer ask with t by itself. A header with more than one credential may
// hold a password.
func (a *Ask) sharedFor(id *identity, t *token) time.Duration {
	if !id.shared || len(a.Credentials) != 1 {
		return 0
	}
	now := time.Now() // the question may have taken long
	d := min(maxShared, t.end.Sub(now))
	if !id.end.IsZero() {
		d = min(d, id.end.Sub(now))
	}
	return max(d, 0)
}

// sign gives the identity a new token. Where what is said of the user is more than nginx would take, the
// attributes go first. What is used past its time has no token for longer than it is good, by whatever the clock
// was set to.
func (g *Gate) sign(id *identity, now time.Time) error {
	u := id.user
	if id.stale {
		u.Until = auth.Earlier(u.Until, now.Add(id.last.Sub(now)).Round(0))
	}
	others := len("Bearer ") + len(u.Name) + len(u.Realm) + len(id.roles)
	signed, err := g.Issuer.Issue(u)
	if err != nil && id.stale && (id.user.Until.IsZero() || now.Before(id.user.Until)) {
		return errTooOld // it is not the user whose time is over
	}
	if err != nil {
		return granted(err)
	}
	fit := Fit{User: u, Size: others + len(signed.Text), Limit: g.MaxHeader}
	if fit.Size > fit.Limit {
		fit.Dropped = true
		if signed, err = g.Issuer.IssueWithoutAttributes(u); err != nil {
			return granted(err)
		}
		if without := others + len(signed.Text); without > fit.Limit {
			return g.refuse(Fit{User: u, Size: without, Limit: fit.Limit, Refused: true})
		}
		g.Counts.AttributesDropped()
	}
	g.fits(fit)
	id.token.Store(&token{"Bearer " + signed.Text, signed.Begin.Add(-time.Second), signed.Renew, signed.End})
	return nil
}

// refuse is for a user who does not fit even without attributes.
func (g *Gate) refuse(f Fit) error {
	g.Counts.TooManyRoles()
	g.fits(f)
	return &Forbidden{Reason: TooManyRoles, User: f.User}
}

func (g *Gate) fits(f Fit) {
	if g.Fits != nil {
		g.Fits(f)
	}
}

// errTooOld is the end of what is ridden out: an outage like that which it rode out.
var errTooOld = errors.New("the last answer is too old by now")

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
