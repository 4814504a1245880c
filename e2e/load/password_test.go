package load_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// startHashed is a gatehouse with a user of each kind of hash, whose dearest is bcrypt of cost 10.
func startHashed(t *testing.T) (*rig.Instance, *rig.Front) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl: apt-get install openssl")
	}
	users := ""
	for name, kind := range map[string]string{"sha512": "-6", "apr1": "-apr1"} {
		hash, err := exec.Command(openssl, "passwd", kind, "password-of-"+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		users += name + ":" + string(hash)
	}
	return startFlooded(t, 10, users)
}

// hashed are users by the kind of their hash.
var hashed = []string{"victim", "sha512", "apr1", "nobody"}

// C21: a long password costs no more than a short one, whatever the user's hash is.
func TestALongPasswordCostsNoMore(t *testing.T) {
	g, f := startHashed(t)
	direct := newDirectClient(t, g.Socket, 1)
	const rounds = 4
	n := 0
	cost := func(user string, length int) time.Duration {
		before := processorTime(t, g)
		for range rounds {
			n++
			password := fmt.Sprintf("%d%s", n, strings.Repeat("p", length))[:length]
			status, _, err := direct.get(basic(user+":"+password), "X-Real-IP", fmt.Sprintf("192.0.%d.%d", 2+n/250, n%250))
			if err != nil || status == 200 || status >= 500 {
				t.Errorf("%s, %d bytes: status %d, %v", user, length, status, err)
			}
		}
		return (processorTime(t, g) - before) / rounds
	}
	for _, user := range hashed {
		short := max(cost(user, 20), 10*time.Millisecond) // as fine as the kernel counts
		for _, length := range []int{72, 73, 1000, 1024, 1025, 4000, 28_000} {
			got := cost(user, length)
			t.Logf("%s: %d bytes take %s, 20 bytes %s", user, length, got, short)
			if length > 1024 && got > short*3/2+20*time.Millisecond {
				t.Errorf("%s: a password of %d bytes takes %s, one of 20 %s", user, length, got, short)
			}
			if got > 200*time.Millisecond {
				t.Errorf("%s: a password of %d bytes takes %s", user, length, got)
			}
		}
	}
	assertNotLockedOut(t, f)
}

// C21: twenty long passwords at once keep nobody else waiting.
func TestLongPasswordsKeepNobodyWaiting(t *testing.T) {
	g, f := startHashed(t)
	attackers := newDirectClient(t, g.Socket, 20)
	lengths := []int{73, 1000, 4000, 28_000}
	assertUnhurried(t, g, f, 100*time.Millisecond, func(stop <-chan struct{}) {
		told := atRate(stop, func(n int) (int, error) {
			password := fmt.Sprintf("%d%s", n, strings.Repeat("p", lengths[n/len(hashed)%len(lengths)]))
			status, _, err := attackers.get(basic(hashed[n%len(hashed)]+":"+password), "X-Real-IP", fmt.Sprintf("198.51.%d.%d", n/250%250, n%250))
			return status, err
		})
		t.Logf("the attackers were told %v", told)
		if told[200] > 0 || told[500] > 0 {
			t.Errorf("the attackers were told %v", told)
		}
	})
}

// processorTime is what the process has had of all processors so far.
func processorTime(t *testing.T, g *rig.Instance) time.Duration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(g.Process().Pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")"):])
	user, err1 := strconv.Atoi(fields[12])
	system, err2 := strconv.Atoi(fields[13])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}
