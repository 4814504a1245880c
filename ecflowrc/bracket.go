package ecflowrc

import (
	"errors"
	"strings"
)

// What may stand before a dash in brackets.
type before uint8

const (
	nothing before = iota // the beginning, or a whole range
	char
	class
)

// A bracketed is a bracket expression being read.
type bracketed struct {
	*parser
	set  set
	kind before
	last byte // where kind is char; not yet in set
}

var errBracket = errors.New("a [ without its ]")

// bracket reads what follows a [.
func (p *parser) bracket() (set, error) {
	b := bracketed{parser: p}
	inverted := p.skip("^")
	if p.skip("-") {
		b.char('-')
	}
	for !p.skip("]") {
		if err := b.item(); err != nil {
			return set{}, err
		}
	}
	b.flush()
	if inverted {
		b.set.invert()
	}
	return b.set, nil
}

func (b *bracketed) flush() {
	if b.kind == char {
		b.set[b.last] = true
	}
	b.kind = nothing
}

func (b *bracketed) char(c byte) {
	b.flush()
	b.kind, b.last = char, c
}

func (b *bracketed) class(s set) {
	b.flush()
	b.kind = class
	b.set.merge(s)
}

// item reads one character, class or range.
func (b *bracketed) item() error {
	switch {
	case !b.more():
		return errBracket
	case b.skip("-"):
		return b.dash()
	case b.skip("[:"):
		return b.named()
	case b.skip("[="), b.skip("[."):
		return b.element(b.text[b.pos-1])
	}
	return b.plain()
}

// plain reads a character or an escaped class.
func (b *bracketed) plain() error {
	start := b.pos
	if b.skip(`\`) {
		if s, ok := b.classEscape(); ok {
			b.class(s)
			return nil
		}
		b.pos = start
	}
	c, err := b.one()
	if err == nil {
		b.char(c)
	}
	return err
}

// one reads a character, escaped or not.
func (b *bracketed) one() (byte, error) {
	if !b.skip(`\`) {
		b.pos++
		return b.text[b.pos-1], nil
	}
	if b.more() && (b.text[b.pos] == 'B' || '1' <= b.text[b.pos] && b.text[b.pos] <= '9') {
		return 0, errors.New("an escape in [] that stands for no character")
	}
	return b.charEscape()
}

// dash reads what follows a -: the end of a range, or else it is a character.
func (b *bracketed) dash() error {
	if !b.more() {
		return errBracket
	}
	if b.text[b.pos] == ']' || b.kind == nothing {
		b.char('-')
		return nil
	}
	errRange := errors.New("a range in [] that does not go from one character to a later one")
	if b.kind == class {
		return errRange
	}
	for _, special := range []string{"[:", "[=", "[.", `\d`, `\D`, `\s`, `\S`, `\w`, `\W`} {
		if strings.HasPrefix(b.text[b.pos:], special) {
			return errRange
		}
	}
	end, err := b.one()
	if err != nil {
		return err
	}
	if end < b.last {
		return errRange
	}
	b.set.add(string([]byte{b.last, end}))
	b.kind = nothing
	return nil
}

// named reads the rest of [:name:].
func (b *bracketed) named() error {
	name, _, found := strings.Cut(b.text[b.pos:], ":]")
	ranges, ok := classes[strings.ToLower(name)]
	if !found || !ok {
		return errors.New("no such class as [:" + name + ":]")
	}
	b.pos += len(name) + len(":]")
	var s set
	s.add(ranges)
	b.class(s)
	return nil
}

// element reads the rest of [=x=] or [.x.] for a letter x. Others have names, such as [.hyphen.]: these
// the client knows, and we do not.
func (b *bracketed) element(mark byte) error {
	rest := b.text[b.pos:]
	if len(rest) < 3 || !isLetter(rest[0]) || rest[1] != mark || rest[2] != ']' {
		return errors.New("[= =] or [. .] with anything but a letter")
	}
	b.pos += 3
	if mark == '.' {
		b.char(rest[0])
		return nil
	}
	var s set
	s[rest[0]] = true
	b.class(s)
	return nil
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
