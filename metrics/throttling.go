package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// throttling shows what is counted of whom.
type throttling struct {
	blind     prometheus.Counter
	byAddress prometheus.Gauge
	entries   *prometheus.Desc
	sizes     atomic.Pointer[func() (addresses, pairs, known int)]
}

func newThrottling(f promauto.Factory) *throttling {
	return &throttling{
		blind: counter(f, "gatehouse_throttle_blind_total",
			"Refused requests that were not counted against anybody: no trusted proxy told the client's address."),
		byAddress: gauge(f, "gatehouse_throttle_by_address",
			"0 if failed logins are not counted, or clients may come by a port without a proxy that is trusted."),
		entries: family("gatehouse_throttle_entries",
			"What the throttle remembers: addresses and pairs of address and user with failed logins, pairs that are known.", "of"),
	}
}

// ThrottleBlind counts a refusal that could be counted against nobody.
func (t *throttling) ThrottleBlind() { t.blind.Inc() }

// ThrottleByAddress shows whether failed logins are counted by address for every client.
func (t *throttling) ThrottleByAddress(on bool) { t.byAddress.Set(truth(on)) }

// Throttle has sizes asked at each scrape for how much is remembered of whom, in place of whoever was before.
func (t *throttling) Throttle(sizes func() (addresses, pairs, known int)) { t.sizes.Store(&sizes) }

// Describe implements prometheus.Collector.
func (t *throttling) Describe(to chan<- *prometheus.Desc) { to <- t.entries }

// Collect implements prometheus.Collector.
func (t *throttling) Collect(to chan<- prometheus.Metric) {
	sizes := t.sizes.Load()
	if sizes == nil {
		return
	}
	addresses, pairs, known := (*sizes)()
	for of, n := range map[string]int{"addresses": addresses, "pairs": pairs, "known": known} {
		to <- prometheus.MustNewConstMetric(t.entries, prometheus.GaugeValue, float64(n), of)
	}
}
