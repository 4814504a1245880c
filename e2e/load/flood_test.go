package load_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

const floodConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock", max_header_bytes: 15000 }
logging: { level: info, format: json }
metrics: { enabled: false }
auth: { timeout_in_ms: 1000 }
jwt: { secret: 0123456789abcdef0123456789abcdef, exp: 1h }
providers:
  - { name: file, type: htpasswd, realm: file, file: users }
`

// The hashes of "password-of-hot" and "password-of-victim" by their cost: to make one under the race detector takes
// seconds.
var hashes = map[int][2]string{
	4:  {"$2y$04$dw63SBZs3iTQL1J2l8TUAehfMhU6uCKfArFAAD6.KpLyiJyTZk8iq", "$2y$04$.RSumCcfk1.e1NdlbhfykOaeQIn02wqRTCzw.OyHwcfxptkF5OROe"},
	10: {"$2y$10$6z5akRhnDphisc9vnfAIne6xE.15qC8Q3JxD1Lhgjq3Vb.Q5CTila", "$2y$10$CNJSe63u0gMaEu9P9E8cReqe1R5WzEyznIp5t/OL3zgwiB11qBcu2"},
	12: {"$2y$12$NieQF1x30No6T5wEjvFH9OPoxYhbUzA2zKwL0B/9H3BZ.TMTUnWau", "$2y$12$H1o95J3zvds4hzkWZ.zlu.hQKNawpqU6okeYZY5.Fug/Qh8nmoy3a"},
}

// startFlooded is a gatehouse with the users hot and victim, whose hashes have this cost, and more lines in its
// password file, with nginx before it.
func startFlooded(t *testing.T, cost int, more string) (*rig.Instance, *rig.Front) {
	t.Helper()
	users := fmt.Sprintf("%shot:%s\nvictim:%s\n", more, hashes[cost][0], hashes[cost][1])
	g := rig.NewInstance(t, floodConfig, map[string]string{"users": users})
	return g, startFront(t, g.Socket)
}

// variants are how the victim's name may be written.
var variants = []string{"victim", "Victim", "VICTIM", "victim ", " victim", "vict\u0131m", "hot", "hot "}

// C22: one address that tries 50 wrong passwords a second, whatever it says of itself and however it writes the
// name. Nobody else has to wait.
func TestAFloodFromOneAddress(t *testing.T) {
	g, f := startFlooded(t, 12, "")
	attacker := newClientFrom(t, f, 64, "127.0.0.2")
	before := residentMemory(t, g)
	assertUnhurried(t, g, f, 50*time.Millisecond, func(stop <-chan struct{}) {
		told := atRate(stop, func(n int) (int, error) {
			address := fmt.Sprintf("198.51.100.%d", n%250)
			status, _, err := attacker.get(basic(fmt.Sprintf("%s:wrong%d", variants[n%len(variants)], n)),
				"X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", "for="+address)
			return status, err
		})
		t.Logf("the attacker was told %v", told)
	})
	assertSlim(t, g, before)
	assertNotLockedOut(t, f)
}

// C22: names that nobody has, from one address and each from another, take no memory that stays. What the one
// address says of itself gets it no more guesses.
func TestManyNamesTakeNoMemory(t *testing.T) {
	g, f := startFlooded(t, 4, "")
	before := residentMemory(t, g)
	held := newClientFrom(t, f, 32, "127.0.0.2")
	everywhere := newDirectClient(t, g.Socket, 32)
	names := int(during(2_000, 100_000))
	var all sync.WaitGroup
	var next, guesses atomic.Int64
	for range 32 {
		all.Go(func() {
			for n := int(next.Add(1)); n <= names; n = int(next.Add(1)) {
				login := basic(fmt.Sprintf("name%d:wrong", n))
				address := fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255)
				first, _, err1 := held.get(login, "X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", "for="+address)
				second, _, err2 := everywhere.get(login, "X-Real-IP", address)
				if first == 401 {
					guesses.Add(1)
				}
				for _, status := range []int{first, second} {
					if status != 401 && status != 429 && status != 503 {
						t.Errorf("name %d: %d %d, %v %v", n, first, second, err1, err2)
					}
				}
			}
		})
	}
	all.Wait()
	if got := guesses.Load(); got < 20 || got > 100 { // 20 are free; 32 may have been under way when they were used up
		t.Errorf("%d guesses of one address were answered, want about 20", got)
	}
	assertSlim(t, g, before)
	assertNotLockedOut(t, f)
}

// C22: 50 wrong passwords a second, each from another address: no limit holds them, and they wait for each other.
func TestAFloodFromEverywhere(t *testing.T) {
	g, f := startFlooded(t, 12, "")
	before := residentMemory(t, g)
	attackers := newDirectClient(t, g.Socket, 64)
	assertUnhurried(t, g, f, 50*time.Millisecond, func(stop <-chan struct{}) {
		told := atRate(stop, func(n int) (int, error) {
			status, _, err := attackers.get(basic(fmt.Sprintf("%s:wrong%d", variants[n%len(variants)], n)),
				"X-Real-IP", fmt.Sprintf("198.51.%d.%d", n/250%250, n%250))
			return status, err
		})
		t.Logf("the attackers were told %v", told)
		if told[200] > 0 || told[500] > 0 {
			t.Errorf("the attackers were told %v", told)
		}
	})
	assertSlim(t, g, before)
	assertNotLockedOut(t, f)
}

// assertNotLockedOut wants the user whose name was tried to get in as soon as the queue of hashes lets them: no count
// holds them.
func assertNotLockedOut(t *testing.T, f *rig.Front) {
	t.Helper()
	begin := time.Now()
	client := newClientFrom(t, f, 1, "127.0.0.3")
	status, _, err := client.get(basic("victim:password-of-victim"))
	for n := 0; status == http.StatusServiceUnavailable && n < 20; n++ {
		time.Sleep(500 * time.Millisecond)
		status, _, err = client.get(basic("victim:password-of-victim"))
	}
	if err != nil || status != http.StatusOK {
		t.Errorf("the user whose name was tried: %d, %v", status, err)
	}
	t.Logf("the user whose name was tried was in after %s", time.Since(begin).Round(time.Millisecond))
}

// C22: an IPv4 address is the same however it is written.
func TestAnAddressIsOneHoweverItIsWritten(t *testing.T) {
	g := rig.NewInstance(t, fmt.Sprintf(keysConfig, "", startKeyService(t))+
		"  - { name: plain, type: plain, realm: local, users: [{ username: paul, password: pauls-password }] }\n", nil)
	c := newDirectClient(t, g.Socket, 4)
	spellings := []string{"192.0.2.9", "::ffff:192.0.2.9", "::ffff:c000:209", "0:0:0:0:0:FFFF:192.0.2.9"}
	verdicts := 0
	for n := range 100 {
		status, _, err := c.get(basic(fmt.Sprintf("paul:wrong%d", n)), "X-Real-IP", spellings[n%len(spellings)])
		if err != nil || status != 401 && status != 403 {
			t.Fatalf("status %d, %v", status, err)
		}
		if status == 401 {
			verdicts++
		}
	}
	if verdicts > 6 { // five are free, and one more if this took a second
		t.Errorf("%d guesses of one address were answered", verdicts)
	}
	for _, spelling := range spellings {
		if status, _, err := c.get(basic("paul:pauls-password"), "X-Real-IP", spelling); status != 403 || err != nil {
			t.Errorf("%s: status %d, %v, want 403", spelling, status, err)
		}
	}
	if status, _, err := c.get(basic("paul:pauls-password"), "X-Real-IP", "192.0.2.10"); status != 200 || err != nil {
		t.Errorf("another address: status %d, %v, want 200", status, err)
	}
}

// assertSlim wants the process to have grown by 32 MB at most.
func assertSlim(t *testing.T, g *rig.Instance, before int) {
	t.Helper()
	grown := residentMemory(t, g) - before
	t.Logf("the memory grew by %d MB", grown)
	if grown > 32 {
		t.Errorf("the memory grew by %d MB, want 32 at most", grown)
	}
}

// residentMemory is what the process has in memory, in MB.
func residentMemory(t *testing.T, g *rig.Instance) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(g.Process().Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kilobytes int
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes >> 10
}
