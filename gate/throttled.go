package gate

import (
	"fmt"
	"net/netip"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
)

// Throttled says that nobody looked at the credential, or that what is known of it is not told: too many
// logins from its client's address, or by its name from there, have failed.
type Throttled struct {
	Wait time.Duration // until another try makes sense; more than 0
}

func (t *Throttled) Error() string {
	return fmt.Sprintf("too many failed logins from there: wait %s", t.Wait.Round(time.Millisecond))
}

// guessable reports whether credentials of a form can be found by trying: a signature, or a token that we made
// ourselves, cannot.
func guessable(f auth.Form) bool { return f == auth.Password || f == auth.Opaque }

// alias is as whom the throttle knows the one who presents c, whose digest is given: a key names nobody, so
// each is known by itself.
func alias(c *auth.Credential, digest cache.Key) string {
	if c.Form == auth.Password {
		return c.Username
	}
	return string(digest[:])
}

// sightings is how long it is not told anew that a user was seen at an address.
const sightings = time.Hour

// A sighting is where a remembered login was used last.
type sighting struct {
	from netip.Addr
	end  time.Time // after this it is told again
}

// hold reports how long one who presents a remembered login from an address has to wait. Were it not asked
// here, one who is held could go on guessing, and see from the answers which password is right.
func (g *Gate) hold(id *identity, from netip.Addr, now time.Time) time.Duration {
	if id.alias == "" {
		return 0
	}
	if wait := g.Throttle.Held(from, id.alias, now); wait > 0 {
		return wait
	}
	if s := id.seen.Load(); s == nil || s.from != from || now.After(s.end) {
		g.Throttle.Note(from, id.alias, now)
		id.seen.Store(&sighting{from, now.Add(sightings)})
	}
	return 0
}
