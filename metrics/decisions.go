package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// decisions count what the gate decides.
type decisions struct {
	total, seconds *prometheus.Desc
	made           sync.Map      // of decision to *timing
	identified     atomic.Uint64 // of those with a user, the ones for whom somebody was asked
}

func newDecisions() *decisions {
	return &decisions{
		total:   family("auth_requests_total", "Decisions, by result and the user's realm.", "result", "realm"),
		seconds: family("auth_duration_seconds", "Time from a request's arrival to its decision.", "result", "realm"),
	}
}

// A decision is what decisions are told apart by. Realms are those of config.yaml, so they are few.
type decision struct{ result, realm string }

// Request counts one decision. realm is [Unknown] unless result is [Success] or a known user was forbidden.
func (d *decisions) Request(result, realm string, took time.Duration) {
	known, ok := d.made.Load(decision{result, realm})
	if !ok { // the library's own way to a label is slower, and this is on every request's
		known, _ = d.made.LoadOrStore(decision{result, realm}, new(timing))
	}
	known.(*timing).observe(took)
}

// Identified notes that somebody was asked for the user of a decision, before [Metrics.Request] counts it.
func (d *decisions) Identified() { d.identified.Add(1) }

// count is how many decisions had this result.
func (d *decisions) count(result string) (n uint64) {
	d.made.Range(func(key, value any) bool {
		if key.(decision).result == result {
			n += value.(*timing).count()
		}
		return true
	})
	return n
}

// Describe implements prometheus.Collector.
func (d *decisions) Describe(to chan<- *prometheus.Desc) {
	to <- d.total
	to <- d.seconds
}

// Collect implements prometheus.Collector.
func (d *decisions) Collect(to chan<- prometheus.Metric) {
	d.made.Range(func(key, value any) bool {
		k := key.(decision)
		histogram, n := value.(*timing).metric(d.seconds, k.result, k.realm)
		to <- histogram
		to <- prometheus.MustNewConstMetric(d.total, prometheus.CounterValue, float64(n), k.result, k.realm)
		return true
	})
}
