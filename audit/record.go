package audit

import (
	"bytes"
	"encoding/json"
	"time"

	"gatehouse/lines"
)

// A Login is what came of one login. What is empty is left out.
type Login struct {
	Result   string `json:"result,omitempty"`
	Reason   string `json:"reason,omitempty"` // never of the client's choice
	Client   string `json:"client,omitempty"` // the address, where somebody trusted told it
	Peer     string `json:"peer,omitempty"`   // where nobody did, the connection's other end
	Held     string `json:"held,omitempty"`   // of a throttled login: the client's "address", or "user" there
	User     string `json:"user,omitempty"`   // as it was tried, where nobody knows it
	Realm    string `json:"realm,omitempty"`
	Provider string `json:"provider,omitempty"`
	Policy   string `json:"policy,omitempty"`

	RequestID string       `json:"request_id,omitempty"`
	TraceID   string       `json:"trace_id,omitempty"`
	SpanID    string       `json:"span_id,omitempty"`
	Took      Milliseconds `json:"took_ms,omitempty"`
}

// Milliseconds is a time as the log writes it.
type Milliseconds time.Duration

// MarshalJSON writes it to a microsecond.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(m).Round(time.Microsecond)) / float64(time.Millisecond))
}

// A record is one line. What a client chooses stands behind what it does not: whoever reads the beginning of a
// line only, as fail2ban does, reads nothing of a client's.
type record struct {
	Time  string `json:"time"` // RFC 3339, UTC
	Event string `json:"event"`
	Login
	Version string `json:"version,omitempty"`
	Lines   uint64 `json:"lines,omitempty"`
}

func (l *Log) write(r record) {
	r.Time = l.now().UTC().Format("2006-01-02T15:04:05.000Z07:00")
	var line bytes.Buffer
	e := json.NewEncoder(&line) // ends it with a newline
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return // no record is of a type that cannot be encoded
	}
	l.queue.Add(lines.Printable(line.Bytes()))
}
