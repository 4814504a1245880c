package ecflowrc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// parse reads one JSON value as the client does: package json's rules, and on top of these that text is
// valid UTF-8 without lone surrogates and that numbers fit a float64. A byte order mark is skipped; of
// two equal names the later one counts; upper and lower case differ; a NUL byte is the end.
func parse(data []byte) (any, error) {
	data, _, _ = bytes.Cut(bytes.TrimPrefix(data, byteOrderMark), []byte{0})
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty")
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, notJSON(data, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		line, column := position(data, decoder.InputOffset())
		return nil, fmt.Errorf("not JSON: something follows its end at line %d, column %d", line, column)
	}
	if loneSurrogate(data) {
		return nil, errors.New("not JSON: half of a \\u surrogate pair")
	}
	return value, finite(value)
}

// notJSON says where data stops being JSON, and quotes nothing of it.
func notJSON(data []byte, err error) error {
	offset := int64(len(data))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	line, column := position(data, offset)
	where := fmt.Sprintf("not JSON at line %d, column %d", line, column)
	before := bytes.TrimRight(data[:max(min(offset, int64(len(data)))-1, 0)], " \t\r\n")
	if bytes.HasSuffix(before, []byte(",")) && offset > 0 && bytes.IndexByte([]byte("]}"), data[offset-1]) >= 0 {
		where += ": a comma before a closing bracket"
	}
	return errors.New(where)
}

// position counts lines and columns from 1; offset is behind the byte in question.
func position(data []byte, offset int64) (line, column int) {
	before := data[:max(min(offset, int64(len(data)))-1, 0)]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// loneSurrogate looks for an escaped half of a surrogate pair in data, which is valid JSON.
func loneSurrogate(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++ // on the escaped byte
		first := surrogate(data[i-1:])
		if first == 0 {
			continue
		}
		if first != 'H' || surrogate(data[i+5:]) != 'L' {
			return true
		}
		i += 5 + 5 // to the last digit of the second half
	}
	return false
}

// surrogate tells whether data begins with \u and a high (H) or a low (L) surrogate.
func surrogate(data []byte) byte {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0
	}
	switch unit, _ := strconv.ParseUint(string(data[2:6]), 16, 16); {
	case 0xd800 <= unit && unit < 0xdc00:
		return 'H'
	case 0xdc00 <= unit && unit < 0xe000:
		return 'L'
	}
	return 0
}

// finite refuses numbers that overflow a float64.
func finite(value any) error {
	switch value := value.(type) {
	case json.Number:
		if f, _ := strconv.ParseFloat(string(value), 64); math.IsInf(f, 0) {
			return errors.New("a number is too big")
		}
	case []any:
		for _, element := range value {
			if err := finite(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, element := range value {
			if err := finite(element); err != nil {
				return err
			}
		}
	}
	return nil
}
