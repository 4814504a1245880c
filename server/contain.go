package server

import (
	"runtime"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/gate"
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
			s.metrics.Panic()
			s.confess(cause)
			c.Response.Reset()
			c.Response.SetStatusCode(fiber.StatusInternalServerError)
			c.Response.Header.SetCanonical(nameProxyCache, []byte("0"))
			c.Response.Header.SetCanonical(nameCacheControl, []byte("no-store"))
			c.SetConnectionClose()
		}()
		next(c)
		if s.stopping.Load() {
			c.SetConnectionClose()
		}
	}
}

// confess logs a panic. One in the log itself, which may be what is told of, is not told.
func (s *Server) confess(cause any) {
	defer func() { _ = recover() }()
	line := s.house.Load().Log.Error()
	switch fault := cause.(type) {
	case *gate.Panic: // in a goroutine of the gate's, which sent it here
		line.Bytes("stack", fault.Stack).Str("panic", fault.Cause)
	case runtime.Error:
		line.Bytes("stack", debug.Stack()).Str("panic", fault.Error())
	default:
		line.Bytes("stack", debug.Stack())
	}
	line.Msg("panic while answering a request")
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
