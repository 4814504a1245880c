package conf

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

type object = map[string]any

// durationPattern is what time.ParseDuration takes, less signs and what nobody writes.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// Schema writes the JSON Schema (draft 2020-12) of root, a pointer to a struct filled with the
// defaults. It is a little stricter than Decode: it wants quotes around a text that looks like a
// number, which other YAML tools would change. An error means that root has a field that cannot
// be configured.
func Schema(root any, title string) ([]byte, error) {
	s, err := objectSchema(reflect.ValueOf(root).Elem(), 0)
	if err != nil {
		return nil, err
	}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(s)
	return out.Bytes(), err
}

func objectSchema(v reflect.Value, depth int) (object, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s contains itself", v.Type())
	}
	s := object{"type": "object"}
	if chooser, ok := asVariant(v); ok {
		return s, addVariants(s, v, chooser, depth)
	}
	return s, addFields(s, fieldsOf(v), ignoredKeys(v), depth)
}

// addFields closes the object: only these keys may stand in it.
func addFields(s object, fields []field, ignored map[string]string, depth int) error {
	properties, exclusive := object{}, []any{}
	for key, why := range ignored {
		properties[key] = object{"description": why, "deprecated": true}
	}
	for _, f := range fields {
		property, err := fieldSchema(f, depth)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		properties[f.name] = property
		if f.secret {
			twin := f.name + twinSuffix
			properties[twin] = object{"type": "string", "description": "File that holds " + f.name + "."}
			exclusive = append(exclusive, object{"not": object{"required": []string{f.name, twin}}})
		}
	}
	s["properties"] = properties
	s["additionalProperties"] = false
	if len(exclusive) > 0 {
		s["allOf"] = exclusive
	}
	return nil
}

// addVariants gives each kind its own closed set of keys, behind a condition on its type.
func addVariants(s object, v reflect.Value, chooser variant, depth int) error {
	_, kinds := chooser.Variant("")
	var branches []any
	for _, kind := range kinds {
		config, _ := chooser.Variant(kind)
		own, ok := variantFields(config)
		if !ok {
			return fmt.Errorf("%s has no variant %s", v.Type(), kind)
		}
		then := object{}
		for _, part := range []reflect.Value{v, own} {
			more := object{}
			if err := addFields(more, fieldsOf(part), ignoredKeys(part), depth); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			extend(then, more)
		}
		only := object{"type": object{"const": kind}}
		branches = append(branches, object{"if": object{"properties": only}, "then": then})
	}
	s["required"] = []string{"type"}
	s["properties"] = object{"type": object{"enum": kinds}}
	s["allOf"] = branches
	return nil
}

// extend joins the closed sets of keys of the common struct and of the variant.
func extend(into, more object) {
	if into["properties"] == nil {
		into["properties"], into["additionalProperties"] = object{}, false
	}
	for key, property := range more["properties"].(object) {
		into["properties"].(object)[key] = property
	}
	if conditions, ok := more["allOf"].([]any); ok {
		before, _ := into["allOf"].([]any)
		into["allOf"] = append(before, conditions...)
	}
}

func fieldSchema(f field, depth int) (object, error) {
	s, err := typeSchema(f, depth)
	if err != nil {
		return nil, err
	}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if isSection(f.value.Type()) { // a section with nothing in it is as good as none
		s["type"] = []any{s["type"], "null"}
	}
	if d := defaultOf(f); d != nil {
		s["default"] = d
	}
	return s, nil
}

func isSection(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return !readsText(t) && (k == reflect.Struct || k == reflect.Slice || k == reflect.Map)
}

func typeSchema(f field, depth int) (object, error) {
	t := f.value.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		return typeSchema(f.of(pointee(f.value)), depth)
	case readsText(t):
		return object{"type": []string{"string", "number"}}, nil
	case t.Kind() == reflect.Struct:
		return objectSchema(f.value, depth+1)
	case t.Kind() == reflect.Slice:
		items, err := typeSchema(f.of(reflect.New(t.Elem()).Elem()), depth+1)
		return object{"type": "array", "items": items}, err
	case t.Kind() == reflect.Map:
		f.doc = ""
		items, err := fieldSchema(f.of(reflect.New(t.Elem()).Elem()), depth+1)
		return object{"type": "object", "additionalProperties": items}, err
	}
	return scalarSchema(f)
}

func pointee(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return reflect.New(v.Type().Elem()).Elem()
	}
	return v.Elem()
}

func scalarSchema(f field) (object, error) {
	t := f.value.Type()
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return object{"type": "string", "pattern": durationPattern}, nil
	case f.enum != nil:
		return object{"enum": f.enum}, nil
	case t.Kind() == reflect.String:
		return object{"type": "string"}, nil
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}, nil
	case f.value.CanUint():
		return object{"type": "integer", "minimum": 0, "maximum": ^uint64(0) >> (64 - t.Bits())}, nil
	case f.value.CanInt():
		top := int64(^uint64(0) >> (65 - t.Bits()))
		return object{"type": "integer", "minimum": -top - 1, "maximum": top}, nil
	case f.value.CanFloat():
		return object{"type": "number"}, nil
	}
	return nil, fmt.Errorf("a %s cannot be configured", t)
}

// defaultOf is what the field holds already, if it is a scalar that says something.
func defaultOf(f field) any {
	v := f.value
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if f.secret || v.IsZero() || isSection(v.Type()) {
		return nil
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		return value.String()
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return string(text)
		}
		return nil
	}
	if readsText(v.Type()) {
		return nil
	}
	return v.Interface()
}
