package load_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/e2e/rig"
)

// C32: each of two gatehouses is stopped and started in turn, and no client notices.
func TestRollingRestartsLoseNothing(t *testing.T) {
	t.Parallel() // the tests that run so wait for clocks more than they work
	for _, variant := range []struct {
		name  string
		ports bool
	}{{"two sockets", false}, {"two ports", true}} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			service := startKeyService(t)
			var gateways []*rig.Instance
			servers := documented(t)
			for i := range 2 {
				more, server := "", ""
				if variant.ports {
					port := freePort(t)
					more, server = fmt.Sprintf("port: %s, trusted_proxies: [127.0.0.1],", port), "127.0.0.1:"+port
				}
				g := rig.NewInstance(t, fmt.Sprintf(keysConfig, more, service), nil)
				if server == "" {
					server = "unix:" + g.Socket
				}
				gateways = append(gateways, g)
				servers = strings.Replace(servers, []string{"unix:/run/gatehouse/one.sock", "unix:/run/gatehouse/two.sock"}[i], server, 1)
			}
			f := startFront(t, "", rig.Edit{
				"snippets/gatehouse-upstream.conf", "    server unix:; # EDIT if server.socket in config.yaml is another\n", servers,
			})
			length := during(6*time.Second, 30*time.Second)
			l := startLoad(t, f, length)
			for n := range 3 {
				for i, g := range gateways {
					time.Sleep(time.Until(l.begin.Add(length * time.Duration(2*n+i+1) / 8)))
					g.Stop(t)
					g.Start(t)
				}
			}
			if late := time.Since(l.begin) - length; late > 0 {
				t.Errorf("the restarts ended %s after the load", late)
			}
			l.assertAllAnswered(t, 200, gateways[0].Log, gateways[1].Log)
		})
	}
}

// documented returns the servers that nginx/README.md has an operator write for two gatehouses.
func documented(t *testing.T) (servers string) {
	t.Helper()
	text, err := os.ReadFile("../../nginx/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "    server unix:") {
			servers += line
		}
	}
	return servers
}

// freePort returns a port of 127.0.0.1 that was free.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// C32: one gatehouse is reloaded again and again, by signals and by changes of its file.
func TestReloadsLoseNothing(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf(keysConfig, "", startKeyService(t))
	g := rig.NewInstance(t, config, nil)
	f := startFront(t, g.Socket)
	signals, changes := 16, 4
	length := during(8*time.Second, 30*time.Second)
	if length == 30*time.Second {
		changes = 12
	}
	l := startLoad(t, f, length)
	for n := range signals + changes {
		seen := len(g.Log.String())
		g.Put(t, "config.yaml", changed(config, n))
		if n < signals {
			g.Signal(t, syscall.SIGHUP)
		}
		g.Log.AwaitLine(t, seen, "configuration loaded")
	}
	if late := time.Since(l.begin) - length; late > 0 {
		t.Errorf("the reloads ended %s after the load", late)
	}
	l.assertAllAnswered(t, 200, g.Log)
}

// changed returns config with something else in it for each n.
func changed(config string, n int) string {
	switch n % 4 {
	case 0: // what tokens say
		return strings.Replace(config, "exp: 1h", fmt.Sprintf("exp: %dm", 60+n), 1)
	case 1: // who is asked before
		return strings.Replace(config, "providers:", "providers:\n  - { name: a, type: plain, realm: a, users: [{ username: a, password: some-password }] }", 1)
	case 2: // the provider itself
		return strings.Replace(config, "user: login", fmt.Sprintf("user: login, max_concurrent: %d", 64+n), 1)
	}
	return config
}
