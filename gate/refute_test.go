package gate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// The no comes to a question that was never answered with yes before: with a realm, where that had none.
func TestAClearNoToAnotherQuestionEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		other := keys("other", says(auth.User{}, auth.ErrDenied))
		other.Realm = "other"
		g, _ := newGate(t, nil, s.source("a"), other)
		d, err := g.Decide(t.Context(), presenting("k"))
		wantUser(t, d, err, "alice")
		time.Sleep(61 * time.Second)
		s.err = auth.ErrDenied // revoked
		a := presenting("k")
		a.Realms = []string{"r"}
		d, err = g.Decide(t.Context(), a)
		wantDenied(t, d, err)
		s.err = errDown
		time.Sleep(10 * time.Second)
		d, err = g.Decide(t.Context(), presenting("k"))
		if err == nil {
			t.Errorf("%s is let in (stale %t) by a key that their provider has refused", d.User.Name, d.Stale)
		}
	})
}

// The no to one of alice's keys comes while a question about another is being answered from the past.
func TestANoThatComesMeanwhileIsNotUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var block atomic.Pointer[chan struct{}]
		issuer, err := jwt.New(jwt.Config{Issuer: "i", Lifetime: jwt.Seconds(time.Hour)}, false, auth.Secret(strings.Repeat("x", 32)), func() time.Time {
			if c := block.Load(); c != nil {
				<-*c
			}
			return time.Now()
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, func(c *gate.Config) { c.Issuer = issuer }, s.source("a"))
		_, _ = g.Decide(t.Context(), presenting("k1"))
		_, _ = g.Decide(t.Context(), presenting("k2"))
		time.Sleep(61 * time.Second)
		s.err = errDown
		c := make(chan struct{})
		block.Store(&c)
		var w sync.WaitGroup
		w.Go(func() { _, _ = g.Decide(t.Context(), presenting("k1")) })
		synctest.Wait()
		block.Store(nil)
		s.err = auth.ErrDenied // alice is gone, says the provider
		_, _ = g.Decide(t.Context(), presenting("k2"))
		s.err = errDown
		close(c)
		w.Wait()
		time.Sleep(6 * time.Second)
		d, err := g.Decide(t.Context(), presenting("k1"))
		if err == nil {
			t.Errorf("%s is let in (stale %t) after a refute", d.User.Name, d.Stale)
		}
	})
}

// Whoever fills a queue of ours keeps out the no to their own key.
func TestAQuestionThatIsNotPutIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		_, _ = g.Decide(t.Context(), presenting("k"))
		time.Sleep(2 * time.Minute)
		s.err = fmt.Errorf("the queue is full: %w", auth.ErrUnasked)
		d, err := g.Decide(t.Context(), presenting("k"))
		wantOutage(t, d, err)
	})
}

// What a stale answer lets in is held as any other.
func TestOneWhoIsHeldLearnsNothingInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		source := s.source("a")
		source.Scheme, source.Forms = auth.Basic, []auth.Form{auth.Password}
		g, _ := newGate(t, nil, source)
		_, _ = g.Decide(t.Context(), login(there, "alice", "right"))
		time.Sleep(2 * time.Minute)
		s.err = errDown
		if d, err := g.Decide(t.Context(), login(there, "alice", "right")); err != nil || !d.Stale {
			t.Fatalf("%+v, %v", d, err)
		}
		for i := range 10 {
			_, _ = g.Decide(t.Context(), login(here, "alice", fmt.Sprint("wrong", i)))
		}
		d, err := g.Decide(t.Context(), login(here, "alice", "right"))
		wantThrottled(t, d, err)
	})
}

// Of one user sixteen logins are remembered, and a no to a credential that is among them ends all.
func TestANoEndsTheLoginsThatAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{user: auth.User{Name: "alice"}}
		g, _ := newGate(t, nil, s.source("a"))
		for i := range 20 {
			_, _ = g.Decide(t.Context(), presenting(fmt.Sprint(i)))
		}
		if users, credentials := g.Memory.Listed(); users != 1 || credentials != 16 {
			t.Errorf("%d users and %d credentials are listed, want 1 and 16", users, credentials)
		}
		time.Sleep(2 * time.Minute)
		s.err = auth.ErrDenied
		_, _ = g.Decide(t.Context(), presenting("19"))
		s.err = errDown
		d, err := g.Decide(t.Context(), presenting("18"))
		wantOutage(t, d, err)
		if users, credentials := g.Memory.Listed(); users != 0 || credentials != 0 {
			t.Errorf("%d users and %d credentials are listed still", users, credentials)
		}
	})
}

// What is not kept here is not kept by the proxy either.
func TestTheProxyKeepsNothingThatWeDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := keys("up", says(auth.User{Name: "bob"}, nil))
		up.Cache, up.ProxyCache = time.Minute, true
		g, _ := newGate(t, nil, keys("down", says(auth.User{}, errDown)), up)
		if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.ProxyCache != 0 {
			t.Errorf("behind an outage: %s, %v", d.ProxyCache, err)
		}
		slow := keys("slow", func(context.Context, auth.Credential) (auth.User, error) {
			time.Sleep(7 * time.Second)
			return auth.User{Name: "bob", Until: time.Now().Add(time.Second)}, nil
		})
		slow.Cache, slow.ProxyCache = time.Minute, true
		g, _ = newGate(t, nil, slow)
		if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.ProxyCache > time.Second {
			t.Errorf("of one who ends soon after a long question: %s, %v", d.ProxyCache, err)
		}
		time.AfterFunc(time.Second, func() { g.Memory.Forget(everybody) })
		if d, err := g.Decide(t.Context(), presenting("another")); err != nil || d.ProxyCache != 0 {
			t.Errorf("from before a Forget: %s, %v", d.ProxyCache, err)
		}
		two := presenting("k")
		two.Credentials = append(two.Credentials, key("second"))
		g, _ = newGate(t, nil, up)
		if d, err := g.Decide(t.Context(), two); err != nil || d.ProxyCache != 0 {
			t.Errorf("beside another credential: %s, %v", d.ProxyCache, err)
		}
	})
}
