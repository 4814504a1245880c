package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong, where it stands. No fault shows the value of a secret.
type Fault struct {
	File    string // "environment NAME" for a variable
	Line    int    // 0 where there is none
	Path    string // such as providers[2].realm; empty for the whole file
	Message string
	Warning bool
}

// String is one line for people, such as
//
//	config.yaml:12: jwt.secrt: unknown key, did you mean "secret"?
func (f Fault) String() string {
	var parts []string
	if f.Warning {
		parts = append(parts, "warning")
	}
	switch {
	case f.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", f.File, f.Line))
	case f.File != "":
		parts = append(parts, f.File)
	}
	if f.Path != "" {
		parts = append(parts, f.Path)
	}
	return strings.Join(append(parts, f.Message), ": ")
}

// byLine puts what has no line last.
func byLine(a, b Fault) int {
	if (a.Line == 0) != (b.Line == 0) {
		return cmp.Compare(b.Line, a.Line)
	}
	return cmp.Compare(a.Line, b.Line)
}

// Report takes the faults of one place of the configuration. The zero Report drops them.
type Report struct {
	doc  *Document
	path []any
}

// Collect runs a check without a file and returns what it reports; the faults have a path only.
func Collect(check func(Report)) []Fault {
	d := &Document{root: &node{kind: table}}
	check(d.Report())
	return d.Faults()
}

// At narrows to a place below: keys are strings, indexes of lists are ints.
func (r Report) At(keys ...any) Report {
	return Report{doc: r.doc, path: append(slices.Clip(r.path), keys...)}
}

// Fault reports what is wrong with a key of this scope, or with the scope itself when key is
// empty. The line is that of the key's value, or of the nearest thing around it.
func (r Report) Fault(key, format string, args ...any) {
	r.say(key, false, fmt.Sprintf(format, args...))
}

// Warn is Fault for what does not stop the start.
func (r Report) Warn(key, format string, args ...any) {
	r.say(key, true, fmt.Sprintf(format, args...))
}

// Strict is Fault, or Warn when the document is decoded leniently.
func (r Report) Strict(key, format string, args ...any) {
	r.say(key, r.doc != nil && r.doc.lenient, fmt.Sprintf(format, args...))
}

func (r Report) say(key string, warning bool, message string) {
	if r.doc == nil {
		return
	}
	if key != "" {
		r = r.At(key)
	}
	r.doc.add(r.doc.root.nearest(r.path), r.path, warning, message)
}

// fault reports at a node that the walk already has in its hand.
func (r Report) fault(at *node, format string, args ...any) {
	r.doc.add(at, r.path, false, fmt.Sprintf(format, args...))
}

func join(path []any) string {
	var b strings.Builder
	for _, key := range path {
		name, isName := key.(string)
		switch {
		case !isName:
			fmt.Fprintf(&b, "[%v]", key)
		case !isPlainName(name):
			fmt.Fprintf(&b, "[%s]", quote(keyPart(name)))
		case b.Len() == 0:
			b.WriteString(name)
		default:
			b.WriteString("." + name)
		}
	}
	return b.String()
}

const maxShown = 40

// keyPart is a key as it may be shown: where a space is missing behind a colon, the value is part of it.
func keyPart(name string) string {
	if i := strings.IndexAny(name, ":="); i >= 0 {
		return name[:i+1] + "…"
	}
	return name
}

func isPlainName(s string) bool {
	odd := strings.IndexFunc(s, func(r rune) bool {
		return !(r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
	return s != "" && odd < 0 && len(s) <= maxShown
}

// quote shows a value on one line, shortened.
func quote(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		s = string(runes[:maxShown]) + "…"
	}
	return strconv.Quote(s)
}
