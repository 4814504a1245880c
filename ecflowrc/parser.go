package ecflowrc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A parser rewrites one regular expression. Its methods return what they read, rewritten, and about how
// many states the client's library makes of it.
type parser struct {
	text   string
	pos    int
	groups int   // opened so far
	open   []int // the numbers of those not closed yet
	depth  int   // of groups of any kind
}

func (p *parser) more() bool { return p.pos < len(p.text) }

// skip takes prefix if it comes next.
func (p *parser) skip(prefix string) bool {
	if !strings.HasPrefix(p.text[p.pos:], prefix) {
		return false
	}
	p.pos += len(prefix)
	return true
}

func (p *parser) alternatives() (string, int, error) {
	var out strings.Builder
	states := 0
	for {
		for p.more() && !strings.ContainsRune("|)*+?", rune(p.text[p.pos])) {
			term, n, err := p.term()
			if err != nil {
				return "", 0, err
			}
			out.WriteString(term)
			if states += n; states > maxStates {
				return "", 0, errBig
			}
		}
		if !p.skip("|") {
			return out.String(), states, nil
		}
		out.WriteByte('|')
		states++
	}
}

const (
	wordByte     = `[0-9A-Z_a-z]`
	boundary     = `(?:(?<=` + wordByte + `)(?!` + wordByte + `)|(?<!` + wordByte + `)(?=` + wordByte + `))`
	noBoundary   = `(?!` + boundary + `)`
	anyButBreaks = `[^\n\r]`
)

// term reads an assertion, or an atom and all its quantifiers.
func (p *parser) term() (string, int, error) {
	switch {
	case p.skip("^"):
		return `\A`, 1, nil
	case p.skip("$"):
		return `\z`, 1, nil
	case p.skip(`\b`):
		return boundary, 1, nil
	case p.skip(`\B`):
		return noBoundary, 1, nil
	case p.skip("(?="):
		return p.group("(?=")
	case p.skip("(?!"):
		return p.group("(?!")
	}
	atom, states, err := p.atom()
	for err == nil {
		quantifier, times, qerr := p.quantifier()
		if qerr != nil || quantifier == "" {
			return atom, states, qerr
		}
		if states *= times; states > maxStates {
			return "", 0, errBig
		}
		atom = "(?:" + atom + ")" + quantifier
	}
	return "", 0, err
}

func (p *parser) atom() (string, int, error) {
	switch {
	case p.skip("."):
		return anyButBreaks, 1, nil
	case p.skip("(?:"):
		return p.group("(?:")
	case p.skip("(?"):
		return "", 0, errors.New("only (?: (?= (?! may begin with (?")
	case p.skip("("):
		return p.group("(")
	case p.skip("["):
		set, err := p.bracket()
		return set.String(), 1, err
	case p.skip("{"):
		return "", 0, errors.New("a { with nothing to repeat; write \\{ for the character")
	case p.skip(`\`):
		return p.escaped()
	}
	p.pos++
	return literal(p.text[p.pos-1]), 1, nil
}

// group reads what follows an opening bracket, to the closing one.
func (p *parser) group(opening string) (string, int, error) {
	if opening == "(" {
		p.groups++
		p.open = append(p.open, p.groups)
	}
	if p.depth++; p.depth > maxDepth {
		return "", 0, errors.New("is nested too deep")
	}
	inner, states, err := p.alternatives()
	if err != nil {
		return "", 0, err
	}
	p.depth--
	if !p.skip(")") {
		return "", 0, errors.New("a ( without its ), or a quantifier with nothing to repeat")
	}
	if opening == "(" {
		p.open = p.open[:len(p.open)-1]
	}
	return opening + inner + ")", states + 2, nil
}

// quantifier reads one quantifier, if one comes next, and tells how often it copies its atom.
func (p *parser) quantifier() (string, int, error) {
	var out string
	times := 1
	switch {
	case p.skip("*"):
		out = "*"
	case p.skip("+"):
		out = "+"
	case p.skip("?"):
		out = "?"
	case p.skip("{"):
		var err error
		if out, times, err = p.interval(); err != nil {
			return "", 0, err
		}
	default:
		return "", 0, nil
	}
	if p.skip("?") {
		out += "?"
	}
	return out, times, nil
}

// interval reads the rest of {n}, {n,} or {n,m}.
func (p *parser) interval() (string, int, error) {
	least, ok := p.number()
	most, bounded := least, true
	if ok && p.skip(",") {
		most, bounded = p.number()
	}
	switch {
	case !ok || !p.skip("}"):
		return "", 0, errors.New("a { that is not {n}, {n,} or {n,m}; write \\{ for the character")
	case bounded && most < least:
		return "", 0, fmt.Errorf("{%d,%d} is upside down", least, most)
	case bounded:
		return fmt.Sprintf("{%d,%d}", least, most), max(most, 1), nil
	}
	return fmt.Sprintf("{%d,}", least), least + 1, nil
}

// number reads decimal digits. What is too big for any use becomes just too big.
func (p *parser) number() (int, bool) {
	start := p.pos
	for p.more() && isDigit(p.text[p.pos]) {
		p.pos++
	}
	n, err := strconv.Atoi(p.text[start:p.pos])
	if errors.Is(err, strconv.ErrRange) || n > maxStates {
		return maxStates + 1, true
	}
	return n, err == nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func literal(b byte) string { return fmt.Sprintf(`\x%02x`, b) }
