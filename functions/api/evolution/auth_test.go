package evolution_test

import (
	"net/http"
	"strings"
	"testing"

	"roost/functions/api/apitest"
)

// TestAuthorization is the table 1.1 of the contract.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "mine", "mine-token")
	w.Create(t, "theirs", "their-token")
	create := func(name string) string { return `{"instanceName":"` + name + `","integration":"WHATSAPP-BAILEYS"}` }
	keys := []string{"", "wrong", "mine-token", "their-token", apitest.AdminKey}
	for _, c := range []struct {
		method, path, body string
		want               [5]int // no key, wrong, own token, other token, admin key
	}{
		{"GET", "/", "", [5]int{200, 200, 200, 200, 200}},
		{"POST", "/verify-creds", "", [5]int{401, 401, 401, 401, 200}},
		{"POST", "/instance/create", create("fresh"), [5]int{401, 401, 401, 401, 201}},
		{"POST", "/instance/create", create("mine"), [5]int{403, 403, 403, 403, 403}},
		{"GET", "/instance/fetchInstances", "", [5]int{401, 401, 200, 200, 200}},
		{"GET", "/instance/fetchInstances?instanceName=mine", "", [5]int{401, 401, 200, 401, 200}},
		{"GET", "/instance/fetchInstances?instanceName=nobody", "", [5]int{401, 401, 401, 401, 404}},
		{"GET", "/instance/connectionState/mine", "", [5]int{401, 401, 200, 401, 200}},
		{"GET", "/instance/connectionState/nobody", "", [5]int{404, 404, 404, 404, 404}},
		{"GET", "/webhook/find/mine", "", [5]int{401, 401, 200, 401, 200}},
		{"GET", "/settings/find/mine", "", [5]int{401, 401, 200, 401, 200}},
		{"GET", "/instance/qr/mine", "", [5]int{401, 401, 404, 401, 404}},
		{"GET", "/instance/passkey/mine", "", [5]int{401, 401, 404, 401, 404}},
		{"GET", "/instance/archive/mine", "", [5]int{401, 401, 404, 401, 404}},
		{"POST", "/message/sendText/mine", "{}", [5]int{401, 401, 400, 401, 400}},
		{"POST", "/message/sendText/nobody", "{}", [5]int{404, 404, 404, 404, 404}},
		{"POST", "/message/sendPoll/mine", "{}", [5]int{401, 401, 400, 401, 400}},
		{"GET", "/nowhere", "", [5]int{404, 404, 404, 404, 404}},
		{"GET", "/health", "", [5]int{200, 200, 200, 200, 200}},
		{"GET", "/console", "", [5]int{200, 200, 200, 200, 200}},
	} {
		for n, key := range keys {
			if a := w.Do(t, c.method, c.path, key, c.body); a.Status != c.want[n] {
				t.Errorf("%s %s with key %q: %d %s, want %d", c.method, c.path, key, a.Status, a.Body, c.want[n])
			}
		}
	}
}

func TestTokenSeesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "one", "shared-token")
	w.Create(t, "two", "shared-token")
	w.Create(t, "three", "third-token")
	a := w.Do(t, "GET", "/instance/fetchInstances", "shared-token", "")
	if !strings.Contains(a.Body, `"name":"one"`) || !strings.Contains(a.Body, `"name":"two"`) || strings.Contains(a.Body, "three") {
		t.Errorf("the shared token sees %s", a.Body)
	}
}

// TestQueryNeverReplacesPath: in Evolution one token acts on another instance
// this way.
func TestQueryNeverReplacesPath(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "mine", "mine-token")
	w.Create(t, "theirs", "their-token")
	a := w.Do(t, "GET", "/instance/connectionState/mine?instanceName=theirs", "mine-token", "")
	if a.Body != `{"instance":{"instanceName":"mine","state":"close"}}` {
		t.Errorf("got %s", a.Body)
	}
	if a := w.Do(t, "DELETE", "/instance/delete/mine?instanceName=theirs", "mine-token", ""); a.Status != http.StatusOK {
		t.Errorf("delete: %d %s", a.Status, a.Body)
	}
	if a := w.Do(t, "GET", "/instance/connectionState/theirs", "their-token", ""); a.Status != http.StatusOK {
		t.Errorf("the other instance is gone: %d %s", a.Status, a.Body)
	}
}
