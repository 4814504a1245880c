package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1)
	}
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"an object":               {`{"a":[1,{"b":null}],"A":true}`, nil},
		"blanks around it":        {" {}\n", nil},
		"nothing":                 {"", ErrNoObject},
		"a list":                  {"[]", ErrNoObject},
		"a text":                  {`"a"`, ErrNoObject},
		"half of one":             {`{"a":1`, ErrNoObject},
		"more behind it":          {"{}x", ErrNoObject},
		"two":                     {"{}{}", ErrNoObject},
		"no UTF-8":                {"{\"a\":\"\xff\"}", ErrNoObject},
		"a name twice":            {`{"a":1,"a":1}`, ErrTwice},
		"twice, further in":       {`{"a":[{"b":1,"b":2}]}`, ErrTwice},
		"twice, spelled two ways": {`{"a":1,"\u0061":2}`, ErrTwice},
		"as deep as may be":       {nested(maxDepth), nil},
		"deeper":                  {nested(maxDepth + 1), ErrDeep},
	} {
		if _, err := Object([]byte(row.text)); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	got, err := Object([]byte(`{"n":12345678901234567890,"l":["x"]}`))
	if want := (map[string]any{"n": json.Number("12345678901234567890"), "l": []any{"x"}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
