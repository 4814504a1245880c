package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// providers count who is asked, and show how each of them is.
type providers struct {
	attempts         *prometheus.CounterVec
	attemptSeconds   *prometheus.HistogramVec
	augmented        *prometheus.CounterVec
	augmentedSeconds *prometheus.HistogramVec
	up               *prometheus.GaugeVec
	breakerOpen      *prometheus.GaugeVec
	fileBad          *prometheus.GaugeVec
	fileUnusable     *prometheus.GaugeVec
	fileReloads      *prometheus.CounterVec
	keysBad          *prometheus.GaugeVec
	keysLooks        *prometheus.CounterVec
	spared           *prometheus.CounterVec
	stale            *prometheus.CounterVec

	lease *lease // nil: of nobody in particular
}

// A lease is the time in which a provider may show how it is.
type lease struct {
	mu    sync.Mutex // guards ended
	ended bool
}

// Provider returns metrics for one provider that is opened, and what ends that: from then on it counts, and shows
// nothing. A provider of the same name may be there by then, or none.
func (m *Metrics) Provider() (of *Metrics, end func()) {
	own, l := *m, new(lease)
	own.lease = l
	return &own, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = true
	}
}

// show calls set, unless the provider is no more.
func (p *providers) show(set func()) {
	if p.lease != nil {
		p.lease.mu.Lock()
		defer p.lease.mu.Unlock()
		if p.lease.ended {
			return
		}
	}
	set()
}

func newProviders(f promauto.Factory) providers {
	return providers{
		attempts: counters(f, "auth_provider_attempts_total",
			"Questions put to a provider: success, denied, not_mine, error or timeout.",
			"provider_name", "provider_type", "realm", "result"),
		attemptSeconds: seconds(f, "auth_provider_duration_seconds",
			"Time that a provider took to answer.", "provider_name", "provider_type", "realm"),
		augmented: counters(f, "augmenter_attempts_total",
			"Users whom an augmenter was applied to: success, error or timeout.", "augmenter_name", "augmenter_type", "realm", "result"),
		augmentedSeconds: seconds(f, "augmenter_duration_seconds",
			"Time that an augmenter took.", "augmenter_type", "realm"),
		up: gauges(f, "gatehouse_provider_up",
			"0 while the latest question that was put to a provider brought no answer.", "provider_name"),
		breakerOpen: gauges(f, "gatehouse_breaker_open",
			"1 while a remote service is left alone because it does not answer.", "provider_name"),
		fileBad: gauges(f, "gatehouse_file_bad",
			"1 while the users of a watched file are those of an older version, or the file is gone.", "provider_name"),
		fileUnusable: gauges(f, "gatehouse_file_unusable_lines",
			"Lines of a password file that nobody can log in with.", "provider_name"),
		fileReloads: counters(f, "gatehouse_file_reloads_total",
			"New versions of a watched file: loaded or refused.", "provider_name", "result"),
		keysBad: gauges(f, "gatehouse_keys_bad",
			"1 while an identity provider's keys cannot be had; older ones stay in force.", "provider_name"),
		keysLooks: counters(f, "gatehouse_keys_looks_total",
			"Looks for newer keys of an identity provider: success or error.", "provider_name", "result"),
		spared: counters(f, "gatehouse_spared_total",
			"Questions not put to a remote service: open (it does not answer), paused (it said to ask later), full or waited (max_concurrent).",
			"provider_name", "reason"),
		stale: counters(f, "gatehouse_stale_answers_total",
			"Users let in past the time of their provider's answer because it could not give another.", "provider_name"),
	}
}

// Attempt counts one question put to a provider. kind is the scheme of its credentials, as in auth-o-tron.
func (p *providers) Attempt(name, kind, realm, result string, took time.Duration) {
	p.attempts.WithLabelValues(name, kind, realm, result).Inc()
	p.attemptSeconds.WithLabelValues(name, kind, realm).Observe(took.Seconds())
}

// Augmented counts a user whom an augmenter was applied to, with success or another result.
func (p *providers) Augmented(name, kind, realm, result string, took time.Duration) {
	p.augmented.WithLabelValues(name, kind, realm, result).Inc()
	p.augmentedSeconds.WithLabelValues(kind, realm).Observe(took.Seconds())
}

// ProviderUp notes whether a provider could answer the latest question.
func (p *providers) ProviderUp(name string, up bool) {
	p.show(func() { p.up.WithLabelValues(name).Set(truth(up)) })
}

// RemoveProvider takes away the gauges of a provider that is not configured any more: they would show its last
// state for ever. Its counters stay.
func (p *providers) RemoveProvider(name string) {
	for _, v := range [...]*prometheus.GaugeVec{p.up, p.breakerOpen, p.fileBad, p.fileUnusable, p.keysBad} {
		v.DeletePartialMatch(prometheus.Labels{"provider_name": name})
	}
}

// FileLoaded notes that the newest version of a provider's file is in force, less its unusable lines.
func (p *providers) FileLoaded(provider string, unusable int) {
	p.fileReloads.WithLabelValues(provider, "loaded").Inc()
	p.show(func() {
		p.fileBad.WithLabelValues(provider).Set(0)
		p.fileUnusable.WithLabelValues(provider).Set(float64(unusable))
	})
}

// FileRefused notes that a provider's file is gone or bad.
func (p *providers) FileRefused(provider string) {
	p.fileReloads.WithLabelValues(provider, "refused").Inc()
	p.show(func() { p.fileBad.WithLabelValues(provider).Set(1) })
}

// KeysLooked notes how a look for newer keys of a provider's tokens went.
func (p *providers) KeysLooked(provider string, good bool) {
	result := Success
	if !good {
		result = "error"
	}
	p.keysLooks.WithLabelValues(provider, result).Inc()
	p.show(func() { p.keysBad.WithLabelValues(provider).Set(truth(!good)) })
}

// BreakerOpen notes whether a provider's service is left alone because it does not answer.
func (p *providers) BreakerOpen(provider string, open bool) {
	p.show(func() { p.breakerOpen.WithLabelValues(provider).Set(truth(open)) })
}

// Spared counts a question that was not put to a provider's service: open, paused, full or waited.
func (p *providers) Spared(provider, reason string) { p.spared.WithLabelValues(provider, reason).Inc() }

// StaleAnswer counts a user who is let in on an answer past its time.
func (p *providers) StaleAnswer(provider string) { p.stale.WithLabelValues(provider).Inc() }
