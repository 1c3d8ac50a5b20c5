package aspx_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
)

// FuzzCommand calls any command with anything: the answer is JSON that the
// document knows, and never a fault of ours.
func FuzzCommand(f *testing.F) {
	d, err := document()
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	w := apitest.New(f, apitest.Options{Now: func() time.Time { return now }})
	i := w.Create(f, "shop", key)
	for n, body := range []string{
		`{"user_agent":"Opera"}`, `{"webhook":"https://x?","APIVersion":1}`, `{"number":"1@g.us","message":"hi"}`, `{"number":1e3,"base64":"AA=="}`, `{"number":"","vcard":"BEGIN:VCARD\nFN:\nEND:VCARD"}`,
		`{"number":"@s.whatsapp.net"}`, `{"number":"4915550002:7@s.whatsapp.net","presence":"paused"}`, `{"number":"1@lid","id":"","participant":"x@y"}`, `{"name":"a","participants":",,1@g.us"}`,
		`{"jid":"x","participants":"4915550002"}`, "\ufeff{}", `{"NUMBER":"1","number":"2"}`,
	} {
		for _, c := range commands {
			if n < 2 || strings.Contains(c.allow, "POST") && c.name != "generate_qrcode" {
				f.Add(c.name, "jid=4915550002", body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, command, query, body string) {
		now = now.Add(time.Minute)
		w.Link(t, i) // some commands end the connection
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			r.URL.Path, r.URL.RawQuery = "/"+command+".aspx", query
			r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + key}}
			recorder := httptest.NewRecorder()
			w.Handler.ServeHTTP(recorder, r)
			status, answer := recorder.Code, recorder.Body.Bytes()
			if strings.HasPrefix(recorder.Header().Get("Content-Type"), "image/") {
				continue
			}
			if status >= http.StatusInternalServerError || !json.Valid(answer) {
				t.Errorf("%s %q %q %q: %d %s", method, command, query, body, status, answer)
			}
			if operation, ok := d.Find(method, r.URL.Path); ok {
				if err := operation.Response(status, answer); err != nil {
					t.Errorf("%s %q %q %q: %v", method, command, query, body, err)
				}
			}
		}
	})
}
