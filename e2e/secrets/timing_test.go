package secrets_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/e2e/rig"
)

const timedConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
logging: { level: warn }
metrics: { enabled: false }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: file, type: htpasswd, realm: file, file: users }
`

// rounds are so many that the standard error of the AUC is 0.02; warming are not counted.
const rounds, warming = 400, 20

// A try is a wrong login.
type try struct {
	user    string
	size    int // of the password; 0 is an empty one
	realm   string
	another bool // of two tries that are the same
}

func (x try) String() string {
	text := fmt.Sprintf("%s with %d bytes", x.user, x.size)
	if x.realm != "" {
		text += " in the realm " + x.realm
	}
	return text
}

// C23: who is known, a clock outside cannot tell: neither by a wrong password, of whatever length, nor where
// nobody is asked.
func TestAClockOutsideDoesNotTellWhoIsKnown(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	p := rig.StartProcess(t, program, timedConfig, map[string]string{
		"users": "known:" + hashed(t, 6) + "\nalso:" + hashed(t, 6) + "\ndisabled:*\n",
	})
	unknown, control := try{user: "nobody", size: 20}, try{user: "nobody", size: 20, another: true}
	pairs := [][2]try{
		{{user: "known", size: 20}, unknown},
		{{user: "disabled", size: 20}, unknown},
		{{user: "known", size: 73}, {user: "nobody", size: 73}},
		{{user: "known", size: 4096}, {user: "nobody", size: 4096}},
		{{user: "known"}, {user: "nobody"}},
		{{user: "known", size: 20, realm: "nowhere"}, {user: "nobody", size: 20, realm: "nowhere"}},
	}
	passed, worked := make([]bool, len(pairs)), make([]bool, len(pairs))
	for run := range 3 {
		c := newClock(t, p)
		times := c.measure(append(flat(pairs), control))
		// A server that hashes for nobody whom it does not know would be as easy to tell as these two.
		if told := times.compare(pairs[0][0], pairs[5][1]); told.wall.same() || told.work.same() {
			t.Fatalf("a hash cannot be told from none: %v", told)
		}
		still := times.compare(unknown, control)
		t.Logf("run %d: two unknown users: %v", run+1, still)
		all := true
		for i, pair := range pairs {
			got := times.compare(pair[0], pair[1])
			t.Logf("  %v: %v", pair[0], got)
			passed[i] = passed[i] || still.wall.same() && got.wall.same()
			worked[i] = worked[i] || still.work.same() && got.work.same()
			all = all && passed[i]
		}
		if all {
			return
		}
	}
	busy := false
	for i, pair := range pairs {
		busy = busy || !passed[i] && worked[i]
		if !passed[i] && !worked[i] {
			t.Errorf("%v and %v can be told apart in each of three runs, by the clock and by the work done", pair[0], pair[1])
		}
	}
	if busy && !t.Failed() {
		t.Skip("THE MACHINE IS TOO BUSY for a clock; the work done is the same")
	}
}

// C23: where hashes of one file cost very differently a clock does tell, and the log warns of it.
func TestAMixedFileIsWarnedOf(t *testing.T) {
	const apr1 = "$apr1$mEuUUmjs$4xOMhVwQUlJsO2S7oUELF/"
	p := rig.StartProcess(t, program, timedConfig, map[string]string{"users": "known:" + hashed(t, 8) + "\ncheap:" + apr1 + "\n"})
	if !strings.Contains(p.Out.String(), "hashes of very different cost") {
		t.Errorf("nothing is said of it:\n%s", p.Out)
	}
	known, cheap := try{user: "known", size: 20}, try{user: "cheap", size: 20}
	c := newClock(t, p)
	c.rounds = 40
	if got := c.measure([]try{known, cheap}).compare(known, cheap); got.wall.same() || got.work.same() {
		t.Errorf("the clock of these tests does not tell them apart: %v", got)
	}
}

func hashed(t *testing.T, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func flat(pairs [][2]try) (list []try) {
	seen := map[try]bool{}
	for _, pair := range pairs {
		for _, x := range pair {
			if !seen[x] {
				list = append(list, x)
			}
			seen[x] = true
		}
	}
	return list
}

// A clock measures a gateway from outside, over one connection.
type clock struct {
	t      *testing.T
	pid    int
	conn   net.Conn
	read   *bufio.Reader
	rounds int
	asked  int
}

func newClock(t *testing.T, p *rig.Process) *clock {
	t.Helper()
	conn, err := net.Dial("unix", p.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &clock{t: t, pid: p.Process.Pid, conn: conn, read: bufio.NewReader(conn), rounds: rounds}
}

// measure times every try in each round, in random order, so that what else the machine does meets all alike.
func (c *clock) measure(tries []try) measured {
	c.t.Helper()
	m := measured{map[try][]float64{}, map[try][]float64{}}
	for round := range warming + c.rounds {
		for _, i := range rand.Perm(len(tries)) {
			took, worked := c.time(tries[i])
			if round >= warming {
				m.took[tries[i]] = append(m.took[tries[i]], took.Seconds())
				m.worked[tries[i]] = append(m.worked[tries[i]], worked.Seconds())
			}
		}
	}
	return m
}

// time puts a try from an address and with a password that nobody used before: neither the memory nor the
// throttle knows them.
func (c *clock) time(x try) (took, worked time.Duration) {
	c.t.Helper()
	c.asked++
	secret := ""
	if x.size > 0 {
		secret = fmt.Sprintf("%0*d", x.size, rand.Uint64N(1e18))
	}
	header := fmt.Sprintf("X-Real-IP: 10.%d.%d.1\r\nAuthorization: %s\r\n", c.asked/256%256, c.asked%256, basic(x.user, secret))
	if x.realm != "" {
		header += "X-Auth-Realm: " + x.realm + "\r\n"
	}
	request := []byte("GET /authenticate HTTP/1.1\r\nHost: gatehouse\r\n" + header + "\r\n")
	before, begin := c.work(), time.Now()
	if _, err := c.conn.Write(request); err != nil {
		c.t.Fatal(err)
	}
	response, err := http.ReadResponse(c.read, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	took = time.Since(begin)
	if response.StatusCode != http.StatusUnauthorized {
		c.t.Fatalf("%v: status %d", x, response.StatusCode)
	}
	return took, c.work() - before
}

// work is the processor time that the gateway has taken.
func (c *clock) work() (sum time.Duration) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.pid))
	if err != nil || len(threads) == 0 {
		c.t.Fatalf("the threads of %d are not to be seen: %v", c.pid, err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}
