package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in `)
	wrkSeconds  = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkRefused  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkBroken   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+)`)
)

// A load is what wrk measured.
type load struct {
	requests  int
	perSecond float64
	refused   int // answers that are neither 2xx nor 3xx
}

// wrk asks url for so many seconds, over so many connections, as fast as it is answered. It has one thread: two
// processors have a server to run too. pinned keeps it off the first of them. args go before the URL.
func (b *bench) wrk(pinned bool, url string, seconds, connections int, args ...string) (load, error) {
	args = append([]string{
		"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "--timeout", "30s",
	}, args...)
	args = append(args, url)
	cmd := exec.CommandContext(b.ctx, "wrk", args...)
	if pinned {
		cmd = exec.CommandContext(b.ctx, "taskset", append([]string{"-c", "1", "wrk"}, args...)...)
	}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	l := load{requests: int(number(wrkRequests, out)), perSecond: number(wrkSeconds, out), refused: int(number(wrkRefused, out))}
	if wrkBroken.Match(out) {
		return l, fmt.Errorf("wrk met errors: %s", out)
	}
	return l, nil
}

func number(what *regexp.Regexp, text []byte) float64 {
	found := what.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n
}
