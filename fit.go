package main

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/gate"
	"gatehouse/metrics"
	"gatehouse/server"
)

// unsaidFor is how long the same warning of fits is not written again.
const unsaidFor = time.Minute

// fits warns of users whose header block comes near server.max_header_bytes or is larger. A directory that has grown
// brings all of them at once: of each kind of warning there is one a minute, with the number of those that were not
// written.
type fits struct {
	log  zerolog.Logger
	mu   sync.Mutex       // guards said
	said map[string]*said // by the warning's text
}

type said struct {
	until  time.Time
	unsaid int
}

func newFits(log zerolog.Logger) *fits { return &fits{log: log, said: map[string]*said{}} }

// note tells whose header block it is and how large. What is in it is the user's.
func (f *fits) note(fit gate.Fit) {
	size, limit := fit.Size+server.HeaderOverhead, fit.Limit+server.HeaderOverhead
	message := ""
	switch {
	case fit.Refused:
		message = "a user is refused: without attributes, too, their headers are larger than server.max_header_bytes"
	case fit.Dropped:
		message = "a token is without its user's attributes: with them the headers are larger than server.max_header_bytes"
	case metrics.NearLimit(size, limit):
		message = "a user's headers nearly fill server.max_header_bytes"
	default:
		return
	}
	unsaid, due := f.due(message, time.Now())
	if !due {
		return
	}
	f.log.Warn().Str("user", fit.User.Name).Str("realm", fit.User.Realm).Str("provider", fit.User.Provider).
		Int("header_bytes", size).Int("header_limit", limit).Int("unsaid", unsaid).Msg(message)
}

// due reports whether a warning is to be written, and how many of its kind were not since the last one.
func (f *fits) due(message string, now time.Time) (unsaid int, due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.said[message]
	if s == nil {
		s = new(said)
		f.said[message] = s
	}
	if now.Before(s.until) {
		s.unsaid++
		return 0, false
	}
	unsaid, s.unsaid, s.until = s.unsaid, 0, now.Add(unsaidFor)
	return unsaid, true
}
