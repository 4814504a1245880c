package gate

import (
	"slices"
	"time"

	"gatehouse/auth"
	"gatehouse/cache"
)

// inherit returns what the gate before this one remembered of c, if this one would find the same by asking, and
// remembers it under k; else nil. Without it a provider more would make everybody log in anew at once.
func (g *Gate) inherit(c *auth.Credential, realms narrowed, k cache.Key, now time.Time) *identity {
	may, n := fitting(g.Before, c, realms)
	if n == 0 {
		return nil
	}
	old, ok := g.Memory.yes.Get(g.Memory.key(c, g.Before, may), now)
	if !ok || !g.renewable(old) || !g.asksFirst(old.source, c, realms) {
		return nil
	}
	id, err := g.renew(old, k)
	if err != nil || !id.fresh(now) { // past its time it is only there to be ridden out on
		return nil
	}
	return id
}

// asksFirst reports whether every source that this gate would ask about c before the one that said yes was asked
// before that then, too, and so said no.
func (g *Gate) asksFirst(yes uint64, c *auth.Credential, realms narrowed) bool {
	is := func(id uint64) func(Source) bool { return func(s Source) bool { return s.ID == id } }
	then := slices.IndexFunc(g.Before, is(yes))
	may, _ := fitting(g.Sources, c, realms)
	for i := range g.Sources {
		switch s := &g.Sources[i]; {
		case !may.has(i):
		case s.ID == yes:
			return true
		case !slices.ContainsFunc(g.Before[:max(then, 0)], is(s.ID)):
			return false
		}
	}
	return false
}
