package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/auth"
	"gatehouse/gate"
	"gatehouse/metrics"
)

// A user's line of the log when their headers hardly fit, or do not.
type tight struct {
	Level, Message, User, Realm, Provider string
	Bytes                                 int `json:"header_bytes"`
	Limit                                 int `json:"header_limit"`
	Unsaid                                int
}

func tightLines(t *testing.T, log string) (all []tight) {
	t.Helper()
	for line := range strings.Lines(log) {
		var one tight
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		if one.Limit != 0 {
			all = append(all, one)
		}
	}
	return all
}

// Whoever is on duty reads in the log whose headers nearly fill the limit, and whose do not fit, with nothing of what
// is in them.
func TestHeadersThatHardlyFitAreTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	many := strings.TrimSuffix(strings.Repeat("told-to-nobody-%d, ", 30), ", ")
	for i := range 30 {
		many = strings.Replace(many, "%d", fmt.Sprint(i), 1)
	}
	text := `
version: "3"
server: { max_header_bytes: 1000 }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - name: users
    type: plain
    realm: r
    users:
      - { username: fine, password: p }
      - { username: near, password: p }
      - { username: large, password: p }
      - { username: larger, password: p, roles: [` + many + `] }
augmenters:
  - { name: a, type: plain_advanced, realm: r, match: { username: [near] }, augment: { attributes: { k: ` + strings.Repeat("told-to-nobody", 21) + ` } } }
  - { name: b, type: plain_advanced, realm: r, match: { username: [large] }, augment: { attributes: { k: ` + strings.Repeat("told-to-nobody", 40) + ` } } }
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, doc := load(path, nil)
	if doc.Failed() {
		t.Fatal(doc.Faults())
	}
	var log bytes.Buffer
	e, err := newEstate(t.Context(), zerolog.New(&log), new(level), nil, metrics.New("test"))
	if err == nil {
		err = e.enter(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		let      bool
		says     string
		from, to int
	}{
		"fine":   {true, "", 0, 0},
		"near":   {true, "nearly fill", 901, 1000},
		"large":  {true, "without its user's attributes", 1001, 2000},
		"larger": {false, "is refused", 1001, 2000},
	} {
		log.Reset()
		_, err := e.house.Gate.Decide(t.Context(), gate.Ask{Credentials: []auth.Credential{{Scheme: auth.Basic, Form: auth.Password, Username: name, Secret: "p"}}})
		if (err == nil) != want.let {
			t.Errorf("%s: %v", name, err)
		}
		lines := tightLines(t, log.String())
		if want.says == "" {
			if len(lines) != 0 {
				t.Errorf("%s: told %+v", name, lines)
			}
			continue
		}
		if len(lines) != 1 || lines[0].Level != "warn" || lines[0].User != name || lines[0].Realm != "r" || lines[0].Provider != "users" ||
			!strings.Contains(lines[0].Message, want.says) || lines[0].Limit != 1000 || lines[0].Bytes < want.from || lines[0].Bytes > want.to {
			t.Errorf("%s: told %+v", name, lines)
		}
		if strings.Contains(log.String(), "told-to-nobody") {
			t.Errorf("%s: the log has what is the user's: %s", name, &log)
		}
	}
}

func TestAWarningOfHeadersIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := newFits(zerolog.New(&log))
		told := func() (all []string) {
			for _, l := range tightLines(t, log.String()) {
				all = append(all, fmt.Sprint(l.User, " ", l.Unsaid))
			}
			return all
		}
		for i := range 100 {
			f.note(gate.Fit{User: auth.User{Name: fmt.Sprint("u", i)}, Size: 10_000, Limit: 1000, Refused: true})
		}
		f.note(gate.Fit{User: auth.User{Name: "other"}, Size: 10_000, Limit: 1000, Dropped: true})
		time.Sleep(unsaidFor - time.Nanosecond)
		f.note(gate.Fit{User: auth.User{Name: "late"}, Size: 10_000, Limit: 1000, Refused: true})
		time.Sleep(time.Nanosecond)
		for range 2 {
			f.note(gate.Fit{User: auth.User{Name: "next"}, Size: 10_000, Limit: 1000, Refused: true})
		}
		if got, want := fmt.Sprint(told()), "[u0 0 other 0 next 100]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}
