package main

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/lines"
	"gatehouse/metrics"
)

// Of the log lines that wait for their reader.
const (
	maxLog    = 8 << 20 // bytes; more are lost
	maxDetail = 1 << 20 // of them, bytes that lines below info may find waiting
	// lastLines is how long the end of the process waits for the reader of its last lines.
	lastLines = time.Second
	logPause  = time.Second
)

// newLog writes lines as the section logging says. Nobody waits for whoever reads them: while that is slow lines
// below info are dropped, and the others are kept until there is room for no more. flush writes what waits. It
// is to be called once for m.
func newLog(c Logging, least *level, out io.Writer, m *metrics.Metrics) (log zerolog.Logger, flush func()) {
	q := lines.New(lines.Config{Out: out, Room: maxLog, Spare: maxDetail, Pause: logPause})
	m.Log(func() (dropped, lost uint64) { n := q.Counts(); return n.Dropped, n.Lost })
	flush = func() { q.Close(lastLines) }
	w := byLevel{matters: taker(q.Add), detail: taker(q.Offer)}
	if c.Format != "json" {
		return zerolog.New(w.console()).Hook(least, zerolog.HookFunc(stamp)), flush
	}
	release := c.Release
	if release == "" {
		release = version()
	}
	return zerolog.New(w).Hook(least, zerolog.HookFunc(stamp)).With().
		Str("service.name", c.Service).Str("service.version", release).Logger(), flush
}

// A level is the least one that is logged now: a reload may set another, and loggers that were handed out before
// keep to it too.
type level struct{ least atomic.Int32 }

// Set says anew what is logged.
func (l *level) Set(least zerolog.Level) { l.least.Store(int32(least)) }

// Run implements [zerolog.Hook].
func (l *level) Run(e *zerolog.Event, of zerolog.Level, _ string) {
	if of < zerolog.Level(l.least.Load()) {
		e.Discard()
	}
}

// severities are OpenTelemetry's names of levels. Its numbers are four apart, from 1 for trace.
var severities = map[zerolog.Level]string{
	zerolog.TraceLevel: "TRACE", zerolog.DebugLevel: "DEBUG", zerolog.InfoLevel: "INFO",
	zerolog.WarnLevel: "WARN", zerolog.ErrorLevel: "ERROR",
}

// stamp adds the time, and what OpenTelemetry and auth-o-tron call the level.
func stamp(e *zerolog.Event, level zerolog.Level, _ string) {
	var now [len("2006-01-02T15:04:05.000Z07:00")]byte
	e.Bytes(zerolog.TimestampFieldName, time.Now().AppendFormat(now[:0], "2006-01-02T15:04:05.000Z07:00"))
	e.Str("severityText", severities[level]).Int("severityNumber", 4*int(level-zerolog.TraceLevel)+1)
}

// byLevel parts lines from info on from those below. A line holds nothing that does not print, whatever a
// client, a proxy or a service sent.
type byLevel struct{ matters, detail io.Writer }

// Write takes a line of no level.
func (w byLevel) Write(line []byte) (int, error) { return w.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel takes a line of JSON.
func (w byLevel) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	if level < zerolog.InfoLevel {
		return w.detail.Write(line)
	}
	return w.matters.Write(line)
}

// console returns w for lines that people read.
func (w byLevel) console() byLevel {
	format := func(out io.Writer) io.Writer {
		return zerolog.ConsoleWriter{
			Out: out, TimeFormat: time.RFC3339, NoColor: true,
			FieldsExclude: []string{"severityText", "severityNumber", "event.name"},
		}
	}
	return byLevel{format(w.matters), format(w.detail)}
}

// A taker takes a line without a wait, and no error: what is lost is counted.
type taker func(line []byte) bool

// Write takes one line.
func (t taker) Write(line []byte) (int, error) {
	t(lines.Printable(line))
	return len(line), nil
}
