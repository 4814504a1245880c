package metrics

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

// touched returns metrics in which every family has a sample.
func touched() *Metrics {
	m := New("1.2.3")
	for _, result := range []string{Success, NoAuthHeader, InvalidHeader, AllFailed, Forbidden, Throttled, NoDecision} {
		m.Request(result, Unknown, time.Millisecond)
	}
	m.Identified()
	m.HeaderLimit(4000)
	m.HeaderBytes(800)
	m.Route("/authenticate").End(m.Begin([]byte("GET")), 200, time.Millisecond)
	m.Attempt("p", "Basic", "r", Success, time.Millisecond)
	m.Augmented("a", "plain", "r", Success, time.Millisecond)
	m.ProviderUp("p", true)
	m.BreakerOpen("p", false)
	m.FileLoaded("p", 0)
	m.FileRefused("p")
	m.KeysLooked("p", true)
	m.KeysLooked("p", false)
	m.Spared("p", "open")
	m.StaleAnswer("p")
	m.Throttle(func() (int, int, int) { return 1, 2, 3 })
	m.Log(func() (uint64, uint64) { return 1, 2 })
	m.Audit(func() uint64 { return 3 }, func() bool { return true })
	m.Cache(func() Remembered { return Remembered{Refused: 4, Missed: 5, Identities: 6, Refusals: 7, Bytes: 8} })
	m.Hashing(func() Hashes { return Hashes{Slots: 1, Busy: 2, Waiting: 3, Full: 4, Late: 5, Gone: 6} })
	return m
}

// families are those of m by their names.
func families(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range list {
		byName[f.GetName()] = f
	}
	return byName
}

// labels are the names that the samples of a family have.
func labels(f *dto.MetricFamily) string {
	var names []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, l.GetName())
	}
	return strings.Join(names, " ")
}

// These are auth-o-tron's, whose dashboards and alerts must go on working: names, types, labels in their order.
func TestFamiliesOfAuthOTronKeepTheirNames(t *testing.T) {
	got := families(t, touched())
	for name, want := range map[string]string{
		"auth_requests_total":                     "COUNTER realm result",
		"auth_duration_seconds":                   "HISTOGRAM realm result",
		"auth_provider_attempts_total":            "COUNTER provider_name provider_type realm result",
		"auth_provider_duration_seconds":          "HISTOGRAM provider_name provider_type realm",
		"augmenter_attempts_total":                "COUNTER augmenter_name augmenter_type realm result",
		"augmenter_duration_seconds":              "HISTOGRAM augmenter_type realm",
		"authotron_build_info":                    "GAUGE version",
		"authotron_http_requests_total":           "COUNTER method route status_code",
		"authotron_http_request_duration_seconds": "HISTOGRAM method route",
		"authotron_http_requests_in_flight":       "GAUGE method",
		"process_cpu_seconds_total":               "COUNTER ",
		"process_resident_memory_bytes":           "GAUGE ",
	} {
		f := got[name]
		if f == nil {
			t.Errorf("there is no %s", name)
		} else if have := f.GetType().String() + " " + labels(f); have != want {
			t.Errorf("%s is %s, want %s", name, have, want)
		}
	}
	for value, want := range map[string]string{
		Success: "success", NoAuthHeader: "no_auth_header", InvalidHeader: "invalid_header", AllFailed: "all_failed",
		Unknown: "unknown", Unmatched: "unmatched",
	} {
		if value != want {
			t.Errorf("a label's value is %q, want %q", value, want)
		}
	}
}

// Every histogram of durations has the same buckets, ours and the library's.
func TestDurationsShareTheirBuckets(t *testing.T) {
	want := []float64{.0001, .0005, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10}
	for name, f := range families(t, touched()) {
		if f.GetType() != dto.MetricType_HISTOGRAM || !strings.HasSuffix(name, "_seconds") || strings.HasPrefix(name, "go_") {
			continue
		}
		var got []float64
		for _, b := range f.GetMetric()[0].GetHistogram().GetBucket() {
			got = append(got, b.GetUpperBound())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the buckets %v, want %v", name, got, want)
		}
	}
}

func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	var list []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(families(t, touched()))) {
		list = append(list, families(t, touched())[name])
	}
	problems, err := promlint.NewWithMetricFamilies(list).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// row is a line of a table of docs/metrics.md: a family, its type and its labels.
var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|")

func TestEveryFamilyIsDocumentedAsItIs(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, r := range row.FindAllStringSubmatch(string(page), -1) {
		var names []string
		for _, label := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(withoutValues(r[3]), -1) {
			names = append(names, label[1])
		}
		slices.Sort(names)
		documented[r[1]] = strings.ToUpper(r[2]) + " " + strings.Join(names, " ")
	}
	there := map[string]string{}
	for name, f := range families(t, touched()) {
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			there[name] = f.GetType().String() + " " + labels(f)
		}
	}
	if len(there) < 30 {
		t.Fatalf("only %d families", len(there))
	}
	for name, is := range there {
		if documented[name] != is {
			t.Errorf("docs/metrics.md has %s as %q, and it is %q", name, documented[name], is)
		}
	}
	for name := range documented {
		if there[name] == "" {
			t.Errorf("docs/metrics.md tells of %s, which there is not", name)
		}
	}
}

// withoutValues takes away the values that a row names in parentheses behind a label.
func withoutValues(labels string) string {
	return regexp.MustCompile(` \([^)]*\)`).ReplaceAllString(labels, "")
}

func TestOneWhoIsGoneHasNoGauges(t *testing.T) {
	m := touched()
	m.ProviderUp("q", false)
	m.RemoveProvider("p")
	all := families(t, m)
	for _, name := range []string{"gatehouse_provider_up", "gatehouse_breaker_open", "gatehouse_file_bad", "gatehouse_file_unusable_lines"} {
		for _, s := range all[name].GetMetric() {
			if s.GetLabel()[0].GetValue() == "p" {
				t.Errorf("%s still tells of p", name)
			}
		}
	}
	if n := len(all["gatehouse_provider_up"].GetMetric()); n != 1 {
		t.Errorf("%d providers are up or down, want q", n)
	}
	if all["auth_provider_attempts_total"] == nil {
		t.Error("what p counted is gone")
	}
}
