package main

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
)

const (
	// maxLines is how many log lines may wait for their reader; more push out the oldest.
	maxLines = 8192
	// lastLines is how long the end of the process waits for the reader of its last lines.
	lastLines = time.Second
)

// newLog writes lines as the section logging says. Nobody waits for whoever reads them: lines that find no
// room are counted by dropped. flush writes what still waits.
func newLog(c Logging, out io.Writer, dropped func(n int)) (log zerolog.Logger, flush func(), err error) {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		return zerolog.Nop(), nil, fmt.Errorf("logging.level: %w", err)
	}
	buffer := diode.NewWriter(out, maxLines, 0, dropped)
	flush = func() {
		done := make(chan struct{})
		go func() { _ = buffer.Close(); close(done) }()
		select {
		case <-done:
		case <-time.After(lastLines):
		}
	}
	if c.Format != "json" {
		lines := zerolog.ConsoleWriter{Out: buffer, TimeFormat: time.RFC3339, NoColor: true}
		return zerolog.New(lines).Level(level).With().Timestamp().Logger(), flush, nil
	}
	release := c.Release
	if release == "" {
		release = version()
	}
	return zerolog.New(buffer).Level(level).With().Timestamp().
		Str("service.name", c.Service).Str("service.version", release).Logger(), flush, nil
}
