package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// configured shows which config.yaml is in force.
type configured struct {
	reloads *prometheus.CounterVec
	bad     prometheus.Gauge
	loaded  prometheus.Gauge
}

func newConfigured(f promauto.Factory) configured {
	c := configured{
		reloads: counters(f, "gatehouse_config_reloads_total", "Versions of config.yaml: loaded or refused, the first too.", "result"),
		bad:     gauge(f, "gatehouse_config_bad", "1 while config.yaml has faults and an older version of it is in force."),
		loaded: gauge(f, "gatehouse_config_loaded_timestamp_seconds",
			"When the version of config.yaml that is in force was loaded, in Unix time."),
	}
	for _, result := range [...]string{"loaded", "refused"} {
		c.reloads.WithLabelValues(result) // there from the start, or the first increase would not be seen
	}
	return c
}

// ConfigLoaded notes that the newest config.yaml is in force since at.
func (c *configured) ConfigLoaded(at time.Time) {
	c.reloads.WithLabelValues("loaded").Inc()
	c.bad.Set(0)
	c.loaded.Set(float64(at.UnixMilli()) / 1000)
}

// ConfigRefused notes that config.yaml was read and not put in force.
func (c *configured) ConfigRefused() {
	c.reloads.WithLabelValues("refused").Inc()
	c.bad.Set(1)
}
