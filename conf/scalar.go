package conf

import (
	"encoding"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// decodeScalar reads the text of a scalar, quoted or not, by the field's type: a password 0123
// keeps its zero.
func decodeScalar(r Report, n *node, f field) {
	switch {
	case n.kind == null:
		r.fault(n, "has no value")
		return
	case n.kind != text:
		r.fault(n, "want a single value, not %s", n.kind)
		return
	}
	err := checkEnum(f.enum, n.text)
	if err == nil {
		err = setText(f.value, n.text)
	}
	switch {
	case err == nil && f.path && f.value.Kind() == reflect.String:
		f.value.SetString(r.doc.resolve(f.value.String()))
	case err != nil && f.secret:
		r.fault(n, "is not of the form that is wanted here") // err shows the value
	case err != nil:
		r.fault(n, "%s", err)
	}
}

func checkEnum(enum []string, s string) error {
	if enum == nil || slices.Contains(enum, s) {
		return nil
	}
	return fmt.Errorf("%s is not one of %s%s", quote(s), strings.Join(enum, ", "), didYouMean(s, enum))
}

// setText leaves v as it was when it returns an error. The error shows the text.
func setText(v reflect.Value, s string) error {
	if reader, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return reader.UnmarshalText([]byte(s))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return setDuration(v, s)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		return setBool(v, s)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(v, s)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint(v, s)
	case reflect.Float32, reflect.Float64:
		return setFloat(v, s)
	default:
		return fmt.Errorf("a %s cannot be configured", v.Type())
	}
	return nil
}

func setBool(v reflect.Value, s string) error {
	lower := strings.ToLower(s)
	if lower != "true" && lower != "false" {
		return fmt.Errorf("want true or false, not %s", quote(s))
	}
	v.SetBool(lower == "true")
	return nil
}

// setInt refuses 0123, which is 83 to YAML 1.1 and 123 to YAML 1.2, and 1_000 and 0x10.
func setInt(v reflect.Value, s string) error {
	i, err := strconv.ParseInt(s, 10, v.Type().Bits())
	switch bad := err != nil || strconv.FormatInt(i, 10) != s; {
	case bad && v.Type().Bits() == 64: // the range would say nothing
		return fmt.Errorf("want a whole number, not %s", quote(s))
	case bad:
		top := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		return fmt.Errorf("want a whole number from %d to %d, not %s", -top-1, top, quote(s))
	}
	v.SetInt(i)
	return nil
}

func setUint(v reflect.Value, s string) error {
	i, err := strconv.ParseUint(s, 10, v.Type().Bits())
	if err != nil || strconv.FormatUint(i, 10) != s {
		top := uint64(math.MaxUint64) >> (64 - v.Type().Bits())
		return fmt.Errorf("want a whole number from 0 to %d, not %s", top, quote(s))
	}
	v.SetUint(i)
	return nil
}

func setFloat(v reflect.Value, s string) error {
	x, err := strconv.ParseFloat(s, v.Type().Bits())
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("want a number, not %s", quote(s))
	}
	v.SetFloat(x)
	return nil
}

func setDuration(v reflect.Value, s string) error {
	_, notNumber := strconv.ParseFloat(s, 64)
	if _, err := time.ParseDuration(s + "s"); err == nil && notNumber == nil {
		return fmt.Errorf("%s has no unit, write %ss", quote(s), s)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return fmt.Errorf("want a duration such as 30s or 1m30s, not %s", quote(s))
	case d < 0:
		return fmt.Errorf("want a duration that is not negative, not %s", quote(s))
	}
	v.SetInt(int64(d))
	return nil
}

// resolve lets a relative path begin at the configuration's folder, not where we were started.
func (d *Document) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(d.file), path)
}

// splitText makes a list of a variable: YAML in brackets, or items between commas.
func splitText(r Report, n *node) *node {
	if strings.HasPrefix(strings.TrimSpace(n.text), "[") {
		var y yaml.Node
		if err := yaml.Unmarshal([]byte(n.text), &y); err != nil || len(y.Content) != 1 {
			r.fault(n, "want [a, b] or a, b")
			return &node{kind: broken}
		}
		b := builder{report: r, env: n.env}
		return b.build(y.Content[0], r, 0)
	}
	out := &node{kind: list, env: n.env}
	if strings.TrimSpace(n.text) == "" {
		out.kind = null // as a key with nothing behind it
		return out
	}
	for item := range strings.SplitSeq(n.text, ",") {
		out.items = append(out.items, &node{kind: text, text: strings.TrimSpace(item), env: n.env})
	}
	return out
}
