package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"gatehouse/server"
)

type healthCommand struct{}

// Run asks the gateway that runs with the same configuration whether it answers: for a container, which
// has no other program to ask with.
func (healthCommand) Run(p *process) error {
	c, doc := load(p.config, p.environ)
	if doc.Failed() { // its warnings are for serve and check
		return fmt.Errorf("%s has faults: see gatehouse check", p.config)
	}
	network, address := dialAddress(c.Server)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := askHealth(ctx, network, address); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.out, "ok")
	return err
}

// askHealth asks the gateway at an address whether it answers.
func askHealth(ctx context.Context, network, address string) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gatehouse/health", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer on %s %s", network, address)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return &unwell{address, response.StatusCode}
	}
	return nil
}

// An unwell gateway answers, and not that it is well.
type unwell struct {
	address string
	status  int
}

func (u *unwell) Error() string { return fmt.Sprintf("%s answers with status %d", u.address, u.status) }

// dialAddress is where the gateway of section c can be reached from its own machine.
func dialAddress(c server.Config) (network, address string) {
	if c.Port == nil && c.Socket != "" {
		return "unix", c.Socket
	}
	host, port := c.Host, server.DefaultPort
	if c.Port != nil {
		port = *c.Port
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "tcp", net.JoinHostPort(host, strconv.Itoa(port))
}
