// Package stack reads template.yaml, as far as emulators and tests need it: what
// it declares, with CloudFormation's functions left as they are written.
package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is what template.yaml declares.
type Template struct {
	Parameters map[string]Parameter
	Globals    struct {
		Function Function
	}
	Resources map[string]Resource
}

// Parameter is a parameter of the stack.
type Parameter struct {
	Type, Description string
	Default           any
}

// Resource is one resource. Its properties are JSON, with CloudFormation's
// functions in their long form: {"Ref": ...}, {"Fn::Sub": ...}.
type Resource struct {
	Type       string
	Properties json.RawMessage
}

// Text is a property that is a string, or a function that makes one: then it is
// what the function is given. !Ref A is "A", !Sub "${A}-b" is "${A}-b", and
// !GetAtt A.Arn is "A.Arn"; anything else is its JSON.
type Text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(b []byte) error {
	var plain string
	if json.Unmarshal(b, &plain) == nil {
		*t = Text(plain)
		return nil
	}
	var call map[string]json.RawMessage
	if json.Unmarshal(b, &call) == nil && len(call) == 1 {
		for _, name := range []string{"Ref", "Fn::Sub", "Fn::GetAtt"} {
			if json.Unmarshal(call[name], &plain) == nil {
				*t = Text(plain)
				return nil
			}
		}
	}
	*t = Text(b)
	return nil
}

// Read reads a template.
func Read(path string) (Template, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return Template{}, fmt.Errorf("read the template: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return Template{}, fmt.Errorf("parse %s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return Template{}, fmt.Errorf("parse %s: it is empty", path)
	}
	value, err := plain(document.Content[0])
	if err != nil {
		return Template{}, fmt.Errorf("parse %s: %w", path, err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return Template{}, fmt.Errorf("parse %s: %w", path, err)
	}
	var t Template
	if err := json.Unmarshal(asJSON, &t); err != nil {
		return Template{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return t, nil
}

// plain turns a node into what JSON knows, the short forms of functions into
// their long ones.
func plain(n *yaml.Node) (any, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	function := ""
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		function = n.Tag[1:]
	}
	var value any
	switch n.Kind {
	case yaml.MappingNode:
		values := map[string]any{}
		for at := 0; at+1 < len(n.Content); at += 2 {
			v, err := plain(n.Content[at+1])
			if err != nil {
				return nil, err
			}
			values[n.Content[at].Value] = v
		}
		value = values
	case yaml.SequenceNode:
		values := make([]any, 0, len(n.Content))
		for _, each := range n.Content {
			v, err := plain(each)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		value = values
	default:
		if function != "" {
			value = n.Value
		} else if err := n.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
	}
	switch function {
	case "":
		return value, nil
	case "Ref", "Condition":
		return map[string]any{function: value}, nil
	default:
		return map[string]any{"Fn::" + function: value}, nil
	}
}
