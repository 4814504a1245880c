package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Hashes is what goes on where passwords are hashed.
type Hashes struct {
	Slots, Busy, Waiting int
	Full, Late, Gone     uint64 // not hashed: the queue was full, the turn would have come too late, or did
}

// hashing shows how busy the hashing pool is.
type hashing struct {
	slots, busy, waiting, refused *prometheus.Desc
	took, waited                  prometheus.Histogram
	read                          atomic.Pointer[func() Hashes]
}

func newHashing(f promauto.Factory) *hashing {
	in := inSeconds(bounds[:])
	return &hashing{
		slots:   family("gatehouse_hash_slots", "How many passwords can be hashed at once."),
		busy:    family("gatehouse_hash_busy", "Passwords that are being hashed."),
		waiting: family("gatehouse_hash_waiting", "Logins that wait for their password to be hashed."),
		refused: family("gatehouse_hash_refused_total",
			"Logins whose password was not hashed: full (too many wait), late (the turn would come too late) or gone (the time was over before the turn).", "reason"),
		took: f.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_hash_duration_seconds", Help: "Time that it took to hash a password.", Buckets: in,
		}),
		waited: f.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_hash_wait_seconds", Help: "Time that a login waited until its password was hashed.", Buckets: in,
		}),
	}
}

// Hashed notes how long a login waited until its password was hashed, and how long that took.
func (h *hashing) Hashed(waited, took time.Duration) {
	h.waited.Observe(waited.Seconds())
	h.took.Observe(took.Seconds())
}

// Hashing has read asked at each scrape, in place of whoever was before. Its counts must never fall.
func (h *hashing) Hashing(read func() Hashes) { h.read.Store(&read) }

// Describe implements prometheus.Collector.
func (h *hashing) Describe(to chan<- *prometheus.Desc) {
	to <- h.slots
	to <- h.busy
	to <- h.waiting
	to <- h.refused
}

// Collect implements prometheus.Collector.
func (h *hashing) Collect(to chan<- prometheus.Metric) {
	read := h.read.Load()
	if read == nil {
		return
	}
	now := (*read)()
	for d, n := range map[*prometheus.Desc]int{h.slots: now.Slots, h.busy: now.Busy, h.waiting: now.Waiting} {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	for reason, n := range map[string]uint64{"full": now.Full, "late": now.Late, "gone": now.Gone} {
		to <- prometheus.MustNewConstMetric(h.refused, prometheus.CounterValue, float64(n), reason)
	}
}
