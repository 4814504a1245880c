package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep a header, claims or a key set may nest.
const maxDepth = 32

var (
	errNoObject  = errors.New("is not one JSON object in UTF-8")
	errTwice     = errors.New("names one thing twice")
	errDeep      = errors.New("nests deeper than 32")
	errBase64URL = errors.New("is not canonical base64url")
)

// readObject reads text as one JSON object, numbers as [json.Number]. What Go's decoder forgives, and
// other readers read otherwise, is an error: a name twice, bytes that are no UTF-8, more after the end.
func readObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errNoObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, 1)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return object, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errNoObject
	}
	delim, nested := t.(json.Delim)
	switch {
	case !nested:
		return t, nil
	case depth > maxDepth:
		return nil, errDeep
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
			return nil, errNoObject
		}
		name := t.(string) // the decoder lets nothing else stand here
		if _, ok := object[name]; ok {
			return nil, errTwice
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

// member returns the string under name, "" if there is no such member. An empty string, null and every
// other type are errors.
func member(object map[string]any, name string) (string, error) {
	v, ok := object[name]
	if !ok {
		return "", nil
	}
	if s, ok := v.(string); ok && s != "" {
		return s, nil
	}
	return "", errors.New("is no string, or an empty one")
}

// texts returns v as a list of strings, of which there must be one.
func texts(v any) ([]string, error) {
	elements, ok := v.([]any)
	if !ok || len(elements) == 0 {
		return nil, errors.New("is no list, or an empty one")
	}
	list := make([]string, len(elements))
	for i, e := range elements {
		if list[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("element %d is no string", i)
		}
	}
	return list, nil
}

// decodeSegment decodes base64url without padding (RFC 7515, section 2) of which there is one spelling
// only: no newline, which Go's decoder skips even where it is strict, and no stray bit at the end.
func decodeSegment(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(b)) != len(s) {
		return nil, errBase64URL
	}
	return b, nil
}
