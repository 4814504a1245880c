package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

func counter(f promauto.Factory, name, help string) prometheus.Counter {
	return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(f promauto.Factory, name, help string, labels ...string) *prometheus.CounterVec {
	return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauge(f promauto.Factory, name, help string) prometheus.Gauge {
	return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func gauges(f promauto.Factory, name, help string, labels ...string) *prometheus.GaugeVec {
	return f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func seconds(f promauto.Factory, name, help string, labels ...string) *prometheus.HistogramVec {
	return f.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: inSeconds(bounds[:])}, labels)
}

func family(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// truth is how a gauge tells yes or no.
func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// bounds are the upper ends of the buckets of every histogram of durations.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

func inSeconds(durations []time.Duration) []float64 {
	list := make([]float64, len(durations))
	for i, d := range durations {
		list[i] = d.Seconds()
	}
	return list
}

// A timing is a histogram over bounds for what every request goes through: it costs two atomic additions, the
// library's and its counter cost six.
type timing struct {
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
}

func (t *timing) observe(d time.Duration) {
	i := len(bounds)
	if d <= bounds[len(bounds)-1] {
		for i = 0; d > bounds[i]; i++ {
		}
	}
	t.buckets[i].Add(1)
	t.nanos.Add(int64(d))
}

// count is how many were observed.
func (t *timing) count() (n uint64) {
	for i := range t.buckets {
		n += t.buckets[i].Load()
	}
	return n
}

// metric is the timing as a histogram with these labels, and how many were observed.
func (t *timing) metric(d *prometheus.Desc, labels ...string) (prometheus.Metric, uint64) {
	below, n := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, b := range bounds {
		n += t.buckets[i].Load()
		below[b.Seconds()] = n
	}
	n += t.buckets[len(bounds)].Load()
	return prometheus.MustNewConstHistogram(d, n, time.Duration(t.nanos.Load()).Seconds(), below, labels...), n
}
