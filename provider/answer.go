package provider

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/strictjson"
)

// An answer is the JSON object that a service sent.
type answer map[string]any

// errNoObject says why a body is no answer, and quotes nothing of it.
var (
	errNoObject  = errors.New("its answer is no JSON object")
	errDuplicate = errors.New("its answer names one thing twice")
)

// parseAnswer reads one JSON object. A name that stands twice in an object makes the whole no answer:
// readers differ on which of two users was meant.
func parseAnswer(body []byte) (answer, error) {
	object, err := strictjson.Object(body)
	switch {
	case errors.Is(err, strictjson.ErrTwice):
		return nil, errDuplicate
	case err != nil:
		return nil, errNoObject
	}
	return object, nil
}

// steps takes a path apart: names and list indexes between dots (data.0.id), or a JSON Pointer (RFC 6901) where a
// name has a dot of its own.
func steps(path string) []string {
	pointer, ok := strings.CutPrefix(path, "/")
	if !ok {
		return strings.Split(path, ".")
	}
	list := strings.Split(pointer, "/")
	for i, s := range list {
		list[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return list
}

// below returns what is under one step of v, nil if nothing is.
func below(v any, step string) any {
	switch node := v.(type) {
	case map[string]any:
		return node[step]
	case []any:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node) {
			return node[i]
		}
	}
	return nil
}

// at follows path into the answer; nil if there is nothing.
func (a answer) at(path string) any {
	if path == "" {
		return nil
	}
	var v any = map[string]any(a)
	for _, step := range steps(path) {
		v = below(v, step)
	}
	return v
}

// lists is list for all that path leads to, where the step * is every member of an object, in the order of their
// names.
func (a answer) lists(path string) []string {
	if path == "" {
		return nil
	}
	found := []any{map[string]any(a)}
	for _, step := range steps(path) {
		var next []any
		for _, v := range found {
			object, ok := v.(map[string]any)
			if step != "*" || !ok {
				next = append(next, below(v, step))
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(object)) {
				next = append(next, object[name])
			}
		}
		found = next
	}
	var all []string
	for _, v := range found {
		all = append(all, texts(v)...)
	}
	return all
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
func (a answer) list(path string) []string { return texts(a.at(path)) }

func texts(v any) []string {
	switch v := v.(type) {
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
