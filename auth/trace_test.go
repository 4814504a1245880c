package auth

import (
	"regexp"
	"strings"
	"testing"
)

const (
	trace32  = "0af7651916cd43dd8448eb211c80319c"
	parent16 = "b7ad6b7169203331"
)

// The cases of the W3C's own test suite for traceparent, and more.
func TestParseTrace(t *testing.T) {
	for text, ok := range map[string]bool{
		"00-" + trace32 + "-" + parent16 + "-01":                  true,
		"00-" + trace32 + "-" + parent16 + "-00":                  true,
		"00-" + trace32 + "-" + parent16 + "-ff":                  true,
		"cc-" + trace32 + "-" + parent16 + "-01":                  true,
		"cc-" + trace32 + "-" + parent16 + "-01-what-the-future":  true,
		"cc-" + trace32 + "-" + parent16 + "-01.what-the-future":  false,
		"cc-" + trace32 + "-" + parent16 + "-01what":              false,
		"00-" + trace32 + "-" + parent16 + "-01-":                 false,
		"00-" + trace32 + "-" + parent16 + "-01-more":             false,
		"ff-" + trace32 + "-" + parent16 + "-01":                  false,
		"0-" + trace32 + "-" + parent16 + "-01":                   false,
		".0-" + trace32 + "-" + parent16 + "-01":                  false,
		"00-" + trace32[:31] + "-" + parent16 + "-01":             false,
		"00-" + trace32[:31] + ".-" + parent16 + "-01":            false,
		"00-" + strings.ToUpper(trace32) + "-" + parent16 + "-01": false,
		"00-" + trace32 + "-" + strings.ToUpper(parent16) + "-01": false,
		"00-" + trace32 + "-" + parent16 + "-0F":                  false,
		"00-" + trace32 + "-" + parent16 + "-1":                   false,
		"00-" + trace32 + "-" + parent16 + "-":                    false,
		"00-" + trace32 + "-" + parent16[:15] + "-01":             false,
		"00-" + strings.Repeat("0", 32) + "-" + parent16 + "-01":  false,
		"00-" + trace32 + "-" + strings.Repeat("0", 16) + "-01":   false,
		"00_" + trace32 + "-" + parent16 + "-01":                  false,
		"00-" + trace32 + "_" + parent16 + "-01":                  false,
		"00-" + trace32 + "-" + parent16 + "_01":                  false,
		" 00-" + trace32 + "-" + parent16 + "-01":                 false,
		"00-" + trace32 + "-" + parent16 + "-01 ":                 false,
		"00-" + trace32[:30] + "é-" + parent16 + "-01":            false,
		"": false,
		"00-" + trace32 + "-" + parent16 + "-01,00-" + trace32 + "-" + parent16 + "-01": false,
	} {
		got, is := ParseTrace(text)
		if is != ok || got.Valid() != ok {
			t.Errorf("%q: %t, %+v, want %t", text, is, got, ok)
		}
	}
}

func TestATraceIsPassedOnWithASpanOfOurs(t *testing.T) {
	spans := map[string]bool{}
	for flags, want := range map[string]string{"00": "00", "01": "01", "03": "01", "fe": "00"} {
		in, _ := ParseTrace("00-" + trace32 + "-" + parent16 + "-" + flags)
		trace, span := in.IDs()
		if trace != trace32 || span == parent16 || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(span) || spans[span] {
			t.Errorf("trace %q, span %q", trace, span)
		}
		spans[span] = true
		if got := in.Header(); got != "00-"+trace32+"-"+span+"-"+want {
			t.Errorf("flags %s: %q", flags, got)
		}
	}
	if trace, span := (Trace{}).IDs(); trace != "" || span != "" {
		t.Errorf("no trace is %q %q", trace, span)
	}
}

// What is read of version 00 is what a strict pattern reads, and what is passed on is read again.
func FuzzParseTrace(f *testing.F) {
	for _, seed := range []string{"00-" + trace32 + "-" + parent16 + "-01", "cc-" + trace32 + "-" + parent16 + "-01-x", "", "00-"} {
		f.Add(seed)
	}
	pattern := regexp.MustCompile(`\A([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-(?s:.*))?\z`)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ParseTrace(text)
		m := pattern.FindStringSubmatch(text)
		want := m != nil && m[1] != "ff" && (m[1] != "00" || m[5] == "") && strings.Trim(m[2], "0") != "" && strings.Trim(m[3], "0") != ""
		if ok != want {
			t.Fatalf("%q: %t, want %t", text, ok, want)
		}
		if !ok {
			return
		}
		if again, ok := ParseTrace(got.Header()); !ok || again.ID != got.ID || again.Sampled != got.Sampled {
			t.Errorf("%q is passed on as %q", text, got.Header())
		}
	})
}
