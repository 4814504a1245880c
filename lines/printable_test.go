package lines

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a\":1}\n":      "{\"a\":1}\n",
		"":                 "",
		"\n":               "\n",
		"a\nb\n":           `a\u000ab` + "\n",
		"\x1b[31m\x7f":     `\u001b[31m\u007f`,
		"é 日本 – 🦆":         "é 日本 – 🦆",
		"a\u2028b\u2029c":  `a\u2028b\u2029c`,
		"a\u0085b\u009bc":  `a\u0085b\u009bc`,
		"a\u202eb\ufeffc":  `a\u202eb\ufeffc`,
		"a\u00a0b":         `a\u00a0b`,
		"a\U000e0041b":     `a\udb40\udc41b`,
		"a\xffb\ufffd\xc3": `a\ufffdb` + "\ufffd" + `\ufffd`,
	} {
		if got := string(Printable([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAPrintableLineCostsNothing(t *testing.T) {
	line := []byte(`{"result":"success","user":"zoë"}` + "\n")
	if n := testing.AllocsPerRun(100, func() { Printable(line) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// It stays one line that prints, and JSON stays the same JSON.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"", "a", "a\nb", "\u2028", "\x1b]0;x\a", "🦆\U000e0041", "\xff", `\`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.Marshal(map[string]string{"a": text})
		if err != nil {
			t.Fatal(err)
		}
		got := Printable(append(line, '\n'))
		body, ended := strings.CutSuffix(string(got), "\n")
		if !ended || !utf8.ValidString(body) || strings.ContainsFunc(body, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is no line that prints", got)
		}
		var a, b map[string]string
		if json.Unmarshal(line, &a) != nil || json.Unmarshal(got, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%q is not the same as %q", got, line)
		}
		if raw := Printable([]byte(text)); strings.ContainsFunc(strings.TrimSuffix(string(raw), "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q does not print", raw)
		}
	})
}
