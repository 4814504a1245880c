package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/audit"
	"gatehouse/auth"
	"gatehouse/gate"
)

// A book is a log and an audit file of a test.
type book struct {
	t     *testing.T
	mu    sync.Mutex // guards log
	log   bytes.Buffer
	audit *audit.Log
	path  string
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(line)
}

// newBook returns a book, and what puts it into a house.
func newBook(t *testing.T, level zerolog.Level) (b *book, in func(*House)) {
	t.Helper()
	b = &book{t: t, path: filepath.Join(t.TempDir(), "audit.log")}
	var err error
	b.audit, err = audit.Open(audit.Config{File: b.path, Now: time.Now, Trouble: func(err error, _ uint64) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return b, func(h *House) {
		believing(h)
		h.Audit, h.Log = b.audit, h.Log.Level(level)
		h.Gate = gate.New(withPolicy(h.Gate.Config))
	}
}

func withPolicy(c gate.Config) gate.Config {
	c.Policies = map[string]gate.Policy{"ops": {Roles: []string{"ops"}}}
	return c
}

// entry is one line, of the log or the audit file.
type entry map[string]any

func (b *book) read() (log, recorded []entry) {
	b.t.Helper()
	if left := b.audit.Close(10 * time.Second); left != 0 {
		b.t.Fatalf("%d bytes are not written", left)
	}
	text, err := os.ReadFile(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return entries(b.t, b.log.Bytes()), entries(b.t, text)
}

func entries(t *testing.T, text []byte) (all []entry) {
	t.Helper()
	for line := range bytes.Lines(text) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

func (e entry) String() string {
	if e["held"] != nil {
		e["result"] = fmt.Sprintf("%v(%v)", e["result"], e["held"])
	}
	return fmt.Sprintf("%v %v %v by %v as %v of %v at %v", e["level"], e["result"], e["reason"], e["client"], e["user"], e["realm"], e["policy"])
}

// What each decision leaves in the log and in the audit file.
func TestWhatIsToldOfADecision(t *testing.T) {
	b, in := newBook(t, zerolog.DebugLevel)
	address, s := startWith(t, 4000, b, func(_ context.Context, c auth.Credential) (auth.User, error) {
		switch c.Secret {
		case "right":
			return auth.User{Name: c.Username}, nil
		case "down":
			return auth.User{}, errors.New("it is down")
		}
		return auth.User{}, auth.ErrDenied
	}, in)
	hold(t, s.house.Load().Gate.Throttle, "192.0.2.7", "held")
	for n := range byte(26) { // an address as a whole
		a, wait := s.house.Load().Gate.Throttle.Try(netip.MustParseAddr("192.0.2.9"), fmt.Sprint("user", n), [32]byte{n}, time.Now().Add(time.Duration(n)*time.Minute))
		if wait > 0 {
			t.Fatal(wait)
		}
		a.Denied(time.Now())
	}
	for _, row := range []struct{ path, header, log, audit string }{
		{"/authenticate", basic("alice", "right"), "info success <nil> by 192.0.2.7 as alice of here at <nil>", "<nil> success <nil> by 192.0.2.7 as alice of here at <nil>"},
		{"/authenticate", basic("alice", "right"), "debug success <nil> by 192.0.2.7 as alice of here at <nil>", ""},
		{"/authenticate/ops", basic("alice", "right"), "warn forbidden missing role by 192.0.2.7 as alice of here at ops", "<nil> forbidden missing role by 192.0.2.7 as alice of here at ops"},
		{"/authenticate/nope", basic("alice", "right"), "warn forbidden unknown policy by 192.0.2.7 as alice of <nil> at nope", "<nil> forbidden unknown policy by 192.0.2.7 as alice of <nil> at nope"},
		{"/authenticate", basic("bob", "wrong"), "info all_failed credential denied by 192.0.2.7 as bob of <nil> at <nil>", "<nil> all_failed credential denied by 192.0.2.7 as bob of <nil> at <nil>"},
		{"/authenticate", basic("bob", "wrong"), "info all_failed credential denied by 192.0.2.7 as bob of <nil> at <nil>", "<nil> all_failed credential denied by 192.0.2.7 as bob of <nil> at <nil>"},
		{"/whoami", basic("eve", "wrong"), "info all_failed credential denied by 192.0.2.7 as eve of <nil> at <nil>", "<nil> all_failed credential denied by 192.0.2.7 as eve of <nil> at <nil>"},
		{"/authenticate", "Authorization: Bearer wrong", "info all_failed credential denied by 192.0.2.7 as <nil> of <nil> at <nil>", "<nil> all_failed credential denied by 192.0.2.7 as <nil> of <nil> at <nil>"},
		{"/authenticate", basic("held", "right"), "warn throttled(user) too many failed logins by 192.0.2.7 as held of <nil> at <nil>", "<nil> throttled(user) too many failed logins by 192.0.2.7 as held of <nil> at <nil>"},
		{"/authenticate", basic("carol", "down"), "error no_decision no decision by 192.0.2.7 as carol of <nil> at <nil>", ""},
		{"/authenticate", "X-Nothing: 1", "info no_auth_header no credential presented by 192.0.2.7 as <nil> of <nil> at <nil>", ""},
		{"/authenticate", "Authorization: Basic ====", "info invalid_header malformed credential by 192.0.2.7 as <nil> of <nil> at <nil>", ""},
		{"/authenticate from 192.0.2.9", basic("frank", "right"), "warn throttled(address) too many failed logins by 192.0.2.9 as frank of <nil> at <nil>", "<nil> throttled(address) too many failed logins by 192.0.2.9 as frank of <nil> at <nil>"},
		{"/authenticate from 192.0.2.9", "Authorization: Bearer right", "warn throttled(address) too many failed logins by 192.0.2.9 as <nil> of <nil> at <nil>", "<nil> throttled(address) too many failed logins by 192.0.2.9 as <nil> of <nil> at <nil>"},
	} {
		logged, recorded := len(entries(t, b.log.Bytes())), b.size()
		path, from, told := strings.Cut(row.path, " from ")
		if !told {
			from = "192.0.2.7"
		}
		dial(t, address).get(path, row.header, "X-Real-IP: "+from)
		log, audited := "", ""
		if all := entries(t, b.log.Bytes()); len(all) == logged+1 {
			log = all[logged].String()
		}
		if text := b.since(recorded, row.audit != ""); text != nil {
			audited = entries(t, text)[0].String()
		}
		if log != row.log {
			t.Errorf("%s %s: the log says %q, want one %q", row.path, row.header, log, row.log)
		}
		if audited != row.audit {
			t.Errorf("%s %s: the audit file says %q, want %q", row.path, row.header, audited, row.audit)
		}
	}
	log, recorded := b.read()
	if len(log) != 14 || len(recorded) != 10 {
		t.Errorf("%d lines in the log, %d in the audit file, want 14 and 10", len(log), len(recorded))
	}
	for _, e := range append(log, recorded...) {
		if e["took_ms"] == nil || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(e["request_id"].(string)) {
			t.Errorf("a line without a time or an id: %v", e)
		}
	}
}

func (b *book) size() int {
	text, _ := os.ReadFile(b.path)
	return len(text)
}

// since returns what the audit file holds past n bytes; if there is to be something, it waits for it.
func (b *book) since(n int, wanted bool) []byte {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(b.path)
		if len(text) > n {
			return text[n:]
		}
		if !wanted || time.Now().After(end) {
			return nil
		}
	}
}

// The log and the audit file call a request the same; what the proxy calls it, if that is trusted.
func TestTheNameOfARequest(t *testing.T) {
	trace, parent := "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	traceparent := "traceparent: 00-" + trace + "-" + parent + "-01"
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[string]bool{}
	for name, row := range map[string]struct {
		trusted bool
		headers []string
		id      string // "" is one of our own
		trace   bool
	}{
		"a trusted proxy's":             {true, []string{"X-Request-ID: req-1", traceparent}, "req-1", true},
		"anybody else's":                {false, []string{"X-Request-ID: req-1", traceparent}, "", false},
		"none":                          {true, nil, "", false},
		"an empty one":                  {true, []string{"X-Request-ID:"}, "", false},
		"one that is too long":          {true, []string{"X-Request-ID: " + strings.Repeat("r", 129)}, "", false},
		"a trace that is none":          {true, []string{"traceparent: 00-" + trace + "-" + parent}, "", false},
		"one of two traces":             {true, []string{traceparent, traceparent}, "", false},
		"text that is no one-line text": {true, []string{"X-Request-ID: a\"b\u2028c"}, "a\"b\u2028c", false},
	} {
		b, in := newBook(t, zerolog.InfoLevel)
		address, _ := startWith(t, 4000, b, aliceOnly, func(h *House) {
			in(h)
			if !row.trusted {
				h.Clients = Config{TrustedProxies: []Network{}}.Clients()
			}
		})
		dial(t, address).get("/authenticate", append(row.headers, basic("alice", "wrong"))...)
		log, recorded := b.read()
		if len(log) == 0 || len(recorded) != 1 {
			t.Fatalf("%s: %d lines in the log, %d in the audit file", name, len(log), len(recorded))
		}
		for _, e := range []entry{log[len(log)-1], recorded[0]} {
			id := e["request_id"].(string)
			if row.id == "" && !made.MatchString(id) || row.id != "" && id != row.id {
				t.Errorf("%s: request_id is %q, want %q", name, id, row.id)
			}
			if got, _ := e["trace_id"].(string); got != trace && row.trace || got != "" && !row.trace {
				t.Errorf("%s: trace_id is %q", name, got)
			}
			if got, _ := e["span_id"].(string); (len(got) == 16) != row.trace || got == parent {
				t.Errorf("%s: span_id is %q", name, got)
			}
		}
		for _, key := range []string{"request_id", "trace_id", "span_id"} {
			if log[len(log)-1][key] != recorded[0][key] {
				t.Errorf("%s: %s is %v in the log and %v in the audit file", name, key, log[len(log)-1][key], recorded[0][key])
			}
		}
		if id := recorded[0]["request_id"].(string); row.id == "" && seen[id] {
			t.Errorf("%s: %s is the name of another request", name, id)
		} else {
			seen[id] = true
		}
	}
}

// Who bans by the audit file must not ban a proxy that nobody named.
func TestTheAuditFileNamesNoClientThatNobodyTrustedTold(t *testing.T) {
	for name, row := range map[string]struct {
		config       Config
		client, peer any
	}{
		"a proxy that is trusted":     {Config{ClientIPHeader: "X-Real-IP", TrustedProxies: []Network{{}}}, nil, "127.0.0.1"},
		"nothing said of proxies":     {Config{ClientIPHeader: "X-Real-IP"}, nil, "127.0.0.1"},
		"no proxies: a client itself": {Config{ClientIPHeader: "X-Real-IP", TrustedProxies: []Network{}}, "127.0.0.1", nil},
	} {
		if name == "a proxy that is trusted" {
			if err := row.config.TrustedProxies[0].UnmarshalText([]byte("127.0.0.0/8")); err != nil {
				t.Fatal(err)
			}
			row.client, row.peer = "192.0.2.7", nil
		}
		b, in := newBook(t, zerolog.InfoLevel)
		address, _ := startWith(t, 4000, b, aliceOnly, func(h *House) { in(h); h.Clients = row.config.Clients() })
		dial(t, address).get("/authenticate", basic("alice", "wrong"), "X-Real-IP: 192.0.2.7")
		_, recorded := b.read()
		if len(recorded) != 1 || recorded[0]["client"] != row.client || recorded[0]["peer"] != row.peer {
			t.Errorf("%s: %v, want client %v and peer %v", name, recorded, row.client, row.peer)
		}
	}
}

// A name of 30 kB would else fill disks.
func TestAnEndlessNameIsCut(t *testing.T) {
	b, in := newBook(t, zerolog.InfoLevel)
	address, _ := startWith(t, 4000, b, aliceOnly, in)
	long := strings.Repeat("é", 10_000)
	dial(t, address).get("/authenticate/"+strings.Repeat("p", 10_000), basic("x"+long, "wrong"))
	log, recorded := b.read()
	for _, e := range []entry{log[len(log)-1], recorded[0]} {
		if user := e["user"].(string); len(user) > maxText+3 || !strings.HasPrefix("x"+long, strings.TrimSuffix(user, "…")) || len(e["policy"].(string)) != maxText+3 {
			t.Errorf("%d bytes of a name, %d of a policy: %q", len(user), len(e["policy"].(string)), user)
		}
	}
}

// logging.level says nothing of the audit file.
func TestAQuietLogLeavesTheAuditFileWhole(t *testing.T) {
	b, in := newBook(t, zerolog.Disabled)
	address, _ := startWith(t, 4000, b, aliceOnly, in)
	for _, password := range []string{"right", "wrong"} {
		dial(t, address).get("/authenticate", basic("alice", password))
	}
	if log, recorded := b.read(); len(log) != 0 || len(recorded) != 2 {
		t.Errorf("%d lines in the log, %d in the audit file, want 0 and 2", len(log), len(recorded))
	}
}
