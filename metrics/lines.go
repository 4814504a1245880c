package metrics

import "github.com/prometheus/client_golang/prometheus"

// Log shows how many log lines nobody will read. It is to be called once.
func (m *Metrics) Log(counts func() (dropped, lost uint64)) {
	m.registry.MustRegister(
		total("gatehouse_log_lines_dropped_total", "Log lines below info that were dropped because their reader is slow.",
			func() uint64 { n, _ := counts(); return n }),
		total("gatehouse_log_lines_lost_total", "Log lines from info on that were lost: their reader is slow, and too many wait for it.",
			func() uint64 { _, n := counts(); return n }),
	)
}

// Audit shows whether the audit file can be written, and how many of its lines are lost. It is to be called
// once.
func (m *Metrics) Audit(lost func() uint64, bad func() bool) {
	m.registry.MustRegister(
		total("gatehouse_audit_lines_lost_total", "Lines of the audit file that were lost: it cannot be written, and too many wait for it.", lost),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gatehouse_audit_bad", Help: "1 while the audit file cannot be written.",
		}, func() float64 {
			if bad() {
				return 1
			}
			return 0
		}),
	)
}

func total(name, help string, value func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
}
