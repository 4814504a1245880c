package conf

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// figment parses one value as figment's value/parse.rs does. Numbers and booleans stay text:
// the field that takes them decides.
type figment struct {
	rest string
	env  *variable
}

const figmentSpace = " \t\r\n"

// readFigment falls back to the raw text, as figment does, when the value does not parse.
func readFigment(v *variable) *node {
	p := figment{rest: v.value, env: v}
	if n := p.value(0); n != nil && p.rest == "" {
		return n
	}
	return &node{kind: text, text: v.value, env: v}
}

// value is nil when nothing could be parsed.
func (p *figment) value(depth int) *node {
	n := &node{kind: text, env: p.env}
	ok := depth <= maxDepth
	p.space()
	switch {
	case !ok:
	case p.eat("["):
		n.kind = list
		ok = p.each("]", func() bool {
			item := p.value(depth + 1)
			n.items = append(n.items, item)
			return item != nil
		})
	case p.eat("{"):
		n.kind = table
		ok = p.each("}", func() bool { return p.pair(n, depth) })
	case strings.HasPrefix(p.rest, `"`):
		n.text, ok = p.quoted()
	case strings.HasPrefix(p.rest, "'"):
		n.text, ok = p.char()
	default:
		n.text = p.until(",{}[]")
	}
	p.space()
	if !ok {
		return nil
	}
	return n
}

// each reads items between commas up to the closing sign; a last comma may stand before it.
func (p *figment) each(closing string, item func() bool) bool {
	for {
		p.space()
		if p.eat(closing) {
			return true
		}
		if !item() {
			return false
		}
		if !p.eat(",") && !strings.HasPrefix(p.rest, closing) {
			return false
		}
	}
}

func (p *figment) pair(into *node, depth int) bool {
	key, ok := "", true
	if strings.HasPrefix(p.rest, `"`) {
		key, ok = p.quoted()
		p.space()
	} else {
		key = p.until("=,{}[]")
	}
	if !ok || key == "" || !p.eat("=") {
		return false
	}
	value := p.value(depth + 1)
	if value != nil {
		into.put(entry{key: key, value: value})
	}
	return value != nil
}

// quoted reads a text with TOML's escapes, which Go's are a superset of.
func (p *figment) quoted() (string, bool) {
	prefix, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		return "", false
	}
	p.rest = p.rest[len(prefix):]
	s, err := strconv.Unquote(prefix)
	return s, err == nil
}

func (p *figment) char() (string, bool) {
	_, size := utf8.DecodeRuneInString(p.rest[1:])
	s := p.rest[1 : 1+size]
	p.rest = p.rest[1+size:]
	return s, size > 0 && p.eat("'")
}

func (p *figment) until(stops string) string {
	end := strings.IndexAny(p.rest, stops)
	if end < 0 {
		end = len(p.rest)
	}
	s := strings.Trim(p.rest[:end], figmentSpace)
	p.rest = p.rest[end:]
	return s
}

func (p *figment) space() { p.rest = strings.TrimLeft(p.rest, figmentSpace) }

func (p *figment) eat(sign string) bool {
	rest, ok := strings.CutPrefix(p.rest, sign)
	p.rest = rest
	return ok
}
