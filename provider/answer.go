package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An answer is the JSON object that a service sent.
type answer map[string]any

// errNoObject says why a body is no answer, and quotes nothing of it.
var (
	errNoObject  = errors.New("its answer is no JSON object")
	errDuplicate = errors.New("its answer names one thing twice")
)

// maxDepth is how deep an answer may nest.
const maxDepth = 32

// parseAnswer reads one JSON object. A name that stands twice in an object makes the whole no answer:
// readers differ on which of two users was meant.
func parseAnswer(body []byte) (answer, error) {
	if !utf8.Valid(body) {
		return nil, errNoObject
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return object, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return nil, errNoObject
	}
	switch t {
	case json.Delim('{'):
		return readObject(d, depth)
	case json.Delim('['):
		return readList(d, depth)
	}
	return t, nil
}

func readObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		name := key.(string) // the decoder lets nothing else stand here
		if _, ok := object[name]; ok {
			return nil, errDuplicate
		}
		if object[name], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	return object, closing(d)
}

func readList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, closing(d)
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errNoObject
	}
	return nil
}

// at follows path into the answer: names and list indexes between dots (data.0.id), or a JSON Pointer
// (RFC 6901) where a name has a dot of its own.
func (a answer) at(path string) any {
	if path == "" {
		return nil
	}
	var steps []string
	if pointer, ok := strings.CutPrefix(path, "/"); ok {
		steps = strings.Split(pointer, "/")
		for i, s := range steps {
			steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
		}
	} else {
		steps = strings.Split(path, ".")
	}
	var v any = map[string]any(a)
	for _, step := range steps {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// text returns the string at path, or "".
func (a answer) text(path string) string {
	s, _ := a.at(path).(string)
	return s
}

// scalar returns the string, number or boolean at path as text.
func (a answer) scalar(path string) (string, bool) {
	switch v := a.at(path).(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// list returns the list of strings at path, or one string as a list of one. What is no string becomes an
// empty role, which the gate refuses.
func (a answer) list(path string) []string {
	switch v := a.at(path).(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i], _ = v[i].(string)
		}
		return list
	}
	return nil
}
