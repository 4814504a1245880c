package soak_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A sample is what the gateway holds at a moment.
type sample struct {
	at         time.Duration // since the start
	memory     float64       // MB that are resident
	files      float64
	goroutines float64
}

type samples []sample

// watch takes a sample now and then until end.
func watch(t *testing.T, p *rig.Process, end time.Time) (list samples) {
	line := p.Out.AwaitLine(t, 0, "metrics listening")
	_, address, _ := strings.Cut(line, `"address":"`)
	address, _, _ = strings.Cut(address, `"`)
	begin := time.Now()
	every := max(time.Second, time.Until(end)/300)
	for ; time.Until(end) > every; time.Sleep(every) {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Process.Pid))
		if err != nil {
			t.Errorf("gatehouse is gone: %v\n%s", err, p.Out)
			return list
		}
		list = append(list, sample{
			time.Since(begin), field(t, fmt.Sprintf("/proc/%d/status", p.Process.Pid), "VmRSS:") / 1024,
			float64(len(files)), metric(t, address, "go_goroutines "),
		})
	}
	return list
}

func field(t *testing.T, path, name string) float64 {
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer f.Close()
	return number(bufio.NewScanner(f), name)
}

func metric(t *testing.T, address, name string) float64 {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	return number(bufio.NewScanner(response.Body), name)
}

// number is the one behind name at the beginning of a line.
func number(lines *bufio.Scanner, name string) float64 {
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n
		}
	}
	return 0
}

// filled is how long the memory, the throttle and Go's heap may take to fill up: what grows meanwhile is no leak yet.
const filled = 10 * time.Minute

// check wants the gateway not to hold more and more: less than 1 MB a minute behind filled, where memory is measured,
// and before it less than 15; and no file and no goroutine more but those of what happens to be under way.
func (s samples) check(t *testing.T, memory bool) {
	t.Helper()
	warm := s[len(s)/3:]
	if len(warm) < 6 {
		t.Errorf("there are %d samples: it was too short", len(s))
		return
	}
	mb := warm.slope(func(x sample) float64 { return x.memory })
	files := warm.slope(func(x sample) float64 { return x.files })
	goroutines := warm.slope(func(x sample) float64 { return x.goroutines })
	first, last := warm[0], warm[len(warm)-1]
	t.Logf("memory %.1f MB to %.1f MB (%+.2f MB/min), files %.0f to %.0f (%+.2f/min), goroutines %.0f to %.0f (%+.2f/min), in %v",
		first.memory, last.memory, mb, first.files, last.files, files, first.goroutines, last.goroutines, goroutines, last.at.Round(time.Second))
	limit := 15.0
	if last.at >= filled {
		limit = 1
	}
	if memory && mb >= limit {
		t.Errorf("memory grows by %.2f MB a minute", mb)
	}
	length := (last.at - first.at).Minutes()
	if n := files * length; n > 20 {
		t.Errorf("%.0f files more are open", n)
	}
	if n := goroutines * length; n > 40 {
		t.Errorf("there are %.0f goroutines more", n)
	}
}

// slope is that of the straight line nearest to the samples, a minute.
func (s samples) slope(of func(sample) float64) float64 {
	var n, x, y, xx, xy float64
	for _, one := range s {
		m, v := one.at.Minutes(), of(one)
		n, x, y, xx, xy = n+1, x+m, y+v, xx+m*m, xy+m*v
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// A line that grows must be found to.
func TestGrowthIsFound(t *testing.T) {
	var list samples
	for i := range 30 {
		list = append(list, sample{time.Duration(i) * time.Minute, 20 + 1.5*float64(i) + float64(i%2), 30, 10 * float64(i)})
	}
	if got := list.slope(func(x sample) float64 { return x.memory }); got < 1.4 || got > 1.6 {
		t.Errorf("memory: %f", got)
	}
	if got := list.slope(func(x sample) float64 { return x.files }); got != 0 {
		t.Errorf("files: %f", got)
	}
	if got := list.slope(func(x sample) float64 { return x.goroutines }); got < 9.9 || got > 10.1 {
		t.Errorf("goroutines: %f", got)
	}
}
