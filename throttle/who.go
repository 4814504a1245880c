package throttle

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// who is a client and the name that it uses, as hashes under a seed of this process: names may be long.
// No identity hangs on them; at worst two that collide share a count.
type who struct {
	address, name, pair uint64
	exempt              bool // not counted by address
}

// who tells who is meant; !ok: the address is not known.
func (t *Throttle) who(from netip.Addr, name string) (w who, ok bool) {
	if !from.IsValid() {
		return who{}, false
	}
	from = from.Unmap().WithZone("")
	w.exempt = t.isExempt(from)
	w.address = maphash.Comparable(t.seed, client(from))
	w.name = maphash.String(t.seed, name)
	w.pair = maphash.Comparable(t.seed, [2]uint64{w.address, w.name})
	return w, true
}

// client is the address that stands for all of one client: of IPv6 one has a /64.
func client(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, _ := a.Prefix(64) // fails for zero addresses and wrong lengths only
	return p.Addr()
}

func (t *Throttle) isExempt(a netip.Addr) bool {
	for _, p := range t.rules.Load().Exempt {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// unmapped returns ps with the IPv4 prefixes that are written as IPv6 ones as what they are.
func unmapped(ps []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range ps {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		out = append(out, p)
	}
	return out
}

// digest is a secret of a name: one password tried with many names is many guesses.
func (t *Throttle) digest(w who, secret [32]byte) uint64 {
	return maphash.Comparable(t.seed, struct {
		name   uint64
		secret [32]byte
	}{w.name, secret})
}

// instant is now as nanoseconds, so far from the ends of int64 that no sum here overflows.
func (t *Throttle) instant(now time.Time) int64 {
	const far = int64(1 << 61)
	return min(max(int64(now.Sub(t.start)), -far), far)
}
