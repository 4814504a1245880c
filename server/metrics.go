package server

import (
	"io"
	"net/http"
	"time"

	"gatehouse/metrics"
)

// NewMetrics returns the server of /metrics and /health for a listener of its own, so that the port that
// clients reach never shows a metric.
func NewMetrics(m *metrics.Metrics) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") })
	return &http.Server{
		Handler: mux, ReadTimeout: readTimeout, WriteTimeout: 2 * writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: time.Second,
	}
}
