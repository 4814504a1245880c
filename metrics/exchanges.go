package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Unmatched is the route of a request for a page that there is not.
const Unmatched = "unmatched"

// The methods and statuses that are told apart. Both end in what stands for every other.
var (
	methods = [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, "other",
	}
	statuses = [...]int{200, 204, 302, 400, 401, 403, 404, 405, 413, 429, 500, 503, 0}
)

// exchanges count HTTP requests and their answers, in auth-o-tron's families.
type exchanges struct {
	total, seconds, inFlight *prometheus.Desc
	underway                 [len(methods)]atomic.Int64

	mu     sync.Mutex // guards routes
	routes []*Route
}

func newExchanges() *exchanges {
	return &exchanges{
		total: family("authotron_http_requests_total", "HTTP requests that were answered.", "route", "method", "status_code"),
		seconds: family("authotron_http_request_duration_seconds",
			"Time from a request's arrival until its answer is made.", "route", "method"),
		inFlight: family("authotron_http_requests_in_flight", "HTTP requests that are being answered.", "method"),
	}
}

// A Route counts the requests for one page.
type Route struct {
	of      *exchanges
	name    string
	methods [len(methods)]struct {
		timing
		statuses [len(statuses)]atomic.Uint64
	}
}

// Route returns the counts of a page. It is the same one whenever it is asked for by the same name.
func (e *exchanges) Route(name string) *Route {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.routes {
		if r.name == name {
			return r
		}
	}
	r := &Route{of: e, name: name}
	e.routes = append(e.routes, r)
	return r
}

// A Method is one of the few that are told apart.
type Method int

// Begin counts a request that comes in. [Route.End] must follow.
func (e *exchanges) Begin(method []byte) Method {
	m := len(methods) - 1
	for i, name := range methods[:m] {
		if string(method) == name {
			m = i
			break
		}
	}
	e.underway[m].Add(1)
	return Method(m)
}

// End counts the answer to a request.
func (r *Route) End(m Method, status int, took time.Duration) {
	i := slices.Index(statuses[:], status)
	if i < 0 {
		i = len(statuses) - 1
	}
	r.methods[m].statuses[i].Add(1)
	r.methods[m].observe(took)
	r.of.underway[m].Add(-1)
}

// Describe implements prometheus.Collector.
func (e *exchanges) Describe(to chan<- *prometheus.Desc) {
	to <- e.total
	to <- e.seconds
	to <- e.inFlight
}

// Collect implements prometheus.Collector.
func (e *exchanges) Collect(to chan<- prometheus.Metric) {
	e.mu.Lock()
	routes := slices.Clone(e.routes)
	e.mu.Unlock()
	for m, method := range methods {
		ever := e.underway[m].Load() > 0
		for _, r := range routes {
			histogram, n := r.methods[m].metric(e.seconds, r.name, method)
			if n > 0 {
				ever = true
				to <- histogram
				r.collect(e.total, m, to)
			}
		}
		if ever {
			to <- prometheus.MustNewConstMetric(e.inFlight, prometheus.GaugeValue, float64(e.underway[m].Load()), method)
		}
	}
}

// collect tells of the answers to one method.
func (r *Route) collect(total *prometheus.Desc, m int, to chan<- prometheus.Metric) {
	for i, status := range statuses {
		code := strconv.Itoa(status)
		if status == 0 {
			code = "other"
		}
		if n := r.methods[m].statuses[i].Load(); n > 0 {
			to <- prometheus.MustNewConstMetric(total, prometheus.CounterValue, float64(n), r.name, methods[m], code)
		}
	}
}
