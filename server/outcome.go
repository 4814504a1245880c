package server

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

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
	reason string // for the log; of a [gate.Forbidden] its own
	body   string
}

// The outcomes that are not a user. The bodies are constant: nothing of a request comes back.
var (
	unauthorized = `{"error": "Unauthorized access"}`
	noneGiven    = outcome{fiber.StatusUnauthorized, metrics.NoAuthHeader, "no credential presented", unauthorized}
	malformed    = outcome{fiber.StatusUnauthorized, metrics.InvalidHeader, "malformed credential", unauthorized}
	denied       = outcome{fiber.StatusUnauthorized, metrics.AllFailed, "credential denied", unauthorized}
	forbidden    = outcome{fiber.StatusForbidden, metrics.Forbidden, "", `{"error": "Forbidden"}`}
	throttled    = outcome{fiber.StatusForbidden, metrics.Throttled, tooMany, `{"error": "Too many failed logins"}`}
	undecided    = outcome{fiber.StatusServiceUnavailable, metrics.NoDecision, "no decision", `{"error": "No decision could be made"}`}
)

const tooMany = "too many failed logins"

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
		c.Set(headerReason, tooMany)
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
