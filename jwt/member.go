package jwt

import (
	"encoding/base64"
	"errors"
	"fmt"
)

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

var errBase64URL = errors.New("is not canonical base64url")

// decodeSegment decodes base64url without padding (RFC 7515, section 2) of which there is one spelling
// only: no newline, which Go's decoder skips even where it is strict, and no stray bit at the end.
func decodeSegment(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(b)) != len(s) {
		return nil, errBase64URL
	}
	return b, nil
}
