package ecflowrc

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// An entry is one element of tokens as the client takes it.
type entry struct {
	kind     string // empty: none, or not a string
	server   string
	key      string
	username string
	password string
}

// read returns the file's entries. Any error means that the client takes nothing from the file.
func read(data []byte) ([]entry, error) {
	value, err := parse(data)
	if err != nil {
		return nil, err
	}
	file, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the file is not a JSON object")
	}
	if err := checkVersion(file["version"]); err != nil {
		return nil, err
	}
	elements, err := tokens(file["tokens"])
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(elements))
	for i, element := range elements {
		if entries[i], err = readEntry(element); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	return entries, nil
}

// checkVersion wants the integer 1. The client keeps the low 32 bits, so there are others.
func checkVersion(value any) error {
	number, ok := value.(json.Number)
	if !ok {
		return errors.New("version is not the integer 1")
	}
	signed, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		unsigned, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil {
			return errors.New("version is not the integer 1")
		}
		signed = int64(unsigned)
	}
	if int32(signed) != 1 {
		return fmt.Errorf("version is %s, not 1", number)
	}
	return nil
}

// tokens returns the elements of a list, or the values of an object by the order of their names.
func tokens(value any) ([]any, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case []any:
		return value, nil
	case map[string]any:
		var elements []any
		for _, name := range slices.Sorted(maps.Keys(value)) {
			elements = append(elements, value[name])
		}
		return elements, nil
	}
	return nil, errors.New("tokens is not a list")
}

func readEntry(element any) (entry, error) {
	if element == nil {
		return entry{}, nil
	}
	fields, ok := element.(map[string]any)
	if !ok {
		return entry{}, errors.New("not an object")
	}
	var e entry
	e.kind, _ = fields["type"].(string)
	switch e.kind {
	case "bearer":
		var unused string
		return e, e.read(fields, map[string]*string{"url": &unused, "key": &e.key, "email": &unused})
	case "basic":
		return e, e.read(fields, map[string]*string{"username": &e.username, "password": &e.password})
	}
	e.server, _ = fields["server"].(string)
	return e, nil
}

// read takes server and all of api's fields that are asked for. Each must be there, as a string.
func (e *entry) read(fields map[string]any, api map[string]*string) error {
	server, ok := fields["server"].(string)
	if !ok {
		return errors.New("server is missing or is not a string")
	}
	e.server = server
	given, _ := fields["api"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(api)) {
		if *api[name], ok = given[name].(string); !ok {
			return fmt.Errorf("api.%s is missing or is not a string: a %s entry needs it", name, e.kind)
		}
	}
	return nil
}
