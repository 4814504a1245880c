package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
	"unsafe"
)

func keyOf(n int) Key {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

func newCache(t testing.TB, weight uint64) *Cache[int] {
	t.Helper()
	c, err := New[int](weight)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAValueIsThereUntilItsEnd(t *testing.T) {
	c := newCache(t, 1000)
	now := time.Now()
	c.Put(keyOf(1), 11, 1, now.Add(time.Minute))
	c.Put(keyOf(2), 22, 1, time.Time{})
	for _, row := range []struct {
		says  string
		n     int
		after time.Duration
		want  int
		ok    bool
	}{
		{"at once", 1, 0, 11, true},
		{"just before its end", 1, time.Minute - 1, 11, true},
		{"at its end", 1, time.Minute, 0, false},
		{"without an end", 2, 1000 * time.Hour, 22, true},
		{"never put", 3, 0, 0, false},
	} {
		if got, ok := c.Get(keyOf(row.n), now.Add(row.after)); got != row.want || ok != row.ok {
			t.Errorf("%s: %d %t, want %d %t", row.says, got, ok, row.want, row.ok)
		}
	}
}

func TestWhatIsDeletedIsGone(t *testing.T) {
	c := newCache(t, 1000)
	for n := range 10 {
		c.Put(keyOf(n), n, 1, time.Time{})
	}
	c.Delete(keyOf(3))
	if n := c.DeleteFunc(func(v int) bool { return v%2 == 0 }); n != 5 {
		t.Errorf("%d deleted, want 5", n)
	}
	for n := range 10 {
		if _, ok := c.Get(keyOf(n), time.Now()); ok != (n%2 == 1 && n != 3) {
			t.Errorf("%d is there: %t", n, ok)
		}
	}
	c.Clear()
	if _, ok := c.Get(keyOf(1), time.Now()); ok {
		t.Error("1 is there after Clear")
	}
}

func TestTheWeightIsABound(t *testing.T) {
	c := newCache(t, 1000)
	for n := range 100_000 {
		c.Put(keyOf(n), n, uint32(1+n%3), time.Time{})
	}
	c.entries.CleanUp()
	sum := 0
	for n := range 100_000 {
		if _, ok := c.Get(keyOf(n), time.Now()); ok {
			sum += 1 + n%3
		}
	}
	if sum > 1000 || sum < 500 {
		t.Errorf("what is remembered weighs %d, want at most 1000 and not much less", sum)
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	c := newCache(t, 10)
	c.Put(keyOf(1), 1, 1, time.Time{})
	k, now := keyOf(1), time.Now()
	if n := testing.AllocsPerRun(1000, func() { c.Get(k, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// C39: an end that is wall time, as that of a credential is, neither comes at once nor never where the clock was set
// while the process ran.
func TestAnEndIsAsFarAsItIsWhateverTheClockWasSetTo(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"an hour forth": time.Hour, "an hour back": -time.Hour, "ten years forth": 87600 * time.Hour, "ten years back": -87600 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t, 1000)
			c.start = leapt(t, c.start, -by)
			now := time.Now()
			c.Put(keyOf(1), 11, 1, now.Round(0).Add(time.Minute))
			if v, ok := c.Get(keyOf(1), now.Add(59*time.Second)); !ok || v != 11 {
				t.Errorf("before its end: %d, %t", v, ok)
			}
			if _, ok := c.Get(keyOf(1), now.Add(61*time.Second)); ok {
				t.Error("it is there after its end")
			}
			c.Put(keyOf(2), 22, 1, now.Add(-time.Hour))
			if _, ok := c.Get(keyOf(2), now); ok {
				t.Error("what had ended is there")
			}
		})
	}
}

// leapt is at with another wall time and the same monotonic time: what time.Now would have read before the clock
// was set. No function of package time makes it.
func leapt(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	const seconds = 30 // the bit of a Time's first word where its seconds since 1885 begin
	after := at
	*(*uint64)(unsafe.Pointer(&after)) += uint64(int64(by/time.Second)) << seconds
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != by {
		t.Fatal("this Go keeps its times in another way")
	}
	return after
}
