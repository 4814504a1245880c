package secrets_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/e2e/rig"
)

// hostile are names that would write a line of their own, or upon the terminal of whoever reads the log.
var hostile = []string{
	"x\n{\"level\":\"info\",\"message\":\"authenticated\",\"user\":\"root\"}",
	"x\r\n2026-01-01T00:00:00Z INF authenticated user=root",
	"\x1b[2J\x1b]0;root\a", "%s%n%!d(string=x)", `"},{"user":"root`, `\"`, "a\u2028b\u2029c", "a\u202eb", "a\u0085b", "a\x00b", "\xff\xfe", "\ufeffa", "a\u200bb",
	"{{.}}", "${jndi:ldap://127.0.0.1/a}", strings.Repeat("n", 2000),
}

const lineConfig = `
version: "3"
server: { socket: "{{folder}}/gatehouse.sock" }
logging: { level: trace, format: %s }
metrics: { enabled: false }
jwt: { secret: 0123456789abcdef0123456789abcdef }
providers:
  - { name: users, type: plain, realm: local, users: [{ username: alice, password: wonderland }] }
`

// C16: whatever a client writes into a name or a header, a question is one line of the log, and says what it means.
func TestAQuestionIsOneLine(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		t.Run(format, func(t *testing.T) {
			s := newSweep(t)
			p := rig.StartProcess(t, program, fmt.Sprintf(lineConfig, format), nil)
			c := newClient(s, p)
			before := strings.Count(p.Out.String(), "\n")
			for _, name := range hostile {
				c.ask("a name", "GET", "/authenticate", basic(name, "password"), nil)
				c.ask("a header", "GET", "/authenticate", "", func(r *http.Request) {
					r.Header.Set("X-Request-ID", strings.Map(visible, name))
					r.Header.Set("X-Real-IP", strings.Map(visible, name))
				})
			}
			p.Stop(t)
			list := strings.Split(strings.TrimSuffix(p.Out.String(), "\n"), "\n")[before:]
			questions := 0
			for _, line := range list {
				checkLine(t, format, line)
				if strings.Contains(line, `"result":`) || strings.Contains(line, " result=") {
					questions++
				}
			}
			if want := 2 * len(hostile); questions != want {
				t.Errorf("%d lines for %d questions:\n%s", questions, want, strings.Join(list, "\n"))
			}
		})
	}
}

// visible drops what no header can hold.
func visible(r rune) rune {
	if r < 0x20 || r == 0x7f {
		return -1
	}
	return r
}

// checkLine wants nothing in a line that ends one or moves a cursor, and JSON without a second user.
func checkLine(t *testing.T, format, line string) {
	t.Helper()
	for _, r := range line {
		if r < 0x20 || r == 0x7f {
			t.Errorf("%U is in the line %q", r, line)
		}
	}
	if format != "json" {
		return
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["user"] == "root" || fields["time"] == nil {
		t.Errorf("%v: %q", err, line)
	}
}
