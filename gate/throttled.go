package gate

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

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

// alias is as whom the throttle knows the one who presents c, whose digest is given: a key names nobody, so
// each is known by itself. It is "" where the form is not throttled.
func alias(c *auth.Credential, digest cache.Key) string {
	switch c.Form {
	case auth.Password:
		return spelling(c.Username)
	case auth.Opaque:
		return string(digest[:])
	}
	return "" // a signature cannot be found by trying, nor can a token that we made
}

// spelling is one for all that a directory may know the same user by: it compares without case, and takes many spaces
// for one. Where two users differ by no more than that, they are held together at an address, and there alone.
func spelling(name string) string {
	folded := strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return unicode.ToLower(least)
	}, name)
	if strings.Contains(folded, "  ") || strings.HasPrefix(folded, " ") || strings.HasSuffix(folded, " ") {
		return strings.Join(strings.Fields(folded), " ")
	}
	return folded
}

// Holds returns how long the one who asks has to wait with all of their address, and how long by their name there: 0
// of a key, which has none.
func (g *Gate) Holds(ask Ask, now time.Time) (address, pair time.Duration) {
	name := ""
	if len(ask.Credentials) > 0 {
		name = spelling(ask.Credentials[0].Username)
	}
	return g.Throttle.Holds(ask.Client, name, now)
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
	switch s := id.seen.Load(); {
	case s == nil || now.After(s.end):
		id.seen.Store(&sighting{from, now.Add(sightings)})
	case s.from == from:
		return 0
	}
	g.Throttle.Note(from, id.alias, now)
	return 0
}

// tell returns what one who presents c from an address may know of a remembered refusal: that its credential is
// right, and its user may not pass, is nothing for one who is held.
func (g *Gate) tell(c *auth.Credential, from netip.Addr, refusal error, now time.Time) error {
	if final(refusal) {
		digest := g.Memory.digest(c)
		if wait := g.Throttle.Held(from, alias(c, digest), now); wait > 0 {
			return &Throttled{Wait: wait}
		}
	}
	return refusal
}
