package sqlite

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Attributes are stored as one JSON object that reads well in a database
// browser: strings, numbers, booleans, arrays and objects of strings are
// themselves. Bytes are {"$bytes": base64}, and an object of strings that would
// look like that is {"$map": {...}}.
const (
	bytesMark = "$bytes"
	mapMark   = "$map"
)

// encodeAttributes expects attributes that passed table.Item.Validate.
func encodeAttributes(attributes map[string]any) string {
	if len(attributes) == 0 {
		return ""
	}
	buf := make([]byte, 0, 256)
	for i, name := range slices.Sorted(maps.Keys(attributes)) {
		buf = append(buf, separator(i, '{'))
		buf = appendText(buf, name)
		buf = append(buf, ':')
		buf = appendValue(buf, attributes[name])
	}
	return string(append(buf, '}'))
}

func appendValue(buf []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(buf, v)
	case int64:
		return strconv.AppendInt(buf, v, 10)
	case bool:
		return strconv.AppendBool(buf, v)
	case []byte:
		buf = append(buf, `{"`+bytesMark+`":"`...)
		buf = base64.StdEncoding.AppendEncode(buf, v)
		return append(buf, `"}`...)
	case []string:
		if len(v) == 0 {
			return append(buf, "[]"...)
		}
		for i, s := range v {
			buf = append(buf, separator(i, '['))
			buf = appendText(buf, s)
		}
		return append(buf, ']')
	case map[string]string:
		return appendMap(buf, v)
	}
	return append(buf, "null"...) // kept out by Validate
}

func appendMap(buf []byte, m map[string]string) []byte {
	if len(m) == 0 {
		return append(buf, "{}"...)
	}
	marked := false
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i == 0 && strings.HasPrefix(k, "$") {
			marked = true
			buf = append(buf, `{"`+mapMark+`":`...)
		}
		buf = append(buf, separator(i, '{'))
		buf = appendText(buf, k)
		buf = append(buf, ':')
		buf = appendText(buf, m[k])
	}
	if marked {
		buf = append(buf, '}')
	}
	return append(buf, '}')
}

func separator(i int, open byte) byte {
	if i == 0 {
		return open
	}
	return ','
}

// appendText writes a JSON string; most need no escape.
func appendText(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c == 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil {
				return append(buf, "null"...) // a string always marshals
			}
			return append(buf, quoted...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

func decodeAttributes(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("decode attributes: %w", err)
	}
	attributes := make(map[string]any, len(raw))
	for name, value := range raw {
		v, err := decodeValue(value)
		if err != nil {
			return nil, fmt.Errorf("decode attribute %s: %w", name, err)
		}
		attributes[name] = v
	}
	return attributes, nil
}

func decodeValue(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case '"':
		if inner := raw[1 : len(raw)-1]; !strings.Contains(string(inner), `\`) {
			return string(inner), nil
		}
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case 't', 'f':
		return raw[0] == 't', nil
	case '[':
		list := []string{}
		err := json.Unmarshal(raw, &list)
		return list, err
	case '{':
		return decodeObject(raw)
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

func decodeObject(raw json.RawMessage) (any, error) {
	if strings.HasPrefix(string(raw), `{"`+bytesMark+`"`) {
		var marked struct {
			Bytes []byte `json:"$bytes"`
		}
		err := json.Unmarshal(raw, &marked)
		return marked.Bytes, err
	}
	if strings.HasPrefix(string(raw), `{"`+mapMark+`"`) {
		var marked struct {
			Map map[string]string `json:"$map"`
		}
		err := json.Unmarshal(raw, &marked)
		return marked.Map, err
	}
	m := map[string]string{}
	err := json.Unmarshal(raw, &m)
	return m, err
}
