package openapi_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/functions/api/openapi"
	"roost/shared/fault"
)

const small = `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{
	"/things/{id}":{"delete":{"responses":{"200":{"$ref":"#/components/responses/Thing"}}},"post":{"responses":{}}},
	"/things/all":{"post":{
		"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},
		"responses":{"200":{"description":"","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}}}}},
	"/maybe":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object"}}}},"responses":{}}}},
	"components":{"schemas":{"Thing":{"type":"object","required":["name"],"properties":{"name":{"type":["string","null"],"pattern":"^[a-z]+$"}}}},
	"responses":{"Thing":{"description":"","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}}}}}`

func read(tb testing.TB) *openapi.Document {
	tb.Helper()
	d, err := openapi.Read([]byte(small))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestFind(t *testing.T) {
	t.Parallel()
	d := read(t)
	if len(d.Operations()) != 4 {
		t.Errorf("operations %v", d.Operations())
	}
	for asked, want := range map[string]string{
		"POST /things/all": "/things/all", "POST /things/1": "/things/{id}", "DELETE /things/all": "/things/{id}", "DELETE /things/": "",
		"GET /things/1": "", "DELETE /things": "", "DELETE /things/1/2": "", "POST /maybe": "/maybe",
	} {
		method, path, _ := strings.Cut(asked, " ")
		got, ok := d.Find(method, path)
		if got.Path != want || ok != (want != "") {
			t.Errorf("%s finds %q", asked, got.Path)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	all, _ := read(t).Find(http.MethodPost, "/things/all")
	for body, want := range map[string]string{
		`{"name":"a"}`: "", `{"name":null}`: "", `{"name":"a","more":1}`: "",
		`{"name":"SECRET"}`: `name: breaks the rule "pattern"`, `{"name":1}`: "name: is no null or string", `{}`: "name is missing",
		`[]`: "body: is no object", `{`: "the body is not JSON", ``: "the body is not JSON", `{}{}`: "the body is not JSON",
	} {
		value, err := all.Body([]byte(body))
		if err == nil && (want != "" || value == nil) || err != nil && (fault.KindOf(err) != fault.Invalid || fault.PublicOf(err) != want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	maybe, _ := read(t).Find(http.MethodPost, "/maybe")
	if value, err := maybe.Body(nil); value != nil || err != nil {
		t.Errorf("a body that is left out: %v, %v", value, err)
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	remove, _ := read(t).Find(http.MethodDelete, "/things/1")
	for body, good := range map[string]bool{`{"name":"a"}`: true, `{"name":"A"}`: false, `{}`: false, ``: false} {
		if err := remove.Response(200, []byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	if remove.Response(404, []byte(`{"name":"a"}`)) == nil {
		t.Error("an answer that is not documented passes")
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no JSON": `{`, "of another version": strings.Replace(small, "3.1.0", "3.0.3", 1),
		"with a schema elsewhere": strings.Replace(small, `"#/components/schemas/Thing"`, `"https://example.com/thing"`, 1),
		"with a schema nowhere":   strings.Replace(small, `"#/components/schemas/Thing"`, `"#/components/schemas/None"`, 1),
		"with a broken schema":    strings.Replace(small, `["string","null"]`, `"text"`, 1),
	} {
		if _, err := openapi.Read([]byte(raw)); err == nil {
			t.Errorf("a document %s is read", name)
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add(`{"name":"a"}`)
	f.Add(`{"name":[{}]}`)
	all, _ := read(f).Find(http.MethodPost, "/things/all")
	f.Fuzz(func(t *testing.T, body string) {
		value, err := all.Body([]byte(body))
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		if _, ok := value.(map[string]any); err == nil && !ok {
			t.Fatalf("%q gives %T", body, value)
		}
	})
}
