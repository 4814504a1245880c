// Package conf reads one YAML file and the environment into a struct, strictly, and tells every
// fault with its line; it also writes the JSON Schema of the same struct.
//
// The order of use is Parse, MergeEnv for each prefix, Decode, the rooms' own checks through
// Report, and then Faults.
//
// A struct's fields say what they take by tags:
//
//	yaml:"name"     the key; a field without it is no configuration; ",inline" for embedded structs
//	doc:"…"         what the schema says about it
//	enum:"a,b"      the only values
//	secret:"true"   never shown; name_file is a second key, for a file that holds the value
//	path:"true"     begins at the configuration's folder unless it is absolute
//
// A struct with a key "type" and a method Variant(kind string) (config any, kinds []string) has
// the keys of the struct that config points to as well; config is nil for an unknown kind. A
// method IgnoredKeys() map[string]string names keys that have no effect, each with the warning.
package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxBytes is far above any real configuration and far below what could hurt.
const maxBytes = 1 << 20

// Document is one YAML file with the environment merged into it, and every fault found so far.
// It is not safe for concurrent use.
type Document struct {
	file     string
	root     *node
	layers   int
	broken   bool // the file is not YAML
	lenient  bool
	faults   []Fault
	secrets  []string // paths of the files that secrets were to come from
	followed []string // see Follow
}

// Parse reads one YAML document. It never fails: whatever is wrong is among the Faults, and what
// could be read is kept. The file is not opened: its name stands in the faults, and its folder is
// where relative paths begin. An empty file is an empty mapping.
func Parse(file string, data []byte) *Document {
	d := &Document{file: file, root: &node{kind: table}}
	if len(data) > maxBytes {
		d.Report().Fault("", "the file is larger than %d bytes", maxBytes)
		return d
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	first, err := next(decoder)
	if err == nil {
		d.adopt(first)
		d.refuseSecond(decoder)
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	return d
}

// next reads one document. yaml.v3 reports its own faults as errors, but a bug in it is a panic,
// and a reload must not end the process.
func next(decoder *yaml.Decoder) (document yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("yaml: the parser gave up")
		}
	}()
	return document, decoder.Decode(&document)
}

func (d *Document) adopt(document yaml.Node) {
	if len(document.Content) != 1 {
		return
	}
	b := builder{report: d.Report()}
	root := b.build(document.Content[0], d.Report(), 0)
	switch root.kind {
	case table:
		if b.full {
			return // half a tree would only bring faults of its own
		}
		d.root = root
	case text, list:
		d.add(root, nil, false, "want a mapping, not "+root.kind.String())
	}
}

func (d *Document) refuseSecond(decoder *yaml.Decoder) {
	second, err := next(decoder)
	switch {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err)
	default:
		d.add(&node{line: second.Line}, nil, false, "a second YAML document begins: want only one")
	}
}

// syntax reports an error of the YAML parser at its line. The name in an "unknown anchor" is left
// out: it may be a secret that begins with an asterisk and was not quoted.
func (d *Document) syntax(err error) {
	message, at := strings.TrimPrefix(err.Error(), "yaml: "), &node{}
	if found := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(message); found != nil {
		at.line, _ = strconv.Atoi(found[1])
		message = found[2]
	}
	if strings.HasPrefix(message, "unknown anchor") {
		message = "an alias names an anchor that is not there (quote a text that begins with *)"
	}
	switch message { // the parser names the line where the mapping or list began
	case "did not find expected key", "did not find expected '-' indicator":
		message += ", here or some lines below: look at the indentation"
	}
	d.broken = true
	d.add(at, nil, false, "not YAML: "+message)
}

// Decode sets what dst, a pointer to a struct filled with the defaults, has a key for. It checks
// all and stops at nothing: after it, Failed tells whether dst can be used. When lenient, unknown
// keys and what is reported as Strict are warnings.
func (d *Document) Decode(dst any, lenient bool) {
	d.lenient = lenient
	decodeObject(d.Report(), d.root, reflect.ValueOf(dst).Elem())
}

// Files are the paths of what was read, or was to be: the document's own first, then those of secrets, then those
// given to Follow.
func (d *Document) Files() []string { return slices.Concat([]string{d.file}, d.secrets, d.followed) }

// Follow adds paths of files or folders that the document names and a room has read.
func (d *Document) Follow(paths ...string) { d.followed = append(d.followed, paths...) }

// Broken tells that the file is not YAML: whatever else is said of it may be wrong.
func (d *Document) Broken() bool { return d.broken }

// Text peeks at a scalar before decoding; it is empty where there is none.
func (d *Document) Text(keys ...string) string {
	if n := d.root.find(keys); n != nil {
		return n.text
	}
	return ""
}

// Has tells whether the file or the environment sets this key, to null at least.
func (d *Document) Has(keys ...string) bool { return d.root.find(keys) != nil }

// Report is the root scope, for semantic checks.
func (d *Document) Report() Report { return Report{doc: d} }

// Faults are all that was found, each once: those with a line by line, then those of the
// environment.
func (d *Document) Faults() []Fault {
	seen := make(map[Fault]bool, len(d.faults))
	faults := make([]Fault, 0, len(d.faults))
	for _, f := range d.faults {
		if !seen[f] {
			seen[f] = true
			faults = append(faults, f)
		}
	}
	slices.SortStableFunc(faults, byLine)
	return faults
}

// Failed tells whether there is a fault that is not only a warning.
func (d *Document) Failed() bool {
	return slices.ContainsFunc(d.faults, func(f Fault) bool { return !f.Warning })
}

func (d *Document) add(at *node, path []any, warning bool, message string) {
	f := Fault{File: d.file, Line: at.line, Path: join(path), Message: message, Warning: warning}
	if at.env != nil {
		f.File, f.Line = fmt.Sprintf("environment %s", at.env.name), 0
	}
	d.faults = append(d.faults, f)
}
