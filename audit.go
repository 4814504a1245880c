package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/audit"
	"gatehouse/conf"
	"gatehouse/metrics"
)

// Audit is the section audit.
type Audit struct {
	File string `yaml:"file" path:"true" doc:"Where every failed login, every first one that succeeds, and each start and stop is recorded, as JSON lines. Without it nowhere."`
}

// Check reports what is wrong with the section.
func (a Audit) Check(r conf.Report) {
	if info, err := os.Stat(a.File); err == nil && info.IsDir() {
		r.Fault("file", "is a folder")
	}
}

// Inspect warns where serve would not start as the folders are now.
func (a Audit) Inspect(r conf.Report) {
	if _, err := os.Stat(filepath.Dir(a.File)); a.File != "" && err != nil {
		r.Warn("file", "its folder is not there: %v", err)
	}
}

// lastRecords is how long the end of the process waits for the disk.
const lastRecords = 5 * time.Second

// openAudit opens the record, nil if none is wanted, and opens it anew with each SIGUSR1, until closeAudit.
func openAudit(c Audit, log zerolog.Logger, m *metrics.Metrics) (a *audit.Log, closeAudit func(), err error) {
	if c.File == "" {
		return nil, func() {}, nil
	}
	a, err = audit.Open(audit.Config{File: c.File, Now: time.Now, Trouble: func(err error, lost uint64) {
		if err != nil {
			log.Error().Err(err).Msg("audit.file cannot be written: its lines wait in memory. This is said once")
			return
		}
		log.Warn().Uint64("lost_lines", lost).Msg("audit.file is written again")
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("audit.file: %w", err)
	}
	m.Audit(a.Lost, a.Bad)
	rotate, end := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(rotate, syscall.SIGUSR1)
	go func() {
		for {
			select {
			case <-rotate:
				a.Reopen()
				log.Info().Str("file", c.File).Msg("SIGUSR1: audit.file is opened anew")
			case <-end:
				return
			}
		}
	}()
	return a, func() {
		signal.Stop(rotate)
		close(end)
		if left := a.Close(lastRecords); left > 0 {
			log.Error().Int("bytes", left).Msg("the last lines of audit.file could not be written")
		}
	}, nil
}

// reasonOf is what the record says of an end that nobody asked for.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
