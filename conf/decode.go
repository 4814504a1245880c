package conf

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// decode is the one walk: it checks n against the field's type and sets the field.
func decode(r Report, n *node, f field) {
	v := f.value
	switch {
	case n.kind == broken:
	case v.Kind() == reflect.Pointer:
		decodePointer(r, n, f)
	case readsText(v.Type()):
		decodeScalar(r, n, f)
	case v.Kind() == reflect.Struct:
		decodeObject(r, n, v)
	case v.Kind() == reflect.Slice:
		decodeList(r, n, f)
	case v.Kind() == reflect.Map:
		decodeMap(r, n, f)
	default:
		decodeScalar(r, n, f)
	}
}

func decodePointer(r Report, n *node, f field) {
	to := reflect.New(f.value.Type().Elem())
	if n.kind == null && to.Elem().Kind() == reflect.Struct && !readsText(to.Elem().Type()) {
		return
	}
	if !f.value.IsNil() {
		to.Elem().Set(f.value.Elem()) // a copy: the defaults may be shared
	}
	decode(r, n, f.of(to.Elem()))
	f.value.Set(to)
}

func decodeObject(r Report, n *node, v reflect.Value) {
	if n.kind == null {
		return
	}
	if n.kind != table {
		r.fault(n, "want a mapping, not %s", n.kind)
		return
	}
	fields, ignored := fieldsOf(v), map[string]string{}
	decodeFields(r, n, fields)
	maps.Copy(ignored, ignoredKeys(v))
	if chooser, ok := asVariant(v); ok {
		config, ok := variantFields(choose(r, n, chooser))
		if !ok {
			return // which keys are known depends on the kind
		}
		more := fieldsOf(config)
		decodeFields(r, n, more)
		fields = append(fields, more...)
		maps.Copy(ignored, ignoredKeys(config))
	}
	refuseUnknown(r, n, names(fields), ignored)
}

func decodeFields(r Report, n *node, fields []field) {
	for _, f := range fields {
		below := n.get(f.name)
		if f.secret {
			below = secretOf(r, n, f.name)
		}
		if below != nil {
			decode(r.At(f.name), below, f)
		}
	}
}

// choose returns the variant's own struct, or nil after a fault.
func choose(r Report, n *node, v variant) any {
	chosen, at := n.get("type"), r.At("type")
	if chosen != nil && chosen.kind != text {
		return nil // the walk over the common fields has said so
	}
	kind := ""
	if chosen != nil {
		kind = chosen.text
	}
	config, kinds := v.Variant(kind)
	if chosen == nil {
		at.fault(n, "missing, want one of %s", strings.Join(kinds, ", "))
		return nil
	}
	if _, ok := variantFields(config); !ok {
		at.fault(chosen, "%s is not one of %s%s", quote(kind), strings.Join(kinds, ", "), didYouMean(kind, kinds))
	}
	return config
}

func refuseUnknown(r Report, n *node, known []string, ignored map[string]string) {
	for _, e := range n.entries {
		if slices.Contains(known, e.key) {
			continue
		}
		at := &node{line: e.line, env: e.value.env}
		why, isIgnored := ignored[e.key]
		if isIgnored {
			r.doc.add(at, r.At(e.key).path, true, why)
			continue
		}
		hint := suggest(at.env, e.key, known)
		if name, _, glued := strings.Cut(e.key, ":"); glued && slices.Contains(known, name) {
			hint = ", a space is missing behind the colon"
		}
		r.doc.add(at, r.At(e.key).path, r.forgives(at.env, hint), "unknown key"+hint)
	}
}

// forgives tells whether an unknown key is only a warning. A variable may belong to somebody else
// who chose our prefix, unless it is shaped like a path of ours or looks like one of our keys.
func (r Report) forgives(v *variable, hint string) bool {
	if v == nil || r.doc.lenient {
		return r.doc.lenient
	}
	return v.soft || hint == "" && len(v.keys) == 1 && len(r.path) == 0
}

// suggest knows the likeliest mistake in a variable: one underscore in the place of two.
func suggest(v *variable, key string, known []string) string {
	if v != nil && len(v.keys) == 1 {
		for _, k := range known {
			if rest, ok := strings.CutPrefix(key, k+"_"); ok && key == v.keys[0] {
				prefix := strings.TrimSuffix(v.name, v.rest)
				return ", did you mean " + prefix + strings.ToUpper(k+"__"+rest) + "?"
			}
		}
	}
	return didYouMean(key, known)
}

func decodeList(r Report, n *node, f field) {
	if n.kind == text && n.env != nil {
		n = splitText(r, n)
	}
	switch n.kind {
	case list:
	case null: // a key with nothing behind it is not set
		f.value.SetZero()
		return
	case broken:
		return
	default:
		r.fault(n, "want a list, not %s", n.kind)
		return
	}
	items := reflect.MakeSlice(f.value.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		decodeItem(r.At(i), item, f.of(items.Index(i)))
	}
	f.value.Set(items)
}

func decodeItem(r Report, n *node, f field) {
	if n.kind == null {
		r.fault(n, "has no value")
		return
	}
	decode(r, n, f)
}

func decodeMap(r Report, n *node, f field) {
	if n.kind != table && n.kind != null {
		r.fault(n, "want a mapping, not %s", n.kind)
		return
	}
	t := f.value.Type()
	filled := reflect.MakeMapWithSize(t, len(n.entries))
	for _, e := range n.entries {
		item := reflect.New(t.Elem()).Elem()
		if item.Kind() == reflect.Pointer { // a name with nothing is there, with nothing set
			item.Set(reflect.New(t.Elem().Elem()))
		}
		decode(r.At(e.key), e.value, f.of(item))
		filled.SetMapIndex(reflect.ValueOf(e.key).Convert(t.Key()), item)
	}
	f.value.Set(filled)
}
