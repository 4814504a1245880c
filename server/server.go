// Package server speaks HTTP: routes, headers, and from a decision to a status. It alone knows fiber.
package server

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"

	"gatehouse/audit"
	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/jwt"
	"gatehouse/metrics"
)

// Limits of one connection. nginx forwards up to 4 x 8 kB of a client's headers, and no body.
const (
	maxRequestHeader = 40_000
	maxRequestBody   = 1024
	maxConnections   = 8192 // of one listener: each may hold 50 kB
	readTimeout      = 5 * time.Second
	writeTimeout     = 5 * time.Second
	idleTimeout      = 60 * time.Second
)

// A Listing is what /providers and /augmenters tell of one entry of config.yaml.
type Listing struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Realm string `json:"realm"`
}

// House is what a configuration makes of the answers. A reload puts another in its place.
type House struct {
	Gate         *gate.Gate
	Clients      Clients
	Certificates Certificates // zero: none are read
	Listings     bool         // whether everybody is told of these, of realms and of the version
	Providers    []Listing
	Augmenters   []Listing
	Contact      string // for users: mailto:ADDRESS or an https URL, or ""
	Docs         string // for users: an https URL, or ""
	Log          zerolog.Logger
	Readiness    func() Readiness
	Keys         jwt.Published
	Audit        *audit.Log // nil: nothing is recorded
}

// A Server answers HTTP for the house of the moment.
type Server struct {
	version   string
	metrics   *metrics.Metrics
	app       *fiber.App
	house     atomic.Pointer[house]
	presented sync.Pool     // of *auth.Presented, for the memory that holds what was decoded
	blind     sync.Once     // of the warning that nobody can be counted
	draining  atomic.Bool   // whether /ready tells proxies to go elsewhere
	stopping  atomic.Bool   // whether every answer ends its connection
	serving   chan struct{} // closed when listeners are set
	listeners []net.Listener
}

// A house answers the requests that begin in it.
type house struct {
	House
	*Server
	home homepage
}

// New returns a server that does not listen yet, with its first house.
func New(version string, m *metrics.Metrics, h House) (*Server, error) {
	s := &Server{version: version, metrics: m, serving: make(chan struct{})}
	s.presented.New = func() any { return new(auth.Presented) }
	if err := s.Swap(h); err != nil {
		return nil, err
	}
	s.app = fiber.New(fiber.Config{
		AppName: "gatehouse", DisableStartupMessage: true, DisableDefaultContentType: true,
		CaseSensitive: true, StrictRouting: true,
		ReadBufferSize: maxRequestHeader, BodyLimit: maxRequestBody, Concurrency: maxConnections,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorHandler: s.fault,
	})
	s.app.All("/authenticate", s.in((*house).authenticate))
	s.app.All("/authenticate/:policy", s.in((*house).authenticate))
	s.app.Get("/whoami", s.in((*house).whoami))
	s.app.Get("/providers", s.in((*house).providers))
	s.app.Get("/augmenters", s.in((*house).augmenters))
	s.app.Get("/health", health)
	s.app.Get("/ready", s.in((*house).ready))
	s.app.Get(jwt.KeySetPath, s.in((*house).keySet))
	s.app.Get(jwt.DiscoveryPath, s.in((*house).discovery))
	s.app.Get("/", s.in((*house).homepage))
	s.app.Get("/favicon.ico", picture("image/x-icon", favicon))
	s.app.Get("/static/logo.png", picture("image/png", logo))
	server := s.app.Server()
	server.HeaderReceived = strict
	server.Handler = s.counted(s.contain(s.refuseOdd(asGet(s.app.Handler()))))
	server.CloseOnShutdown = true
	return s, nil
}

// Swap puts h in the place of the house. A request that has begun ends in the house that it began in.
func (s *Server) Swap(h House) error {
	home, err := newHomepage(h, s.version)
	if err != nil {
		return err
	}
	s.house.Store(&house{h, s, home})
	return nil
}

// in has the house of the moment answer a request.
func (s *Server) in(answer func(*house, *fiber.Ctx) error) fiber.Handler {
	return func(c *fiber.Ctx) error { return answer(s.house.Load(), c) }
}

// Serve answers on every listener until Shutdown, or until one of them breaks.
// It is to be called once.
func (s *Server) Serve(listeners []net.Listener) error {
	for _, l := range listeners {
		s.listeners = append(s.listeners, &closedOnce{Listener: &patient{Listener: l, log: s.house.Load().Log}})
	}
	close(s.serving)
	done := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { done <- s.app.Server().Serve(l) }()
	}
	var err error
	for range s.listeners {
		if one := <-done; one != nil && err == nil && !s.stopping.Load() {
			err = fmt.Errorf("serve: %w", one)
			s.closeListeners() // one is broken: the rest must not outlive it half
		}
	}
	return err
}

// fault answers what fiber and fasthttp refuse by themselves. Their own texts are not sent: they may
// quote the request.
func (s *Server) fault(c *fiber.Ctx, err error) error {
	status := fiber.StatusInternalServerError
	var e *fiber.Error
	if errors.As(err, &e) {
		status = e.Code
	}
	c.Status(status)
	set(c, nameProxyCache, "0")
	c.Response().ResetBody()
	return nil
}
