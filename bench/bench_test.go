package main

import (
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// tiny is a bench whose numbers mean nothing: it shows that there are numbers.
func tiny(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		ctx: t.Context(), rounds: 1, seconds: 1, window: 200 * time.Millisecond, connections: 1, junk: 1, users: 3000,
		say: io.Discard, raw: io.Discard,
	}
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// smallest measures a family with all that it needs, or skips and says so.
func smallest(t *testing.T, build *bench, f family) {
	t.Helper()
	for _, program := range f.needs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s here", program)
		}
	}
	b := tiny(t)
	b.gatehouse, b.floor = build.gatehouse, build.floor
	rows, err := b.measureFamily(f)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, r := range rows {
		if r.What == "" || r.Measured == "" || strings.Contains(r.Measured, "NaN") {
			t.Errorf("an empty row: %+v", r)
		}
	}
}

// Every family still starts its programs, and makes rows of what it measures. The flood comes in a smaller
// shape, and hung not at all: they take their time by design.
func TestEveryFamilyMeasures(t *testing.T) {
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	build := tiny(t)
	if err := build.build(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup // not t.Parallel: they mostly wait, and more than processors may do so
	defer all.Wait()
	for _, f := range families {
		switch f.name {
		case "hung", "hot-bearer":
			continue
		case "flood":
			f.needs, f.measure = nil, cheapFlood
		}
		all.Go(func() { t.Run(f.name, func(t *testing.T) { smallest(t, build, f) }) })
	}
}

// cheapFlood is the flood with cheap hashes.
func cheapFlood(b *bench) ([]row, error) {
	file, err := b.passwordFile("users", 4)
	if err != nil {
		return nil, err
	}
	return b.underFlood("at cost 4", file, 4, setup{sections: unthrottled, providers: htpasswdProvider("local", file)})
}

func TestStatistics(t *testing.T) {
	for _, row := range []struct {
		says      string
		got, want float64
	}{
		{"the median of an odd list is its middle", median([]float64{9, 1, 5}), 5},
		{"the median of an even list lies between", median([]float64{4, 1, 3, 2}), 2.5},
		{"the median of one is that one", median([]float64{7}), 7},
		{"the last quantile is the greatest", quantile([]float64{1, 3, 2}, 1), 3},
		{"the p99 of 100 is the second greatest", milliseconds(p99(upTo(100))), 99},
		{"the p99 of 1,000 leaves ten over it", milliseconds(p99(upTo(1000))), 990},
		{"the p99 of few is the greatest", milliseconds(p99(upTo(3))), 3},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %v, want %v", row.says, row.got, row.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

// upTo is 1 ms to n ms, the greatest first.
func upTo(n int) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		list[i] = time.Duration(n-i) * time.Millisecond
	}
	return list
}

func TestTheIntervalHoldsTheRatio(t *testing.T) {
	a, b := []float64{10, 12, 11, 13, 9}, []float64{10, 10, 12, 11, 10}
	low, high := interval(a, b)
	if r := ratio(a, b); low > r || r > high || low == high {
		t.Errorf("%v is not within %v to %v", r, low, high)
	}
}

func TestTheTableHoldsItsCells(t *testing.T) {
	var text strings.Builder
	printTable(&text, []row{{"a|b", "over\n9", "1", missed}})
	if want := "| a/b | over 9 | 1 | MISSED |\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("got %q, want it to end in %q", text.String(), want)
	}
}

// A question is timed from when it was due: one that is slow makes those behind it late.
func TestNothingIsOmitted(t *testing.T) {
	b := tiny(t)
	gate := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { close(gate) })
	got := b.steady(1000, 200*time.Millisecond, func(ctx context.Context, _ int) error {
		<-gate
		return nil
	})
	if n := len(got.took); n != 200 || got.took[n-1] < 90*time.Millisecond {
		t.Errorf("%d questions, the last took %s", n, got.took[n-1])
	}
}

// The questions near an expiry are told from the others by what nginx said of each.
func TestQuestionsAreSplitByTheExpiriesAmongThem(t *testing.T) {
	begin := time.Now()
	ask := func(ms int, fresh, yes bool) question {
		return question{begin.Add(time.Duration(ms) * time.Millisecond), time.Millisecond, fresh, yes}
	}
	near, far, expiries := split([]question{
		ask(5000, true, true), ask(900, false, true), ask(950, false, true), ask(1000, true, true), ask(1001, true, true),
		ask(1051, false, false), ask(1052, false, true), ask(4949, false, true), ask(4950, false, true), ask(5051, false, false),
	})
	if len(near.took) != 6 || near.lost != 1 || len(far.took) != 4 || far.lost != 1 || expiries != 2 {
		t.Errorf("%d near (%d lost), %d far (%d lost), %d expiries", len(near.took), near.lost, len(far.took), far.lost, expiries)
	}
}

func TestAttackersAreCountedByWhatTheyWereTold(t *testing.T) {
	var c counts
	for _, status := range []int{401, 401, 403, 503, 503, 503, 200, 500} {
		c.add(status, nil)
	}
	c.add(0, context.DeadlineExceeded)
	if got, want := c.per(2*time.Second), (tally{verdicts: 1, refusals: 2, others: 1.5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCallersAreCountedByWhatTheyWereTold(t *testing.T) {
	var c crowd
	c.add(503, nil, 5*time.Second)
	c.add(503, nil, time.Millisecond)
	c.add(503, nil, time.Millisecond)
	c.add(401, nil, time.Millisecond)
	c.add(0, context.DeadlineExceeded, patience)
	if want := (crowd{waited: 1, refused: 2, others: 2, longest: patience}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}
