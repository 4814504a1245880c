package gate_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// A wallClock is the system's clock whose wall time somebody has set, while its monotonic time went on: what
// time.Now reads after a leap, or after the machine slept.
type wallClock struct {
	t      *testing.T
	by     time.Duration
	still  time.Time // if not zero, both stand still there
	leaps  int       // 0: by holds at once; n: it holds from the nth reading on
	read   int
	jumped bool
}

func (c *wallClock) now() time.Time {
	if !c.still.IsZero() {
		return c.still
	}
	if c.read++; c.leaps > 0 && c.read < c.leaps {
		return time.Now()
	}
	c.jumped = true
	return leapt(c.t, time.Now(), c.by)
}

// leapt is at with another wall time and the same monotonic time, which no function of package time makes.
func leapt(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	const seconds = 30 // the bit of a Time's first word where its seconds since 1885 begin
	after := at
	word := (*uint64)(unsafe.Pointer(&after))
	*word += uint64(int64(by/time.Second)) << seconds
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != by.Truncate(time.Second) {
		t.Fatal("this Go keeps its times in another way")
	}
	return after
}

// leaps are what a clock may do.
var leaps = map[string]time.Duration{
	"an hour forth": time.Hour, "an hour back": -time.Hour, "ten years forth": 87600 * time.Hour, "ten years back": -87600 * time.Hour,
	"nowhere": 0, "two seconds back": -2 * time.Second, "to the last second of a token": time.Hour - time.Second,
}

// leaping is a gate whose tokens, and whose requests' arrivals, are by c.
func leaping(t *testing.T, c *wallClock, sources ...gate.Source) *gate.Gate {
	t.Helper()
	issuer, err := jwt.New(jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", c.now)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := newGate(t, func(config *gate.Config) { config.Issuer = issuer }, sources...)
	return g
}

func (c *wallClock) decide(g *gate.Gate, k string) (gate.Decision, error) {
	return g.Decide(c.t.Context(), gate.Ask{Credentials: []auth.Credential{key(k)}, Client: netip.MustParseAddr("192.0.2.1"), Arrived: c.now()})
}

// wantLiving wants a token that a backend takes whose clock is the machine's.
func (c *wallClock) wantLiving(when string, d gate.Decision) {
	c.t.Helper()
	var claims struct{ Iat, Exp int64 }
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(d.Authorization, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if now := c.now().Unix(); claims.Iat > now+1 || claims.Exp <= now || claims.Exp-claims.Iat > 3600 {
		c.t.Errorf("%s: at %d the token is from %d to %d", when, now, claims.Iat, claims.Exp)
	}
}

// C39: tokens live by wall time, which backends have too; what is remembered by monotonic time, which nobody sets.
func TestALeapOfTheClockGivesNobodyADeadToken(t *testing.T) {
	for name, by := range leaps {
		t.Run(name, func(t *testing.T) {
			s := &service{user: auth.User{Name: "alice"}}
			lasting, short := s.source("a"), s.source("a")
			lasting.Cache, lasting.StaleIfError = gate.UntilForgotten, 0
			short.Cache = 50 * time.Millisecond
			for _, source := range []gate.Source{lasting, s.source("a"), short} {
				c := &wallClock{t: t}
				g := leaping(t, c, source)
				s.asked, s.err = 0, nil
				for _, c.by = range []time.Duration{0, by, 0, by} {
					d, err := c.decide(g, "k")
					wantUser(t, d, err, "alice")
					c.wantLiving(fmt.Sprint("remembered for ", source.Cache), d)
				}
				if s.asked != 1 && source.Cache != short.Cache {
					t.Errorf("remembered for %s, and asked %d times, want once", source.Cache, s.asked)
				}
			}
			c := &wallClock{t: t}
			g := leaping(t, c, short)
			_, _ = c.decide(g, "k")
			s.err = errDown
			time.Sleep(short.Cache)
			for _, c.by = range []time.Duration{0, by, 0, by} { // in an outage too
				d, err := c.decide(g, "k")
				wantUser(t, d, err, "alice")
				c.wantLiving("stale", d)
				if !d.Stale {
					t.Error("a leap makes an old yes last")
				}
			}
		})
	}
}

// C39: a refusal is remembered, and who has to wait waits, wherever the clock's wall time went.
func TestALeapOfTheClockEndsNoRefusal(t *testing.T) {
	for name, by := range leaps {
		t.Run(name, func(t *testing.T) {
			s, c := &service{err: auth.ErrDenied}, &wallClock{t: t}
			g := leaping(t, c, s.source("a"))
			for _, c.by = range []time.Duration{0, by, 0, by} {
				d, err := c.decide(g, "k")
				wantDenied(t, d, err)
			}
			if s.asked != 1 {
				t.Errorf("asked %d times, want once", s.asked)
			}
			c.by = 0
			for i := range 40 {
				_, _ = c.decide(g, fmt.Sprint("wrong ", i))
			}
			for _, c.by = range []time.Duration{0, by, 0, by} {
				if _, err := c.decide(g, "another"); !held(err) {
					t.Errorf("after 40 wrong keys and a leap by %s: %v", c.by, err)
				}
			}
		})
	}
}

// C39: the credential's own end is a wall time. Past it nobody gets in.
func TestALeapPastTheEndOfACredentialEndsIt(t *testing.T) {
	for name, by := range leaps {
		t.Run(name, func(t *testing.T) {
			c := &wallClock{t: t}
			s := &service{user: auth.User{Name: "alice", Until: time.Unix(time.Now().Add(30*time.Minute).Unix(), 0)}}
			g := leaping(t, c, s.source("a"))
			d, err := c.decide(g, "k")
			wantUser(t, d, err, "alice")
			for _, c.by = range []time.Duration{by, 0, by} {
				d, err = c.decide(g, "k")
				if c.by >= 30*time.Minute {
					wantDenied(t, d, err)
					continue
				}
				wantUser(t, d, err, "alice")
				c.wantLiving("before its end", d)
			}
		})
	}
}

// C03, C39: a clock that leaps at its nth reading, for every n, lets nobody in who is refused, and refuses nobody.
func TestAClockThatLeapsAtAnyReading(t *testing.T) {
	for name, by := range leaps {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				good, bad := &service{user: auth.User{Name: "alice"}}, &service{err: auth.ErrDenied}
				c := &wallClock{t: t, by: by, leaps: n}
				yes, no := leaping(t, c, good.source("a")), leaping(t, c, bad.source("b"))
				for range 3 {
					d, err := c.decide(yes, "k")
					wantUser(t, d, err, "alice")
					d, err = c.decide(no, "k")
					wantDenied(t, d, err)
				}
				before := c.jumped
				d, err := c.decide(yes, "k")
				wantUser(t, d, err, "alice")
				if d, err = c.decide(yes, "k"); before {
					c.wantLiving(fmt.Sprint("leapt at reading ", n), d)
				} else if err != nil || n > 100 {
					t.Fatalf("%v after %d readings", err, n)
				} else if n > c.read {
					return
				}
			}
		})
	}
}

// C39: where the clock stands still nothing is divided by no time, and all is as in one moment.
func TestAClockThatStandsStill(t *testing.T) {
	s := &service{user: auth.User{Name: "alice"}}
	c := &wallClock{t: t, still: time.Now()}
	g := leaping(t, c, s.source("a"))
	for range 100 {
		d, err := c.decide(g, "k")
		wantUser(t, d, err, "alice")
		c.wantLiving("standing still", d)
	}
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
}

func held(err error) bool {
	_, is := errors.AsType[*gate.Throttled](err)
	return is
}
