package nginx_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// openCounter carries connections to another socket and counts the questions.
func openCounter(t *testing.T, to string) (*door, *atomic.Int64) {
	t.Helper()
	asked := new(atomic.Int64)
	return openDoor(t, func(in net.Conn) {
		out, err := net.Dial("unix", to)
		if err != nil {
			return
		}
		defer out.Close()
		go func() { _, _ = io.Copy(in, out) }()
		for r := bufio.NewReader(in); ; {
			head, err := readHead(r)
			if err != nil {
				return
			}
			asked.Add(1)
			if _, err := io.WriteString(out, head); err != nil {
				return
			}
		}
	}), asked
}

// startGatewayWith starts the real gatehouse with one text of its config replaced.
func startGatewayWith(t *testing.T, old, replacement string) *rig.Gateway {
	t.Helper()
	config := strings.Replace(fmt.Sprintf(gatehouseConfig, jwtSecret, keyService(t)), old, replacement, 1)
	return rig.StartGateway(t, config, map[string]string{"users.htpasswd": ""}, secrets())
}

// The real gateway lets nginx keep the users of a provider that has proxy_cache: true, and nobody else.
func TestTheGatewaySaysWhomNginxMayRemember(t *testing.T) {
	b := startBackend(t)
	g := startGatewayWith(t, "user: login,", "user: login, proxy_cache: true,")
	door, asked := openCounter(t, g.Socket)
	f := startFront(t, rig.Site{
		Files: []string{cacheFile, "gatehouse.conf"}, Gateway: door.socket, Backend: b.address, Edits: []rig.Edit{insert(remember)},
	})
	for _, test := range []struct {
		name          string
		authorization string
		status        int
		questions     int64
	}{
		{"a key of that provider", kate, 200, 1},
		{"a key with very many roles", roleRich, 200, 1},
		{"a key with too many roles", roleLoad, 403, 3},
		{"a wrong key", wrongKey, 401, 3},
		{"a key that cannot be asked about", brokenKey, 503, 3},
		{"a password", alice, 200, 3},
		{"a wrong password", wrongPass, 401, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, begin := asked.Load(), time.Now()
			for range 3 {
				got := send(t, f.Addresses()[0], authorized(test.authorization))
				switch {
				case test.status != 200:
					assertNotReached(t, b, got, test.status)
				case test.authorization == kate:
					assertReached(t, b, isKate)
				case len(b.take()) != 1 || got.StatusCode != 200:
					t.Errorf("status %d, want 200", got.StatusCode)
				}
			}
			n := asked.Load() - before
			if test.questions == 1 {
				assertAskedOnce(t, int(n), begin)
			} else if n != test.questions {
				t.Errorf("gatehouse was asked %d times, want %d", n, test.questions)
			}
		})
	}
}
