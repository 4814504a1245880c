package contract_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metricRows are what section 2.6 says of metrics. What is counted in each case: parsingRows.
var metricRows = []row{
	{"2.6 auth_requests_total", "decisions are counted by result and realm, a failure's realm being unknown", same, all(
		ask(get, alice).counts(200, "success", "Local"), ask(get).counts(401, "no_auth_header", "unknown"), ask(get, "Authorization: x").counts(401, "invalid_header", "unknown"),
		ask(get, wrong).counts(401, "all_failed", "unknown"))},
	{"2.6 auth_requests_total", "decisions, questions, augmenters and requests are measured under auth-o-tron's names and labels", same, all(
		ask("GET /whoami", alice).gets(200, anything), failing.gets(503, anything), ask(get, wrong).gets(401, unauthorized),
		counted("auth_duration_seconds_count", `realm="Local"`, `result="success"`), counted("auth_duration_seconds_bucket", `realm="unknown"`, `result="all_failed"`, `le=".*"`),
		counted("auth_provider_attempts_total", `provider_name="users"`, `provider_type="Basic"`, `realm="Local"`, `result="success"`),
		counted("auth_provider_duration_seconds_count", `provider_name="ecmwf"`, `provider_type="Bearer"`, `realm="ecmwf"`),
		counted("augmenter_attempts_total", `augmenter_name="advanced"`, `augmenter_type="plain_advanced"`, `realm="Local"`, `result="success"`),
		counted("augmenter_duration_seconds_count", `augmenter_type="plain"`, `realm="Local"`), counted("authotron_build_info", `version=".+"`),
		counted("authotron_http_requests_total", `method="GET"`, `route="/authenticate"`, `status_code="200"`),
		counted("authotron_http_request_duration_seconds_count", `method="GET"`, `route="/whoami"`), counted("authotron_http_requests_in_flight", `method="GET"`),
		counted("process_cpu_seconds_total"), counted("process_resident_memory_bytes"), counted("process_open_fds"), counted("process_start_time_seconds"))},
	{"2.6 auth_requests_total", "an error and a timeout are results of a question", same, all(failing.gets(503, anything),
		counted("auth_provider_attempts_total", `provider_name="ecmwf"`, `provider_type="Bearer"`, `realm="ecmwf"`, `result="error"`), timedOut)},
	{"2.6 auth_requests_total", "results that auth-o-tron does not have are counted too", "M53", all(
		nameless.counts(403, "forbidden", "unknown"), failing.counts(503, "no_decision", "unknown"),
		counted("auth_provider_attempts_total", `provider_name="users"`, `provider_type="Basic"`, `realm="Local"`, `result="denied"`))},
	{"2.6 provider_type is", "provider_type is the scheme", same, typesAreSchemes},
	{"2.6 store = token-store", "there is no token store to count", "M47", uncounted("token-store")},
	{"2.6 unrouted", "a path of no route is unmatched", same, all(ask("GET /nowhere").gets(404, ""), counted("authotron_http_requests_total", `method="GET"`, `route="unmatched"`, `status_code="404"`))},
}

// counted wants a series with these labels and no others.
func counted(family string, labels ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		pattern := "(?m)^" + family + " "
		if len(labels) > 0 {
			pattern = "(?m)^" + family + `\{` + strings.Join(labels, ",") + `\} `
		}
		if !regexp.MustCompile(pattern).MatchString(s.scrape(t)) {
			t.Errorf("no series %s", pattern)
		}
	}
}

func uncounted(text string) check {
	return func(t *testing.T, s *site) {
		if strings.Contains(s.scrape(t), text) {
			t.Errorf("%s is counted", text)
		}
	}
}

func timedOut(t *testing.T, s *site) {
	g := slow(t, s)
	ask(get, "Authorization: Bearer slow", "X-Auth-Realm: one").gets(503, anything)(t, g)
	counted("auth_provider_attempts_total", `provider_name="a"`, `provider_type="Bearer"`, `realm="one"`, `result="timeout"`)(t, g)
}

func typesAreSchemes(t *testing.T, s *site) {
	found := regexp.MustCompile(`provider_type="(.*?)"`).FindAllStringSubmatch(s.scrape(t), -1)
	for _, f := range found {
		if f[1] != "Basic" && f[1] != "Bearer" {
			t.Errorf("a provider_type is %s", f[1])
		}
	}
	if len(found) == 0 {
		t.Error("nothing has a provider_type")
	}
}

// logRows are what section 2.6 says of the log.
var logRows = []row{
	{"2.6 JSON log line", "each line has the severity in OpenTelemetry's words and numbers", same, everyLine(func(line map[string]any) bool {
		n, known := map[any]float64{"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}[line["severityText"]]
		return known && line["severityNumber"] == n
	})},
	{"2.6 JSON log line", "a line is flat: time, message, and what auth-o-tron has in resource and attributes", "M54", everyLine(func(line map[string]any) bool {
		for _, value := range line {
			if _, nested := value.(map[string]any); nested {
				return false
			}
		}
		return line["time"] != nil && line["message"] != nil && line["service.name"] == "aot" && line["service.version"] == "0.3.7"
	})},
	{"2.6 Key events", "events of decisions have auth-o-tron's names", same, all(
		ask(get, basic("dora:four"), "X-Auth-Realm: LOCAL").tells("INFO", "auth.request.authenticated", "user", "realm", "provider"), ask(get).tells("INFO", "auth.header.missing"),
		ask(get, "Authorization: x").tells("INFO", "auth.header.invalid"), ask(get, basic("dora:newly wrong")).tells("INFO", "auth.provider.all_failed", "user"))},
	{"2.6 Key events", "events that auth-o-tron does not have are named likewise", "M54", all(
		nameless.tells("WARN", "auth.request.forbidden", "reason"),
		failing.tells("ERROR", "auth.request.no_decision", "error"))},
	{"2.6 Key events", "one line a decision is all, and a yes that is remembered is of level debug", "M70", all(
		ask(get, alice).isLogged(), ask(get, alice).tells("DEBUG", "auth.request.authenticated", "user"), func(t *testing.T, s *site) {
			for _, event := range []string{"auth.request.started", "duplicate_part", `"auth.provider.failed`, `"auth.provider.success`, `"providers.`, `"augmenters.`} {
				if strings.Contains(s.out.String(), event) {
					t.Errorf("there is an event %s", event)
				}
			}
		})},
}

// lines are those of the log from n bytes on.
func (s *site) lines(t *testing.T, n int) (list []map[string]any) {
	t.Helper()
	for text := range strings.Lines(s.out.String()[n:]) {
		var line map[string]any
		if strings.HasSuffix(text, "\n") {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			list = append(list, line)
		}
	}
	return list
}

func everyLine(is func(map[string]any) bool) check {
	return func(t *testing.T, s *site) {
		list := s.lines(t, 0)
		for _, line := range list {
			if !is(line) {
				t.Errorf("a line is %v", line)
			}
		}
		if len(list) == 0 {
			t.Error("there are no lines")
		}
	}
}

// isLogged waits for the question's line, so that it is not taken for the next one's.
func (q question) isLogged() check {
	return func(t *testing.T, s *site) {
		t.Helper()
		n := len(s.out.String())
		q.put(t, s)
		s.out.AwaitLine(t, n, `"event.name":`)
	}
}

// tells wants one line of an event, with a level and fields that are not empty.
func (q question) tells(level, event string, fields ...string) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		n := len(s.out.String())
		q.put(t, s)
		s.out.AwaitLine(t, n, `"event.name":`)
		list := slices.DeleteFunc(s.lines(t, n), func(line map[string]any) bool { return line["event.name"] == nil })
		if len(list) != 1 || list[0]["event.name"] != event || list[0]["severityText"] != level {
			t.Fatalf("%s %q: lines %v, want %s %s", q.line, q.header, list, level, event)
		}
		for _, name := range fields {
			if text := fmt.Sprint(list[0][name]); list[0][name] == nil || text == "" {
				t.Errorf("no %s in %v", name, list[0])
			}
		}
	}
}
