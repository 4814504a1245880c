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
	return &http.Server{
		Handler: monitored{m.Handler()}, ReadTimeout: readTimeout, WriteTimeout: 2 * writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: time.Second,
	}
}

// monitored answers on the port of metrics as the app does on its own: health has no type, and what is refused is
// empty. http.ServeMux would say it in words, and redirect.
type monitored struct{ metrics http.Handler }

// ServeHTTP knows two routes.
func (p monitored) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.EscapedPath(); {
	case path != "/metrics" && path != "/health":
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
	case path == "/metrics":
		p.metrics.ServeHTTP(w, r)
	default:
		w.Header()["Content-Type"] = nil // or net/http would add one
		_, _ = io.WriteString(w, "OK")
	}
}
