package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Remembered is what a memory holds, and what it was asked for without finding a user.
type Remembered struct {
	Refused, Missed      uint64 // look-ups that found a refusal, and nothing
	Identities, Refusals int    // held now, about
	Bytes                uint64 // weight of the identities, about
}

// remembering shows how much is remembered.
type remembering struct {
	requests, entries, bytes *prometheus.Desc
	read                     atomic.Pointer[func() Remembered]
	decisions                *decisions

	mu   sync.Mutex // guards hits
	hits uint64     // as last shown
}

func newRemembering(d *decisions) *remembering {
	return &remembering{
		decisions: d,
		requests: family("gatehouse_cache_requests_total",
			"What the memory knew: hit (a user who was let in by it), refused (a refusal) or miss.", "result"),
		entries: family("gatehouse_cache_entries", "What is remembered: identities and refusals.", "of"),
		bytes:   family("gatehouse_cache_bytes", "About what the remembered identities take in memory."),
	}
}

// Cache has read asked at each scrape, in place of whoever was before. Its counts must never fall.
func (r *remembering) Cache(read func() Remembered) { r.read.Store(&read) }

// found is how many users were let in without asking anybody: to count them would cost every request, and all
// others are counted. One who is let in at this moment may be found later, but the count never falls.
func (r *remembering) found() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	let := r.decisions.count(Success)
	r.hits = max(r.hits, let-min(let, r.decisions.identified.Load()))
	return r.hits
}

// Describe implements prometheus.Collector.
func (r *remembering) Describe(to chan<- *prometheus.Desc) {
	to <- r.requests
	to <- r.entries
	to <- r.bytes
}

// Collect implements prometheus.Collector.
func (r *remembering) Collect(to chan<- prometheus.Metric) {
	read := r.read.Load()
	if read == nil {
		return
	}
	now := (*read)()
	for result, n := range map[string]uint64{"hit": r.found(), "refused": now.Refused, "miss": now.Missed} {
		to <- prometheus.MustNewConstMetric(r.requests, prometheus.CounterValue, float64(n), result)
	}
	for of, n := range map[string]int{"identities": now.Identities, "refusals": now.Refusals} {
		to <- prometheus.MustNewConstMetric(r.entries, prometheus.GaugeValue, float64(n), of)
	}
	to <- prometheus.MustNewConstMetric(r.bytes, prometheus.GaugeValue, float64(now.Bytes))
}
