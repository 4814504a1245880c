package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"gatehouse/server"
	"gatehouse/systemd"
)

// metricsSocket is the name of the socket that metrics are shown on, of those that systemd opened.
const metricsSocket = "metrics"

// A supervised is what passes between gatehouse and the systemd that started it, if it was systemd.
type supervised struct {
	log     zerolog.Logger
	sockets []net.Listener // for requests
	metrics net.Listener   // nil: none was opened
}

// newSupervised takes the sockets that systemd opened. Each must be one that the configuration names.
func newSupervised(c *Config, log zerolog.Logger) (supervised, error) {
	v := supervised{log: log}
	sockets, err := systemd.Sockets()
	if err != nil {
		return v, err
	}
	for _, s := range sockets {
		if s.Name != metricsSocket {
			v.sockets = append(v.sockets, s.Listener)
			continue
		}
		a, tcp := s.Addr().(*net.TCPAddr)
		if v.metrics != nil || !tcp || !c.Metrics.Enabled || !server.SameAddress(a, c.Metrics.Host, c.Metrics.Port) {
			return v, fmt.Errorf("metrics.port: systemd opened %s, and metrics in the configuration is %s port %d, enabled: %t: name the same in both",
				s.Addr(), c.Metrics.Host, c.Metrics.Port, c.Metrics.Enabled)
		}
		v.metrics = s.Listener
	}
	return v, nil
}

// ready tells that listeners are answered on, and pings the watchdog while they are, until ctx ends.
func (v supervised) ready(ctx context.Context, listeners []net.Listener) {
	v.told(systemd.Ready("answering"))
	go func() {
		v.told(systemd.Watch(ctx, func(asked context.Context) error {
			for _, l := range listeners {
				err := askHealth(asked, l.Addr().Network(), l.Addr().String())
				if _, answers := errors.AsType[*unwell](err); answers { // clients hold all its connections: an end would only help them
					continue
				}
				if err != nil {
					if ctx.Err() == nil {
						v.log.Error().Err(err).Msg("the watchdog is not told that gatehouse answers")
					}
					return err
				}
			}
			return nil
		}))
	}()
}

// reloading tells that the configuration is read anew. done is to be called with what came of it.
func (v supervised) reloading() (done func(status string)) {
	v.told(systemd.Reloading())
	return func(status string) { v.told(systemd.Ready(status)) }
}

// stopping tells that gatehouse takes no more requests.
func (v supervised) stopping() { v.told(systemd.Stopping("finishing requests")) }

// told logs that systemd could not be told: gatehouse goes on, and systemd says what it makes of that.
func (v supervised) told(err error) {
	if err != nil {
		v.log.Error().Err(err).Msg("systemd cannot be told")
	}
}
