package metrics

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

// sample is the value of the one sample of a family that has this label value, "" where it has none.
func sample(t *testing.T, m *Metrics, name, label string) float64 {
	t.Helper()
	f := families(t, m)[name]
	for _, s := range f.GetMetric() {
		if (label == "") == (len(s.GetLabel()) == 0) && (label == "" || has(s, label)) {
			return s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	t.Errorf("%s has no sample with %q", name, label)
	return -1
}

func has(s *dto.Metric, value string) bool {
	for _, l := range s.GetLabel() {
		if l.GetValue() == value {
			return true
		}
	}
	return false
}

func TestATimingIsTheLibrarysHistogram(t *testing.T) {
	m := New("x")
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 2 * time.Second, time.Hour} {
		m.Request(Success, "r", d)
		m.Attempt("p", "Basic", "r", Success, d)
	}
	all := families(t, m)
	ours, theirs := all["auth_duration_seconds"].GetMetric()[0].GetHistogram(), all["auth_provider_duration_seconds"].GetMetric()[0].GetHistogram()
	for i, b := range theirs.GetBucket() {
		if got := ours.GetBucket()[i]; got.GetUpperBound() != b.GetUpperBound() || got.GetCumulativeCount() != b.GetCumulativeCount() {
			t.Errorf("bucket %d is %v, want %v", i, got, b)
		}
	}
	if ours.GetSampleCount() != theirs.GetSampleCount() || ours.GetSampleSum() != theirs.GetSampleSum() {
		t.Errorf("count and sum are %d, %v, want %d, %v", ours.GetSampleCount(), ours.GetSampleSum(), theirs.GetSampleCount(), theirs.GetSampleSum())
	}
	if n := sample(t, m, "auth_requests_total", Success); n != 5 {
		t.Errorf("%v requests, want 5", n)
	}
}

func TestWhatIsReadAtAScrape(t *testing.T) {
	m := New("x")
	for _, name := range []string{"gatehouse_cache_entries", "gatehouse_hash_slots", "gatehouse_throttle_entries"} {
		if families(t, m)[name] != nil {
			t.Errorf("%s is told before anybody can tell", name)
		}
	}
	m.Throttle(func() (int, int, int) { return 0, 0, 0 })
	m = touched()
	m.Throttle(func() (int, int, int) { return 11, 12, 13 }) // of another house
	for _, row := range []struct {
		family, label string
		want          float64
	}{
		{"gatehouse_throttle_entries", "addresses", 11},
		{"gatehouse_throttle_entries", "pairs", 12},
		{"gatehouse_throttle_entries", "known", 13},
		{"gatehouse_cache_requests_total", "hit", 0},
		{"gatehouse_cache_requests_total", "refused", 4},
		{"gatehouse_cache_requests_total", "miss", 5},
		{"gatehouse_cache_entries", "identities", 6},
		{"gatehouse_cache_entries", "refusals", 7},
		{"gatehouse_cache_bytes", "", 8},
		{"gatehouse_hash_slots", "", 1},
		{"gatehouse_hash_busy", "", 2},
		{"gatehouse_hash_waiting", "", 3},
		{"gatehouse_hash_refused_total", "full", 4},
		{"gatehouse_hash_refused_total", "late", 5},
		{"gatehouse_hash_refused_total", "gone", 6},
	} {
		if got := sample(t, m, row.family, row.label); got != row.want {
			t.Errorf("%s %s is %v, want %v", row.family, row.label, got, row.want)
		}
	}
}

func TestStatesAreShown(t *testing.T) {
	m := New("x")
	m.ConfigRefused()
	if sample(t, m, "gatehouse_config_bad", "") != 1 || sample(t, m, "gatehouse_config_reloads_total", "refused") != 1 {
		t.Error("a refused config is not shown")
	}
	m.ConfigLoaded(time.UnixMilli(1_700_000_000_250))
	if sample(t, m, "gatehouse_config_bad", "") != 0 || sample(t, m, "gatehouse_config_reloads_total", "loaded") != 1 {
		t.Error("a loaded config is not shown")
	}
	if at := sample(t, m, "gatehouse_config_loaded_timestamp_seconds", ""); at != 1_700_000_000.25 {
		t.Errorf("loaded at %f", at)
	}
	bad := true
	m.Audit(func() uint64 { return 3 }, func() bool { return bad })
	m.Log(func() (dropped, lost uint64) { return 4, 5 })
	m.ThrottleByAddress(true)
	m.HeaderBytes(99) // no limit is known yet
	m.HeaderLimit(1000)
	m.HeaderBytes(900)
	m.HeaderBytes(901)
	m.TooManyRoles()
	for name, want := range map[string]float64{
		"gatehouse_audit_bad": 1, "gatehouse_audit_lines_lost_total": 3, "gatehouse_log_lines_dropped_total": 4, "gatehouse_log_lines_lost_total": 5, "gatehouse_throttle_by_address": 1,
		"gatehouse_header_limit_bytes": 1000, "gatehouse_header_near_limit_total": 1, "gatehouse_header_bytes": 3, "gatehouse_too_many_roles_total": 1,
	} {
		if got := sample(t, m, name, ""); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	bad = false
	m.ThrottleByAddress(false)
	if sample(t, m, "gatehouse_audit_bad", "") != 0 || sample(t, m, "gatehouse_throttle_by_address", "") != 0 {
		t.Error("what is over is still shown")
	}
}

// Users let in by the memory are those for whom nobody was asked. Prometheus takes a count that falls for a
// restart, and would see as many anew.
func TestHitsNeverFall(t *testing.T) {
	m := New("x")
	m.Cache(func() Remembered { return Remembered{} })
	hits := func() float64 { return sample(t, m, "gatehouse_cache_requests_total", "hit") }
	m.Identified()
	m.Request(Success, "r", 0)
	m.Request(Success, "r", 0)
	m.Request(AllFailed, Unknown, 0)
	if got := hits(); got != 1 {
		t.Errorf("%v hits, want 1", got)
	}
	m.Identified() // its request is not counted yet
	if got := hits(); got != 1 {
		t.Errorf("%v hits, want 1", got)
	}
	m.Request(Success, "r", 0)
	m.Request(Success, "other", 0)
	if got := hits(); got != 2 {
		t.Errorf("%v hits, want 2", got)
	}
}

func TestRequestsInFlight(t *testing.T) {
	m := New("x")
	page := m.Route("/page")
	first, second, odd := m.Begin([]byte("GET")), m.Begin([]byte("GET")), m.Begin([]byte("BREW"))
	page.End(first, 200, time.Millisecond)
	m.Route("/page").End(odd, 418, time.Millisecond)
	if err := testutil.CollectAndCompare(m.exchanges, strings.NewReader(`
# HELP authotron_http_requests_in_flight HTTP requests that are being answered.
# TYPE authotron_http_requests_in_flight gauge
authotron_http_requests_in_flight{method="GET"} 1
authotron_http_requests_in_flight{method="other"} 0
# HELP authotron_http_requests_total HTTP requests that were answered.
# TYPE authotron_http_requests_total counter
authotron_http_requests_total{method="GET",route="/page",status_code="200"} 1
authotron_http_requests_total{method="other",route="/page",status_code="other"} 1
`), "authotron_http_requests_in_flight", "authotron_http_requests_total"); err != nil {
		t.Error(err)
	}
	page.End(second, 200, time.Millisecond)
	if n := sample(t, m, "authotron_http_requests_in_flight", "GET"); n != 0 {
		t.Errorf("%v in flight", n)
	}
}

// A scrape while requests come and go sees no wrong number, which in flight would be a huge one.
func TestAScrapeUnderLoad(t *testing.T) {
	m := touched()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			page := m.Route("/authenticate")
			for range 5000 {
				method := m.Begin([]byte("GET"))
				m.Identified()
				m.Request(Success, "r", time.Millisecond)
				page.End(method, 200, time.Millisecond)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if n := sample(t, m, "authotron_http_requests_in_flight", "GET"); n > 4 {
			t.Fatalf("%v in flight, want at most 4", n)
		}
		if n := sample(t, m, "gatehouse_cache_requests_total", "hit"); n != 0 {
			t.Fatalf("%v hits, want none", n)
		}
	}
	if n := sample(t, m, "auth_requests_total", "r"); n != 20_000 {
		t.Errorf("%v requests, want 20,000", n)
	}
}
