package server

import (
	"runtime"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// contain makes one 500 of a panic: fasthttp would let it end the process. The panic's value is not
// logged unless it comes of the runtime: it may quote a secret. The stack shows no contents.
func (s *Server) contain(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			s.Metrics.Panic()
			line := s.Log.Error().Bytes("stack", debug.Stack())
			if fault, ok := cause.(runtime.Error); ok {
				line = line.Str("panic", fault.Error())
			}
			line.Msg("panic while answering a request")
			c.Response.Reset()
			c.Response.SetStatusCode(fiber.StatusInternalServerError)
			c.SetConnectionClose()
		}()
		next(c)
		if s.stopping.Load() {
			c.SetConnectionClose()
		}
	}
}

// asGet has /authenticate answer any method like GET: some proxies hand the client's own on, and fiber
// refuses those it does not know. HEAD stays, so that it gets no body.
func asGet(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	const path = "/authenticate"
	return func(c *fasthttp.RequestCtx) {
		if !c.IsGet() && !c.IsHead() {
			raw := c.Request.URI().PathOriginal()
			if len(raw) >= len(path) && string(raw[:len(path)]) == path {
				c.Request.Header.SetMethod(fasthttp.MethodGet)
			}
		}
		next(c)
	}
}
