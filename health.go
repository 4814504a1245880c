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
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	response, err := client.Get("http://gatehouse/health")
	if err != nil {
		return fmt.Errorf("no answer on %s %s", network, address)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers with status %d", address, response.StatusCode)
	}
	_, err = fmt.Fprintln(p.out, "ok")
	return err
}

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
