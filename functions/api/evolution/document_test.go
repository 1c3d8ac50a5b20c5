package evolution

import (
	"bytes"
	"encoding/json"
	goflag "flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"roost/functions/api/openapi"
)

var rewrite = goflag.Bool("update", false, "write openapi.json")

// TestDocument: openapi.json is what the schemas and types of the dialect say.
func TestDocument(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := json.Indent(&want, encode(theDocument()), "", " "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *rewrite {
		if err := os.WriteFile("openapi.json", want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), string(Document)); diff != "" {
		t.Errorf("openapi.json is not what the code says; run go generate ./functions/api/evolution (-want +got):\n%s", diff)
	}
}

// TestDocumentHasRoutes: no route is missing, and none is told that is not there.
func TestDocumentHasRoutes(t *testing.T) {
	t.Parallel()
	document, err := openapi.Read(Document)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, o := range document.Operations() {
		path := strings.NewReplacer("{instance}", ":i", "{id}", ":id").Replace(strings.TrimPrefix(o.Path, "/"))
		route := o.Method + " " + strings.ToLower(path)
		if _, served := routes[route]; !served {
			t.Errorf("the document has %s, which is not served", route)
		}
		told[route] = true
	}
	for route := range routes {
		if !told[route] {
			t.Errorf("the document does not have %s", route)
		}
	}
}

// TestDocumentTakesWhatIsTaken: a schema as JSON Schema says of a body what it
// says itself, with all that can be wrong with each field. The document takes
// more than that: older forms.
func TestDocumentTakesWhatIsTaken(t *testing.T) {
	t.Parallel()
	document, err := openapi.Read(Document)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, o := range operations {
		if o.body == nil || o.body.takes.kind == "" {
			continue
		}
		method, path, _ := strings.Cut(o.route, " ")
		whole, _ := document.Find(method, path)
		own := withoutFilled(o.body.takes)
		told := compiled(t, own.jsonSchema())
		for _, value := range bodiesOf(own) {
			tried++
			var wrong []flaw
			own.check("instance", value, &wrong)
			if err := told.Validate(value); (err == nil) != (len(wrong) == 0) {
				t.Errorf("%s, %s: the dialect says %v, its schema %v", o.route, encode(value), wrong, err)
			}
			if _, err := whole.Body(encode(value)); err != nil && len(wrong) == 0 {
				t.Errorf("%s takes %s, and the document says %v", o.route, encode(value), err)
			}
		}
	}
	for _, o := range operations {
		if o.body == nil || o.body.example == nil {
			continue
		}
		b, err := readJSON(encode(o.body.example))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.body.takes.validate(&b); err != nil {
			t.Errorf("%s refuses its example: %+v", o.route, err)
		}
	}
	if tried < 1000 {
		t.Errorf("only %d bodies were tried", tried)
	}
}

func compiled(t *testing.T, s ordered) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode(s)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("roost:schema", value); err != nil {
		t.Fatal(err)
	}
	out, err := c.Compile("roost:schema")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutFilled takes every text, also an empty one.
func withoutFilled(s schema) schema {
	s.filled = nil
	s.properties = slices.Clone(s.properties)
	for n, p := range s.properties {
		s.properties[n] = withoutFilled(p)
	}
	if s.items != nil {
		s.items = new(withoutFilled(*s.items))
	}
	return s
}

// bodiesOf are values that a schema takes, and such as are wrong in one place.
func bodiesOf(s schema) []any {
	n := func(text string) any { return json.Number(text) }
	out := []any{
		nil, true, "", "x", "12345678901", "120363@g.us", n("0"), n("1"), n("5"), n("11"), n("16"), n("-1"), n("1.5"), n("2.0"), n("86400"),
		[]any{},
		[]any{"1234567890"},
		[]any{"1234567890", "1234567890"},
		[]any{"a", "b"},
		map[string]any{},
		map[string]any{"more": true},
	}
	for _, name := range s.enum {
		if s.kind != "string" {
			out = append(out, n(name))
			continue
		}
		out = append(out, name)
	}
	if s.maxItems > 0 {
		many := make([]any, s.maxItems+1)
		for n := range many {
			many[n] = fmt.Sprint("option ", n)
		}
		out = append(out, many)
	}
	if s.items != nil {
		for _, item := range bodiesOf(*s.items) {
			out = append(out, []any{item}, []any{item, goodOf(*s.items)})
		}
	}
	if len(s.properties) > 0 {
		good, _ := goodOf(s).(map[string]any)
		out = append(out, good)
		for _, p := range s.properties {
			for _, value := range bodiesOf(p) {
				out = append(out, with(good, p.name, value))
			}
			less := with(good, p.name, nil)
			delete(less, p.name)
			out = append(out, less)
		}
	}
	return out
}

func with(object map[string]any, name string, value any) map[string]any {
	out := maps.Clone(object)
	out[name] = value
	return out
}

// goodOf is a value that a schema takes.
func goodOf(s schema) any {
	switch s.kind {
	case "boolean":
		return true
	case "integer", "number":
		if len(s.enum) > 0 {
			return json.Number(s.enum[0])
		}
		return json.Number("1")
	case "array":
		out := []any{}
		for n := range max(s.minItems, 1) {
			item := goodOf(*s.items)
			if text, is := item.(string); is && n > 0 {
				item = text + fmt.Sprint(n)
			}
			out = append(out, item)
		}
		return out
	case "string":
		switch {
		case len(s.enum) > 0:
			return s.enum[0]
		case s.name == "groupJid":
			return "120363@g.us"
		}
		return "4915112345678"
	}
	out := map[string]any{}
	for _, p := range s.properties {
		out[p.name] = goodOf(p)
	}
	return out
}

// theDocument is the dialect's OpenAPI document.
func theDocument() ordered {
	d := &shapes{}
	problem := d.of(reflect.TypeFor[envelope]())
	paths, tags := ordered{}, []any{}
	var known []string
	for _, o := range operations {
		method, path, _ := strings.Cut(o.route, " ")
		told, _ := paths.get(path).(ordered)
		paths = paths.with(path, told.with(strings.ToLower(method), o.document(d, idOf(method, path))))
		if !slices.Contains(known, o.tag) {
			known, tags = append(known, o.tag), append(tags, js("name", o.tag))
		}
	}
	d.components = d.components.with("BareProblem", js("type", "object", "properties", js(
		"status", js("type", "integer"), "error", plainText, "message", sentences), "required", []string{"status", "error", "message"}))
	d.components = d.components.with("ClosedConnection", js("type", "object", "description", "What Evolution lets through of its library's error.",
		"properties", js("isBoom", js("const", true), "output", js("type", "object")), "required", []string{"isBoom", "output"}))
	for _, part := range parts {
		d.components = d.components.with(part.name, described(part.schema))
	}
	responses := ordered{}
	for _, e := range refusals {
		for prefix, shape := range map[string]ordered{"E": problem, "N": js("anyOf", []any{problem, refTo("BareProblem"), refTo("ClosedConnection")})} {
			if !slices.ContainsFunc(operations, func(o operation) bool { return o.bare == (prefix == "N") && e.of(o) }) {
				continue
			}
			response := js("description", e.about, "content", js("application/json", js("schema", shape)))
			if e.status == http.StatusTooManyRequests {
				response = response.with("headers", js("Retry-After", js("description", "Seconds", "schema", js("type", "integer"))))
			}
			responses = responses.with(prefix+fmt.Sprint(e.status), response)
		}
	}
	slices.SortFunc(responses, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return js(
		"openapi", "3.1.0",
		"info", js("title", "Roost, Evolution dialect", "version", Version, "description",
			"The HTTP API of Evolution "+Version+", with what Roost adds. Paths are taken in any case and with a slash at the end, bodies as JSON, "+
				"as a form or packed with gzip. The key is the admin's or the instance's own. Fields that are not named here are passed over."),
		"security", []any{js("apikey", []any{})}, "tags", tags, "paths", paths,
		"components", js(
			"securitySchemes", js("apikey", js("type", "apiKey", "in", "header", "name", "apikey")),
			"schemas", d.components, "responses", responses,
		),
	)
}

// refusals are the answers of routes that fail.
var refusals = []struct {
	status int
	about  string
	of     func(operation) bool
}{
	{400, "What is asked cannot be read or cannot be done; ask for something else.", every},
	{401, "No key, or one that does not open this.", func(o operation) bool { return !o.open }},
	{403, "The name is taken, or WhatsApp does not let this account do it.", every},
	{404, "There is no such instance, or nothing of it that is asked for.", every},
	{413, "The body or the file is too large.", bodied},
	{415, "The body has an unknown Content-Encoding.", bodied},
	{422, "The Idempotency-Key was another request's.", func(o operation) bool { return o.once }},
	{429, "Too many requests; ask again after Retry-After.", every},
	{500, "The connection is closed, WhatsApp has refused it, or Roost has failed.", every},
	{503, "Not now; ask again.", every},
}

func every(operation) bool { return true }

func bodied(o operation) bool { return o.body != nil }

func refTo(name string) ordered { return js("$ref", "#/components/schemas/"+name) }

// idOf names an operation by its path, and by its method where a path has
// several.
func idOf(method, path string) string {
	several := 0
	for _, o := range operations {
		if _, other, _ := strings.Cut(o.route, " "); other == path {
			several++
		}
	}
	words := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/-", r) })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "{instance}" })
	if several > 1 {
		words = append([]string{strings.ToLower(method)}, words...)
	}
	for n, w := range words {
		if w == "{id}" {
			w = "one"
		}
		if words[n] = w; n > 0 {
			words[n] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	if len(words) == 0 {
		return "welcome"
	}
	return strings.Join(words, "")
}

func (o operation) document(d *shapes, id string) ordered {
	out := js("operationId", id, "tags", []string{o.tag}, "summary", o.summary)
	if about := strings.TrimSpace(o.about); about != "" {
		out = out.with("description", about)
	}
	if o.open {
		out = out.with("security", []any{})
	}
	if parameters := o.parameters(); len(parameters) > 0 {
		out = out.with("parameters", parameters)
	}
	if o.body != nil {
		out = out.with("requestBody", o.body.document())
	}
	return out.with("responses", o.responses(d))
}

func (o operation) parameters() []any {
	var out []any
	for _, name := range []string{"instance", "id"} {
		if strings.Contains(o.route, "{"+name+"}") {
			out = append(out, js("name", name, "in", "path", "required", true, "schema", plainText))
		}
	}
	for _, p := range o.query {
		told := js("name", p.name, "in", "query")
		if p.about != "" {
			told = told.with("description", p.about)
		}
		if p.required {
			told = told.with("required", true)
		}
		out = append(out, told.with("schema", p.schema))
	}
	if o.once {
		out = append(out, js("name", "Idempotency-Key", "in", "header", "schema", plainText, "description",
			"The same request under the same key is done once and answered alike for 24 hours."))
	}
	return out
}

func (o operation) responses(d *shapes) ordered {
	out, statuses := ordered{}, o.status
	if o.answer != nil && statuses == nil {
		statuses = []int{http.StatusOK}
	}
	for _, status := range statuses {
		content := js("application/json", js("schema", d.answer(o.answer)))
		out = out.with(fmt.Sprint(status), js("description", "Done.", "content", append(content, o.others...)))
	}
	for _, e := range refusals {
		name, status := "E", fmt.Sprint(e.status)
		if o.bare {
			name = "N"
		}
		if e.of(o) {
			out = out.with(status, js("$ref", "#/components/responses/"+name+status))
		}
	}
	if o.refusal != nil {
		out = out.with("400", js("description", "It is not said what.", "content",
			js("application/json", js("schema", js("anyOf", []any{refTo("Problem"), o.refusal})))))
	}
	return out
}

func (d *shapes) answer(value any) ordered {
	switch v := value.(type) {
	case ordered:
		return v
	case []any:
		forms := make([]any, len(v))
		for n := range v {
			forms[n] = d.answer(v[n])
		}
		return js("anyOf", forms)
	}
	return d.of(reflect.TypeOf(value))
}

func (a asked) document() ordered {
	shape := a.takes.jsonSchema()
	if a.edit != nil {
		shape = a.edit(shape)
	}
	shape = described(shape)
	whole := shape
	if len(a.also) > 0 {
		whole = js("anyOf", append([]any{shape}, a.also...))
	}
	told := js("schema", byName(whole))
	if a.example != nil {
		told = told.with("example", a.example)
	}
	content := js("application/json", told)
	if a.file != "" {
		properties, _ := shape.get("properties").(ordered)
		part := member{"file", js("type", "string", "format", "binary", "description", a.file)}
		content = append(content, member{"multipart/form-data", js("schema", byName(shape.with("properties", append(ordered{part}, properties...))))})
	}
	return js("required", len(a.takes.required) > 0, "content", content)
}

// parts are schemas that several bodies have.
var parts = []struct {
	name   string
	schema ordered
}{
	{"WebhookEvent", (*schemaNamed(webhookFields, "events").items).jsonSchema()},
	{"Quoted", quotedField.jsonSchema()},
	{"Key", keyField.jsonSchema()},
	{"MessageVersion1", nested},
}

func schemaNamed(all []schema, name string) schema {
	return all[slices.IndexFunc(all, func(s schema) bool { return s.name == name })]
}

// byName puts the names of parts in their places.
func byName(value any) any {
	switch v := value.(type) {
	case ordered:
		for _, part := range parts {
			if bytes.Equal(encode(v), encode(part.schema)) || bytes.Equal(encode(v), encode(described(part.schema))) {
				return refTo(part.name)
			}
		}
		out := slices.Clone(v)
		for n := range out {
			out[n].value = byName(out[n].value)
		}
		return out
	case []any:
		out := slices.Clone(v)
		for n := range out {
			out[n] = byName(out[n])
		}
		return out
	}
	return value
}

// described says of each property what it is for.
func described(shape ordered) ordered {
	properties, _ := shape.get("properties").(ordered)
	if len(properties) == 0 {
		return shape
	}
	told := slices.Clone(properties)
	for n, p := range told {
		s, is := p.value.(ordered)
		if !is {
			continue
		}
		if s = described(s); s.get("description") == nil && purposes[p.name] != "" {
			s = s.with("description", purposes[p.name])
		}
		told[n].value = s
	}
	return shape.with("properties", told)
}
