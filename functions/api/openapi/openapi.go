// Package openapi holds a dialect to its OpenAPI 3.1 document: it judges
// requests and answers by it.
//
// Schemas of OpenAPI 3.1 are JSON Schema 2020-12 as they are, so what judges is
// a library for that, github.com/santhosh-tekuri/jsonschema: it passes the
// standard's own suite and brings little with it. Paths and methods are matched
// here. Parameters are for the dialect to read.
package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"roost/shared/fault"
)

const mediaType = "application/json"

// Operation is one route of a document.
type Operation struct {
	Method string // upper case
	Path   string // as the document has it: /client/{guid}

	parts     []string
	body      *jsonschema.Schema
	needed    bool // the body
	responses map[string]*jsonschema.Schema
	types     map[string][]string // of the bodies of responses
}

// Document is an OpenAPI document, read. It is safe for concurrent use.
type Document struct {
	operations []Operation
	webhooks   map[string]Operation
}

// source is what of a document is looked at.
type source struct {
	OpenAPI    string                       `json:"openapi"`
	Paths      map[string]map[string]method `json:"paths"`
	Webhooks   map[string]map[string]method `json:"webhooks"`
	Components struct {
		Responses map[string]response `json:"responses"`
	} `json:"components"`
}

type method struct {
	RequestBody *struct {
		Required bool                       `json:"required"`
		Content  map[string]json.RawMessage `json:"content"`
	} `json:"requestBody"`
	Responses map[string]response `json:"responses"`
}

type response struct {
	Ref     string                     `json:"$ref"`
	Content map[string]json.RawMessage `json:"content"`
}

// Read reads a document, whose schemas must be whole: nothing is fetched.
// Bodies other than JSON are not judged.
func Read(raw []byte) (*Document, error) {
	var from source
	if err := json.Unmarshal(raw, &from); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if !strings.HasPrefix(from.OpenAPI, "3.1.") {
		return nil, fmt.Errorf("read the OpenAPI document: it is of version %q", from.OpenAPI)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	schemas := jsonschema.NewCompiler()
	schemas.UseLoader(nowhere{})
	if err := schemas.AddResource(place, whole); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	d := &Document{webhooks: map[string]Operation{}}
	for path, methods := range from.Paths {
		for name, m := range methods {
			o, err := from.operation(schemas, "paths", path, name, m)
			if err != nil {
				return nil, err
			}
			d.operations = append(d.operations, o)
		}
	}
	for hook, methods := range from.Webhooks {
		for name, m := range methods {
			if d.webhooks[hook], err = from.operation(schemas, "webhooks", hook, name, m); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(d.operations, func(a, b Operation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return d, nil
}

// operation compiles the schemas of a method of a path or of a webhook.
func (from source) operation(schemas *jsonschema.Compiler, of, path, name string, m method) (Operation, error) {
	o := Operation{Method: strings.ToUpper(name), Path: path, parts: split(path), responses: map[string]*jsonschema.Schema{}, types: map[string][]string{}}
	var err error
	if m.RequestBody != nil {
		o.needed = m.RequestBody.Required
		if o.body, err = schemas.Compile(pointer(of, path, name, "requestBody", "content", mediaType, "schema")); err != nil {
			return o, fmt.Errorf("read the body of %s %s: %w", o.Method, path, err)
		}
	}
	for status, r := range m.Responses {
		at := pointer(of, path, name, "responses", status, "content", mediaType, "schema")
		if ref, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			at, r = pointer("components", "responses", ref, "content", mediaType, "schema"), from.Components.Responses[ref]
		}
		o.types[status] = slices.Collect(maps.Keys(r.Content))
		if r.Content[mediaType] == nil { // a picture, or no body at all
			o.responses[status] = nil
			continue
		}
		if o.responses[status], err = schemas.Compile(at); err != nil {
			return o, fmt.Errorf("read answer %s of %s %s: %w", status, o.Method, path, err)
		}
	}
	return o, nil
}

// place is what the document calls itself to its schemas.
const place = "roost:openapi"

func pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	for n, p := range parts {
		parts[n] = escape.Replace(p)
	}
	return place + "#/" + strings.Join(parts, "/")
}

// nowhere keeps schemas from being fetched.
type nowhere struct{}

func (nowhere) Load(string) (any, error) { return nil, errors.New("schemas are not fetched") }

// Webhook returns what a webhook is told under a name, and whether it is told
// anything.
func (d *Document) Webhook(name string) (Operation, bool) {
	o, ok := d.webhooks[name]
	return o, ok
}

// Operations are the document's routes, in order of their paths.
func (d *Document) Operations() []Operation { return slices.Clone(d.operations) }

func split(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// Find returns the operation of a request, and whether there is one. A path
// that is written out goes before one with names in it.
func (d *Document) Find(method, path string) (Operation, bool) {
	asked, best, bestNames := split(path), -1, 0
	for n, o := range d.operations {
		if o.Method != method || len(o.parts) != len(asked) {
			continue
		}
		names, fits := 0, true
		for p, part := range o.parts {
			if strings.HasPrefix(part, "{") && asked[p] != "" {
				names++
			} else if part != asked[p] {
				fits = false
			}
		}
		if fits && (best < 0 || names < bestNames) {
			best, bestNames = n, names
		}
	}
	if best < 0 {
		return Operation{}, false
	}
	return d.operations[best], true
}

// Body judges a request's body and returns it decoded: objects as maps, numbers
// as json.Number. One that may be left out and is gives nil. Errors are Invalid
// and name the field and the rule, never the value, which may be a secret.
func (o Operation) Body(body []byte) (any, error) {
	if o.body == nil || len(bytes.TrimSpace(body)) == 0 && !o.needed {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body is not JSON")
	}
	if err := judge(o.body, value); err != nil {
		return nil, err
	}
	return value, nil
}

// Response judges an answer, for tests.
func (o Operation) Response(status int, body []byte) error {
	schema, ok := o.responses[strconv.Itoa(status)]
	if !ok {
		return fmt.Errorf("%s %s does not say that it answers %d", o.Method, o.Path, status)
	}
	if schema == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("answer of %s %s: %w", o.Method, o.Path, err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("answer %d of %s %s: %w", status, o.Method, o.Path, err)
	}
	return nil
}

// Answers reports whether an answer of this status may be of this Content-Type,
// for tests.
func (o Operation) Answers(status int, contentType string) bool {
	plain, _, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains(o.types[strconv.Itoa(status)], plain)
}

func judge(schema *jsonschema.Schema, value any) error {
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fault.Wrap(fault.Invalid, err, "the body is not as documented")
	}
	for len(wrong.Causes) > 0 {
		wrong = wrong.Causes[0]
	}
	where := strings.Join(wrong.InstanceLocation, ".")
	if missing, ok := wrong.ErrorKind.(*kind.Required); ok {
		return fault.New(fault.Invalid, "%s is missing", strings.TrimPrefix(where+"."+strings.Join(missing.Missing, ", "), "."))
	}
	if where == "" {
		where = "body"
	}
	return fault.New(fault.Invalid, "%s: %s", where, rule(wrong))
}

// rule says what a value should have been, and nothing of the value.
func rule(wrong *jsonschema.ValidationError) string {
	switch k := wrong.ErrorKind.(type) {
	case *kind.Type:
		return "is no " + strings.Join(k.Want, " or ")
	case *kind.Enum:
		words := make([]string, len(k.Want))
		for n, w := range k.Want {
			words[n] = fmt.Sprint(w)
		}
		return "is none of " + strings.Join(words, ", ")
	case *kind.MinLength:
		if k.Want == 1 {
			return "is empty"
		}
		return fmt.Sprintf("is shorter than %d", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("is longer than %d", k.Want)
	}
	return fmt.Sprintf("breaks the rule %q", strings.Join(wrong.ErrorKind.KeywordPath(), "/"))
}
