package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// written counts the lines that nobody will read.
type written struct {
	logLost   prometheus.Counter
	auditLost prometheus.Counter
	auditBad  prometheus.Gauge
}

func newWritten(f promauto.Factory) written {
	return written{
		logLost:   counter(f, "gatehouse_log_lines_dropped_total", "Log lines that were dropped because their reader is too slow."),
		auditLost: counter(f, "gatehouse_audit_lines_lost_total", "Lines of the audit log that could not be written."),
		auditBad:  gauge(f, "gatehouse_audit_bad", "1 while the audit log cannot be written."),
	}
}

// LinesDropped counts log lines that nobody will read.
func (w *written) LinesDropped(n int) { w.logLost.Add(float64(n)) }

// AuditLost counts lines of the audit log that could not be written.
func (w *written) AuditLost(n int) { w.auditLost.Add(float64(n)) }

// AuditBad notes whether the audit log cannot be written.
func (w *written) AuditBad(bad bool) { w.auditBad.Set(truth(bad)) }
