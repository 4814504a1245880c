package operations_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

const page = source + "/docs/operations.md"

// notRun is how many blocks of commands may need what no test has.
const notRun = 0

// An operator does everything that the page says, from its top to its end, and sees what it shows.
func TestThePage(t *testing.T) {
	m := newMachine(t)
	done := map[string]bool{}
	for _, b := range rig.Blocks(t, page) {
		if b.NotRun != "" {
			continue
		}
		s := steps[b.Name]
		if done[b.Name] = true; s.before != nil {
			s.before(m)
		}
		m.mark()
		out, err := m.command(m.here(b.Commands), s.typed).CombinedOutput()
		got := m.there(string(out))
		if b.Prints == "" && err != nil {
			t.Fatalf("%s: %v\n%s\n%s", b.Name, err, got, read(t, m.service.journal))
		}
		if b.Prints != "" && !shows(b.Prints, got) {
			t.Fatalf("%s: the page shows\n%s\nprinted is\n%s\njournal:\n%s", b.Name, b.Prints, got, read(t, m.service.journal))
		}
		if s.after != nil {
			s.after(m)
		}
		if t.Failed() {
			t.Fatalf("that was after %q; the rest builds on it", b.Name)
		}
	}
	for name := range steps {
		if !done[name] {
			t.Errorf("the page has no commands %q any more", name)
		}
	}
}

// Every block of commands has a name of its own, and hardly one is not run.
func TestEveryCommandIsRun(t *testing.T) {
	blocks := rig.Blocks(t, page)
	left, names := 0, map[string]bool{}
	for _, b := range blocks {
		switch {
		case b.NotRun != "":
			left++
		case b.Name == "" || names[b.Name]:
			t.Errorf("no name, or one that is there already: %q\n%s", b.Name, b.Commands)
		}
		names[b.Name] = true
	}
	if left > notRun || len(blocks) < 30 {
		t.Errorf("%d of %d blocks are not run, at most %d may be", left, len(blocks), notRun)
	}
}

// Every link of the page leads to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`).FindAllStringSubmatch(read(t, page), -1)
	if len(links) < 20 {
		t.Errorf("%d links", len(links))
	}
	for _, link := range links {
		file := page
		if link[1] != "" {
			file = filepath.Join(filepath.Dir(page), link[1])
		}
		text := read(t, file)
		if link[2] == "" {
			continue
		}
		found := false
		for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
			slug := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), "")
			found = found || "#"+strings.ReplaceAll(slug, " ", "-") == link[2]
		}
		if !found {
			t.Errorf("%s%s leads nowhere", link[1], link[2])
		}
	}
}

// varying are what differs from one run to the next.
var varying = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)`), "TIME"},
	{regexp.MustCompile(`\d\.\d+e\+09`), "UNIX"},
	{regexp.MustCompile(`config\.yaml:\d+:`), "config.yaml:LINE:"},
	{regexp.MustCompile(`Enter host password for user '\w+':\n?`), ""},
	{regexp.MustCompile(`\r`), ""},
}

func normal(text string) string {
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.as)
	}
	return text
}

// shows reports whether what was printed is what a page shows: times aside, and … is anything within a line.
func shows(shown, printed string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(normal(shown)), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(normal(printed))
}

func TestShows(t *testing.T) {
	for _, row := range []struct {
		shown, printed string
		want           bool
	}{
		{"a …\n", "a b\n", true},
		{"a …\n", "a b\nc\n", false},
		{"a\n", "a\nb\n", false},
		{"at 2026-03-01T11:00:00.000Z\n", "at 2027-04-02T12:01:01.123456Z\r\n", true},
		{"at 2026-03-01T11:00:00.000Z\n", "at noon\n", false},
		{"a.b\n", "axb\n", false},
	} {
		if got := shows(row.shown, row.printed); got != row.want {
			t.Errorf("%q for %q: %t", row.printed, row.shown, got)
		}
	}
}
