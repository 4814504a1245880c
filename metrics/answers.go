package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// answers tell what became of what is said of users.
type answers struct {
	headerBytes       prometheus.Histogram
	headerLimit       prometheus.Gauge
	headerNear        prometheus.Counter
	limit             atomic.Int64 // what headerLimit shows
	rolesLeftOut      prometheus.Counter
	attributesDropped prometheus.Counter
	tooManyRoles      prometheus.Counter
}

func newAnswers(f promauto.Factory) *answers {
	return &answers{
		headerBytes: f.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_header_bytes", Help: "Size of the header block of answers with a user that was not remembered.",
			Buckets: []float64{512, 1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768},
		}),
		headerLimit: gauge(f, "gatehouse_header_limit_bytes", "What server.max_header_bytes allows a header block."),
		headerNear: counter(f, "gatehouse_header_near_limit_total",
			"Answers with a user that was not remembered whose header block takes more than nine tenths of the limit."),
		rolesLeftOut: counter(f, "gatehouse_roles_left_out_total",
			"Roles left out of X-Auth-Roles because they hold a comma."),
		attributesDropped: counter(f, "gatehouse_attributes_dropped_total",
			"Tokens issued without attributes to stay under server.max_header_bytes."),
		tooManyRoles: counter(f, "gatehouse_too_many_roles_total",
			"Tokens not issued, and users refused, as they would exceed server.max_header_bytes even without attributes."),
	}
}

// HeaderBytes notes the size of an answer's header block.
func (a *answers) HeaderBytes(n int) {
	a.headerBytes.Observe(float64(n))
	if limit := a.limit.Load(); limit > 0 && NearLimit(n, int(limit)) {
		a.headerNear.Inc()
	}
}

// NearLimit reports whether a header block of n bytes takes more than nine tenths of a limit.
func NearLimit(n, limit int) bool { return n*10 > limit*9 }

// HeaderLimit shows how large a header block may be.
func (a *answers) HeaderLimit(n int) {
	a.limit.Store(int64(n))
	a.headerLimit.Set(float64(n))
}

// RoleLeftOut counts a role that X-Auth-Roles cannot carry.
func (a *answers) RoleLeftOut() { a.rolesLeftOut.Inc() }

// AttributesDropped counts a token that had to go without attributes.
func (a *answers) AttributesDropped() { a.attributesDropped.Inc() }

// TooManyRoles counts a user whose roles alone are too many for a token.
func (a *answers) TooManyRoles() { a.tooManyRoles.Inc() }
