package conf

import (
	"encoding"
	"reflect"
	"strings"
)

// field is one key that a struct has, and where its value goes. Its tags hold for the items of a
// list or a map, too.
type field struct {
	name   string
	doc    string
	enum   []string
	secret bool
	path   bool
	value  reflect.Value
}

// fieldsOf lists the keys of a struct, those of inlined structs included.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			fields = append(fields, fieldsOf(v.Field(i))...)
		case name != "" && name != "-":
			fields = append(fields, newField(name, v.Type().Field(i).Tag, v.Field(i)))
		}
	}
	return fields
}

func newField(name string, tag reflect.StructTag, v reflect.Value) field {
	f := field{name: name, doc: tag.Get("doc"), value: v}
	f.secret = tag.Get("secret") == "true"
	f.path = tag.Get("path") == "true"
	if enum := tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, ",")
	}
	return f
}

// of is the same field for another value: an item, or what a pointer points to.
func (f field) of(v reflect.Value) field {
	f.value = v
	return f
}

// names are the keys that a struct accepts, twins of secrets included.
func names(fields []field) []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
		if f.secret {
			all = append(all, f.name+twinSuffix)
		}
	}
	return all
}

// variant is a struct whose key "type" decides which further keys it has. Variant returns a
// pointer to the struct that takes them, nil for a kind that is not known, and all the kinds.
type variant interface {
	Variant(kind string) (config any, kinds []string)
}

// ignorer is a struct that has keys without effect; each is a warning that says why.
type ignorer interface {
	IgnoredKeys() map[string]string
}

func asVariant(v reflect.Value) (variant, bool) {
	found, ok := v.Addr().Interface().(variant)
	return found, ok
}

// variantFields are those of the kind's own struct.
func variantFields(config any) (v reflect.Value, ok bool) {
	v = reflect.ValueOf(config)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return v, false
	}
	return v.Elem(), true
}

func ignoredKeys(v reflect.Value) map[string]string {
	if found, ok := v.Addr().Interface().(ignorer); ok {
		return found.IgnoredKeys()
	}
	return nil
}

func readsText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
