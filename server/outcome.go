package server

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/metrics"
)

// retryAfter is what a client is told to wait where no decision could be made, and nothing says how long that
// may last.
const retryAfter = 5 * time.Second

// An outcome is what an error of the gate means to a client. Nobody else writes a status of a decision:
// nginx lets 2xx pass, hands on 401 and 403, and makes 500 of all else, which our snippets turn to 503.
type outcome struct {
	status int
	result string // for metrics and the log
	body   string
}

// The outcomes that are not a user. The bodies are constant: nothing of a request comes back.
var (
	unauthorized = `{"error": "Unauthorized access"}`
	noneGiven    = outcome{fiber.StatusUnauthorized, metrics.NoAuthHeader, unauthorized}
	malformed    = outcome{fiber.StatusUnauthorized, metrics.InvalidHeader, unauthorized}
	denied       = outcome{fiber.StatusUnauthorized, metrics.AllFailed, unauthorized}
	forbidden    = outcome{fiber.StatusForbidden, metrics.Forbidden, `{"error": "Forbidden"}`}
	throttled    = outcome{fiber.StatusForbidden, metrics.Throttled, `{"error": "Too many failed logins"}`}
	undecided    = outcome{fiber.StatusServiceUnavailable, metrics.NoDecision, `{"error": "No decision could be made"}`}
)

func outcomeOf(err error) outcome {
	_, isForbidden := errors.AsType[*gate.Forbidden](err)
	_, isThrottled := errors.AsType[*gate.Throttled](err)
	switch {
	case errors.Is(err, auth.ErrNone):
		return noneGiven
	case errors.Is(err, auth.ErrMalformed):
		return malformed
	case errors.Is(err, auth.ErrDenied):
		return denied
	case isForbidden:
		return forbidden
	case isThrottled:
		return throttled
	}
	return undecided
}

// refuse writes the answer to a request that no user came of.
func (s *house) refuse(c *fiber.Ctx, ask gate.Ask, err error) {
	o := outcomeOf(err)
	c.Status(o.status)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	switch o {
	case noneGiven, malformed, denied:
		c.Set(fiber.HeaderWWWAuthenticate, s.Gate.Challenge(ask, c.Get("Sec-Fetch-Mode") == "navigate"))
	case forbidden:
		if f, ok := errors.AsType[*gate.Forbidden](err); ok {
			c.Set(headerReason, f.Reason)
		}
	case throttled:
		c.Set(headerErrorStatus, "429") // nginx would make 500 of it: our snippets make it of this
		c.Set(headerReason, "too many failed logins")
		c.Set(fiber.HeaderRetryAfter, seconds(waitOf(err)))
	default:
		c.Set(fiber.HeaderRetryAfter, seconds(waitOf(err)))
	}
	c.Response().SetBodyString(o.body)
}

// waitOf is how long it makes no sense to ask again.
func waitOf(err error) time.Duration {
	if t, ok := errors.AsType[*gate.Throttled](err); ok {
		return t.Wait
	}
	if later, ok := errors.AsType[*auth.Later](err); ok {
		return later.After
	}
	return retryAfter
}

// seconds is d as Retry-After tells it, in whole seconds: no less than d, and at least 1 (RFC 9110, section
// 10.2.3).
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

// note counts the decision and writes its one log line.
func (s *house) note(c *fiber.Ctx, ask gate.Ask, d gate.Decision, err error, took time.Duration) {
	if err == nil {
		if !d.Remembered {
			s.metrics.Identified()
			s.metrics.HeaderBytes(HeaderOverhead + len(d.Authorization) + len(d.User.Name) + len(d.User.Realm) + len(d.Roles))
		}
		s.metrics.Request(metrics.Success, d.User.Realm, took)
		level := zerolog.InfoLevel
		if d.Stale {
			s.metrics.StaleAnswer(d.User.Provider)
		}
		switch {
		case d.Remembered: // every request of every user: counted, and told of only to who asks
			level = zerolog.DebugLevel
		case d.Stale:
			level = zerolog.WarnLevel
		}
		line := s.line(level, c, metrics.Success, d.User, took)
		if d.Stale {
			line.Bool("stale", true)
		}
		line.Msg("authenticated")
		return
	}
	o := outcomeOf(err)
	user := auth.User{}
	if f, ok := errors.AsType[*gate.Forbidden](err); ok {
		user = f.User
	}
	level := zerolog.InfoLevel
	switch o.status {
	case fiber.StatusForbidden:
		level = zerolog.WarnLevel
	case fiber.StatusServiceUnavailable:
		level = zerolog.ErrorLevel
	}
	if user.Name == "" && len(ask.Credentials) > 0 {
		user.Name = ask.Credentials[0].Username
	}
	realm := user.Realm
	if realm == "" {
		realm = metrics.Unknown
	}
	if o == denied && !ask.Client.IsValid() {
		s.metrics.ThrottleBlind()
		s.blind.Do(func() {
			s.Log.Warn().Msg("a failed login is counted against nobody, as no trusted proxy told the client's address: see server.trusted_proxies and server.client_ip_header. This is said once")
		})
	}
	s.metrics.Request(o.result, realm, took)
	s.line(level, c, o.result, user, took).Int("status", o.status).Err(err).Msg("not authenticated")
}

func (s *house) line(level zerolog.Level, c *fiber.Ctx, result string, u auth.User, took time.Duration) *zerolog.Event {
	e := s.Log.WithLevel(level)
	if !e.Enabled() {
		return e
	}
	e.Str("result", result).Str("client", s.Clients.text(c)).Dur("took_ms", took)
	for _, field := range [...]struct{ key, value string }{
		{"user", u.Name},
		{"realm", u.Realm},
		{"provider", u.Provider},
		{"policy", c.Params("policy")},
		{"request_id", s.Clients.requestID(c)},
	} {
		if field.value != "" {
			e.Str(field.key, field.value)
		}
	}
	return e
}
