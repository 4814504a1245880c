package ecflowrc

import (
	"errors"
	"time"

	"github.com/dlclark/regexp2"
)

// A pattern is a regular expression as the client reads it: by std::regex of GCC's C++ library in its
// ECMAScript grammar, byte by byte, for a match of the whole text. That grammar is not quite ECMAScript's
// (it has [[:alpha:]], knows no lookbehind, takes a**), so it is parsed here, by the rules of the
// library's scanner, and rewritten for regexp2 in sets and code points that mean the same everywhere.
type pattern struct {
	whole  *regexp2.Regexp
	inside string // rewritten
}

var (
	// errSlow says that a match takes longer than anybody waits.
	errSlow = errors.New("takes too long to match")
	// errRewritten says that regexp2 does not take what we made: a bug of ours.
	errRewritten = errors.New("cannot be judged")
	errBig       = errors.New("is too big, with its repetitions written out")
)

const (
	matchTimeout = time.Second
	maxStates    = 100_000 // the library's own limit
	maxDepth     = 500     // of groups; no library is sure to survive more
)

// compile returns an error exactly where the client fails.
func compile(text string) (pattern, error) {
	p := parser{text: text}
	out, _, err := p.alternatives()
	if err == nil && p.pos < len(text) {
		err = errors.New("a ) without its (, or a quantifier with nothing to repeat")
	}
	if err != nil {
		return pattern{}, err
	}
	re, err := regexp2.Compile(`\A(?:`+out+`)\z`, regexp2.None)
	if err != nil {
		return pattern{}, errRewritten
	}
	re.MatchTimeout = matchTimeout
	return pattern{whole: re, inside: out}, nil
}

// matches reports whether p matches the whole of text. Its error is [errSlow].
func (p pattern) matches(text string) (bool, error) {
	ok, err := p.whole.MatchRunes(bytesAsRunes(text))
	if err != nil {
		return false, errSlow
	}
	return ok, nil
}

// within reports whether p matches some part of text that is not empty.
func (p pattern) within(text string) bool {
	re, err := regexp2.Compile(`(?:`+p.inside+`)`, regexp2.None)
	if err != nil {
		return false
	}
	re.MatchTimeout = matchTimeout
	match, err := re.FindRunesMatch(bytesAsRunes(text))
	return err == nil && match != nil && match.Length > 0
}

func bytesAsRunes(text string) []rune {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return runes
}
