package load_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// A tenth of the requests bring a key that takes the service 300 ms, and that nobody has brought before.
const mixedKeys = `
local n = 0
math.randomseed(os.time())
local run = math.random(1e9)
function request()
  n = n + 1
  local key = "quick"
  if n % 10 == 0 then key = "slow-" .. run .. "-" .. n end
  return wrk.format("GET", "/", {Authorization = "Bearer " .. key})
end
`

// A load is wrk at work.
type load struct {
	out   chan []byte
	begin time.Time
}

// startLoad has 32 clients ask nginx for so long, as fast as they are answered.
func startLoad(t *testing.T, f *rig.Front, length time.Duration) *load {
	t.Helper()
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Skip("there is no wrk: apt-get install wrk")
	}
	script := filepath.Join(t.TempDir(), "keys.lua")
	rig.Write(t, script, mixedKeys)
	cmd := exec.CommandContext(t.Context(), "wrk", "-t1", "-c32", fmt.Sprintf("-d%.0fs", length.Seconds()), "--timeout", "20s",
		"-s", script, "https://"+f.Addresses()[0]+"/")
	l := &load{out: make(chan []byte, 1), begin: time.Now()}
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil {
			out = fmt.Appendf(out, "\nwrk: %v", err)
		}
		l.out <- out
	}()
	return l
}

var (
	total  = regexp.MustCompile(`(\d+) requests in `)
	failed = regexp.MustCompile(`Non-2xx|Socket errors|wrk:|unable`)
)

// assertAllAnswered waits for the load's end, and wants a 2xx for each of at least so many requests.
func (l *load) assertAllAnswered(t *testing.T, least int, logs ...*rig.Output) {
	t.Helper()
	out := <-l.out
	n := 0
	if found := total.FindSubmatch(out); found != nil {
		n, _ = strconv.Atoi(string(found[1]))
	}
	t.Logf("%d requests in %.1f s", n, time.Since(l.begin).Seconds())
	if failed.Match(out) || n < least {
		t.Errorf("not each of at least %d requests was answered with 2xx:\n%s", least, out)
		for _, log := range logs {
			t.Log(log)
		}
	}
}
