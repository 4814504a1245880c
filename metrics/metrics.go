// Package metrics owns what is counted. It is a leaf that every room may import. Labels hold names from
// config.yaml and fixed words only, never a user, an address or anything else a client can choose.
// docs/metrics.md tells of every family.
package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts. Its families bear auth-o-tron's names where that has one. It is safe for concurrent use, and
// lives as long as the process: what a reload brings counts on in the same one.
type Metrics struct {
	registry *prometheus.Registry
	*decisions
	*exchanges
	*throttling
	*remembering
	*hashing
	*answers
	providers
	configured
	signing
	panics prometheus.Counter
}

// New returns metrics in a registry of their own, with Go's and the process's beside them.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	f := promauto.With(registry)
	decided := newDecisions()
	m := &Metrics{
		registry:    registry,
		decisions:   decided,
		exchanges:   newExchanges(),
		throttling:  newThrottling(f),
		remembering: newRemembering(decided),
		hashing:     newHashing(f),
		providers:   newProviders(f),
		answers:     newAnswers(f),
		configured:  newConfigured(f),
		signing:     newSigning(f),
		panics:      counter(f, "gatehouse_panics_total", "Panics that were contained to one request."),
	}
	gauges(f, "gatehouse_build_info", "What runs.", "version", "goversion").WithLabelValues(version, runtime.Version()).Set(1)
	gauges(f, "authotron_build_info", "The version of gatehouse, where auth-o-tron has its own.", "version").WithLabelValues(version).Set(1)
	registry.MustRegister(m.decisions, m.exchanges, m.throttling, m.remembering, m.hashing,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Panic counts a contained panic.
func (m *Metrics) Panic() { m.panics.Inc() }

// Handler serves the registry in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
