package auth

import (
	"crypto/rand"
	"encoding/hex"
)

// A Trace is a request's place in a trace (W3C Trace Context, level 1). The zero Trace is none.
type Trace struct {
	ID      [16]byte // of the whole trace; not zero
	Span    [8]byte  // ours in it, the parent of whatever is asked for the request
	Sampled bool
}

// Lengths of version 00's traceparent, and where its fields begin.
const (
	traceLength = 55 // 00-TRACE-PARENT-FLAGS
	traceID     = 3
	traceParent = 36
	traceFlags  = 53
)

// ParseTrace reads the value of a traceparent, and makes a span of ours for it; !ok: it is none. Of a later
// version it reads what 00 has. It allocates nothing.
func ParseTrace(text string) (t Trace, ok bool) {
	if len(text) < traceLength || text[traceID-1] != '-' || text[traceParent-1] != '-' || text[traceFlags-1] != '-' {
		return Trace{}, false
	}
	var version, flags [1]byte
	var parent [8]byte
	if !lowerHex(version[:], text) || !lowerHex(t.ID[:], text[traceID:]) || !lowerHex(parent[:], text[traceParent:]) || !lowerHex(flags[:], text[traceFlags:]) {
		return Trace{}, false
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(text) != traceLength, len(text) > traceLength && text[traceLength] != '-':
		return Trace{}, false
	case t.ID == [16]byte{}, parent == [8]byte{}:
		return Trace{}, false
	}
	for t.Span == [8]byte{} {
		_, _ = rand.Read(t.Span[:]) // never fails
	}
	t.Sampled = flags[0]&1 != 0
	return t, true
}

// lowerHex decodes the beginning of text into to.
func lowerHex(to []byte, text string) bool {
	for i := range to {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// Valid reports whether there is a trace.
func (t Trace) Valid() bool { return t.ID != [16]byte{} }

// IDs returns the trace's id and our span's as they are written; "" where there is none.
func (t Trace) IDs() (trace, span string) {
	if !t.Valid() {
		return "", ""
	}
	return hex.EncodeToString(t.ID[:]), hex.EncodeToString(t.Span[:])
}

// Header is the traceparent for whomever is asked: of version 00, with our span as the parent.
func (t Trace) Header() string {
	trace, span := t.IDs()
	flags := "00"
	if t.Sampled {
		flags = "01"
	}
	return "00-" + trace + "-" + span + "-" + flags
}
