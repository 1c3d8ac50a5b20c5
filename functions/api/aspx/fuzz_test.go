package aspx

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"roost/functions/api/openapi"
)

func FuzzKey(f *testing.F) {
	f.Add("wid=6D6307C3-2973-4468-85FA-D047CB8E1F2E&WID=x", "Bearer y")
	f.Add("Wid=%zz", "bearer")
	f.Fuzz(func(t *testing.T, query, authorization string) {
		r := httptest.NewRequest(http.MethodGet, "/status.aspx", nil)
		r.URL = &url.URL{Path: "/status.aspx", RawQuery: query}
		r.Header.Set("Authorization", authorization)
		key, found := keyOf(r)
		if found != (key != "") {
			t.Errorf("key %q, found %v", key, found)
		}
		if len(spellings(key)) == 0 {
			t.Errorf("%q has no spelling", key)
		}
	})
}

// asked is a request for a command.
func asked(tb testing.TB, command string, body []byte) *request {
	tb.Helper()
	document, err := openapi.Read(Document)
	if err != nil {
		tb.Fatal(err)
	}
	operation, found := document.Find(http.MethodPost, "/"+command+Suffix)
	if !found {
		tb.Fatalf("there is no %s", command)
	}
	return &request{operation: operation, body: body}
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"number":"1","caption":"x","url":"https://x","type":"file","filename":"a"}`))
	f.Add([]byte(`{"number":4915,"base64":"AA==","mimetype":"image/png"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in fileBody
		if err := asked(t, "send_message_file", b).read(&in); err != nil && problemOf(err).status != http.StatusBadRequest {
			t.Errorf("%v is no refusal", err)
		}
		if kindOf(in.Mimetype) == "" {
			t.Errorf("%q has no kind", in.Mimetype)
		}
	})
}

func FuzzCardName(f *testing.F) {
	f.Add("BEGIN:VCARD\nFN:Maria\nEND:VCARD")
	f.Add("BEGIN:VCARD\r\nFN;X=1:a\\,b\r\nEND:VCARD\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if name, whole := cardName(text); !whole && name != "" {
			t.Errorf("%q is no card and has the name %q", text, name)
		}
	})
}
