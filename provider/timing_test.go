package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/password"
)

// What an unknown user costs is a hash of the dearest Params, and of them alone.
func TestAnUnknownUserCostsTheDearestHash(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"one hash", "a:" + firstBcrypt + "\n", "bcrypt cost 4"},
		{"a dear one first", "a:" + firstBcrypt6 + "\nb:" + firstBcrypt + "\n", "bcrypt cost 6"},
		{"a dear one last", "a:" + firstApr1 + "\nb:" + firstBcrypt + "\nc:" + firstBcrypt6 + "\n", "bcrypt cost 6"},
		{"a dear one that is not usable", "a:" + firstBcrypt + "\nb:$2y$14$cut\nc:$2y$31$" + firstBcrypt[7:] + "\n", "bcrypt cost 4"},
		{"the dear one is somebody's second line", "a:" + firstBcrypt + "\na:" + firstBcrypt6 + "\n", "bcrypt cost 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := opened(t, newWorld(t), Htpasswd{}, c.text)
			v := a.current.Load()
			for _, name := range []string{"nobody", "", "A", "x", strings.Repeat("n", 10_000)} {
				h, known := v.hash(name, false)
				if known || h == nil || h.Params() != c.want {
					t.Fatalf("%q costs %v, want %s", name, h, c.want)
				}
			}
			if v.decoy.Verify(first) {
				t.Error("the decoy has a password")
			}
		})
	}
}

func TestAnUnusableLineCostsTheDearestHash(t *testing.T) {
	a, _ := opened(t, newWorld(t), Htpasswd{}, "a:"+firstBcrypt+"\nweak:"+firstSHA+"\ncut:"+firstBcrypt[:30]+"\ndear:$2y$31$"+firstBcrypt[7:]+"\nclear:x\nempty:\n")
	for _, name := range []string{"weak", "cut", "dear", "clear", "empty"} {
		h, known := a.current.Load().hash(name, false)
		if known || h == nil || h.Params() != "bcrypt cost 4" {
			t.Errorf("%s costs %v", name, h)
		}
		if got := login(t, a, name, first); got != denied {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTheDecoyFollowsTheFile(t *testing.T) {
	f := follows(t, "a:"+firstBcrypt+"\n", "")
	f.write(f.a.File, "a:"+firstBcrypt5+"\n")
	f.pass(aMoment)
	if h, _ := f.a.current.Load().hash("nobody", false); h == nil || h.Params() != "bcrypt cost 5" {
		t.Errorf("costs %v", h)
	}
	f.write(f.a.File, "")
	f.pass(meant + aMoment)
	if h, _ := f.a.current.Load().hash("nobody", false); h != nil {
		t.Errorf("costs %v", h)
	}
}

// A plain user with a clear-text password, and one who is unknown, cost what a user with a hash costs.
func TestAPlainUserCostsTheDearestHash(t *testing.T) {
	a := open(t, t.Context(), plainUsers(
		PlainUser{Username: "cheap", PasswordHash: secret(firstBcrypt)},
		PlainUser{Username: "dear", PasswordHash: secret(firstBcrypt6)},
		PlainUser{Username: "clear", Password: secret(first)},
	), newWorld(t).Env).(*plain)
	if a.decoy == nil || a.decoy.Params() != "bcrypt cost 6" || a.decoy.Verify(first) {
		t.Errorf("the decoy is %v", a.decoy)
	}
	if b := open(t, t.Context(), plainUsers(PlainUser{Username: "clear", Password: secret(first)}), newWorld(t).Env).(*plain); b.decoy != nil {
		t.Errorf("nobody has a hash, and the decoy is %v", b.decoy)
	}
}

// The pool decides nothing once the question has ended: whoever is denied nevertheless was not hashed for.
func TestWhoeverIsDeniedWasHashedFor(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	file, _ := opened(t, newWorld(t), Htpasswd{}, "known:"+firstBcrypt+"\nunusable:x\n")
	list := open(t, t.Context(), plainUsers(
		PlainUser{Username: "known", PasswordHash: secret(firstBcrypt)},
		PlainUser{Username: "clear", Password: secret(first)},
	), newWorld(t).Env)
	for kind, a := range map[string]auth.Authenticator{"htpasswd": file, "plain": list} {
		for _, name := range []string{"known", "unusable", "clear", "nobody", "Known"} {
			for _, wrong := range []string{"wrong", "", strings.Repeat("x", 73), strings.Repeat("x", password.MaxSecret+1), "a\x00b"} {
				if _, err := a.Authenticate(ended, basic(name, wrong)); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %s with %.10q was not hashed for: %v", kind, name, wrong, err)
				}
				if _, err := a.Authenticate(t.Context(), basic(name, wrong)); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("%s: %s with %.10q: %v", kind, name, wrong, err)
				}
			}
		}
	}
}

// A full pool is an outage for all, not a no for some.
func TestAFullPoolIsNoDecision(t *testing.T) {
	w := newWorld(t)
	w.Hashes = password.NewPool(1, 0)
	file, _ := opened(t, w, Htpasswd{}, "known:"+firstBcrypt6+"\n")
	list := open(t, t.Context(), plainUsers(PlainUser{Username: "known", PasswordHash: secret(firstBcrypt6)}), w.Env)
	askers := []struct {
		auth.Authenticator
		name string
		busy atomic.Int64
	}{{Authenticator: file, name: "known"}, {Authenticator: file, name: "nobody"}, {Authenticator: list, name: "known"}, {Authenticator: list, name: "nobody"}}
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			a := &askers[i%len(askers)]
			switch _, err := a.Authenticate(t.Context(), basic(a.name, "wrong")); {
			case errors.Is(err, password.ErrBusy) && !errors.Is(err, auth.ErrDenied):
				a.busy.Add(1)
			case !errors.Is(err, auth.ErrDenied):
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	for i := range askers {
		if a := &askers[i]; a.busy.Load() == 0 {
			t.Errorf("%T, %s: never told that the pool is full", a.Authenticator, a.name)
		}
	}
}

func TestHashesOfDifferentCostAreWarnedOf(t *testing.T) {
	for _, c := range []struct {
		name, text string
		warned     bool
	}{
		{"all alike", "a:" + firstBcrypt6 + "\nb:" + firstBcrypt6 + "\n", false},
		{"far apart", "a:" + firstBcrypt6 + "\nb:" + firstSHA + "\n", true},
		{"nobody", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			_, _ = opened(t, w, Htpasswd{WeakHashes: true}, c.text)
			if got := strings.Contains(w.log.String(), "hashes of very different cost"); got != c.warned {
				t.Errorf("warned %t: %s", got, w.log)
			}
		})
	}
}

// A clock outside must not tell who is known: the test of research/security.md 2.5, on the provider itself.
// As a control it also measures a file that does tell.
func TestAClockDoesNotTellWhoIsKnown(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("takes some seconds, and a minute under the race detector, which has a time of its own")
	}
	file, _ := opened(t, newWorld(t), Htpasswd{}, "known:"+firstBcrypt6+"\nunusable:x\n")
	list := open(t, t.Context(), plainUsers(PlainUser{Username: "known", PasswordHash: secret(firstBcrypt6)}), newWorld(t).Env)
	mixed, _ := opened(t, newWorld(t), Htpasswd{}, "known:"+firstBcrypt5+"\nother:"+firstBcrypt6+"\n")
	if wall, work := race(t, mixed, 40, "known", "nobody"); wall.same() || work.same() {
		t.Fatalf("a file that tells was not found out: %v; work %v", wall, work)
	}
	for _, c := range []struct {
		name string
		a    auth.Authenticator
		who  string
	}{
		{"htpasswd, a known user", file, "known"},
		{"htpasswd, an unusable line", file, "unusable"},
		{"plain, a known user", list, "known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			alike := false
			for range 3 {
				control, _ := race(t, c.a, pairs, "somebody", "nobody")
				wall, work := race(t, c.a, pairs, c.who, "nobody")
				t.Logf("%v; work %v; two unknown users: %v", wall, work, control)
				if wall.same() && control.same() {
					return
				}
				alike = alike || work.same()
			}
			if alike {
				t.Skip("THE MACHINE IS TOO BUSY for a clock; the work done is the same")
			}
			t.Error("a clock tells them apart in each of three runs, and so does the work done")
		})
	}
}

// pairs are measured in a run: the standard error of the AUC is then 0.035.
const pairs = 140

// A result compares how long two users take.
type result struct {
	auc    float64 // the chance that the first takes longer; 0.5 if they take as long
	median float64 // the difference of the medians, as a share of the second's
}

func (r result) same() bool { return math.Abs(r.auc-0.5) <= 0.08 && math.Abs(r.median) <= 0.05 }

func (r result) String() string { return fmt.Sprintf("AUC %.3f, median %+.1f %%", r.auc, 100*r.median) }

// race measures n pairs of wrong logins of two users, in random order: by the clock, and by the work of
// this thread, which does not count what others on the machine do.
func race(t *testing.T, a auth.Authenticator, n int, one, other string) (wall, work result) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took, worked := map[string][]float64{}, map[string][]float64{}
	for i := range n + 5 {
		names := []string{one, other}
		if rand.IntN(2) == 0 {
			slices.Reverse(names)
		}
		for _, name := range names {
			begin, before := time.Now(), threadTime(t)
			_, err := a.Authenticate(t.Context(), basic(name, "wrong"))
			after, end := threadTime(t), time.Now()
			if !errors.Is(err, auth.ErrDenied) {
				t.Fatal(err)
			}
			if i >= 5 { // the first ones warm up
				took[name] = append(took[name], end.Sub(begin).Seconds())
				worked[name] = append(worked[name], (after - before).Seconds())
			}
		}
	}
	return compare(took[one], took[other]), compare(worked[one], worked[other])
}

// threadTime is the processor time that this thread has taken.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// compare is the Mann-Whitney statistic, as a share.
func compare(x, y []float64) result {
	slices.Sort(x)
	slices.Sort(y)
	wins := 0.0
	for _, a := range x {
		for _, b := range y {
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return result{
		auc:    wins / float64(len(x)*len(y)),
		median: x[len(x)/2]/y[len(y)/2] - 1,
	}
}
