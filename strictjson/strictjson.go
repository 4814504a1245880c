// Package strictjson reads JSON that others sent and that must mean one thing only. It knows nothing of ours.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth is how deep an object may nest.
const maxDepth = 32

// Why a text is refused. Nothing of it is quoted.
var (
	ErrNoObject = errors.New("is not one JSON object in UTF-8")
	ErrTwice    = errors.New("names one thing twice")
	ErrDeep     = errors.New("nests deeper than 32")
)

// Object reads text as one JSON object, numbers as [json.Number]. What Go's decoder forgives, and
// other readers read otherwise, is an error: a name twice, bytes that are no UTF-8, more after the end.
func Object(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, ErrNoObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, 1)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, ErrNoObject
	}
	return object, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, ErrNoObject
	}
	delim, nested := t.(json.Delim)
	switch {
	case !nested:
		return t, nil
	case depth > maxDepth:
		return nil, ErrDeep
	case delim == '{':
		return readMembers(d, depth)
	}
	return readElements(d, depth)
}

func readMembers(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, ErrNoObject
		}
		name := t.(string) // the decoder lets nothing else stand here
		if _, ok := object[name]; ok {
			return nil, ErrTwice
		}
		if object[name], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func readElements(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}
