package role

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"

	"gatehouse/auth"
)

// A Pattern is a regular expression (RE2), which matches the whole of a role or nothing: admin is not not-admin.
type Pattern struct{ whole *regexp.Regexp }

// UnmarshalText reads the expression.
func (p *Pattern) UnmarshalText(text []byte) error {
	_, err := regexp.Compile(string(text)) // by itself: a)|(b is none, and would be one between brackets
	if err == nil {
		p.whole, err = regexp.Compile(`\A(?:` + string(text) + `)\z`) // \Qa is one, and is none between them
	}
	if wrong, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Errorf("is no regular expression (RE2): %s in %q", wrong.Code, wrong.Expr)
	}
	return err
}

// replace returns a template filled with the groups of role, where role matches.
func (p *Pattern) replace(role, template string) (string, bool) {
	match := p.whole.FindStringSubmatchIndex(role)
	if match == nil {
		return "", false
	}
	return string(p.whole.ExpandString(nil, template, role, match)), true
}

// checkTemplate reports what [regexp.Regexp.Expand] would silently make nothing of, and what never makes a role.
func (p *Pattern) checkTemplate(template string) error {
	if p.whole == nil { // it is no expression, and that is known
		return nil
	}
	reference := regexp.MustCompile(`\$(?:\$|\{([^}]*)\}|([\pL\p{Nd}_]+))?`)
	for _, found := range reference.FindAllStringSubmatch(template, -1) {
		switch name := found[1] + found[2]; {
		case found[0] == "$$":
		case found[0] == "$":
			return errors.New("has a $ that names no group: write $$ for a dollar")
		case !p.has(name):
			return fmt.Errorf("%s is no group of the expression (where a letter or a digit follows, write ${1})", found[0])
		}
	}
	return auth.CheckName(reference.ReplaceAllString(template, "x"))
}

// has reports whether a template can name the group so.
func (p *Pattern) has(name string) bool {
	if n, err := strconv.Atoi(name); err == nil {
		return strconv.Itoa(n) == name && n >= 0 && n <= p.whole.NumSubexp()
	}
	return p.whole.SubexpIndex(name) >= 0
}
