package monitoring_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An expression is one of PromQL, with where it stands.
type expression struct {
	where, text string
	legends     []string // labels that are shown of its result
}

func recordName(e expression) string {
	return "dashboard:" + regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(e.where), "_")
}

// A use is a metric as an expression names it.
type use struct {
	metric string
	labels []matcher
}

type matcher struct{ label, value string }

var (
	groupings   = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	selectors   = regexp.MustCompile(`([a-z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\})`)
	matchers    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	ranges      = regexp.MustCompile(`\[[^]]*\]`)
	identifiers = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	words       = []string{"sum", "min", "max", "count", "rate", "increase", "histogram_quantile", "absent", "and", "or"}
)

// uses returns the metrics of e, and the labels that it groups by.
func (e expression) uses() (all []use, grouped []string) {
	text := groupings.ReplaceAllStringFunc(e.text, func(group string) string {
		for _, label := range strings.Split(groupings.FindStringSubmatch(group)[2], ",") {
			grouped = append(grouped, strings.TrimSpace(label))
		}
		return ""
	})
	text = selectors.ReplaceAllStringFunc(text, func(selector string) string {
		parts := selectors.FindStringSubmatch(selector)
		u := use{metric: parts[1]}
		for _, m := range matchers.FindAllStringSubmatch(parts[2], -1) {
			u.labels = append(u.labels, matcher{m[1], m[2]})
		}
		all = append(all, u)
		return ""
	})
	for _, word := range identifiers.FindAllString(ranges.ReplaceAllString(text, ""), -1) {
		if !slices.Contains(words, word) {
			all = append(all, use{metric: word})
		}
	}
	return all, grouped
}

// series are the label names of every family, and of what histograms are made of.
func series(text string) map[string][]string {
	of := map[string][]string{"up": {"job", "instance"}}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, labels, _ := strings.Cut(name, "{")
		if name == "#" || rest == "" && labels == "" {
			continue
		}
		of[name] = []string{"job", "instance"}
		for _, m := range matchers.FindAllStringSubmatch(strings.TrimPrefix(strings.TrimSpace(line), name), -1) {
			of[name] = append(of[name], m[1])
		}
	}
	return of
}

// check reports what e names that there is not.
func (e expression) check(known map[string][]string, documented map[string]string) (faults []string) {
	uses, grouped := e.uses()
	if len(uses) == 0 {
		faults = append(faults, "names no metric")
	}
	var labels []string
	for _, u := range uses {
		there, ok := known[u.metric]
		if !ok {
			faults = append(faults, "there is no metric "+u.metric)
			continue
		}
		labels = append(labels, there...)
		for _, m := range u.labels {
			if !slices.Contains(there, m.label) {
				faults = append(faults, fmt.Sprintf("%s has no label %s", u.metric, m.label))
			}
			if m.label == "job" || strings.Contains(m.value, "$") {
				continue
			}
			for _, value := range strings.Split(m.value, "|") {
				if !strings.Contains(documented[family(u.metric)], "`"+value+"`") {
					faults = append(faults, fmt.Sprintf("docs/metrics.md knows no %s %q of %s", m.label, value, u.metric))
				}
			}
		}
	}
	for _, label := range slices.Concat(grouped, e.legends) {
		if !slices.Contains(labels, label) {
			faults = append(faults, "no metric of it has the label "+label)
		}
	}
	for _, label := range e.legends {
		if strings.Contains(e.text, "(") && strings.Contains(e.text, "by (") && !slices.Contains(grouped, label) {
			faults = append(faults, "it shows the label "+label+", which it does not keep")
		}
	}
	return faults
}

// family is the family that a series of a histogram belongs to.
func family(metric string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		metric = strings.TrimSuffix(metric, suffix)
	}
	return metric
}

// documented is what docs/metrics.md says of the labels of each family.
func documented(t *testing.T) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|[^|]*\\|([^|]*)\\|").FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		rows[row[1]] = row[2]
	}
	return rows
}

func TestEveryExpressionNamesWhatThereIs(t *testing.T) {
	known, rows := series(scrape(t)), documented(t)
	all := slices.Concat(ruleExpressions(t), dashboardExpressions(t))
	if len(all) < 40 {
		t.Fatalf("only %d expressions", len(all))
	}
	for _, e := range all {
		for _, fault := range e.check(known, rows) {
			t.Errorf("%s: %s: %s", e.where, e.text, fault)
		}
	}
}

// What a running gatehouse shows is what the page tells of, and the other way round.
func TestThePageTellsOfWhatARunningGatehouseShows(t *testing.T) {
	text, rows := scrape(t), documented(t)
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE ([a-z_]+) `).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "go_") && !strings.HasPrefix(m[1], "process_") {
			there[m[1]] = true
		}
	}
	for name := range there {
		if rows[name] == "" {
			t.Errorf("docs/metrics.md does not tell of %s", name)
		}
	}
	for name := range rows {
		if !there[name] {
			t.Errorf("docs/metrics.md tells of %s, which is not shown", name)
		}
	}
	for _, line := range []string{
		`gatehouse_cache_requests_total{result="hit"} 1`,
		`gatehouse_provider_up{provider_name="local"} 1`,
		`gatehouse_provider_up{provider_name="portal"} 0`,
		`gatehouse_stale_answers_total{provider_name="portal"} 1`,
		`gatehouse_throttle_by_address 1`,
		`gatehouse_header_limit_bytes 4000`,
		`gatehouse_hash_duration_seconds_count 1`,
		`gatehouse_hash_wait_seconds_count 1`,
		`augmenter_attempts_total{augmenter_name="staff",augmenter_type="plain",realm="local",result="success"} 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("it does not show %s", line)
		}
	}
}

// The check itself: each of these has a fault.
func TestAWrongExpressionIsSeen(t *testing.T) {
	known := map[string][]string{"a_total": {"job", "instance", "result"}, "h_bucket": {"job", "instance", "le"}}
	rows := map[string]string{"a_total": " `result` (`yes`) "}
	for _, good := range []string{`sum by (result) (rate(a_total{result="yes"}[5m])) > 0.5`, `histogram_quantile(0.9, sum by (le) (rate(h_bucket{job=~"$job"}[5m])))`} {
		if faults := (expression{text: good}).check(known, rows); faults != nil {
			t.Errorf("%s: %v", good, faults)
		}
	}
	for _, bad := range []expression{
		{text: `b_total > 0`},
		{text: `rate(b_total{result="yes"}[5m])`},
		{text: `a_total{reslut="yes"}`},
		{text: `a_total{result="no"}`},
		{text: `a_total{result=~"yes|no"}`},
		{text: `sum by (reason) (a_total)`},
		{text: `sum by (result) (a_total)`, legends: []string{"instance"}},
		{text: `vector(1)`},
		{text: `1`},
	} {
		if bad.check(known, rows) == nil {
			t.Errorf("%s %v is found good", bad.text, bad.legends)
		}
	}
}
