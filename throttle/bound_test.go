package throttle

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

// addrOf returns the n-th address, each of a /64 of its own.
func addrOf(n int) netip.Addr {
	b := [16]byte{0x20, 0x01}
	binary.BigEndian.PutUint32(b[4:], uint32(n))
	return netip.AddrFrom16(b)
}

func (s *scene) wantBounded() {
	s.t.Helper()
	if a, p, k := s.Stats(); a > 50_000 || p > 50_000 || k > 100_000 {
		s.t.Errorf("%d addresses, %d pairs, %d known", a, p, k)
	}
}

// flood is more than any table holds.
const flood = 120_000

func TestMemoryIsBounded(t *testing.T) {
	s := newScene(t, Config{})
	n := 2 * flood
	if underRace {
		n = flood
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range n {
		s.deny(addrOf(n), fmt.Sprint("user", n), fmt.Sprint("guess", n))
		s.Note(addrOf(n), fmt.Sprint("user", n), s.now)
	}
	s.wantBounded()
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / 200_000
	if a, p, k := s.Stats(); a < 49_000 || p < 49_000 || k < 98_000 || per > 300 {
		t.Errorf("%d addresses, %d pairs, %d known, %d bytes each", a, p, k, per)
	}
}

func TestAPairsSecretsAreBounded(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 1000)
	c := s.shard(must(s.who(here, "ada"))).pairs.entries[must(s.who(here, "ada")).pair]
	if len(c.seen) > mostSeen || cap(c.seen) > mostSeen || c.under != nil {
		t.Errorf("%d of %d secrets, %d under way", len(c.seen), cap(c.seen), len(c.under))
	}
}

func must(w who, _ bool) who { return w }

func TestAFloodOfAddressesDoesNotFreeTheOneThatGuesses(t *testing.T) {
	s := newScene(t, Config{})
	s.guess(here, "ada", 6)
	s.spray(here, 20)
	pair, addr := s.Held(here, "ada", s.now), s.Held(here, "bob", s.now)
	for n := range flood {
		s.deny(addrOf(n), "ada", "guess")
	}
	if s.Held(here, "ada", s.now) != pair || s.Held(here, "bob", s.now) != addr || addr == 0 {
		t.Error("the flood has freed it")
	}
	s.Note(here, "ada", s.now) // that the address's count does not matter
	s.pass(time.Minute)
	s.guess(here, "ada", 1)
	s.wantWait("after one more of the pair", here, "ada", 2*time.Second)
	s.wantBounded()
}

func TestNoFloodOfFailuresForgetsAKnownPair(t *testing.T) {
	s := newScene(t, Config{})
	s.succeed(here, "ada")
	for n := range flood {
		s.deny(addrOf(n), "ada", "guess")
	}
	if !s.Known(here, "ada", s.now) {
		t.Error("it is forgotten")
	}
}

func TestWhatIsUnderWayIsNotPushedOut(t *testing.T) {
	s := newScene(t, Config{})
	a := s.start(here, "ada", "guess")
	s.guess(here, "ada", 4)
	b := s.start(here, "bob", "guess")
	for n := range flood {
		s.deny(addrOf(n), "ada", "guess")
	}
	s.wantWait("four counted, one under way", here, "ada", soon)
	a.Denied(s.now)
	b.Denied(s.now)
	s.wantWait("five counted", here, "ada", 0)
}

func TestWhereAllIsUnderWayOneMoreMustWait(t *testing.T) {
	s := newScene(t, Config{})
	var under []*Attempt
	refused := 0
	for n := range 100_000 {
		a, wait := s.Try(addrOf(n), "ada", secretOf("guess"), s.now)
		if wait == 0 {
			under = append(under, a)
		} else if refused++; wait != soon {
			t.Fatalf("the wait is %v", wait)
		}
		if refused == 100 {
			break
		}
	}
	s.wantBounded()
	for _, a := range under {
		a.Undecided()
	}
	if a, p, _ := s.Stats(); refused == 0 || a+p != 0 {
		t.Errorf("%d were refused; %d addresses and %d pairs are left", refused, a, p)
	}
}

func TestWhereNoAddressHasRoomThePairIsNotLeftUnderWay(t *testing.T) {
	s := newScene(t, Config{})
	for i := range s.shards {
		for k := range uint64(perShard) {
			s.shards[i].addresses.entries[k] = &counter{under: []trial{{1, 1}}}
		}
	}
	if _, wait := s.Try(here, "ada", secretOf("guess"), s.now); wait != soon {
		t.Errorf("the wait is %v", wait)
	}
	if _, pairs, _ := s.Stats(); pairs != 0 {
		t.Errorf("%d pairs are left", pairs)
	}
}

func TestAFullTableFindsTheOneThatMayGo(t *testing.T) {
	table := newTable[moment]()
	for k := range uint64(perShard) {
		table.put(k, moment(never), 0)
	}
	if table.put(perShard, 1, 0) {
		t.Error("there is room among those that never end")
	}
	table.entries[1] = 1
	if !table.put(perShard, 1, 0) || len(table.entries) != perShard {
		t.Error("there is no room beside one that ends")
	}
}

func TestWhatHasLeakedMakesRoomFirst(t *testing.T) {
	s := newScene(t, Config{})
	for n := range 10_000 {
		s.deny(addrOf(n), "ada", "guess")
	}
	s.pass(time.Hour)
	for n := range 2000 {
		s.deny(addrOf(10_000+n), "ada", "guess")
	}
	if a, p, _ := s.Stats(); a > 4000 || p > 4000 {
		t.Errorf("%d addresses and %d pairs, want not many more than 2000", a, p)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := newScene(t, Config{})
	var all sync.WaitGroup
	for g := range 32 {
		all.Go(func() {
			for n := range 2000 {
				from, name := addrOf(n%7), fmt.Sprint("user", (n+g)%11)
				now := s.now.Add(time.Duration(n) * time.Second)
				s.Held(from, name, now)
				a, wait := s.Try(from, name, secretOf(fmt.Sprint(g, n%50)), now)
				if wait > 0 {
					s.Known(from, name, now)
					continue
				}
				switch n % 5 {
				case 0:
					a.Succeeded(now)
				case 1:
					a.Undecided()
				default:
					a.Denied(now)
				}
				s.Note(from, name, now)
				s.Stats()
			}
		})
	}
	all.Wait()
	if n := s.watch.full.Load(); n != 0 {
		t.Errorf("%d are full though nothing is under way", n)
	}
}

func TestParallelGuessesOfAPairNeverPassTheFreeNumber(t *testing.T) {
	s := newScene(t, Config{})
	var all sync.WaitGroup
	denied := make(chan bool, 1000)
	for n := range 1000 {
		all.Go(func() {
			if a, wait := s.Try(here, "ada", secretOf(fmt.Sprint(n)), s.now); wait == 0 {
				a.Denied(s.now)
				denied <- true
			}
		})
	}
	all.Wait()
	if n := len(denied); n != 6 { // five are free, the sixth holds
		t.Errorf("%d were denied, want 6", n)
	}
}
