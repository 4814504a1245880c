package server

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/metrics"
)

// counted counts every request that comes to next, and its answer.
func (s *Server) counted(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	pages := routesOf(s.app, s.metrics)
	return func(c *fasthttp.RequestCtx) {
		route, method := pages.of(c.Request.URI().PathOriginal()), s.metrics.Begin(c.Method())
		next(c)
		route.End(method, c.Response.StatusCode(), time.Since(c.Time()))
	}
}

// routes finds the one that a path belongs to, as the app does, but for the method.
type routes struct {
	pages     []page // in the order of the app, so that the busiest comes first
	unmatched *metrics.Route
}

// A page is a whole path, or one up to the parameter that it ends in.
type page struct {
	path      string
	parameter bool
	route     *metrics.Route
}

func routesOf(app *fiber.App, m *metrics.Metrics) *routes {
	r := &routes{unmatched: m.Route(metrics.Unmatched)}
	for _, route := range app.GetRoutes(true) {
		path, _, parameter := strings.Cut(route.Path, ":")
		p := page{path, parameter, m.Route(route.Path)}
		if !slices.Contains(r.pages, p) { // one for each method
			r.pages = append(r.pages, p)
		}
	}
	return r
}

func (r *routes) of(path []byte) *metrics.Route {
	for i := range r.pages {
		if r.pages[i].is(path) {
			return r.pages[i].route
		}
	}
	return r.unmatched
}

func (p *page) is(path []byte) bool {
	if !p.parameter {
		return string(path) == p.path
	}
	n := len(p.path)
	return len(path) > n && string(path[:n]) == p.path && bytes.IndexByte(path[n:], '/') < 0
}
