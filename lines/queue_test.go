package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A sink takes so many bytes, and then fails or hangs.
type sink struct {
	mu    sync.Mutex // guards what follows
	text  bytes.Buffer
	room  int
	calls int
	hang  chan struct{}
}

var errFull = errors.New("full")

func (s *sink) Write(p []byte) (int, error) {
	if s.hang != nil {
		<-s.hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	n := min(len(p), s.room)
	s.room -= n
	s.text.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (s *sink) makeRoom(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = n
}

func TestEveryLineComesOnceAndInOrder(t *testing.T) {
	out := &sink{room: 1 << 30}
	q := New(Config{Out: out, Room: 1 << 30})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 2000 {
				if !q.Add(fmt.Appendf(nil, "%d %d %s\n", w, i, strings.Repeat("x", i%300))) {
					t.Error("a line is lost")
				}
			}
		})
	}
	all.Wait()
	if left := q.Close(10 * time.Second); left != 0 {
		t.Fatalf("%d bytes are left", left)
	}
	next := [8]int{}
	for line := range strings.Lines(out.text.String()) {
		var w, i int
		var rest string
		if n, _ := fmt.Sscanf(line, "%d %d %s", &w, &i, &rest); n < 2 || i != next[w] || len(rest) != i%300 {
			t.Fatalf("%q, want line %v", line, next)
		}
		next[w]++
	}
	if next != [8]int{2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000} {
		t.Errorf("there came %v", next)
	}
	if q.Add([]byte("late\n")) || q.Counts().Lost != 1 {
		t.Error("a closed queue takes a line")
	}
}

func TestNobodyWaitsForAReaderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{room: 1 << 30, hang: make(chan struct{})}
		q := New(Config{Out: out, Room: 1000, Spare: 300})
		line := func(i int) []byte { return fmt.Appendf(nil, "%09d\n", i) }
		begin := time.Now()
		for i := range 31 {
			if got := q.Offer(line(i)); got != (i < 30) {
				t.Errorf("line %d of little weight: taken is %t", i, got)
			}
		}
		for i := range 71 {
			if got := q.Add(line(30 + i)); got != (i < 70) {
				t.Errorf("line %d: taken is %t", i, got)
			}
		}
		if n := q.Counts(); n != (Counts{Lost: 1, Dropped: 1}) {
			t.Errorf("%+v, want one of each", n)
		}
		if left := q.Close(time.Minute); left != 1000 || time.Since(begin) != time.Minute {
			t.Errorf("closed with %d bytes left after %s, want 1000 after the minute", left, time.Since(begin))
		}
		close(out.hang)
		synctest.Wait()
		if got := strings.Fields(out.text.String()); len(got) != 100 || got[99] != "000000099" {
			t.Errorf("when it reads again there come %d lines, %q last", len(got), got[len(got)-1])
		}
		if left := q.Close(time.Minute); left != 0 {
			t.Errorf("%d bytes left", left)
		}
	})
}

func TestWhatWasNotTakenIsWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{room: 25}
		var told []error
		q := New(Config{Out: out, Room: 1000, Pause: time.Second, Trouble: func(err error) { told = append(told, err) }})
		want := ""
		for i := range 10 {
			want += fmt.Sprintf("line-%04d\n", i)
			q.Add(fmt.Appendf(nil, "line-%04d\n", i))
		}
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		if out.text.Len() != 25 || out.calls < 10 || out.calls > 13 {
			t.Errorf("%d bytes after %d calls", out.text.Len(), out.calls)
		}
		out.makeRoom(30)
		time.Sleep(time.Second)
		out.makeRoom(1000)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := out.text.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if len(told) != 2 || !errors.Is(told[0], errFull) || told[1] != nil {
			t.Errorf("told %v, want the trouble and its end", told)
		}
		if left := q.Close(time.Second); left != 0 {
			t.Errorf("%d bytes left", left)
		}
	})
}

// A queue that cannot write does not hold up the end of the process.
func TestTheLastTryIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		q := New(Config{Out: out, Room: 1000, Pause: time.Second})
		q.Add([]byte("line\n"))
		synctest.Wait()
		begin := time.Now()
		if left := q.Close(time.Minute); left != 5 || time.Since(begin) != 0 || out.calls != 2 {
			t.Errorf("%d bytes left after %s and %d tries, want 5 at once after 2", left, time.Since(begin), out.calls)
		}
	})
}

func TestATouchedQueueCallsItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		q := New(Config{Out: out, Room: 1000, Pause: time.Second})
		synctest.Wait()
		if out.calls != 0 {
			t.Error("it was called for nothing")
		}
		q.Touch()
		synctest.Wait()
		if out.calls != 1 {
			t.Errorf("called %d times, want once", out.calls)
		}
		q.Close(time.Second)
	})
}

func TestALineAtATimeCostsNoMemory(t *testing.T) {
	q := New(Config{Out: io.Discard, Room: 1 << 20})
	defer q.Close(time.Second)
	line := []byte(strings.Repeat("x", 300) + "\n")
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			q.Add(line)
			for q.waiting() > 0 {
				time.Sleep(time.Microsecond)
			}
		}
	})
	if n := r.AllocedBytesPerOp(); n > 2000 {
		t.Errorf("%d bytes, want less than the line's chunk", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	q := New(Config{Out: &sink{room: 1 << 62}, Room: 8 << 20})
	line := []byte(strings.Repeat("x", 300) + "\n")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			q.Add(line)
		}
	})
	q.Close(time.Second)
}
