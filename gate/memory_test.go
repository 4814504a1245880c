package gate_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
)

// counting says yes to every secret but "wrong", and counts the questions.
func counting(n *atomic.Int64) auth.Func {
	return func(_ context.Context, c auth.Credential) (auth.User, error) {
		n.Add(1)
		if c.Secret == "wrong" {
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: "alice", Record: "r1"}, nil
	}
}

func presenting(secret string) gate.Ask {
	return gate.Ask{Credentials: []auth.Credential{key(secret)}}
}

func cached(d time.Duration) func(*gate.Config) {
	return func(c *gate.Config) {
		for i := range c.Sources {
			c.Sources[i].Cache = d
		}
	}
}

func TestAKnownCredentialIsAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, cached(time.Minute), keys("a", counting(&asked)))
		for i := range 10 {
			d, err := g.Decide(t.Context(), presenting("k"))
			if err != nil || d.User.Name != "alice" || d.Remembered != (i > 0) {
				t.Fatalf("request %d: %+v, %v", i, d, err)
			}
		}
		time.Sleep(time.Minute - time.Millisecond)
		if d, _ := g.Decide(t.Context(), presenting("k")); !d.Remembered || asked.Load() != 1 {
			t.Errorf("just before its end: remembered %t, asked %d times", d.Remembered, asked.Load())
		}
		time.Sleep(time.Millisecond)
		if d, _ := g.Decide(t.Context(), presenting("k")); d.Remembered || asked.Load() != 2 {
			t.Errorf("at its end: remembered %t, asked %d times", d.Remembered, asked.Load())
		}
	})
}

func TestARefusalIsRememberedShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, keys("a", counting(&asked)))
		for range 10 {
			if _, err := g.Decide(t.Context(), presenting("wrong")); !errors.Is(err, auth.ErrDenied) {
				t.Fatal(err)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("asked %d times within 5 s, want 1", asked.Load())
		}
		time.Sleep(5 * time.Second)
		_, _ = g.Decide(t.Context(), presenting("wrong"))
		if asked.Load() != 2 {
			t.Errorf("asked %d times after 5 s, want 2", asked.Load())
		}
	})
}

func TestAnOutageIsNeverRemembered(t *testing.T) {
	asked := 0
	g, _ := newGate(t, nil, keys("a", func(context.Context, auth.Credential) (auth.User, error) {
		asked++
		return auth.User{}, errors.New("down")
	}))
	for range 3 {
		d, err := g.Decide(t.Context(), ask())
		wantOutage(t, d, err)
	}
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
}

func TestAThousandAtOnceAskOnce(t *testing.T) {
	var asked atomic.Int64
	release := make(chan struct{})
	g, _ := newGate(t, nil, keys("a", func(context.Context, auth.Credential) (auth.User, error) {
		asked.Add(1)
		<-release
		return auth.User{Name: "alice"}, nil
	}))
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := g.Decide(first, presenting("k")); gone <- err }()
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel() // the one who asked goes: those who joined must not notice
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the first caller got %v", err)
	}
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.User.Name != "alice" {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
	close(release)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

// Two credentials never share an answer, however their parts are cut, and neither do two realms.
func TestKeysAreApart(t *testing.T) {
	whose := func(_ context.Context, c auth.Credential) (auth.User, error) {
		return auth.User{Name: fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprintf("%q %q", c.Username, string(c.Secret)))))}, nil
	}
	one, two := keys("one", whose), keys("two", whose)
	one.Scheme, one.Forms, one.Realm = auth.Basic, []auth.Form{auth.Password}, "one"
	two.Scheme, two.Forms, two.Realm = auth.Basic, []auth.Form{auth.Password}, "two"
	g, _ := newGate(t, nil, one, two)
	seen := map[string]string{}
	for _, pair := range [][2]string{{"a", "b:c"}, {"a:b", "c"}, {"ab", "c"}, {"a", "bc"}, {"a", "b"}, {"b", "a"}, {"a\x00b", "c"}, {"a", "b\x00c"}} {
		for _, realm := range []string{"one", "two"} {
			a := gate.Ask{Realms: []string{realm}, Credentials: []auth.Credential{
				{Scheme: auth.Basic, Form: auth.Password, Username: pair[0], Secret: auth.Secret(pair[1])},
			}}
			for range 2 {
				d, err := g.Decide(t.Context(), a)
				if err != nil || d.User.Realm != realm {
					t.Fatalf("%q in %s: %+v, %v", pair, realm, d, err)
				}
				key := d.User.Realm + d.User.Name
				if other, ok := seen[key]; ok && other != fmt.Sprint(pair, realm) {
					t.Errorf("%q in %s got the answer of %s", pair, realm, other)
				}
				seen[key] = fmt.Sprint(pair, realm)
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d answers, want 16", len(seen))
	}
}

func TestEverySpellingOfARealmIsOneEntry(t *testing.T) {
	var asked atomic.Int64
	g, _ := newGate(t, nil, keys("a", counting(&asked)))
	for _, realms := range [][]string{nil, {"r"}, {"R"}, {"r", "R"}} {
		if _, err := g.Decide(t.Context(), gate.Ask{Realms: realms, Credentials: []auth.Credential{key("k")}}); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

// The policy is applied to a remembered user as to a new one, and its verdict is not remembered.
func TestThePolicyIsNotRemembered(t *testing.T) {
	var asked atomic.Int64
	g, _ := newGate(t, func(c *gate.Config) {
		c.Policies = map[string]gate.Policy{"staff": {Roles: []string{"staff"}}}
	}, keys("a", counting(&asked)))
	for _, policy := range []string{"", "staff", "", "staff"} {
		a := presenting("k")
		a.Policy = policy
		d, err := g.Decide(t.Context(), a)
		if (err == nil) != (policy == "") {
			t.Errorf("policy %q: %+v, %v", policy, d, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

// Exactly the users that are named are forgotten, and every refusal.
func TestForget(t *testing.T) {
	asked := map[string]int{}
	var memory *gate.Memory
	g, _ := newGate(t, func(c *gate.Config) { memory = c.Memory }, keys("a", func(_ context.Context, c auth.Credential) (auth.User, error) {
		asked[string(c.Secret)]++
		if c.Secret == "wrong" {
			return auth.User{}, auth.ErrDenied
		}
		return auth.User{Name: string(c.Secret), Record: "of " + string(c.Secret)}, nil
	}))
	everybody := func() {
		for _, who := range []string{"alice", "bob", "carol", "wrong"} {
			_, _ = g.Decide(t.Context(), presenting(who))
		}
	}
	everybody()
	everybody()
	memory.Forget(func(u auth.User) bool { return u.Provider == "a" && u.Record == "of bob" })
	everybody()
	for who, want := range map[string]int{"alice": 1, "bob": 2, "carol": 1, "wrong": 2} {
		if asked[who] != want {
			t.Errorf("%s was asked about %d times, want %d", who, asked[who], want)
		}
	}
}

// A question that began before a Forget is neither kept nor joined after it.
func TestForgetReachesQuestionsUnderWay(t *testing.T) {
	var asked atomic.Int64
	answers := []chan string{make(chan string, 1), make(chan string, 1)}
	var memory *gate.Memory
	g, _ := newGate(t, func(c *gate.Config) { memory = c.Memory }, keys("a", func(context.Context, auth.Credential) (auth.User, error) {
		return auth.User{Name: <-answers[asked.Add(1)-1]}, nil
	}))
	decide := func(got chan<- string) {
		d, err := g.Decide(t.Context(), presenting("k"))
		if err != nil {
			t.Error(err)
		}
		got <- d.User.Name
	}
	before, after := make(chan string, 1), make(chan string, 1)
	go decide(before)
	for asked.Load() != 1 {
		time.Sleep(time.Millisecond)
	}
	memory.Forget(func(auth.User) bool { return false }) // nobody: but what is under way may rest on the old
	go decide(after)
	for asked.Load() != 2 {
		time.Sleep(time.Millisecond) // it asks for itself
	}
	answers[1] <- "new"
	if got := <-after; got != "new" {
		t.Errorf("who asked after it got %q", got)
	}
	answers[0] <- "old"
	if got := <-before; got != "old" {
		t.Errorf("who asked before it got %q", got)
	}
	if d, err := g.Decide(t.Context(), presenting("k")); err != nil || d.User.Name != "new" || !d.Remembered {
		t.Errorf("kept is %+v, %v, want the new answer", d, err)
	}
}

func TestOneUserHasAtMostSixteenLogins(t *testing.T) {
	var asked atomic.Int64
	g, _ := newGate(t, nil, keys("a", counting(&asked)))
	for i := range 17 {
		_, _ = g.Decide(t.Context(), presenting(fmt.Sprint("k", i)))
	}
	if d, _ := g.Decide(t.Context(), presenting("k16")); !d.Remembered {
		t.Error("the newest login is forgotten")
	}
	if d, _ := g.Decide(t.Context(), presenting("k1")); !d.Remembered {
		t.Error("the sixteenth login is forgotten")
	}
	if d, _ := g.Decide(t.Context(), presenting("k0")); d.Remembered {
		t.Error("the seventeenth login is remembered")
	}
}

// A token past half its life is signed anew from the remembered user.
// The list of logins is bounded as the memory is, though the memory forgets without telling it.
func TestUsersOfWhomNothingIsRememberedAreNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGate(t, cached(time.Second), keys("a", func(_ context.Context, c auth.Credential) (auth.User, error) {
			return auth.User{Name: string(c.Secret)}, nil
		}))
		for i := range 10_000 {
			if _, err := g.Decide(t.Context(), presenting(fmt.Sprint("user", i))); err != nil {
				t.Fatal(err)
			}
			if i%500 == 0 {
				time.Sleep(5 * time.Second)
			}
		}
		if users, credentials := g.Memory.Listed(); users > 4000 || credentials > 4000 {
			t.Errorf("%d users and %d credentials are listed, of whom at most 500 are remembered", users, credentials)
		}
	})
}

func TestATokenIsRenewedWithoutALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		g, _ := newGate(t, nil, keys("a", counting(&asked)))
		first, err := g.Decide(t.Context(), presenting("k"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*time.Minute - time.Second)
		if d, _ := g.Decide(t.Context(), presenting("k")); d.Authorization != first.Authorization {
			t.Error("a new token before half its life")
		}
		time.Sleep(2 * time.Second)
		d, err := g.Decide(t.Context(), presenting("k"))
		if err != nil || d.Authorization == first.Authorization || !d.Remembered || asked.Load() != 1 {
			t.Errorf("past half its life: %+v, %v, asked %d times", d, err, asked.Load())
		}
	})
}

// A remembered user dies with the credential's own end.
func TestARememberedUserDiesWithTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, end := 0, time.Now().Add(10*time.Second)
		g, _ := newGate(t, cached(time.Hour), keys("a", func(context.Context, auth.Credential) (auth.User, error) {
			asked++
			return auth.User{Name: "alice", Until: end}, nil
		}))
		for range 3 {
			if _, err := g.Decide(t.Context(), presenting("k")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if _, err := g.Decide(t.Context(), presenting("k")); !errors.Is(err, auth.ErrDenied) || asked != 2 {
			t.Errorf("at its end: %v, asked %d times", err, asked)
		}
	})
}

func TestAPanicOfASourceReachesItsCallers(t *testing.T) {
	g, _ := newGate(t, nil, keys("a", func(context.Context, auth.Credential) (auth.User, error) { panic("canary") }))
	d, err := g.Decide(t.Context(), ask())
	if _, ok := errors.AsType[*gate.Panic](err); !ok || d.Authorization != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if fmt.Sprint(err) != "panic in a provider " {
		t.Errorf("it shows %q", err)
	}
}

// A hit allocates nothing.
func TestAHitAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	var asked atomic.Int64
	g, _ := newGate(t, func(c *gate.Config) { c.Policies = map[string]gate.Policy{"r": {Realm: "r"}} }, keys("a", counting(&asked)))
	a := presenting("k")
	a.Policy = "r"
	if _, err := g.Decide(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = g.Decide(context.Background(), a) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkDecideHit(b *testing.B) {
	g, a := benchGate(b)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = g.Decide(context.Background(), a)
	}
}

// BenchmarkBareSHA256 is what a hit is measured against: the digest of the same bytes.
func BenchmarkBareSHA256(b *testing.B) {
	_, a := benchGate(b)
	text := make([]byte, 32+8+1+3*4+len(a.Credentials[0].Scheme)+len(a.Credentials[0].Username)+len(a.Credentials[0].Secret))
	for b.Loop() {
		sha256.Sum256(text)
	}
}

func benchGate(b *testing.B) (*gate.Gate, gate.Ask) {
	var asked atomic.Int64
	source := keys("a", counting(&asked))
	source.Scheme, source.Forms = auth.Basic, []auth.Form{auth.Password}
	g, _ := newGate(b, nil, source)
	a := gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Basic, Form: auth.Password, Username: "alice.liddell", Secret: "through-the-looking-glass-1871"}}}
	if _, err := g.Decide(context.Background(), a); err != nil {
		b.Fatal(err)
	}
	a.Arrived = time.Now() // the server knows it, and tells
	return g, a
}

// A user who is remembered without end gets a live token after any pause, also while somebody else signs it.
func TestNobodyGetsADeadToken(t *testing.T) {
	var asked atomic.Int64
	var later, held atomic.Bool
	release := make(chan struct{})
	issuer, err := jwt.New(jwt.Config{Lifetime: jwt.Seconds(time.Hour)}, false, "0123456789abcdef0123456789abcdef", func() time.Time {
		if !later.Load() {
			return time.Now().Add(-3 * time.Hour) // the first token is dead by now
		}
		if held.CompareAndSwap(false, true) {
			<-release // the first who signs anew is held here
		}
		return time.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	g, _ := newGate(t, func(c *gate.Config) { c.Issuer = issuer }, keys("a", counting(&asked)))
	dead, err := g.Decide(t.Context(), presenting("k"))
	if err != nil {
		t.Fatal(err)
	}
	later.Store(true)
	answers := make(chan string, 8)
	for range cap(answers) {
		go func() {
			d, err := g.Decide(t.Context(), presenting("k"))
			if err != nil {
				t.Error(err)
			}
			answers <- d.Authorization
		}()
	}
	select {
	case early := <-answers:
		t.Errorf("%.20s… while the token is being signed", early)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	for range cap(answers) - 1 {
		if got := <-answers; got == dead.Authorization || got == "" {
			t.Errorf("a dead token: %.20s…", got)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

// A yes behind an outage may be the wrong one's: it is given, and not kept.
func TestAYesBehindAnOutageIsNotKept(t *testing.T) {
	down := true
	first := keys("first", func(context.Context, auth.Credential) (auth.User, error) {
		if down {
			return auth.User{}, errors.New("down")
		}
		return auth.User{Name: "of-first"}, nil
	})
	g, _ := newGate(t, nil, first, keys("second", says(auth.User{Name: "of-second"}, nil)))
	for range 2 {
		if d, err := g.Decide(t.Context(), ask()); err != nil || d.User.Name != "of-second" || d.Remembered {
			t.Errorf("while it is down: %+v, %v", d, err)
		}
	}
	down = false
	if d, err := g.Decide(t.Context(), ask()); err != nil || d.User.Name != "of-first" {
		t.Errorf("when it is back: %+v, %v", d, err)
	}
}

// A refusal of a known user is remembered too, without what makes a user large.
func TestAForbiddenUserIsRememberedShortly(t *testing.T) {
	asked := 0
	g, _ := newGate(t, func(c *gate.Config) { c.MaxHeader = 300 }, keys("a", func(context.Context, auth.Credential) (auth.User, error) {
		asked++
		return auth.User{Name: "alice", Roles: []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}, nil
	}))
	for range 3 {
		_, err := g.Decide(t.Context(), ask())
		f, ok := errors.AsType[*gate.Forbidden](err)
		if !ok || f.Reason != gate.TooManyRoles || f.User.Name != "alice" {
			t.Fatalf("%v", err)
		}
		if asked > 1 {
			t.Errorf("asked %d times", asked)
		}
	}
	_, err := g.Decide(t.Context(), ask())
	if f, _ := errors.AsType[*gate.Forbidden](err); len(f.User.Roles) != 0 {
		t.Error("the roles of a refused user are kept")
	}
}

// A source that is not to be remembered is asked every time.
func TestASourceWithoutCacheIsAskedEveryTime(t *testing.T) {
	var asked atomic.Int64
	g, _ := newGate(t, cached(0), keys("a", counting(&asked)))
	for range 3 {
		_, _ = g.Decide(t.Context(), presenting("k"))
	}
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3", asked.Load())
	}
}

// Another credential that would do does not hide a panic.
func TestAPanicEndsTheSearch(t *testing.T) {
	g, _ := newGate(t, nil, keys("a", func(_ context.Context, c auth.Credential) (auth.User, error) {
		if c.Secret == "bad" {
			panic("canary")
		}
		return auth.User{Name: "alice"}, nil
	}))
	_, err := g.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{key("bad"), key("good")}})
	if _, ok := errors.AsType[*gate.Panic](err); !ok {
		t.Errorf("%v, want the panic", err)
	}
}
