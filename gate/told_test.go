package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/role"
)

// An outing is a gate whose source has said yes while the directory that is asked for roles is down.
type outing struct {
	*houses
	*groups
	t      *testing.T
	asked  atomic.Int64 // the source
	down   atomic.Bool  // the source
	no     atomic.Bool  // what the source says
	source gate.Source
	gate   *gate.Gate
}

func newOuting(t *testing.T, change func(*gate.Source), more ...gate.Source) *outing {
	t.Helper()
	o := &outing{houses: newHouses(t), groups: newGroups(t), t: t}
	o.source = keys("k", func(context.Context, auth.Credential) (auth.User, error) {
		o.asked.Add(1)
		switch {
		case o.down.Load():
			return auth.User{}, errors.New("down")
		case o.no.Load():
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: "alice", Roles: []string{"own"}, Record: "one"}, nil
	})
	o.source.ID = o.memory.NewID()
	if change != nil {
		change(&o.source)
	}
	o.config.Roles = o.rules(time.Minute)
	o.gate = o.houses.gate(append(more, o.source)...)
	o.groups.down.Store(true)
	o.fails(ask())
	return o
}

func (o *outing) fails(a gate.Ask) {
	o.t.Helper()
	got, err := o.gate.Decide(o.t.Context(), a)
	wantOutage(o.t, got, err)
}

// in wants that alice is let in, with all of her roles, and that the source has been asked so many times by then.
func (o *outing) in(asked int64) {
	o.t.Helper()
	got, err := o.gate.Decide(o.t.Context(), ask())
	if err != nil || got.Roles != "own,staff" || o.asked.Load() != asked {
		o.t.Errorf("%q, %v after %d questions, want %d", got.Roles, err, o.asked.Load(), asked)
	}
}

// Each login is a hash or a call: a directory that is down must not make one of every request.
func TestADirectoryThatIsDownMakesNoLogins(t *testing.T) {
	o := newOuting(t, nil)
	for range 30 {
		o.fails(ask())
	}
	early := ask()
	early.Arrived = time.Now().Add(-time.Hour)
	o.fails(early)
	if o.asked.Load() != 1 {
		t.Errorf("the source, whose yes stands, was asked %d times", o.asked.Load())
	}
	o.groups.down.Store(false)
	o.in(1)
	if got, err := o.gate.Decide(t.Context(), ask()); err != nil || !got.Remembered {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestManyAtOnceAskForRolesOnce(t *testing.T) {
	o := newOuting(t, nil)
	before, wait := o.Connections(), make(chan struct{})
	o.wait.Store(&wait)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { o.fails(ask()) })
	}
	time.Sleep(50 * time.Millisecond)
	close(wait)
	all.Wait()
	if n := o.Connections() - before; n > 3 || o.asked.Load() != 1 {
		t.Errorf("the directory was asked %d times, the source %d times", n, o.asked.Load())
	}
}

func TestWhatASourceToldIsForgottenWithItsRecord(t *testing.T) {
	o := newOuting(t, nil)
	o.memory.Forget(func(u auth.User) bool { return u.Record == "two" })
	o.fails(ask())
	if o.asked.Load() != 1 {
		t.Errorf("asked %d times, and another's record was forgotten", o.asked.Load())
	}
	o.memory.Forget(func(u auth.User) bool { return u.Record == "one" })
	o.groups.down.Store(false)
	o.no.Store(true)
	got, err := o.gate.Decide(t.Context(), ask())
	wantDenied(t, got, err)
}

// Roles are on their way when the user's record changes.
func TestWhatIsForgottenWhileRolesAreAskedForIsNotKept(t *testing.T) {
	o := newOuting(t, nil)
	o.groups.down.Store(false)
	wait := make(chan struct{})
	o.wait.Store(&wait)
	before := o.Connections()
	first := make(chan struct{})
	go func() {
		_, _ = o.gate.Decide(t.Context(), ask())
		close(first)
	}()
	for o.Connections() == before {
		time.Sleep(time.Millisecond)
	}
	o.memory.Forget(everybody)
	o.no.Store(true)
	close(wait)
	<-first
	got, err := o.gate.Decide(t.Context(), ask())
	wantDenied(t, got, err)
}

// The no comes to a question for a realm, which has a key of its own.
func TestANoEndsWhatASourceTold(t *testing.T) {
	for name, meanwhile := range map[string]bool{"before": false, "while roles are asked for": true} {
		other := keys("other", says(auth.User{}, auth.ErrDenied))
		other.Realm = "other"
		o := newOuting(t, nil, other)
		o.groups.down.Store(false)
		wait := make(chan struct{})
		first := make(chan struct{})
		if meanwhile {
			o.wait.Store(&wait)
			before := o.Connections()
			go func() {
				_, _ = o.gate.Decide(t.Context(), ask())
				close(first)
			}()
			for o.Connections() == before {
				time.Sleep(time.Millisecond)
			}
		}
		o.no.Store(true)
		a := ask()
		a.Realms = []string{"r"}
		got, err := o.gate.Decide(t.Context(), a)
		wantDenied(t, got, err)
		close(wait)
		if meanwhile {
			<-first
		}
		if got, err := o.gate.Decide(t.Context(), ask()); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %q is let in by a key that is refused, %v", name, got.User.Name, err)
		}
	}
}

func TestWhatASourceToldLivesForItsOwnTime(t *testing.T) {
	for name, change := range map[string]func(*gate.Source){
		"cache": func(s *gate.Source) { s.Cache = 100 * time.Millisecond },
		"until": func(s *gate.Source) {
			s.Authenticator = until(s.Authenticator, time.Now().Add(1100*time.Millisecond))
		},
		"none": func(s *gate.Source) { s.Cache = 0 },
	} {
		o := newOuting(t, change)
		if name != "none" {
			o.fails(ask())
			if o.asked.Load() != 1 {
				t.Errorf("%s: asked %d times", name, o.asked.Load())
			}
			time.Sleep(map[string]time.Duration{"cache": 110, "until": 1200}[name] * time.Millisecond)
		}
		o.groups.down.Store(false)
		o.no.Store(true)
		if got, err := o.gate.Decide(t.Context(), ask()); !errors.Is(err, auth.ErrDenied) || o.asked.Load() != 2 {
			t.Errorf("%s: %q, %v after %d questions", name, got.User.Name, err, o.asked.Load())
		}
	}
}

// until is a source whose users end.
func until(a auth.Authenticator, end time.Time) auth.Authenticator {
	return auth.Func(func(ctx context.Context, c auth.Credential) (auth.User, error) {
		u, err := a.Authenticate(ctx, c)
		u.Until = end
		return u, err
	})
}

// Behind an outage of another source the yes may be the wrong one's.
func TestAYesBehindAnOutageIsNotRemembered(t *testing.T) {
	var well atomic.Bool
	first := keys("first", func(context.Context, auth.Credential) (auth.User, error) {
		if well.Load() {
			return auth.User{Name: "bob"}, nil
		}
		return auth.User{}, errors.New("down")
	})
	o := newOuting(t, nil, first)
	well.Store(true)
	o.groups.down.Store(false)
	if got, err := o.gate.Decide(t.Context(), ask()); err != nil || got.User.Name != "bob" {
		t.Errorf("%q, %v", got.User.Name, err)
	}
}

// With stale_if_error the source's yes may outlive its time, and roles may not.
func TestWhatASourceToldIsRiddenOutOn(t *testing.T) {
	o := newOuting(t, func(s *gate.Source) { s.Cache, s.StaleIfError = 100*time.Millisecond, time.Minute })
	time.Sleep(110 * time.Millisecond)
	o.down.Store(true)
	o.fails(ask())
	o.groups.down.Store(false)
	o.config.Roles = o.rules(50 * time.Millisecond)
	o.gate = o.houses.gate(o.source)
	for i := range int64(3) { // the roles are over before the source is to be asked again
		got, err := o.gate.Decide(t.Context(), ask())
		if err != nil || !got.Stale || got.Roles != "own,staff" || o.asked.Load() != 3+i {
			t.Errorf("%+v, %v after %d questions", got, err, o.asked.Load())
		}
		time.Sleep(60 * time.Millisecond)
	}
}

// A right password beside a directory that is down is no failed login, whoever else refused it.
func TestARightPasswordWithoutRolesIsNoFailedLogin(t *testing.T) {
	for name, change := range map[string]func(*gate.Source){"remembered": nil, "not remembered": func(s *gate.Source) { s.Cache = 0 }} {
		o := newOuting(t, change, keys("other", says(auth.User{}, auth.ErrDenied)))
		from := func(k string) gate.Ask {
			return gate.Ask{Credentials: []auth.Credential{key(k)}, Client: netip.MustParseAddr("192.0.2.1")}
		}
		for i := range 60 {
			_, err := o.gate.Decide(t.Context(), from(fmt.Sprint("k", i/2)))
			if _, held := errors.AsType[*gate.Throttled](err); held || err == nil {
				t.Fatalf("%s: after %d: %v", name, i, err)
			}
		}
		o.groups.down.Store(false)
		if got, err := o.gate.Decide(t.Context(), from("k")); err != nil || got.Roles != "own,staff" {
			t.Errorf("%s: %q, %v", name, got.Roles, err)
		}
	}
}

func TestSoManyCredentialsOfAUserAreRememberedWithoutRoles(t *testing.T) {
	o := newOuting(t, nil)
	for i := range 40 {
		o.fails(gate.Ask{Credentials: []auth.Credential{key(fmt.Sprint("k", i))}})
	}
	if n := o.memory.Stats().Identities; n > 16 {
		t.Errorf("%d are remembered", n)
	}
	before := o.asked.Load()
	for i := range 40 {
		o.fails(gate.Ask{Credentials: []auth.Credential{key(fmt.Sprint("k", i))}})
	}
	if n := o.asked.Load() - before; n < 24 {
		t.Errorf("%d of 40 were asked about", n)
	}
}

// The next gate needs no roles of the directory, or needs others.
func TestWhatASourceToldIsKnownToTheNextHouse(t *testing.T) {
	o := newOuting(t, nil)
	o.config.Roles = role.New(nil)
	if got, err := o.houses.gate(o.source).Decide(t.Context(), ask()); err != nil || got.Roles != "own" || o.asked.Load() != 1 {
		t.Errorf("%q, %v after %d questions", got.Roles, err, o.asked.Load())
	}
	o = newOuting(t, nil)
	more := keys("more", says(auth.User{}, auth.ErrDenied))
	more.ID = o.memory.NewID()
	o.config.Roles, o.config.Before = role.New(nil), []gate.Source{o.source}
	if got, err := o.houses.gate(o.source, more).Decide(t.Context(), ask()); err != nil || got.Roles != "own" || !got.Remembered || o.asked.Load() != 1 {
		t.Errorf("%q, %v after %d questions", got.Roles, err, o.asked.Load())
	}
}

// Past the source's time it is there to be ridden out on, whatever the rules.
func TestWhatASourceToldIsNoLongerGoodForTheNextHouse(t *testing.T) {
	for _, more := range []bool{false, true} {
		o := newOuting(t, func(s *gate.Source) { s.Cache, s.StaleIfError = 50*time.Millisecond, time.Minute })
		time.Sleep(60 * time.Millisecond)
		o.no.Store(true)
		o.config.Roles = role.New(nil)
		sources := []gate.Source{o.source}
		if more {
			o.config.Before = sources
			sources = append(sources, keys("more", says(auth.User{}, auth.ErrDenied)))
		}
		got, err := o.houses.gate(sources...).Decide(t.Context(), ask())
		wantDenied(t, got, err)
	}
}
