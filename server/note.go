package server

import (
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/rs/zerolog"

	"gatehouse/audit"
	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/metrics"
)

// events are what auth-o-tron calls results in its log, and three more that it does not have.
var events = map[string]string{
	metrics.Success:       "auth.request.authenticated",
	metrics.NoAuthHeader:  "auth.header.missing",
	metrics.InvalidHeader: "auth.header.invalid",
	metrics.AllFailed:     "auth.provider.all_failed",
	metrics.Forbidden:     "auth.request.forbidden",
	metrics.Throttled:     "auth.request.throttled",
	metrics.NoDecision:    "auth.request.no_decision",
}

// A verdict is what is told of one decision.
type verdict struct {
	level   zerolog.Level
	message string
	result  string
	reason  string // in fixed words, or ""
	user    auth.User
	stale   bool
	status  int
	err     error
	held    string // of a throttled login: what of it is held
	audited bool   // whether the audit file is to have it
}

// note counts the decision and tells of it: in one line of the log, and in one of the audit file if it is a
// login that was not remembered, or one that failed.
func (s *house) note(c *fiber.Ctx, ask gate.Ask, d gate.Decision, err error, took time.Duration) {
	if err != nil {
		s.tell(c, ask, s.refused(ask, err, took), took)
		return
	}
	if !d.Remembered {
		s.metrics.Identified()
		s.metrics.HeaderBytes(HeaderOverhead + len(d.Authorization) + len(d.User.Name) + len(d.User.Realm) + len(d.Roles))
	}
	s.metrics.Request(metrics.Success, d.User.Realm, took)
	if d.Stale {
		s.metrics.StaleAnswer(d.User.Provider)
	}
	v := verdict{message: "authenticated", result: metrics.Success, user: d.User, stale: d.Stale, audited: !d.Remembered}
	switch {
	case d.Remembered: // every request of every user: counted, and told of only to who asks
		v.level = zerolog.DebugLevel
	case d.Stale:
		v.level = zerolog.WarnLevel
	default:
		v.level = zerolog.InfoLevel
	}
	s.tell(c, ask, v, took)
}

// refused counts a refusal, and returns what is told of it.
func (s *house) refused(ask gate.Ask, err error, took time.Duration) verdict {
	o := outcomeOf(err)
	v := verdict{level: zerolog.InfoLevel, message: "not authenticated", result: o.result, reason: o.reason, status: o.status, err: err}
	switch o.status {
	case fiber.StatusForbidden:
		v.level = zerolog.WarnLevel
	case fiber.StatusServiceUnavailable:
		v.level = zerolog.ErrorLevel
	}
	v.audited = o == denied || o == forbidden || o == throttled
	if errors.Is(err, gate.ErrDeniedElsewhere) {
		v.audited, v.reason = true, gate.ErrDeniedElsewhere.Error()
	}
	if f, ok := errors.AsType[*gate.Forbidden](err); ok {
		v.user, v.reason = f.User, f.Reason
	}
	if o == throttled {
		v.held = s.held(ask)
	}
	realm := v.user.Realm
	if realm == "" {
		realm = metrics.Unknown
	}
	s.metrics.Request(o.result, realm, took)
	if v.user.Name == "" && len(ask.Credentials) > 0 {
		v.user.Name = ask.Credentials[0].Username
	}
	if o == denied && !ask.Client.IsValid() {
		s.metrics.ThrottleBlind()
		s.blind.Do(func() {
			s.Log.Warn().Msg("a failed login is counted against nobody, as no trusted proxy told the client's address: see server.trusted_proxies and server.client_ip_header. This is said once")
		})
	}
	return v
}

// held is what of a throttled login is held: its address, or its user there. It is "" where that is over
// already, or cannot be told, as of a key.
func (s *house) held(ask gate.Ask) string {
	switch address, pair := s.Gate.Holds(ask, time.Now()); {
	case address > pair:
		return "address"
	case pair > 0:
		return "user"
	}
	return ""
}

// tell writes the lines. What is neither logged nor audited costs next to nothing here: it is most requests.
func (s *house) tell(c *fiber.Ctx, ask gate.Ask, v verdict, took time.Duration) {
	e := s.Log.WithLevel(v.level)
	if v.audited = v.audited && s.Audit != nil; !v.audited && !e.Enabled() {
		return
	}
	trace, span := ask.Trace.IDs()
	l := audit.Login{
		Result: v.result, Reason: v.reason, Held: v.held, User: brief(v.user.Name), Realm: v.user.Realm, Provider: v.user.Provider,
		Policy: brief(c.Params("policy")), RequestID: s.Clients.requestID(c), TraceID: trace, SpanID: span,
		Took: audit.Milliseconds(took),
	}
	if v.audited {
		if text := s.Clients.text(c); ask.Client.IsValid() {
			l.Client = text
		} else { // to ban it would be to ban a proxy
			l.Peer = text
		}
		s.Audit.Login(l)
	}
	s.log(e, v, l, s.Clients.text(c), took)
}

// log writes a verdict to the log.
func (s *house) log(e *zerolog.Event, v verdict, l audit.Login, client string, took time.Duration) {
	e.Str("result", l.Result).Str("client", client).Dur("took_ms", took)
	for _, field := range [...]struct{ key, value string }{
		{"reason", l.Reason},
		{"held", l.Held},
		{"user", l.User},
		{"realm", l.Realm},
		{"provider", l.Provider},
		{"policy", l.Policy},
		{"request_id", l.RequestID},
		{"trace_id", l.TraceID},
		{"span_id", l.SpanID},
	} {
		if field.value != "" {
			e.Str(field.key, field.value)
		}
	}
	e.Str("event.name", events[l.Result])
	if v.stale {
		e.Bool("stale", true)
	}
	if v.err != nil {
		e.Int("status", v.status).Err(v.err)
	}
	e.Msg(v.message)
}

// maxText is how much, in bytes, of a text that a client chose stands in a line.
const maxText = 256

// brief returns as much of a text as a line shows.
func brief(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
