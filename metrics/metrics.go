// Package metrics owns what is counted. It is a leaf that every room may import. Labels hold names from
// config.yaml and fixed words only, never a user, an address or anything else a client can choose.
package metrics

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Results of a request, as auth-o-tron names them, and three more that it does not have.
const (
	Success       = "success"
	NoAuthHeader  = "no_auth_header"
	InvalidHeader = "invalid_header"
	AllFailed     = "all_failed"
	Forbidden     = "forbidden"
	Throttled     = "throttled"
	NoDecision    = "no_decision"
)

// Unknown stands for the realm of a request that no source said yes to.
const Unknown = "unknown"

// Metrics counts. Its families bear auth-o-tron's names where that has one.
type Metrics struct {
	registry          *prometheus.Registry
	decisions         sync.Map // of decision to *decided
	requests          *prometheus.CounterVec
	requestSeconds    *prometheus.HistogramVec
	attempts          *prometheus.CounterVec
	attemptSeconds    *prometheus.HistogramVec
	fileReloads       *prometheus.CounterVec
	fileBad           *prometheus.GaugeVec
	fileUnusable      *prometheus.GaugeVec
	breakerOpen       *prometheus.GaugeVec
	spared            *prometheus.CounterVec
	rolesLeftOut      prometheus.Counter
	attributesDropped prometheus.Counter
	staleAnswers      *prometheus.CounterVec
	throttleBlind     prometheus.Counter
	throttleByAddress prometheus.Gauge
	panics            prometheus.Counter
	linesDropped      prometheus.Counter
}

// New returns metrics in a registry of their own, with Go's and the process's beside them.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("auth_requests_total", "Decisions, by result and the user's realm.", "result", "realm"),
		requestSeconds: seconds("auth_duration_seconds",
			"Time from a request's arrival to its decision.", "result", "realm"),
		attempts: counters("auth_provider_attempts_total",
			"Questions put to a provider: success, denied, not_mine, error or timeout.",
			"provider_name", "provider_type", "realm", "result"),
		attemptSeconds: seconds("auth_provider_duration_seconds",
			"Time that a provider took to answer.", "provider_name", "provider_type", "realm"),
		fileReloads: counters("gatehouse_file_reloads_total",
			"New versions of a watched file: loaded or refused.", "provider_name", "result"),
		fileBad: gauges("gatehouse_file_bad",
			"1 while the users of a watched file are those of an older version, or the file is gone.", "provider_name"),
		fileUnusable: gauges("gatehouse_file_unusable_lines",
			"Lines of a password file that nobody can log in with.", "provider_name"),
		breakerOpen: gauges("gatehouse_breaker_open",
			"1 while a remote service is left alone because it does not answer.", "provider_name"),
		spared: counters("gatehouse_spared_total",
			"Questions not put to a remote service: open (it does not answer), paused (it said to ask later), full or waited (max_concurrent).",
			"provider_name", "reason"),
		rolesLeftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_roles_left_out_total", Help: "Roles left out of X-Auth-Roles because they hold a comma.",
		}),
		attributesDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_attributes_dropped_total", Help: "Tokens issued without attributes to stay under server.max_header_bytes.",
		}),
		staleAnswers: counters("gatehouse_stale_answers_total",
			"Users let in past the time of their provider's answer because it could not give another.", "provider_name"),
		throttleBlind: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_throttle_blind_total",
			Help: "Refused requests that were not counted against anybody: no trusted proxy told the client's address.",
		}),
		throttleByAddress: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_throttle_by_address", Help: "0 if failed logins are not counted, or clients may come by a port without a proxy that is trusted.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_panics_total", Help: "Panics that were contained to one request.",
		}),
	}
	m.linesDropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gatehouse_log_lines_dropped_total", Help: "Log lines that were dropped because their reader is too slow.",
	})
	build := gauges("gatehouse_build_info", "The version that runs.", "version")
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.requests, m.requestSeconds, m.attempts, m.attemptSeconds, m.fileReloads, m.fileBad,
		m.fileUnusable, m.breakerOpen, m.spared, m.rolesLeftOut, m.attributesDropped,
		m.staleAnswers, m.throttleBlind, m.throttleByAddress, m.panics, m.linesDropped, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func seconds(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help,
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, labels)
}

// Request counts one decision. realm is [Unknown] unless result is [Success] or a known user was forbidden.
func (m *Metrics) Request(result, realm string, took time.Duration) {
	known, ok := m.decisions.Load(decision{result, realm})
	if !ok { // the library's own way to a label is slower, and this is on every request's
		known, _ = m.decisions.LoadOrStore(decision{result, realm}, &decided{
			m.requests.WithLabelValues(result, realm), m.requestSeconds.WithLabelValues(result, realm),
		})
	}
	d := known.(*decided)
	d.count.Inc()
	d.seconds.Observe(took.Seconds())
}

// A decision is what decisions are told apart by. Realms are those of config.yaml, so they are few.
type decision struct{ result, realm string }

type decided struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

// Attempt counts one question put to a provider.
func (m *Metrics) Attempt(name, kind, realm, result string, took time.Duration) {
	m.attempts.WithLabelValues(name, kind, realm, result).Inc()
	m.attemptSeconds.WithLabelValues(name, kind, realm).Observe(took.Seconds())
}

// FileLoaded notes that the newest version of a provider's file is in force, less its unusable lines.
func (m *Metrics) FileLoaded(provider string, unusable int) {
	m.fileReloads.WithLabelValues(provider, "loaded").Inc()
	m.fileBad.WithLabelValues(provider).Set(0)
	m.fileUnusable.WithLabelValues(provider).Set(float64(unusable))
}

// FileRefused notes that a provider's file is gone or bad.
func (m *Metrics) FileRefused(provider string) {
	m.fileReloads.WithLabelValues(provider, "refused").Inc()
	m.fileBad.WithLabelValues(provider).Set(1)
}

// BreakerOpen notes whether a provider's service is left alone because it does not answer.
func (m *Metrics) BreakerOpen(provider string, open bool) {
	value := 0.0
	if open {
		value = 1
	}
	m.breakerOpen.WithLabelValues(provider).Set(value)
}

// Spared counts a question that was not put to a provider's service: open, paused, full or waited.
func (m *Metrics) Spared(provider, reason string) { m.spared.WithLabelValues(provider, reason).Inc() }

// RoleLeftOut counts a role that X-Auth-Roles cannot carry.
func (m *Metrics) RoleLeftOut() { m.rolesLeftOut.Inc() }

// AttributesDropped counts a token that had to go without attributes.
func (m *Metrics) AttributesDropped() { m.attributesDropped.Inc() }

// LinesDropped counts log lines that nobody will read.
func (m *Metrics) LinesDropped(n int) { m.linesDropped.Add(float64(n)) }

// StaleAnswer counts a user who is let in on an answer past its time.
func (m *Metrics) StaleAnswer(provider string) { m.staleAnswers.WithLabelValues(provider).Inc() }

// ThrottleBlind counts a refusal that could be counted against nobody.
func (m *Metrics) ThrottleBlind() { m.throttleBlind.Inc() }

// ThrottleByAddress notes whether failed logins are counted by address for every client.
func (m *Metrics) ThrottleByAddress(on bool) {
	m.throttleByAddress.Set(0)
	if on {
		m.throttleByAddress.Set(1)
	}
}

// Throttle shows how much is remembered of whom. It is to be called once.
func (m *Metrics) Throttle(sizes func() (addresses, pairs, known int)) {
	for name, size := range map[string]func() int{
		"addresses": func() int { n, _, _ := sizes(); return n },
		"pairs":     func() int { _, n, _ := sizes(); return n },
		"known":     func() int { _, _, n := sizes(); return n },
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gatehouse_throttle_entries", Help: "What the throttle remembers: addresses and pairs of address and user with failed logins, pairs that are known.",
			ConstLabels: prometheus.Labels{"of": name},
		}, func() float64 { return float64(size()) }))
	}
}

// Panic counts a contained panic.
func (m *Metrics) Panic() { m.panics.Inc() }

// Handler serves the registry in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
