package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"gatehouse/auth"
	"gatehouse/gate"
)

// The headers of an answer. X-Auth-Realm in a request narrows who is asked.
const (
	headerUsername    = "X-Auth-Username"
	headerRealm       = "X-Auth-Realm"
	headerRoles       = "X-Auth-Roles"
	headerReason      = "X-Auth-Reason"
	headerErrorStatus = "X-Error-Status"
	headerProxyCache  = "X-Accel-Expires" // nginx's: it goes over all else that says how long an answer is good
)

// The names that every answer has, in the spelling that fasthttp need not bring about.
var (
	nameAuthorization = []byte(fiber.HeaderAuthorization)
	nameUsername      = []byte(headerUsername)
	nameRealm         = []byte(headerRealm)
	nameRoles         = []byte(headerRoles)
	nameProxyCache    = []byte(headerProxyCache)
	nameCacheControl  = []byte(fiber.HeaderCacheControl)
)

// set writes a header of the answer; a line break in value becomes a space.
func set(c *fiber.Ctx, name []byte, value string) {
	c.Response().Header.SetCanonical(name, utils.UnsafeBytes(value))
}

// HeaderOverhead is at least what a 200's header block measures in bytes beside the values of the four
// identity headers.
const HeaderOverhead = 256

// authenticate answers nginx's auth_request.
func (s *house) authenticate(c *fiber.Ctx) error {
	d, ok := s.decide(c)
	if !ok {
		return nil
	}
	set(c, nameAuthorization, d.Authorization)
	set(c, nameUsername, d.User.Name)
	set(c, nameRealm, d.User.Realm)
	set(c, nameRoles, d.Roles)
	if n := int(d.ProxyCache/time.Second) - 1; n > 0 { // nginx counts whole seconds, and goes on until the last is over
		set(c, nameProxyCache, strconv.Itoa(n))
	}
	return c.SendString("Authenticated successfully")
}

// decide puts the request to the gate. Where the answer is no user, it has written it.
func (s *house) decide(c *fiber.Ctx) (gate.Decision, bool) {
	begin := c.Context().Time()
	p := s.presented.Get().(*auth.Presented)
	defer s.presented.Put(p)
	set(c, nameProxyCache, "0") // before the other: nginx 1.22 would stop at that
	set(c, nameCacheControl, "no-store")

	ask := s.readAsk(c, p)
	ask.Arrived, ask.Trace = begin, s.Clients.trace(c)
	var clear bool
	if ask.Client, clear = s.Clients.of(c); !clear {
		ask.Fault = auth.ErrMalformed
	}
	d, err := s.Gate.Decide(context.Background(), ask) // fasthttp's own context is reused, and ends with no client
	if crash, ok := errors.AsType[*gate.Panic](err); ok {
		panic(crash) // for contain
	}
	s.note(c, ask, d, err, time.Since(begin))
	if err != nil {
		s.refuse(c, ask, err)
	}
	return d, err == nil
}

// readAsk reads what of the request decides: nothing but Authorization, or without one the certificate that a trusted
// proxy hands over; X-Auth-Realm, the query's realm and the path. Whose client it is only decides who has to wait. What
// it returns points into the request and into p.
func (s *house) readAsk(c *fiber.Ctx, p *auth.Presented) gate.Ask {
	ask := gate.Ask{Policy: c.Params("policy")}
	for _, realm := range c.Context().QueryArgs().PeekMulti("realm") {
		ask.Realms = append(ask.Realms, utils.UnsafeString(realm))
	}
	headers := 0
	for _, realm := range c.Request().Header.PeekAll(headerRealm) { // good until the next PeekAll
		ask.Realms = append(ask.Realms, utils.UnsafeString(realm))
		headers++
	}
	authorizations := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	switch {
	case len(authorizations) > 1, headers > 1:
		ask.Fault = auth.ErrMalformed
	case len(authorizations) == 0:
		ask.Fault = s.certificate(c, p)
	default: // that alone: a wrong password does not become the certificate's user
		ask.Fault = p.Parse(utils.UnsafeString(authorizations[0]))
	}
	if ask.Fault == nil {
		ask.Credentials = p.Credentials()
	}
	return ask
}
