package load_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// underWay has n questions put to a gatehouse that take it 300 ms each, and returns when all of them are there.
// Their statuses come by the channel, 0 for none.
func underWay(t *testing.T, g *rig.Instance, n int) <-chan int {
	t.Helper()
	statuses := make(chan int, n)
	var begun sync.WaitGroup
	for i := range n {
		begun.Add(1)
		go func() {
			conn, err := net.Dial("unix", g.Socket)
			if err == nil {
				_, err = fmt.Fprintf(conn, "HEAD /authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow-%d\r\n\r\n", i)
				defer conn.Close()
			}
			begun.Done()
			if err != nil {
				statuses <- 0
				return
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodHead})
			if err != nil {
				statuses <- 0
				return
			}
			_ = answer.Body.Close()
			statuses <- answer.StatusCode
		}()
	}
	begun.Wait()
	time.Sleep(100 * time.Millisecond) // a third of what they take
	return statuses
}

func assertAll200(t *testing.T, statuses <-chan int) {
	t.Helper()
	for range cap(statuses) {
		if got := <-statuses; got != 200 {
			t.Errorf("a request that had begun got %d, want 200", got)
		}
	}
}

// C32: what has begun is answered, whatever else is asked of a gatehouse that is told to stop.
func TestWhatHasBegunIsAnswered(t *testing.T) {
	const last = 5 * time.Second // the grace is 10 s: a decision's time and 5 s
	config := fmt.Sprintf(keysConfig, "", startKeyService(t))
	for _, row := range []struct {
		name   string
		before []syscall.Signal
		stop   syscall.Signal
		after  []syscall.Signal
	}{
		{"SIGTERM", nil, syscall.SIGTERM, nil},
		{"SIGINT", nil, syscall.SIGINT, nil},
		{"during a reload", []syscall.Signal{syscall.SIGHUP}, syscall.SIGTERM, nil},
		{"SIGHUP during the stop", nil, syscall.SIGTERM, []syscall.Signal{syscall.SIGHUP}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := rig.NewInstance(t, config, nil)
			statuses := underWay(t, g, 20)
			for _, s := range row.before {
				g.Put(t, "config.yaml", changed(config, 2))
				g.Signal(t, s)
			}
			begin := time.Now()
			g.Signal(t, row.stop)
			for _, s := range row.after {
				time.Sleep(20 * time.Millisecond)
				g.Signal(t, s)
			}
			assertAll200(t, statuses)
			if err := g.Await(t, last); err != nil {
				t.Errorf("the process ended with %v\n%s", err, g.Log)
			}
			t.Logf("ended after %s", time.Since(begin).Round(time.Millisecond))
		})
	}
}

// C32: SIGHUP never ends gatehouse, from its first listener to the very end of its stop.
func TestNoReloadEndsAStop(t *testing.T) {
	g := rig.NewInstance(t, fmt.Sprintf(keysConfig, "", startKeyService(t)), nil)
	process := g.Process()
	g.Signal(t, syscall.SIGTERM)
	var all sync.WaitGroup
	all.Go(func() {
		for process.Signal(syscall.SIGHUP) == nil { // until it has ended
		}
	})
	err := g.Await(t, 5*time.Second)
	all.Wait()
	if err != nil {
		t.Errorf("the process ended with %v, want exit 0\n%s", err, g.Log)
	}
}

// C32: who is in a hurry sends a second signal.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	config := fmt.Sprintf(keysConfig, "drain_delay: 30s,", startKeyService(t))
	for _, signals := range [][2]syscall.Signal{
		{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}, {syscall.SIGINT, syscall.SIGINT},
	} {
		g := rig.NewInstance(t, config, nil)
		seen := len(g.Log.String())
		g.Signal(t, signals[0])
		g.Log.AwaitLine(t, seen, "stopping:")
		begin := time.Now()
		g.Signal(t, signals[1])
		err := g.Await(t, 5*time.Second)
		var status *exec.ExitError
		if !errors.As(err, &status) || time.Since(begin) > time.Second {
			t.Errorf("%v: ended with %v after %s, want by the signal and at once", signals, err, time.Since(begin))
		}
	}
}

// C32: nginx's clients, too, get the answers that they wait for when the only gatehouse stops.
func TestNginxsClientsAreAnsweredDuringAStop(t *testing.T) {
	g := rig.NewInstance(t, fmt.Sprintf(keysConfig, "", startKeyService(t)), nil)
	f := startFront(t, g.Socket)
	client := newClient(t, f, 20)
	statuses := make(chan int, 20)
	for i := range cap(statuses) {
		go func() {
			status, _, err := client.get(fmt.Sprint("Bearer slow-", i))
			if err != nil && !errors.Is(err, io.EOF) {
				t.Log(err)
			}
			statuses <- status
		}()
	}
	time.Sleep(250 * time.Millisecond) // for the TLS handshakes; the answers take 300 ms from the question on
	g.Stop(t)
	assertAll200(t, statuses)
}
