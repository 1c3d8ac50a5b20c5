package evolution

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// schema is the part of JSON Schema that Evolution's bodies use. Refusals have
// the wordings of its validator (npm jsonschema), in its order: the properties
// first, then what is missing.
type schema struct {
	name        string // of the property within its object
	kind        string // string, boolean, integer, number, object, array, "" for any
	description string // replaces the wording
	enum        []string
	pattern     *regexp.Regexp
	minLength   int // of a text
	minItems    int
	maxItems    int // 0 for any
	between     *[2]float64
	unique      bool
	items       *schema
	properties  []schema
	required    []string
	// filled are those whose emptiness is refused, but only when the object
	// has no other fields (Evolution's isNotEmpty).
	filled []string
}

// validate checks a body that has to be an object, after forms have been
// brought to the schema's types. The refusal is an array in an array.
func (s schema) validate(b *body) error {
	if b.form {
		b.value = s.coerce(b.value)
	}
	var wrong []flaw
	s.check("instance", b.value, &wrong)
	if len(wrong) == 0 {
		return nil
	}
	sentences := make([]string, len(wrong))
	for n, f := range wrong {
		sentences[n] = f.Message
	}
	return &problem{status: 400, message: [][]string{sentences}}
}

// validateFlat is validate with the refusal of routes of groups: an array of
// properties and what is wrong with them.
func (s schema) validateFlat(b *body) error {
	if b.form {
		b.value = s.coerce(b.value)
	}
	var wrong []flaw
	if s.check("instance", b.value, &wrong); len(wrong) == 0 {
		return nil
	}
	return &problem{status: 400, message: wrong}
}

// flaw is something wrong with a property: "instance" for the body itself.
type flaw struct {
	Property string `json:"property"`
	Message  string `json:"message"`
}

func (s schema) check(path string, value any, wrong *[]flaw) {
	say := func(format string, args ...any) {
		text := s.description
		if text == "" {
			text = strings.Replace(path+" "+fmt.Sprintf(format, args...), "instance.", "", 1)
		}
		*wrong = append(*wrong, flaw{strings.TrimPrefix(path, "instance."), text})
	}
	if s.kind != "" && !isA(value, s.kind) {
		say("is not of a type(s) %s", s.kind)
	}
	if text, isText := value.(string); isText && s.pattern != nil && !s.pattern.MatchString(text) {
		say("does not match pattern %q", s.pattern)
	}
	if text, isText := value.(string); isText && utf8.RuneCountInString(text) < s.minLength {
		say("does not meet minimum length of %d", s.minLength)
	}
	s.checkRange(value, say)
	if len(s.enum) > 0 {
		if !slices.Contains(s.enum, enumText(value)) {
			say("is not one of enum values: %s", strings.Join(s.enum, ","))
		}
	}
	switch v := value.(type) {
	case []any:
		s.checkArray(path, v, wrong, say)
	case map[string]any:
		for _, p := range s.properties {
			if field, given := v[p.name]; given {
				p.check(path+"."+p.name, field, wrong)
			}
		}
		for _, name := range s.required {
			if _, given := v[name]; !given {
				say("requires property %q", name)
			}
		}
		s.checkFilled(path, v, wrong)
	}
}

func (s schema) checkRange(value any, say func(string, ...any)) {
	number, isNumber := value.(json.Number)
	if s.between == nil || !isNumber {
		return
	}
	n, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || n < s.between[0] {
		say("must be greater than or equal to %v", s.between[0])
	}
	if n > s.between[1] {
		say("must be less than or equal to %v", s.between[1])
	}
}

func (s schema) checkArray(path string, list []any, wrong *[]flaw, say func(string, ...any)) {
	if len(list) < s.minItems {
		say("does not meet minimum length of %d", s.minItems)
	}
	if s.maxItems > 0 && len(list) > s.maxItems {
		say("does not meet maximum length of %d", s.maxItems)
	}
	if s.unique {
		for n := range list {
			if slices.ContainsFunc(list[:n], func(other any) bool { return reflect.DeepEqual(other, list[n]) }) {
				say("contains duplicate item")
				break
			}
		}
	}
	if s.items == nil {
		return
	}
	for n, item := range list {
		s.items.check(path+"["+strconv.Itoa(n)+"]", item, wrong)
	}
}

// enumText is how a text or a number stands in an enum; "\x00" for what is
// neither.
func enumText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return "\x00"
	}
}

func (s schema) checkFilled(path string, object map[string]any, wrong *[]flaw) {
	for name := range object {
		if !slices.Contains(s.filled, name) {
			return
		}
	}
	for _, name := range s.filled {
		if text, isText := object[name].(string); isText && text == "" {
			*wrong = append(*wrong, flaw{strings.TrimPrefix(path+"."+name, "instance."), `The "` + name + `" cannot be empty`})
		}
	}
}

func isA(value any, kind string) bool {
	switch v := value.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case json.Number:
		return kind == "number" || kind == "integer" && isInteger(v)
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	default:
		return false
	}
}

func isInteger(n json.Number) bool {
	if len(n) > 30 { // also keeps huge exponents from being computed
		return false
	}
	r, valid := new(big.Rat).SetString(strings.ToLower(n.String()))
	return valid && r.IsInt()
}

// coerce brings the strings of a form to the types that are asked for, where
// they can be read as such.
func (s schema) coerce(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, p := range s.properties {
			if field, given := v[p.name]; given {
				v[p.name] = p.coerce(field)
			}
		}
	case []any:
		if s.items != nil {
			for n := range v {
				v[n] = s.items.coerce(v[n])
			}
		}
	case string:
		return s.coerceText(v)
	}
	return value
}

func (s schema) coerceText(text string) any {
	kind := s.kind
	if kind == "" && len(s.properties) > 0 {
		kind = "object"
	}
	switch kind {
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "integer", "number":
		if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
			return json.Number(text)
		}
	case "object", "array":
		if b, err := readJSON([]byte(strings.TrimSpace(text))); err == nil && text != "" && isA(b.value, kind) {
			return s.coerce(b.value)
		}
		if kind == "array" && text != "" {
			return s.coerce([]any{text})
		}
	}
	return text
}
