package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/metrics"
	"gatehouse/server"
)

type serveCommand struct{}

// Run answers requests until SIGTERM or SIGINT, then finishes those that have begun.
func (serveCommand) Run(p *process) error {
	stdlog.SetOutput(io.Discard)   // net/http quotes there what a server sent unasked, which may be a key
	signal.Ignore(syscall.SIGPIPE) // a log reader that goes away must not end the gateway
	stop, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer restore()
	c, err := p.load()
	if err != nil {
		return err
	}
	m := metrics.New(version())
	log, flush, err := newLog(c.Logging, p.out, m.LinesDropped)
	if err != nil {
		return err
	}
	defer flush()
	return serve(stop, restore, c, log, m)
}

// load returns the config, or shows what is wrong with it.
func (p *process) load() (*Config, error) {
	c, doc := load(p.config, p.environ)
	for _, f := range doc.Faults() {
		fmt.Fprintln(p.err, f)
	}
	if doc.Failed() {
		return nil, exitCode(1)
	}
	return c, nil
}

// serve answers until stop ends. It then calls restore, so that a second signal ends the process at once.
func serve(stop context.Context, restore func(), c *Config, log zerolog.Logger, m *metrics.Metrics) error {
	house, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := build(house, c, log, m)
	if err != nil {
		return err
	}
	listeners, err := c.Server.Listen()
	if err != nil {
		return err
	}
	closeMetrics, err := serveMetrics(c.Metrics, log, m)
	if err != nil {
		closeAll(listeners)
		return err
	}
	defer closeMetrics()
	for _, l := range listeners {
		log.Info().Str("address", l.Addr().String()).Msg("listening")
	}
	broken := make(chan error, 1)
	go func() { broken <- s.Serve(listeners) }()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case err := <-broken:
			return err
		case <-hangup:
			log.Warn().Msg("SIGHUP: config.yaml is read at the start only: restart to apply a change; password files are followed by themselves")
		case <-stop.Done():
			restore()
			return drain(c, s, log)
		}
	}
}

// drain lets requests that have begun finish: each ends with its decision's deadline.
func drain(c *Config, s *server.Server, log zerolog.Logger) error {
	log.Info().Msg("stopping: finishing requests")
	ctx, cancel := context.WithTimeout(context.Background(), c.Auth.Timeout()+5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	log.Info().Msg("stopped")
	return nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// serveMetrics shows metrics on a listener of their own until close is called.
func serveMetrics(c Metrics, log zerolog.Logger, m *metrics.Metrics) (closeServer func(), err error) {
	if !c.Enabled {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, fmt.Errorf("metrics.port: %w", err)
	}
	log.Info().Str("address", l.Addr().String()).Msg("metrics listening")
	s := server.NewMetrics(m)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Msg("metrics ended")
		}
	}()
	return func() { _ = s.Close() }, nil
}
