package throttle

import (
	"net/netip"
	"testing"
	"time"
)

func TestAnUnknownAddressIsNeverCounted(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(netip.Addr{}, "ada", 100)
	s.wantWait("nobody knows where", netip.Addr{}, "ada", 0)
	s.succeed(netip.Addr{}, "ada")
	s.Note(netip.Addr{}, "ada", s.now)
	if s.Known(netip.Addr{}, "ada", s.now) {
		t.Error("known at no address")
	}
	if a, p, k := s.Stats(); a+p+k != 0 {
		t.Errorf("%d addresses, %d pairs, %d known are left", a, p, k)
	}
}

func TestAnExemptAddressIsCountedWithANameOnly(t *testing.T) {
	for _, row := range []struct {
		says   string
		prefix string
		from   string
		exempt bool
	}{
		{"in the prefix", "192.0.2.0/24", "192.0.2.1", true},
		{"not in it", "192.0.2.0/24", "192.0.3.1", false},
		{"mapped to IPv6", "192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"in a prefix mapped to IPv6", "::ffff:192.0.2.0/120", "192.0.2.1", true},
		{"not in a prefix mapped to IPv6", "::ffff:192.0.2.0/120", "192.0.3.1", false},
		{"of IPv6", "2001:db8::/32", "2001:db8:1::1", true},
		{"with a zone", "fe80::/10", "fe80::1%eth0", true},
		{"one of a /64", "2001:db8::1/128", "2001:db8::1", true},
		{"another of that /64", "2001:db8::1/128", "2001:db8::2", false},
	} {
		s := newScene(t, Config{Exempt: []netip.Prefix{netip.MustParsePrefix(row.prefix)}})
		from := netip.MustParseAddr(row.from)
		s.spray(from, 25)
		if held := s.Held(from, "ada", s.now) > 0; held == row.exempt {
			t.Errorf("%s: after a spray it is held: %t", row.says, held)
		}
		s.pass(time.Hour)
		s.guess(from, "ada", 6)
		if s.Held(from, "ada", s.now) == 0 {
			t.Errorf("%s: a pair is not held", row.says)
		}
	}
}

func TestAnExemptAddressAndItsNeighboursDoNotHoldEachOther(t *testing.T) {
	exempt, neighbour := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	s := newScene(t, Config{Exempt: []netip.Prefix{netip.PrefixFrom(exempt, 128)}})
	s.spray(exempt, 25)
	s.wantWait("the neighbour", neighbour, "ada", 0)
	s.spray(neighbour, 21)
	s.wantWait("the neighbour, after failures of its own", neighbour, "ada", time.Second)
	s.wantWait("the exempt one", exempt, "ada", 0)
}

func TestWhichAddressesAreOneClient(t *testing.T) {
	for _, row := range []struct {
		says string
		a, b string
		one  bool
	}{
		{"IPv6 of one /64 are one client", "2001:db8::1", "2001:db8::ffff:1", true},
		{"IPv6 of two /64 are two", "2001:db8::1", "2001:db8:0:1::1", false},
		{"IPv4 are one each", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 mapped to IPv6 is IPv4", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"two mapped ones are two", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"a zone does not matter", "fe80::1%eth0", "fe80::1%eth1", true},
		{"nor does having none", "fe80::1%eth0", "fe80::2", true},
	} {
		a, b := netip.MustParseAddr(row.a), netip.MustParseAddr(row.b)
		s := newScene(t, Config{})
		s.guess(a, "ada", 6)
		if one := s.Held(b, "ada", s.now) > 0; one != row.one {
			t.Errorf("%s: a pair's hold is shared: %t", row.says, one)
		}
		s.spray(a, 15)
		if one := s.Held(b, "bob", s.now) > 0; one != row.one {
			t.Errorf("%s: an address's hold is shared: %t", row.says, one)
		}
		s.Note(a, "cyd", s.now)
		if one := s.Known(b, "cyd", s.now); one != row.one {
			t.Errorf("%s: what is known is shared: %t", row.says, one)
		}
	}
}
