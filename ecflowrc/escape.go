package ecflowrc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// controls are the escapes that stand for a control character.
var controls = map[byte]byte{'0': 0, 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escaped reads what follows a backslash outside of brackets.
func (p *parser) escaped() (string, int, error) {
	if class, ok := p.classEscape(); ok {
		return class.String(), 1, nil
	}
	if p.more() && isDigit(p.text[p.pos]) && p.text[p.pos] != '0' {
		return p.backReference()
	}
	b, err := p.charEscape()
	return literal(b), 1, err
}

// charEscape reads an escape that stands for one byte.
func (p *parser) charEscape() (byte, error) {
	if !p.more() {
		return 0, errors.New("a \\ at the end")
	}
	b := p.text[p.pos]
	p.pos++
	if control, ok := controls[b]; ok {
		return control, nil
	}
	switch b {
	case 'c': // the library takes the letter itself
		if !p.more() {
			return 0, errors.New("\\c at the end")
		}
		p.pos++
		return p.text[p.pos-1], nil
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	}
	return b, nil
}

// hex reads n digits. Of a code point above 255 the library keeps the low byte.
func (p *parser) hex(n int) (byte, error) {
	digits := p.text[p.pos:min(p.pos+n, len(p.text))]
	value, err := strconv.ParseUint(digits, 16, 32)
	if len(digits) < n || err != nil {
		return 0, errors.New("\\x needs 2 and \\u 4 hexadecimal digits")
	}
	p.pos += n
	return byte(value), nil
}

func (p *parser) backReference() (string, int, error) {
	n, _ := p.number()
	if n > p.groups || slices.Contains(p.open, n) {
		return "", 0, errors.New("refers back to a group that is not complete")
	}
	return fmt.Sprintf(`(?:\%d)`, n), 1, nil
}

// classEscape reads one of d D s S w W, if it comes next.
func (p *parser) classEscape() (set, bool) {
	if !p.more() {
		return set{}, false
	}
	var s set
	switch p.text[p.pos] | 0x20 {
	case 'd':
		s.add(classes["digit"])
	case 's':
		s.add(classes["space"])
	case 'w':
		s.add(classes["w"])
	default:
		return set{}, false
	}
	if p.text[p.pos]&0x20 == 0 {
		s.invert()
	}
	p.pos++
	return s, true
}

// A set is a set of bytes.
type set [256]bool

// add adds the bytes of s, which is written as pairs: the first and the last byte of a range.
func (s *set) add(ranges string) {
	for i := 0; i < len(ranges); i += 2 {
		for b := int(ranges[i]); b <= int(ranges[i+1]); b++ {
			s[b] = true
		}
	}
}

func (s *set) merge(other set) {
	for i, in := range other {
		s[i] = s[i] || in
	}
}

func (s *set) invert() {
	for i := range s {
		s[i] = !s[i]
	}
}

// String writes s for regexp2.
func (s set) String() string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if !s[i] {
			continue
		}
		first := i
		for i+1 < len(s) && s[i+1] {
			i++
		}
		out.WriteString(literal(byte(first)) + "-" + literal(byte(i)))
	}
	if out.Len() == 0 {
		return `(?!)`
	}
	return "[" + out.String() + "]"
}

// classes are the named sets of the C locale, as ranges for [set.add].
var classes = map[string]string{
	"alnum": "09AZaz", "alpha": "AZaz", "blank": "\t\t  ", "cntrl": "\x00\x1f\x7f\x7f", "digit": "09",
	"graph": "!~", "lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "\t\r  ", "upper": "AZ",
	"xdigit": "09AFaf", "d": "09", "s": "\t\r  ", "w": "09AZ__az",
}
