package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/rs/zerolog"

	"gatehouse/metrics"
)

// A reader of log lines may stop.
type reader struct {
	mu   sync.Mutex // held while it reads nothing
	text bytes.Buffer
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// logTo logs as c says until the test has read it all.
func logTo(t *testing.T, c Logging, m *metrics.Metrics, r *reader, write func(zerolog.Logger)) []string {
	t.Helper()
	wanted, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		t.Fatal(err)
	}
	least := new(level)
	least.Set(wanted)
	log, flush := newLog(c, least, r, m)
	write(log)
	for range 60 { // it waits for a second at most, and not at all when all is written
		flush()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.TrimSuffix(r.text.String(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func TestWhatTheSectionLoggingSays(t *testing.T) {
	for says, row := range map[string]struct {
		config Logging
		want   []string // patterns of lines
	}{
		"JSON": {
			Logging{Level: "info", Format: "json", Service: "gatehouse"},
			[]string{`^\{"level":"info","service.name":"gatehouse","service.version":"` + version() + `","n":1,"time":"\S+","severityText":"INFO","severityNumber":9,"message":"told"\}$`},
		},
		"a name and a version": {
			Logging{Level: "info", Format: "json", Service: "authotron", Release: "7.7"},
			[]string{`"service.name":"authotron","service.version":"7.7"`},
		},
		"a lower level":  {Logging{Level: "debug", Format: "json"}, []string{`"n":1`, `"n":2`}},
		"the lowest one": {Logging{Level: "trace", Format: "json"}, []string{`"n":1`, `"n":2`, `"n":3`}},
		"a higher one":   {Logging{Level: "error", Format: "json"}, nil},
		"for people": {
			Logging{Level: "debug", Format: "console", Service: "gatehouse"},
			[]string{`^\d{4}-\d\d-\d\dT\S+ INF told n=1$`, `^\S+ DBG told n=2$`},
		},
	} {
		lines := logTo(t, row.config, metrics.New("test"), new(reader), func(log zerolog.Logger) {
			log.Info().Int("n", 1).Msg("told")
			log.Debug().Int("n", 2).Msg("told")
			log.Trace().Int("n", 3).Msg("told")
		})
		if len(lines) != len(row.want) {
			t.Errorf("%s: %q, want %d lines", says, lines, len(row.want))
			continue
		}
		for i, pattern := range row.want {
			if !regexp.MustCompile(pattern).MatchString(lines[i]) {
				t.Errorf("%s: %q, want %s", says, lines[i], pattern)
			}
		}
	}
}

func TestOpenTelemetrysNamesOfLevels(t *testing.T) {
	lines := logTo(t, Logging{Level: "trace", Format: "json"}, metrics.New("test"), new(reader), func(log zerolog.Logger) {
		for level := zerolog.TraceLevel; level <= zerolog.ErrorLevel; level++ {
			log.WithLevel(level).Msg("")
		}
	})
	want := []struct {
		text   string
		number int
	}{{"TRACE", 1}, {"DEBUG", 5}, {"INFO", 9}, {"WARN", 13}, {"ERROR", 17}}
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		var e struct {
			SeverityText   string
			SeverityNumber int
			Time           time.Time
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.SeverityText != want[i].text || e.SeverityNumber != want[i].number || time.Since(e.Time) > time.Minute {
			t.Errorf("%s: %v, want %v", line, err, want[i])
		}
	}
}

// A text from outside makes neither a line of its own nor a colour.
func TestALineIsOneLine(t *testing.T) {
	texts := []string{
		"a\nb", "a\r\n2026-01-01T00:00:00Z INF authenticated user=root", `a" user="root`, "\x1b[2J\x1b[31mred", "a\u2028b\u2029c\u0085d", "\u202eecila", "\u009b2J",
		`{"level":"info"}`, `\u000a`, "\x00\x7f", "\xff\xfe", "🦆\U000e0041", "a\vb\fc\x1cd",
	}
	for _, format := range []string{"json", "console"} {
		lines := logTo(t, Logging{Level: "info", Format: format}, metrics.New("test"), new(reader), func(log zerolog.Logger) {
			for _, text := range texts {
				log.Info().Str("user", text).Err(errors.New(text)).Strs("roles", []string{text}).Bytes("stack", []byte(text)).Msg("told " + text)
			}
		})
		if len(lines) != len(texts) {
			t.Fatalf("%s: %d lines of %d", format, len(lines), len(texts))
		}
		for i, line := range lines {
			if odd := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); odd >= 0 {
				t.Errorf("%s: %q does not print at %d", format, line, odd)
			}
			var e map[string]any
			if format != "json" {
				if strings.Contains(line, " user=root") && !strings.Contains(line, `\`) {
					t.Errorf("a field is forged: %s", line)
				}
			} else if err := json.Unmarshal([]byte(line), &e); err != nil || e["level"] != "info" || e["user"] != strings.ToValidUTF8(texts[i], "\ufffd") && texts[i] != "\xff\xfe" {
				t.Errorf("%q: %v, want the user %q", line, err, texts[i])
			}
		}
	}
}

// While nobody reads, lines below info are dropped, and those that matter are kept until 8 MiB wait.
func TestALogReaderThatStandsStill(t *testing.T) {
	m, r := metrics.New("test"), new(reader)
	r.mu.Lock()
	lines := logTo(t, Logging{Level: "debug", Format: "json", Service: "gatehouse"}, m, r, func(log zerolog.Logger) {
		begin := time.Now()
		for range 10_000 {
			log.Debug().Str("result", "success").Msg("authenticated")
		}
		for n := range 2_000 {
			log.Info().Int("n", n).Str("result", "all_failed").Msg("not authenticated")
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("12,000 lines took %s", took)
		}
		if metric(t, m, "gatehouse_log_lines_dropped_total") < 1000 || metric(t, m, "gatehouse_log_lines_lost_total") != 0 {
			t.Error("the metrics do not say what was dropped, and that nothing was lost")
		}
		r.mu.Unlock()
	})
	n := 0
	for _, line := range lines {
		if strings.Contains(line, "all_failed") {
			if !strings.Contains(line, `"n":`+jsonNumber(n)+",") {
				t.Fatalf("line %d of the failures is %s", n, line)
			}
			n++
		}
	}
	if dropped := int(metric(t, m, "gatehouse_log_lines_dropped_total")); n != 2000 || len(lines) != 12_000-dropped {
		t.Errorf("%d failures in %d lines, and %d dropped", n, len(lines), dropped)
	}

	m, r = metrics.New("test"), new(reader)
	r.mu.Lock()
	kept := logTo(t, Logging{Level: "debug", Format: "json"}, m, r, func(log zerolog.Logger) {
		for range 10 {
			log.Error().Str("big", strings.Repeat("x", 1<<20)).Msg("")
		}
		r.mu.Unlock()
	})
	if lost := metric(t, m, "gatehouse_log_lines_lost_total"); lost != 3 || len(kept) != 7 {
		t.Errorf("of ten lines of 1 MiB %v are lost and %d written, want 3 and 7", lost, len(kept))
	}
}

func jsonNumber(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

// metric is the value of a metric without labels.
func metric(t *testing.T, m *metrics.Metrics, name string) float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(w.Body.String())
	if found == nil {
		t.Fatalf("there is no %s", name)
	}
	var value float64
	if err := json.Unmarshal([]byte(found[1]), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
