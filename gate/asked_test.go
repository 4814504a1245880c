package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/go-ldap/ldap/v3"

	"gatehouse/auth"
	"gatehouse/e2e/ldap"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/role"
)

// A groups is a directory that gives everybody one role.
type groups struct {
	*ldap.Fake
	down atomic.Bool
	many atomic.Bool                   // more roles than the rules remember
	role atomic.Value                  // string
	wait atomic.Pointer[chan struct{}] // until it is closed nobody is told
}

func newGroups(t *testing.T) *groups {
	d := new(groups)
	d.role.Store("staff")
	d.Fake = ldap.NewFake(t, func(r ldap.Request) ldap.Reply {
		if wait := d.wait.Load(); wait != nil {
			<-*wait
		}
		if d.down.Load() {
			return ldap.Reply{Drop: true}
		}
		names := []string{"cn=" + d.role.Load().(string)}
		for i := range 100 * map[bool]int{true: 1}[d.many.Load()] {
			names = append(names, fmt.Sprintf("cn=%d%0100d", i, 0))
		}
		return ldap.Reply{Entries: []*client.Entry{client.NewEntry("cn=u", map[string][]string{"cn": {"alice", "bob"}, "memberOf": names})}}
	})
	return d
}

// rules ask the directory, whose roles are good for so long.
func (d *groups) rules(good time.Duration) *role.Rules {
	e := role.Entry{Name: "d", Type: "ldap", Realm: "r", Cache: &good}
	section, _ := e.Variant("ldap")
	section.(*role.LDAP).URI = d.URI
	return role.New([]role.Entry{e})
}

// told is a source that is asked n times, and says yes until it is down.
func told(h *houses, n *atomic.Int64, down *atomic.Bool) gate.Source {
	s := keys("k", func(context.Context, auth.Credential) (auth.User, error) {
		n.Add(1)
		if down.Load() {
			return auth.User{}, errors.New("down")
		}
		return auth.User{Name: "alice", Roles: []string{"own"}}, nil
	})
	s.ID = h.memory.NewID()
	return s
}

func TestNobodyAsksForTheRolesOfAKnownUser(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	var asked atomic.Int64
	h.config.Roles = d.rules(time.Minute)
	g := h.gate(told(h, &asked, new(atomic.Bool)))
	for range 100 {
		if got, err := g.Decide(t.Context(), ask()); err != nil || got.Roles != "own,staff" {
			t.Fatalf("%q, %v", got.Roles, err)
		}
	}
	if asked.Load() != 1 || d.Connections() != 1 {
		t.Errorf("asked %d times, for roles %d times", asked.Load(), d.Connections())
	}
}

func TestTheRolesOfAKnownUserAreNotOlderThanTheirSourceSays(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	var asked atomic.Int64
	var down atomic.Bool
	h.config.Roles = d.rules(200 * time.Millisecond)
	source := told(h, &asked, &down)
	g := h.gate(source)
	if got, err := g.Decide(t.Context(), ask()); err != nil || got.Roles != "own,staff" {
		t.Fatalf("%q, %v", got.Roles, err)
	}
	d.role.Store("guests")
	time.Sleep(250 * time.Millisecond)
	if got, err := g.Decide(t.Context(), ask()); err != nil || got.Roles != "own,guests" || got.Remembered {
		t.Errorf("%q, %v", got.Roles, err)
	}
	// What the source told stands for its own time, and needs no other answer.
	down.Store(true)
	d.role.Store("others")
	time.Sleep(250 * time.Millisecond)
	if got, err := g.Decide(t.Context(), ask()); err != nil || got.Roles != "own,others" || asked.Load() != 1 {
		t.Errorf("%q, %v after %d questions", got.Roles, err, asked.Load())
	}
	d.down.Store(true)
	time.Sleep(250 * time.Millisecond)
	got, err := g.Decide(t.Context(), ask())
	wantOutage(t, got, err)
}

func TestWhoseRolesCannotBeToldIsNotDecided(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	d.down.Store(true)
	var asked atomic.Int64
	h.config.Roles = d.rules(time.Minute)
	g := h.gate(told(h, &asked, new(atomic.Bool)))
	a := ask()
	a.Client = netip.MustParseAddr("192.0.2.1")
	for range 30 {
		got, err := g.Decide(t.Context(), a)
		wantOutage(t, got, err)
	}
	d.down.Store(false)
	if got, err := g.Decide(t.Context(), a); err != nil || got.Roles != "own,staff" {
		t.Errorf("%q, %v", got.Roles, err)
	}
}

func TestAStaleUserHasNoRolesThatNobodyTells(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	var asked atomic.Int64
	var down atomic.Bool
	h.config.Roles = d.rules(50 * time.Millisecond)
	source := told(h, &asked, &down)
	source.Cache, source.StaleIfError = 100*time.Millisecond, time.Minute
	g := h.gate(source)
	if _, err := g.Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	time.Sleep(150 * time.Millisecond)
	if got, err := g.Decide(t.Context(), ask()); err != nil || !got.Stale || got.Roles != "own,staff" {
		t.Errorf("%+v, %v", got, err)
	}
	d.down.Store(true)
	time.Sleep(100 * time.Millisecond)
	got, err := g.Decide(t.Context(), ask())
	wantOutage(t, got, err)
}

// After a reload a remembered user waits for no directory on the way of a hit: there is a question, for roles alone.
func TestOtherRulesThatAskAreAQuestionForRoles(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	var asked atomic.Int64
	source := told(h, &asked, new(atomic.Bool))
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	h.config.Before = []gate.Source{source}
	h.config.Roles = d.rules(time.Minute)
	next := h.gate(source)
	if got, err := next.Decide(t.Context(), ask()); err != nil || got.Remembered || got.Roles != "own,staff" || asked.Load() != 1 {
		t.Errorf("%+v, %v after %d questions", got, err, asked.Load())
	}
	if got, err := next.Decide(t.Context(), ask()); err != nil || !got.Remembered {
		t.Errorf("%+v, %v", got, err)
	}
	// With one provider more the memory's key is another one, and the source is asked, too.
	more := keys("more", says(auth.User{}, auth.ErrDenied))
	more.ID = h.memory.NewID()
	h.config.Before, h.config.Roles = []gate.Source{source}, d.rules(time.Minute)
	if got, err := h.gate(source, more).Decide(t.Context(), ask()); err != nil || got.Remembered || asked.Load() != 2 {
		t.Errorf("%+v, %v after %d questions", got, err, asked.Load())
	}
	// Rules that ask nobody need no question, and do not end with the roles that are gone.
	h.config.Before, h.config.Roles = nil, role.New(nil)
	if got, err := h.gate(source).Decide(t.Context(), ask()); err != nil || !got.Remembered || got.Roles != "own" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheSameRulesGaveWhatTheyGave(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	var asked atomic.Int64
	source := told(h, &asked, new(atomic.Bool))
	d.many.Store(true)
	h.config.Roles = d.rules(300 * time.Millisecond)
	if _, err := h.gate(source).Decide(t.Context(), ask()); err != nil {
		t.Fatal(err)
	}
	d.down.Store(true)
	issuer, err := jwt.New(jwt.Config{Issuer: "new", Lifetime: jwt.Seconds(time.Hour)}, false, "another-secret-0123456789abcdefgh", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	h.config.Issuer = issuer
	next := h.gate(source)
	got, err := next.Decide(t.Context(), ask())
	if err != nil || !got.Remembered || len(got.User.Roles) != 102 || claims(t, got.Authorization).Issuer != "new" {
		t.Errorf("%+v, %v", got, err)
	}
	time.Sleep(350 * time.Millisecond) // no longer than they were good for
	got, err = next.Decide(t.Context(), ask())
	wantOutage(t, got, err)
}

// A question that began before a reload ends with the roles of then.
func TestAQuestionByOtherRulesIsNotJoined(t *testing.T) {
	h, d := newHouses(t), newGroups(t)
	begun, end := make(chan struct{}, 2), make(chan struct{})
	source := keys("k", func(context.Context, auth.Credential) (auth.User, error) {
		begun <- struct{}{}
		<-end
		return auth.User{Name: "alice"}, nil
	})
	source.ID = h.memory.NewID()
	old := h.gate(source)
	first := make(chan gate.Decision, 1)
	go func() {
		got, _ := old.Decide(t.Context(), ask())
		first <- got
	}()
	<-begun
	h.config.Roles = d.rules(time.Minute)
	next := h.gate(source)
	second := make(chan gate.Decision, 1)
	go func() {
		got, err := next.Decide(t.Context(), ask())
		if err != nil {
			t.Error(err)
		}
		second <- got
	}()
	select {
	case <-begun:
	case <-time.After(5 * time.Second):
		t.Error("the old question is joined")
	}
	close(end)
	if got := <-first; got.Roles != "" {
		t.Errorf("the old gate says %q", got.Roles)
	}
	if got := <-second; got.Roles != "staff" {
		t.Errorf("the new gate says %q", got.Roles)
	}
}
