package guid_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/functions/api/guid"
	"roost/functions/api/openapi"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// world is an API with one tenant whose token is known. What it answers must be
// what the document says.
type world struct {
	*apitest.World
	document *openapi.Document
	token    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWithin(t, core.Limits{})
}

func newWorldWithin(t *testing.T, limits core.Limits) *world {
	t.Helper()
	return newWorldOf(t, apitest.Options{Limits: limits})
}

func newWorldOf(t *testing.T, o apitest.Options) *world {
	t.Helper()
	document, err := openapi.Read(guid.Document)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: apitest.New(t, o), document: document}
	w.token = w.newTenant(t, `{"defaultEgress":true}`)
	return w
}

// newTenant makes a tenant and returns a token of it.
func (w *world) newTenant(t *testing.T, body string) string {
	t.Helper()
	var made struct{ AppKey, AppSecret string }
	w.ask(t, apitest.AdminKey, "POST /tenant/create", body).into(t, &made)
	var tokens struct{ Token string }
	w.ask(t, "", "POST /tenant/token", `{"appKey":"`+made.AppKey+`","appSecret":"`+made.AppSecret+`"}`).into(t, &tokens)
	return tokens.Token
}

// reply is an answer of the dialect.
type reply struct {
	status int
	header http.Header
	body   string
	Code   int
	Data   json.RawMessage
	Msg    string
}

func (r reply) into(t *testing.T, out any) {
	t.Helper()
	if r.Code != 0 || r.status != http.StatusOK {
		t.Fatalf("answered %d, code %d: %s", r.status, r.Code, r.Msg)
	}
	if err := json.Unmarshal(r.Data, out); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ask(t *testing.T, token, route, body string, headers ...string) reply {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		header.Set(headers[n], headers[n+1])
	}
	method, path, _ := strings.Cut(route, " ")
	a := w.Send(t, method, path, header, strings.NewReader(body))
	plain, _, _ := strings.Cut(path, "?")
	if operation, ok := w.document.Find(method, plain); !ok {
		t.Errorf("%s is not in the document", route)
	} else if err := operation.Response(a.Status, []byte(a.Body)); err != nil {
		t.Errorf("%v\n%s", err, a.Body)
	}
	r := reply{status: a.Status, header: a.Header, body: a.Body}
	if err := json.Unmarshal([]byte(a.Body), &r); err != nil {
		t.Fatalf("%s: %d %s", route, a.Status, a.Body)
	}
	return r
}

// create makes a client and returns its guid.
func (w *world) create(t *testing.T) string {
	t.Helper()
	var made struct{ GUID string }
	w.ask(t, w.token, "POST /client/createClient", `{"deviceName":"srv-42","deviceType":1,"customerParam":"tenant=acme&env=prod"}`).into(t, &made)
	return made.GUID
}

// tenant is whose token the world's is.
func (w *world) tenant(t *testing.T) tenant.ID {
	t.Helper()
	i, err := w.Instances.Get(t.Context(), instance.ID(w.create(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Instances.Remove(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	return i.Tenant
}
