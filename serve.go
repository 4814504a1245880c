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
	signal.Ignore(syscall.SIGHUP)  // nor may a wish to reload, before there is who hears it
	stop, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer restore()
	first := p.read([]string{p.config})
	for _, f := range first.doc.Faults() {
		fmt.Fprintln(p.err, f)
	}
	if first.doc.Failed() {
		return exitCode(1)
	}
	m := metrics.New(version())
	least := new(level)
	log, flush := newLog(first.config.Logging, least, p.out, m)
	defer flush()
	record, closeAudit, err := openAudit(first.config.Audit, log, m)
	if err != nil {
		return err
	}
	defer closeAudit()
	life, cancel := context.WithCancel(context.Background())
	defer cancel()
	e, err := newEstate(life, log, least, record, m)
	if err != nil {
		return err
	}
	if err := e.enter(life, first.config); err != nil {
		return err
	}
	err = serve(life, stop, restore, newReloader(p, e, first))
	record.Stop(reasonOf(err))
	return err
}

// serve answers until stop ends. It then calls restore, so that a second signal ends the process at once.
func serve(life, stop context.Context, restore func(), r *reloader) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // to the end of the process: without it SIGHUP would be that end
	e, c := r.estate, r.estate.config
	supervisor, err := newSupervised(c, e.log)
	if err != nil {
		return err
	}
	listeners, err := c.Server.Listen(supervisor.sockets...)
	if err != nil {
		return err
	}
	closeMetrics, err := serveMetrics(c.Metrics, supervisor.metrics, e.log, e.metrics)
	if err != nil {
		closeAll(listeners)
		return err
	}
	defer closeMetrics()
	for _, l := range listeners {
		e.log.Info().Str("address", l.Addr().String()).Msg("listening")
	}
	e.audit.Start(version())
	broken := make(chan error, 1)
	go func() { broken <- e.server.Serve(listeners) }()
	r.told = supervisor.reloading
	reloads, endReloads := context.WithCancel(life)
	ended := make(chan struct{})
	go func() { r.run(reloads, life); close(ended) }()
	defer endReloads()
	go e.rotateKeys(reloads)
	supervisor.ready(stop, listeners)
	for {
		select {
		case err := <-broken:
			return err
		case <-hangup:
			r.want()
		case <-stop.Done():
			restore()
			endReloads()
			select {
			case <-ended:
			case <-time.After(lastReload): // it hangs in a file, and must not keep us
			}
			supervisor.stopping()
			return drain(e.inForce.Load(), e.server, e.log)
		}
	}
}

// lastReload is how long a stop waits for a reload that is under way.
const lastReload = 2 * time.Second

// drain lets requests that have begun finish: each ends with its decision's deadline.
func drain(c *Config, s *server.Server, log zerolog.Logger) error {
	if wait := c.Server.DrainDelay; wait > 0 {
		log.Info().Dur("delay_ms", wait).Msg("stopping: /ready says so, requests are still taken")
		s.Drain()
		time.Sleep(wait)
	}
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

// serveMetrics shows metrics on a listener of their own, l if that was opened for us, until close is called.
func serveMetrics(c Metrics, l net.Listener, log zerolog.Logger, m *metrics.Metrics) (closeServer func(), err error) {
	if !c.Enabled {
		return func() {}, nil
	}
	if l == nil {
		if l, err = net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port))); err != nil {
			return nil, fmt.Errorf("metrics.port: %w", err)
		}
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
