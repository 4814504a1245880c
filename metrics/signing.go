package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// signing shows the keys that gatehouse signs with.
type signing struct {
	began, next, bad prometheus.Gauge
}

func newSigning(f promauto.Factory) signing {
	return signing{
		began: gauge(f, "gatehouse_signing_key_since_timestamp_seconds",
			"When the key of jwt.keys_dir that signs began to, in Unix time; 0 where keys have no times."),
		next: gauge(f, "gatehouse_signing_key_until_timestamp_seconds",
			"When the next key of jwt.keys_dir begins to sign, in Unix time; 0 while there is none."),
		bad: gauge(f, "gatehouse_key_rotation_bad", "1 while the next key of jwt.keys_dir is due, and cannot be made."),
	}
}

// SigningKey notes since when the key in force signs, and until when; zero where that is not known.
func (s *signing) SigningKey(began, next time.Time) {
	s.began.Set(unix(began))
	s.next.Set(unix(next))
}

// KeyRotationBad notes whether the next key cannot be made.
func (s *signing) KeyRotationBad(bad bool) { s.bad.Set(truth(bad)) }

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
