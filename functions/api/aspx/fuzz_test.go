package aspx

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
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

func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"number":"1","caption":"x","url":"https://x","type":"file","filename":"a"}`))
	f.Add([]byte(`{"number":4915,"base64":"AA==","mimetype":"image/png"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in fileBody
		if err := decode(b, &in); err != nil && problemOf(err).status != http.StatusBadRequest {
			t.Errorf("%v is no refusal", err)
		}
		if kindOf(in.Mimetype) == "" {
			t.Errorf("%q has no kind", in.Mimetype)
		}
	})
}
