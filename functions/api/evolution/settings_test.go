package evolution_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/shared/command"
	"roost/shared/instance"
)

const allNames = `["APPLICATION_STARTUP","QRCODE_UPDATED","MESSAGES_SET","MESSAGES_UPSERT","MESSAGES_EDITED","MESSAGES_UPDATE","MESSAGES_DELETE",` +
	`"SEND_MESSAGE","SEND_MESSAGE_UPDATE","CONTACTS_SET","CONTACTS_UPSERT","CONTACTS_UPDATE","PRESENCE_UPDATE","CHATS_SET","CHATS_UPSERT",` +
	`"CHATS_UPDATE","CHATS_DELETE","GROUPS_UPSERT","GROUP_UPDATE","GROUP_PARTICIPANTS_UPDATE","CONNECTION_UPDATE","LABELS_EDIT",` +
	`"LABELS_ASSOCIATION","CALL","TYPEBOT_START","TYPEBOT_CHANGE_STATUS","REMOVE_INSTANCE","LOGOUT_INSTANCE","INSTANCE_CREATE",` +
	`"INSTANCE_DELETE","STATUS_INSTANCE"]`

func TestWebhook(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "a", "t")
	want(t, "none", w.Do(t, "GET", "/webhook/find/a", "t", ""), 200, `null`)
	row := func(headers, enabled, events, byEvents, base64 string) string {
		return `{"id":"UUID","url":"https://a.example/x","headers":` + headers + `,"enabled":` + enabled + `,"events":` + events +
			`,"webhookByEvents":` + byEvents + `,"webhookBase64":` + base64 + `,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID"}`
	}
	for _, c := range []struct{ name, body, want string }{
		{"wrapped", `{"webhook":{"enabled":true,"url":"https://a.example/x","headers":{"n":1,"s":"x"},"byEvents":true,"base64":true,"events":["CALL","GROUPS_UPDATE"]}}`, row(`{"n":"1","s":"x"}`, "true", `["CALL","GROUPS_UPDATE"]`, "true", "true")},
		{"no events", `{"webhook":{"enabled":true,"url":"https://a.example/x"}}`, row("null", "true", allNames, "false", "false")},
		{"empty events", `{"webhook":{"enabled":true,"url":"https://a.example/x","events":[]}}`, row("null", "true", allNames, "false", "false")},
		{"flat", `{"enabled":true,"url":"https://a.example/x","webhookByEvents":true,"webhookBase64":true,"events":["CALL"]}`, row("null", "true", `["CALL"]`, "true", "true")},
		{"snake", `{"enabled":true,"url":"https://a.example/x","webhook_by_events":true,"webhook_base64":true,"events":["CALL"]}`, row("null", "true", `["CALL"]`, "true", "true")},
		{"n8n", `{"webhook":{"enabled":true,"url":"https://a.example/x","webhookByEvents":true,"webhookBase64":true,"events":["CALL"]}}`, row("null", "true", `["CALL"]`, "true", "true")},
		{"disabled", `{"webhook":{"enabled":false,"url":"https://a.example/x","events":["CALL"]}}`, row("null", "false", `[]`, "false", "false")},
	} {
		want(t, c.name, w.Do(t, "POST", "/webhook/set/a", "t", c.body), 201, c.want)
		want(t, c.name+", found", w.Do(t, "GET", "/webhook/find/a", "t", ""), 200, c.want)
	}
	form := http.Header{"Apikey": {"t"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	a := w.Send(t, "POST", "/webhook/set/a", form, strings.NewReader("webhook[enabled]=true&webhook[url]=https%3A%2F%2Fa.example%2Fx&webhook[events][0]=CALL"))
	want(t, "form", a, 201, row("null", "true", `["CALL"]`, "false", "false"))
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	want(t, "new", w.Do(t, "GET", "/settings/find/a", "t", ""), 200, noSettings)
	sent := `{"rejectCall":true,"groupsIgnore":true,"alwaysOnline":false,"readMessages":false,"readStatus":true,"syncFullHistory":false,"extra":"<x>"}`
	want(t, "set", w.Do(t, "POST", "/settings/set/a", "t", sent), 201, `{"settings":{"instanceName":"a","settings":`+sent+`}}`)
	want(t, "found", w.Do(t, "GET", "/settings/find/a", "t", ""), 200,
		`{"rejectCall":true,"msgCall":"","groupsIgnore":true,"alwaysOnline":false,"readMessages":false,"readStatus":true,"syncFullHistory":false,"wavoipToken":""}`)
	if got := w.Host.Commands(); len(got) != 1 || got[0] != command.Apply {
		t.Errorf("the host got %v", got)
	}
	// qrTimeout stays when a client that does not know it writes the others.
	all := `"rejectCall":false,"groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false`
	w.Do(t, "POST", "/settings/set/a", "t", `{"qrTimeout":90,`+all+`}`)
	w.Do(t, "POST", "/settings/set/a", "t", `{`+all+`}`)
	if a := w.Do(t, "GET", "/settings/find/a", "t", ""); !strings.Contains(a.Body, `"qrTimeout":90`) {
		t.Errorf("found %s", a.Body)
	}
}

func TestQR(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "a", "t")
	w.Do(t, "GET", "/instance/connect/a?number=491511234", "t", "")
	for _, c := range []struct{ accept, query, mimetype, begin string }{
		{"", "", "image/png", "\x89PNG"},
		{"image/svg+xml", "", "image/svg+xml", "<svg "},
		{"text/html, image/svg+xml;q=0.9, */*", "", "image/svg+xml", "<svg "},
		{"text/plain", "", "text/plain; charset=utf-8", apitest.QR},
		{"text/plain", "?format=png", "image/png", "\x89PNG"},
		{"", "?format=svg", "image/svg+xml", "<svg "},
		{"", "?format=txt", "text/plain; charset=utf-8", apitest.QR},
		{"", "?format=terminal", "text/plain; charset=utf-8", "████████"},
		{"application/json", "", "application/json; charset=utf-8", `{"pairingCode":"ABCD1234","code":`},
	} {
		a := w.Send(t, "GET", "/instance/qr/a"+c.query, http.Header{"Apikey": {"t"}, "Accept": {c.accept}}, nil)
		if a.Status != 200 || a.Header.Get("Content-Type") != c.mimetype || !strings.HasPrefix(a.Body, c.begin) {
			t.Errorf("Accept %q%s: %d, %s, %.40q", c.accept, c.query, a.Status, a.Header.Get("Content-Type"), a.Body)
		}
	}
	a := w.Do(t, "GET", "/instance/qr/a?format=json", "t", "")
	want(t, "json", a, 200, `{"pairingCode":"ABCD1234","code":"QR","base64":"PICTURE","count":1,"issuedAt":"MOMENT","expiresAt":"MOMENT","pairingCodeIssuedAt":"MOMENT","pairingCodeExpiresAt":"MOMENT","passkey":false,"endsAt":"MOMENT"}`)
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	w.Do(t, "GET", "/instance/connect/a", "t", "")
	offer, err := w.Instances.Offer(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	offer.Passkey = &instance.Passkey{Request: []byte(`{"challenge":"abc","rpId":"whatsapp.com"}`)}
	offer.Until = time.Now().Add(time.Minute)
	if err := w.Instances.PutOffer(t.Context(), *offer); err != nil {
		t.Fatal(err)
	}
	want(t, "request", w.Do(t, "GET", "/instance/passkey/a", "t", ""), 200, `{"request":{"challenge":"abc","rpId":"whatsapp.com"},"code":null,"skip":false}`)
	done := `{"status":"SUCCESS","error":false,"response":{"message":"Passkey accepted"}}`
	want(t, "answer", w.Do(t, "POST", "/instance/passkey/a", "t", `{"response":{"id":"x","type":"public-key"}}`), 200, done)
	want(t, "confirm", w.Do(t, "POST", "/instance/passkey/a", "t", `{"confirm":true}`), 200, done)
	if a := w.Do(t, "POST", "/instance/passkey/a", "t", `{"confirm":false}`); a.Status != 400 {
		t.Errorf("neither: %d %s", a.Status, a.Body)
	}
	a := w.Do(t, "GET", "/instance/connect/a?number=491511234", "t", "")
	if a.Status != 400 || !strings.Contains(a.Body, "passkey") {
		t.Errorf("a code while the passkey is asked for: %d %s", a.Status, a.Body)
	}
	kinds := w.Host.Commands()
	if len(kinds) != 3 || kinds[1] != command.AnswerPasskey || kinds[2] != command.ConfirmPasskey {
		t.Errorf("the host got %v", kinds)
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	want(t, "welcome", w.Do(t, "GET", "/", "", ""), 200, `{"status":200,"message":"Welcome to the Evolution API, it is working!",`+
		`"version":"2.3.7","clientName":"roost","manager":"URL","documentation":"https://doc.evolution-api.com"}`)
	want(t, "credentials", w.Do(t, "POST", "/Verify-Creds/", apitest.AdminKey, ""), 200,
		`{"status":200,"message":"Credentials are valid","facebookAppId":"","facebookConfigId":"","facebookUserToken":""}`)
	if a := w.Do(t, "GET", "/manager/", "", ""); a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("the manager: %d %s", a.Status, a.Header)
	}
	a := w.Send(t, "HEAD", "/", http.Header{}, nil)
	if a.Status != 200 || a.Body != "" {
		t.Errorf("HEAD: %d %q", a.Status, a.Body)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{MaxBody: 10000})
	w.Create(t, "a b/c", "t")
	w.Create(t, "another", "t2")
	if a := w.Do(t, "GET", "/instance/connectionState/a%20b%2Fc", "t", ""); a.Status != 200 || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("an encoded name: %d %s %v", a.Status, a.Body, a.Header)
	}
	a := w.Send(t, "OPTIONS", "/instance/create", http.Header{"Access-Control-Request-Headers": {"apikey,content-type"}}, nil)
	if a.Status != 204 || a.Header.Get("Access-Control-Allow-Methods") != "POST,GET,PUT,DELETE" || a.Header.Get("Access-Control-Allow-Headers") != "apikey,content-type" {
		t.Errorf("preflight: %d %v", a.Status, a.Header)
	}
	for accept, want := range map[string]string{"gzip, deflate, br": "gzip", "gzip;q=0": "", "br": "", "GZIP;q=0.5": "gzip"} {
		a := w.Send(t, "GET", "/instance/fetchInstances", http.Header{"Apikey": {apitest.AdminKey}, "Accept-Encoding": {accept}}, nil)
		if a.Status != 200 || a.Header.Get("Content-Encoding") != want {
			t.Errorf("Accept-Encoding %q: %d, %q", accept, a.Status, a.Header.Get("Content-Encoding"))
		}
	}
	bomb := gzipped(t, `{"text":"`+strings.Repeat("a", 1<<20)+`"}`)
	a = w.Send(t, "POST", "/message/sendText/a%20b%2Fc", http.Header{"Apikey": {"t"}, "Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, strings.NewReader(bomb))
	if a.Status != 413 {
		t.Errorf("a body that unpacks to more than is allowed: %d %.100s", a.Status, a.Body)
	}
	a = w.Send(t, "POST", "/message/sendText/a%20b%2Fc", http.Header{"Apikey": {"t"}, "Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
		strings.NewReader(gzipped(t, `{"number":"1"}`)))
	if a.Status != 400 || !strings.Contains(a.Body, `requires property \"text\"`) {
		t.Errorf("a packed body: %d %s", a.Status, a.Body)
	}
	for _, c := range []struct {
		mimetype, coding, body string
		status                 int
		says                   string
	}{
		{"application/json", "br", "{}", 415, `unsupported content encoding \"br\"`},
		{"application/json", "gzip", "{}", 400, `incorrect header check`},
		{"application/json", "deflate", "{}", 400, `incorrect header check`},
		{"application/json", "gzip", gzipped(t, "{")[:12], 400, `request aborted`},
		{"multipart/form-data", "", "--b--", 400, `Multipart: Boundary not found`},
		{"multipart/form-data; boundary=b", "", "--b\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n49", 400, `Unexpected end of form`},
		{"application/json", "", strings.Repeat(" ", 10001), 413, `request entity too large`},
		{"multipart/form-data; boundary=b", "", strings.Repeat(" ", 10001), 413, `request entity too large`},
		{"application/x-www-form-urlencoded", "", "a=" + strings.Repeat("b", 10000), 413, `request entity too large`},
	} {
		header := http.Header{"Apikey": {"t"}, "Content-Type": {c.mimetype}, "Content-Encoding": {c.coding}}
		a := w.Send(t, "POST", "/message/sendMedia/a%20b%2Fc", header, strings.NewReader(c.body))
		want(t, c.mimetype+" "+c.coding, a, c.status, `{"status":`+strconv.Itoa(c.status)+`,"error":"Internal Server Error","response":{"message":"`+c.says+`"}}`)
	}
	for mimetype, body := range map[string]string{"": "", "text/plain": "hello", "application/octet-stream": "hello", "image/png": "{}", "application/json": ""} { // count as an empty object, as in Express
		a := w.Send(t, "POST", "/message/sendText/a%20b%2Fc", http.Header{"Apikey": {"t"}, "Content-Type": {mimetype}}, strings.NewReader(body))
		want(t, "a body of "+mimetype, a, 400, `{"status":400,"error":"Bad Request","response":{"message":[["instance requires property \"number\"","instance requires property \"text\""]]}}`)
	}
	var health struct{ Status, Version string }
	if a := w.Do(t, "GET", "/health", "", ""); json.Unmarshal([]byte(a.Body), &health) != nil || health.Status != "ok" || health.Version != "test" {
		t.Errorf("health: %d %s", a.Status, a.Body)
	}
}
