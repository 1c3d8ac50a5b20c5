package aspx_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/aspx"
	"roost/functions/api/core"
	"roost/functions/api/openapi"
	"roost/functions/webhook/format"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/webhook"
)

const key = "6D6307C3-2973-4468-85FA-D047CB8E1F2E"

// shop is a world with one instance.
func shop(t *testing.T) (*apitest.World, instance.Instance) {
	t.Helper()
	w := apitest.New(t, apitest.Options{})
	return w, w.Create(t, "shop", key)
}

// hasty is shop for tests of what does not come: it gives up after five
// seconds.
func hasty(t *testing.T) (*apitest.World, instance.Instance) {
	t.Helper()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{QR: 5 * time.Second}})
	return w, w.Create(t, "shop", key)
}

// ask calls a command with the key.
func ask(t *testing.T, w *apitest.World, method, command, body string) apitest.Answer {
	t.Helper()
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	separator := "?"
	if strings.Contains(command, "?") {
		separator = "&"
	}
	return send(t, w, method, "/"+command+separator+"wid="+key, header, body)
}

var document = sync.OnceValues(func() (*openapi.Document, error) { return openapi.Read(aspx.Document) })

// send calls a command and holds the answer to the document.
func send(t *testing.T, w *apitest.World, method, target string, header http.Header, body string) apitest.Answer {
	t.Helper()
	if header == nil {
		header = http.Header{}
	}
	a := w.Send(t, method, target, header, strings.NewReader(body))
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(target, "?")
	operation, found := d.Find(method, path)
	if refused := []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}; !found && !slices.Contains(refused, a.Status) {
		t.Errorf("%s %s is not in the document, and answers %d", method, path, a.Status)
	}
	if found {
		if err := operation.Response(a.Status, []byte(a.Body)); err != nil {
			t.Errorf("%v\n%s", err, a.Body)
		}
	}
	return a
}

// built are the bodies of calls.
func built(t *testing.T, calls []format.Call) (out []string) {
	t.Helper()
	for _, c := range calls {
		r, err := c.Build(format.Target{Subscription: webhook.Subscription{URL: "https://erp.example/"}, ServerURL: "https://roost.example"})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(r.Body))
	}
	return out
}

func want(t *testing.T, name string, a apitest.Answer, status int, body string) {
	t.Helper()
	if a.Status != status || a.Body != body {
		t.Errorf("%s: %d\n got %s\nwant %d\n     %s", name, a.Status, a.Body, status, body)
	}
}

// object is the status object byte for byte, of an instance that has stored
// nothing.
func object(i instance.Instance, head, info, hook, agent, restore string) string {
	id := string(i.ID)
	return `{` + head + `,"ConnectionInfo":` + info + `,"WebID":"` + id + `","Webhook":"` + hook + `","UserAgent":"` + agent +
		`","CanRestoreConnection":` + restore + `,"stats":{"Contacts":0,"Chats":0,"SentBytes":0,"ReceveidBytes":0},"storage":{"Name":"` + id +
		`","Bytes":0,"Files":0,"Subs":[{"Name":"media","Bytes":0,"Files":0,"Subs":null},{"Name":"profile","Bytes":0,"Files":0,"Subs":null},` +
		`{"Name":"thumb","Bytes":0,"Files":0,"Subs":null}]}}`
}

func info(connected string) string {
	return `{"lg":"en","lc":"US","phone":{"device_model":"","wa_version":"","mcc":"","os_version":"","os_build_number":"undefined","device_manufacturer":"","mnc":""},` +
		`"battery":0,"tos":0,"pushname":"","protoVersion":[0,17],"plugged":false,"platform":"","wid":"4915550001@s.whatsapp.net","connected":` + connected +
		`,"isResponse":"false","binVersion":10,"locales":"en-US,en"}`
}

const (
	none = `"status":0,"statusString":"noConnection","connected":false`
	up   = `"status":10,"statusString":"WhatsAppAuthenticated","connected":true`
)

func asText(t *testing.T, value string) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLife is a whole life: never linked, linked, closed, restored, unlinked.
func TestLife(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	fresh := object(i, none, "null", "", "Chrome", "false")
	want(t, "fresh", ask(t, w, "GET", "status.aspx", ""), 200, fresh)
	want(t, "nothing to save", ask(t, w, "GET", "save_session.aspx", ""), 200, `{"sucesso":false}`)
	want(t, "nothing to restore", ask(t, w, "GET", "restore_session.aspx", ""), 200,
		`{"sucesso":false,"Status":`+asText(t, fresh)+`,"error":"There are no keys; call generate_qrcode.aspx"}`)
	want(t, "nothing to unlink", ask(t, w, "GET", "disconnect.aspx", ""), 200, fresh)

	w.Link(t, i)
	open := object(i, up, info("true"), "", "Chrome", "true")
	want(t, "linked", ask(t, w, "GET", "status.aspx", ""), 200, open)
	want(t, "saved", ask(t, w, "GET", "save_session.aspx", ""), 200, `{"sucesso":true}`)
	want(t, "no code", ask(t, w, "POST", "generate_qrcode.aspx", `{"user_agent":"x"}`), 200, `{"status":0,"error":"Connection already established","ttl":0}`)
	want(t, "restored already", ask(t, w, "GET", "restore_session.aspx", ""), 200, `{"sucesso":true,"Status":`+asText(t, open)+`}`)
	want(t, "cleared", ask(t, w, "GET", "clear.aspx", ""), 200, `{"status":true,"message":"clear ok"}`)
	want(t, "still open", ask(t, w, "GET", "status.aspx", ""), 200, open)

	closed := object(i, none, info("false"), "", "Chrome", "true")
	want(t, "close", ask(t, w, "GET", "close_session.aspx", ""), 200, `{"sucesso":true,"Status":`+asText(t, closed)+`}`)
	want(t, "close again", ask(t, w, "POST", "close_session.aspx", ""), 200, `{"sucesso":true,"Status":`+asText(t, closed)+`}`)
	want(t, "keys are there", ask(t, w, "POST", "generate_qrcode.aspx", ""), 200,
		`{"status":0,"error":"Session can be restored; call restore_session.aspx or disconnect.aspx","ttl":0}`)
	want(t, "restore", ask(t, w, "GET", "restore_session.aspx", ""), 200, `{"sucesso":true,"Status":`+asText(t, open)+`}`)

	for range 2 {
		want(t, "disconnect", ask(t, w, "GET", "disconnect.aspx", ""), 200, fresh)
	}
	want(t, "no keys are left", ask(t, w, "GET", "restore_session.aspx", ""), 200,
		`{"sucesso":false,"Status":`+asText(t, fresh)+`,"error":"There are no keys; call generate_qrcode.aspx"}`)
}

func TestQRCode(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	var first, second struct {
		QR     string `json:"qr"`
		Status int    `json:"status"`
		Error  string `json:"error"`
		TTL    int    `json:"ttl"`
		Text   string `json:"qr_text"`
	}
	a := ask(t, w, "POST", "generate_qrcode.aspx", `{"user_agent":"Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/99.0 Safari/537.36 OPR/86.0"}`)
	if err := json.Unmarshal([]byte(a.Body), &first); err != nil || a.Status != 200 {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	if !strings.HasPrefix(a.Body, `{"qr":"data:image/svg+xml;base64,PHN2Zy`) || first.Status != 1 || first.Error != "" || first.TTL != 20 || first.Text != apitest.QR {
		t.Errorf("got %s", a.Body)
	}
	a = ask(t, w, "POST", "generate_qrcode.aspx", "")
	if err := json.Unmarshal([]byte(a.Body), &second); err != nil || second.QR != first.QR {
		t.Errorf("asked again: %s", a.Body)
	}
	if n := len(w.Host.Commands()); n != 1 {
		t.Errorf("%v: the second call began another pairing", w.Host.Commands())
	}
	want(t, "while it is shown", ask(t, w, "GET", "status.aspx", ""), 200,
		object(i, `"status":3,"statusString":"waitForQRAuthentication","connected":false`, "null", "", "Opera", "false"))
}

func TestNoQRCode(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		state  instance.State
		jid    string
		reason instance.Reason
		noQR   bool
		fault  error
		want   string
	}{
		"logging in":       {state: instance.Starting, jid: apitest.OwnJID, want: "Connection already established"},
		"lost":             {state: instance.Idle, jid: apitest.OwnJID, want: "Session can be restored; call restore_session.aspx or disconnect.aspx"},
		"banned":           {state: instance.Closed, jid: apitest.OwnJID, reason: instance.Reason{Code: instance.ReasonBanned, Until: until}, want: "Temporarily banned until " + until.UTC().Format(time.RFC3339)},
		"outdated":         {state: instance.Closed, jid: apitest.OwnJID, reason: instance.Reason{Code: instance.ReasonOutdated}, want: "Client outdated"},
		"being ended":      {state: instance.Created, fault: fault.New(fault.Conflict, "the instance is being deleted"), want: "Instance is busy"},
		"host is outdated": {state: instance.Created, fault: fault.Coded(fault.Conflict, instance.ReasonOutdated, "too old"), want: "Client outdated"},
		"no code yet":      {state: instance.Created, noQR: true, want: "QR generation timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, i := hasty(t)
			w.Host.Tell(func(h *apitest.Host) {
				h.NoQR = c.noQR
				if c.fault != nil {
					h.Faults = map[command.Kind]error{command.Connect: c.fault}
				}
			})
			if c.state != instance.Created {
				w.Set(t, i, c.state, func(i *instance.Instance) { i.JID, i.Reason = c.jid, c.reason })
			}
			want(t, name, ask(t, w, "POST", "generate_qrcode.aspx", "{}"), 200, `{"status":0,"error":"`+c.want+`","ttl":0}`)
		})
	}
}

func TestSetConfig(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	const hook = "https://my-erp.example/hook?a=1"
	configured := object(i, none, "null", hook, "Opera", "false")
	for _, c := range []struct{ body, format string }{
		{`{"webhook":"` + hook + `","user_agent":"Opera","APIVersionCanBulk":true,"APIVersion":"1.1"}`, "postback-bulk"},
		{`{}`, "postback-bulk"},
		{`{"APIVersion":1.0}`, "postback-bulk-1.0"},
		{`{"APIVersionCanBulk":false}`, "postback-1.0"},
		{`{"APIVersion":"1.1","Webhook":"` + hook + `"}`, "postback"},
	} {
		want(t, c.body, ask(t, w, "POST", "set_config.aspx", c.body), 200, configured)
		s, err := w.Webhooks.Get(t.Context(), i.ID, "main")
		if err != nil || s.Format != c.format || !s.Enabled || s.URL != hook {
			t.Errorf("%s: stored %+v, %v", c.body, s, err)
		}
	}
	for _, c := range []struct{ body, sentence string }{
		{`{"APIVersion":"2.0"}`, "APIVersion: is none of 1.0, 1.1, 1, 1.1"},
		{`{"webhook":"http://my-erp.example"}`, "Only https is called"},
		{`{"webhook":"https://10.0.0.42/"}`, `Invalid \"url\" property: its address is not a public one`},
		{`{"webhook":"https://169.254.169.254/latest"}`, `Invalid \"url\" property: its address is not a public one`},
		{`{"webhook":"no URL"}`, `Invalid \"url\" property`},
		{`{"webhook":7}`, "webhook: is no string"},
		{`[]`, "the body is no JSON object"},
		{`{`, "the body is no JSON object"},
	} {
		want(t, c.body, ask(t, w, "POST", "set_config.aspx", c.body), 400, `{"status":0,"error":"`+c.sentence+`"}`)
	}
	want(t, "unchanged", ask(t, w, "GET", "status.aspx", ""), 200, configured)
	for agent, browser := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Safari/537.36":          "Chrome",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Safari/537.36 Edg/99.0": "Edge",
		"Mozilla/5.0 (X11; Linux x86_64; rv:97.0) Gecko/20100101 Firefox/97.0":                                    "Firefox",
		"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.3 Safari/605.1.15":           "Safari",
		"curl/7": "Chrome", "": "Chrome", "Opera": "Opera",
	} {
		want(t, agent, ask(t, w, "POST", "set_config.aspx", `{"user_agent":"`+agent+`"}`), 200, object(i, none, "null", hook, browser, "false"))
	}
	want(t, "off", ask(t, w, "POST", "set_config.aspx", `{"webhook":"","user_agent":"Opera"}`), 200, object(i, none, "null", "", "Opera", "false"))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w, _ := shop(t)
	w.Create(t, "plain", "plain-Key")
	lower := strings.ToLower(key)
	for _, c := range []struct {
		query, bearer string
		status        int
	}{
		{"?wid=" + key, "", 200},
		{"?WID=" + lower, "", 200},
		{"?Wid=" + key, key, 200},
		{"?wid=" + key, lower, 200},
		{"", key, 200},
		{"?wid=plain-Key", "", 200},
		{"?wid=plain-key", "", 401},
		{"", "", 401},
		{"?wid=", "", 401},
		{"?wid=nobody", "", 401},
		{"?wid=" + key, "plain-Key", 401},
		{"?wid=" + key + "&WID=plain-Key", "", 401},
	} {
		header := http.Header{}
		if c.bearer != "" {
			header.Set("Authorization", "Bearer "+c.bearer)
		}
		a := send(t, w, "GET", "/status.aspx"+c.query, header, "")
		if a.Status != c.status || a.Status == 401 && a.Body != `{"status":0,"error":"invalid wid"}` {
			t.Errorf("%s, bearer %q: %d %s", c.query, c.bearer, a.Status, a.Body)
		}
		if strings.Contains(strings.ToUpper(a.Body), key) {
			t.Errorf("%s: the answer shows the key", c.query)
		}
	}
}

// TestRefusals are the answers that no command makes itself.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w, _ := hasty(t)
	w.Host.Tell(func(h *apitest.Host) { h.Silent = true })
	want(t, "unknown", ask(t, w, "GET", "group_explode.aspx", ""), 404, `{"status":0,"error":"unknown command"}`)
	a := ask(t, w, "POST", "status.aspx", "")
	want(t, "method", a, 405, `{"status":0,"error":"wrong method"}`)
	if got := a.Header.Get("Allow"); got != "GET" {
		t.Errorf("allowed is %q", got)
	}
	want(t, "too large", ask(t, w, "POST", "set_config.aspx", `{"webhook":"`+strings.Repeat("x", 1<<20)+`"}`), 413, `{"status":0,"error":"the body has more than 1048576 bytes"}`)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	want(t, "no JSON", send(t, w, "POST", "/set_config.aspx?wid="+key, form, "webhook=x"), 415, `{"status":0,"error":"the body must be JSON"}`)
	for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", ""} { // as curl and PHP name what they are given
		if a := send(t, w, "POST", "/set_config.aspx?wid="+key, http.Header{"Content-Type": {kind}}, `{"user_agent":"Opera"}`); a.Status != 200 || !strings.Contains(a.Body, `"UserAgent":"Opera"`) {
			t.Errorf("JSON as %q: %d %s", kind, a.Status, a.Body)
		}
	}
	early := http.Header{"Sec-Purpose": {"prefetch;prerender"}}
	want(t, "prefetch", send(t, w, "GET", "/disconnect.aspx?wid="+key, early, ""), 403, `{"status":0,"error":"a prefetch changes nothing"}`)
	want(t, "no host", ask(t, w, "POST", "generate_qrcode.aspx", ""), 503, `{"status":0,"error":"QR generation timed out","ttl":0}`)
	a = ask(t, w, "GET", "status.aspx", "")
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers %v", a.Header)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	var last apitest.Answer
	for n := range 60 { // more than a loaded machine could win back between two calls
		if last = ask(t, w, "POST", "generate_qrcode.aspx", ""); last.Status == 429 {
			if n < 6 {
				t.Errorf("refused after %d", n)
			}
			break
		}
	}
	if retry := last.Header.Get("Retry-After"); last.Status != 429 || retry == "" || last.Body != `{"status":0,"error":"rate limit","ttl":`+retry+`}` {
		t.Errorf("%d %s, Retry-After %q", last.Status, last.Body, last.Header.Get("Retry-After"))
	}
	if a := ask(t, w, "GET", "save_session.aspx", ""); a.Status != 200 {
		t.Errorf("another command: %d %s", a.Status, a.Body)
	}
}
