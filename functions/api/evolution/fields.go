package evolution

import (
	"encoding/json"
	"strconv"
)

// Reading fields of a body that has been checked. What is missing or of another
// type is the zero value.

func str(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}

func boolean(fields map[string]any, name string) bool {
	b, _ := fields[name].(bool)
	return b
}

func object(fields map[string]any, name string) map[string]any {
	o, _ := fields[name].(map[string]any)
	return o
}

func strs(fields map[string]any, name string) []string {
	list, _ := fields[name].([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		if s, isText := item.(string); isText {
			out = append(out, s)
		}
	}
	return out
}

// integer reads what has been checked to be one, cut to the range of an int32.
func integer(fields map[string]any, name string) int {
	n, _ := fields[name].(json.Number)
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return 0
	}
	return int(max(min(f, 1<<31-1), -1<<31))
}
