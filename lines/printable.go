package lines

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns a line of JSON in which whatever does not print is escaped: control characters, ANSI's
// among them, and what breaks a line or turns its direction somewhere, such as U+2028, U+0085 or U+202E. One
// newline at its end stays. It is the same line to who parses it. It may be written to a text that is no JSON
// too.
func Printable(line []byte) []byte {
	end := len(line)
	if end > 0 && line[end-1] == '\n' {
		end--
	}
	for i := 0; i < end; {
		r, n := decode(line[i:end])
		if !prints(r, n) {
			return append(escape(line[:i:i], line[i:end]), line[end:]...)
		}
		i += n
	}
	return line
}

// escape appends text to out.
func escape(out, text []byte) []byte {
	for i := 0; i < len(text); {
		r, n := decode(text[i:])
		switch {
		case prints(r, n):
			out = append(out, text[i:i+n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}

func decode(text []byte) (r rune, n int) {
	if text[0] < utf8.RuneSelf {
		return rune(text[0]), 1
	}
	return utf8.DecodeRune(text)
}

// prints reports whether the rune that n bytes make may stand as it is; the zero rune of bad bytes may not.
func prints(r rune, n int) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r < 0x7f
	}
	return unicode.IsPrint(r) && (r != utf8.RuneError || n > 1)
}
