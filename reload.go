package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/conf"
	"gatehouse/watch"
)

// A reloader puts the newest config.yaml in force, if it is good.
type reloader struct {
	process *process
	estate  *estate
	last    reading
	told    func() (done func(status string)) // that a reload begins, and how it ended
	wanted  chan struct{}                     // of one place: two wishes are one
}

// A reading is what was read of the configuration.
type reading struct {
	config *Config
	doc    *conf.Document
	files  []string      // config.yaml first, then those that it names
	stamps []watch.Stamp // of files, from before they were read
}

// read reads the configuration, which may be of these files.
func (p *process) read(files []string) (r reading) {
	r.files = files
	for range 3 { // until every file was looked at before it was read: more would be a configuration that does not stand still
		r.stamps = look(r.files)
		r.config, r.doc = load(p.config, p.environ)
		list := r.doc.Files()
		if r.doc.Failed() { // it may say less than there is
			for _, path := range r.files {
				if !slices.Contains(list, path) {
					list = append(list, path)
				}
			}
		}
		if slices.Equal(list, r.files) {
			break
		}
		r.files, r.stamps = list, look(list)
	}
	return r
}

func newReloader(p *process, e *estate, first reading) *reloader {
	return &reloader{
		process: p, estate: e, last: first, wanted: make(chan struct{}, 1),
		told: func() func(string) { return func(string) {} },
	}
}

// want has config.yaml read again, soon.
func (r *reloader) want() {
	select {
	case r.wanted <- struct{}{}:
	default:
	}
}

// run reloads as often as that is wanted, and whenever the files have changed, until ctx ends. What it opens lives
// as long as life does: requests are still answered when there are no more reloads.
func (r *reloader) run(ctx, life context.Context) {
	for ctx.Err() == nil {
		files, cancel := context.WithCancel(ctx)
		go newFollower(r.last.files, r.last.stamps, time.Now, r.want).follow(files, r.estate.log)
		if r.await(ctx) {
			r.reload(life)
		}
		cancel() // the files may be others now
	}
}

// await reports whether a reload is wanted, or ctx ends. Until then it changes keys at their times.
func (r *reloader) await(ctx context.Context) bool {
	for {
		select {
		case <-r.wanted:
			return true
		case <-ctx.Done():
			return false
		case <-r.estate.keysMayTurn():
			if err := r.estate.turnKeys(); err != nil {
				r.estate.log.Error().Err(err).Msg("the key that is due does not sign")
			}
		}
	}
}

// reload reads config.yaml and puts it in force, or says what is wrong with it and changes nothing. It contains
// panics.
func (r *reloader) reload(ctx context.Context) {
	e := r.estate
	done, status := r.told(), "answering; a new configuration was refused"
	defer func() { done(status) }()
	defer func() {
		if cause := recover(); cause != nil {
			e.metrics.Panic()
			e.log.Error().Bytes("stack", debug.Stack()).Msg("panic while reloading")
			r.refuse(errors.New("a fault of gatehouse's own"))
		}
	}()
	if info, err := os.Stat(r.process.config); err == nil && !info.Mode().IsRegular() { // a pipe's writer may never come
		r.refuse(fmt.Errorf("%s is no regular file", r.process.config))
		return
	}
	old, ways := e.config, e.ways
	r.last = r.process.read(r.last.files)
	c, doc := r.last.config, r.last.doc
	for _, f := range doc.Faults() {
		level := zerolog.ErrorLevel
		if f.Warning {
			level = zerolog.WarnLevel
		}
		e.log.WithLevel(level).Msg(f.String())
	}
	if doc.Failed() {
		r.refuse(fmt.Errorf("%s has faults, the first: %s", r.process.config, firstFault(doc)))
		e.takeKeys()
		return
	}
	if !e.refused.Load() && reflect.DeepEqual(c, old) {
		e.log.Info().Str("file", r.process.config).Bool("changed", false).Msg("configuration loaded")
		e.metrics.ConfigLoaded(time.Now())
		e.audit.Reload("loaded", "nothing has changed")
		status = "answering"
		return
	}
	if err := e.enter(ctx, c); err != nil {
		r.refuse(err)
		return
	}
	for _, key := range needRestart(old, c) {
		e.log.Warn().Str("key", key).Msg(key + " has changed: restart gatehouse to apply it")
	}
	e.log.Info().Str("file", r.process.config).Int("providers", len(e.ways)).Int("kept", e.ways.among(ways)).Msg("configuration loaded")
	e.audit.Reload("loaded", "")
	status = "answering"
}

// refuse says that the configuration stays as it is.
func (r *reloader) refuse(err error) {
	r.estate.refused.Store(true)
	r.estate.metrics.ConfigRefused()
	r.estate.log.Error().Err(err).Msg("configuration refused: the one in force stays")
	r.estate.audit.Reload("refused", err.Error())
}

// firstFault is the first fault of a failed doc that is more than a warning.
func firstFault(doc *conf.Document) string {
	for _, f := range doc.Faults() {
		if !f.Warning {
			return f.String()
		}
	}
	return ""
}

// needRestart names what differs between two configurations and is read at the start only.
func needRestart(old, c *Config) (keys []string) {
	for _, row := range []struct {
		key      string
		old, new any
	}{
		{"server.host", old.Server.Host, c.Server.Host},
		{"server.port", old.Server.Port, c.Server.Port},
		{"server.socket", old.Server.Socket, c.Server.Socket},
		{"server.socket_mode", old.Server.SocketMode, c.Server.SocketMode},
		{"server.socket_group", old.Server.SocketGroup, c.Server.SocketGroup},
		{"metrics", old.Metrics, c.Metrics},
		{"audit.file", old.Audit.File, c.Audit.File},
		{"logging.format", old.Logging.Format, c.Logging.Format},
		{"logging.service_name", old.Logging.Service, c.Logging.Service},
		{"logging.service_version", old.Logging.Release, c.Logging.Release},
		{"store", old.Store, c.Store},
	} {
		if !reflect.DeepEqual(row.old, row.new) {
			keys = append(keys, row.key)
		}
	}
	return keys
}
