package evolution

import (
	"net/url"
	"strconv"
	"strings"
)

// Bounds of forms, as the parser of Express (qs) has them.
const (
	maxFields = 1000
	maxDepth  = 5
	maxIndex  = 20
)

// parseForm reads a urlencoded body. Names in brackets nest, as in
// webhook[url]=... and webhook[events][0]=...
func parseForm(text string) map[string]any {
	fields := map[string]any{}
	for n, pair := range strings.SplitN(text, "&", maxFields+1) {
		if n == maxFields {
			break
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if name != "" {
			setField(fields, name, value)
		}
	}
	return fields
}

// unescape is lenient: what is no escape stays as it is.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return strings.ReplaceAll(s, "+", " ")
}

// setField puts a value where a name in brackets says. A name that comes again
// collects its values in an array.
func setField(fields map[string]any, name string, value any) {
	head, rest, nested := strings.Cut(name, "[")
	if !nested || head == "" || !strings.HasSuffix(rest, "]") {
		fields[name] = join(fields[name], value)
		return
	}
	path := strings.Split(strings.TrimSuffix(rest, "]"), "][")
	if len(path) > maxDepth {
		fields[name] = join(fields[name], value)
		return
	}
	fields[head] = place(fields[head], path, value)
}

func place(at any, path []string, value any) any {
	if len(path) == 0 {
		return join(at, value)
	}
	if index, err := strconv.Atoi(path[0]); err == nil && index >= 0 && index <= maxIndex || path[0] == "" {
		if list, isList := at.([]any); isList || at == nil {
			if path[0] == "" || index >= len(list) {
				return append(list, place(nil, path[1:], value))
			}
			list[index] = place(list[index], path[1:], value)
			return list
		}
	}
	object, isObject := at.(map[string]any)
	if !isObject {
		object = map[string]any{}
	}
	object[path[0]] = place(object[path[0]], path[1:], value)
	return object
}

func join(have, value any) any {
	switch have := have.(type) {
	case nil:
		return value
	case []any:
		return append(have, value)
	default:
		return []any{have, value}
	}
}
