package guid_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/guid"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

var form = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TestJourney takes a client through its life, route by route.
func TestJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	if !form.MatchString(id) {
		t.Errorf("guid %q is no UUIDv7", id)
	}
	about := `{"guid":"` + id + `"}`
	status := func(want string) map[string]any {
		t.Helper()
		var s map[string]any
		w.ask(t, w.token, "POST /client/getClientStatus", about).into(t, &s)
		if s["status"] != want || s["guid"] != id || s["deviceName"] != "srv-42" || s["customerParam"] != "tenant=acme&env=prod" {
			t.Errorf("stands %v, want %s", s, want)
		}
		return s
	}
	status("created")

	var qr struct {
		QRCode, QRCodeKey string
		TTL               int
	}
	w.ask(t, w.token, "POST /login/getLoginQrcode", about).into(t, &qr)
	if qr.QRCode != apitest.QR || qr.QRCodeKey != guid.QRCodeKey(instance.ID(id), apitest.QR) || qr.TTL < 30 || qr.TTL > 60 {
		t.Errorf("QR code %+v", qr)
	}
	status("qr")
	check := func(key string) (c struct {
		Status int
		WxID   string
	},
	) {
		t.Helper()
		w.ask(t, w.token, "POST /login/checkLoginQrcode", `{"guid":"`+id+`","qrcodeKey":"`+key+`"}`).into(t, &c)
		return c
	}
	if c := check(qr.QRCodeKey); c.Status != 0 {
		t.Errorf("a code on show is %+v", c)
	}
	if c := check("another"); c.Status != 2 {
		t.Errorf("a code of before is %+v", c)
	}
	if r := w.ask(t, w.token, "POST /login/verifyLoginQrcode", `{"guid":"`+id+`","qrcodeKey":"k","code":"123456"}`); r.Code != 0 || string(r.Data) != "null" {
		t.Errorf("verify: %+v", r)
	}
	var pair struct{ PairCode string }
	w.ask(t, w.token, "POST /login/getPairCode", `{"guid":"`+id+`","phone":"+49 155 50001"}`).into(t, &pair)
	if pair.PairCode != "ABCD-1234" {
		t.Errorf("pairing code %q", pair.PairCode)
	}

	i, err := w.Instances.Get(t.Context(), instance.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	w.Link(t, i)
	if c := check(qr.QRCodeKey); c.Status != 1 || c.WxID != "4915550001" {
		t.Errorf("when linked: %+v", c)
	}
	if s := status("online"); s["wxId"] != "4915550001" || s["canRecover"] != true {
		t.Errorf("online %v", s)
	}
	for _, route := range []string{"POST /login/getLoginQrcode", "POST /login/getPairCode"} {
		if r := w.ask(t, w.token, route, `{"guid":"`+id+`","phone":"4915550001"}`); r.Code != 10007 {
			t.Errorf("%s while online: %+v", route, r)
		}
	}
	since := time.Now().UTC().Truncate(time.Millisecond)
	w.Set(t, i, instance.Idle, func(i *instance.Instance) { i.IdleSince = since })
	if s := status("idle"); s["releaseAt"] != since.Add(10*time.Minute).Format(time.RFC3339Nano) {
		t.Errorf("idle %v", s)
	}
	w.Set(t, i, instance.Closed, func(i *instance.Instance) { i.IdleSince = time.Time{} })
	status("released")
	var got struct {
		GUID, Status, WxID string
		Reused             bool
		ElapsedMS          int
	}
	w.ask(t, w.token, "POST /client/recoverClient", `{"guid":"`+id+`","wxId":"4915550001"}`).into(t, &got)
	if got.GUID != id || got.Status != "online" || got.WxID != "4915550001" || got.Reused || got.ElapsedMS != 12 {
		t.Errorf("recovered %+v", got)
	}
	for _, route := range []string{"POST /client/heartbeat", "POST /client/stopClient"} {
		if r := w.ask(t, w.token, route, about); r.Code != 0 || string(r.Data) != "null" {
			t.Errorf("%s: %+v", route, r)
		}
	}
	if asked := w.Host.Commands(); asked[len(asked)-1] != command.Disconnect {
		t.Errorf("stopped by %v", asked)
	}

	var gone struct {
		GUID, SignedURL string
		ExpiresAt       time.Time
		Objects, Bytes  int
	}
	w.ask(t, w.token, "DELETE /client/"+id, "").into(t, &gone)
	answer, err := http.Get(gone.SignedURL)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the transcript: %v", err)
	}
	_ = answer.Body.Close()
	if left := time.Until(gone.ExpiresAt); gone.GUID != id || gone.Bytes != len(apitest.Transcript) || gone.Objects != 3 || left > time.Hour || left < 50*time.Minute {
		t.Errorf("deleted %+v", gone)
	}
	if r := w.ask(t, w.token, "POST /client/getClientStatus", about); r.Code != 10013 || r.status != 200 {
		t.Errorf("after its deletion: %+v", r)
	}
	if r := w.ask(t, w.token, "DELETE /client/"+id, ""); r.Code != 10013 || r.status != 200 {
		t.Errorf("deleted again: %+v", r)
	}
}

// TestUnknownClient asks for what is nobody's and what is another's: no answer
// may tell which.
func TestUnknownClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, id := w.newTenant(t, `{}`), w.create(t)
	for _, route := range []string{
		"POST /client/recoverClient", "POST /client/getClientStatus", "POST /client/stopClient", "POST /client/heartbeat", "DELETE /client/{guid}",
		"POST /client/setNotifyUrl", "POST /login/getLoginQrcode", "POST /login/checkLoginQrcode", "POST /login/verifyLoginQrcode", "POST /login/getPairCode",
	} {
		said := map[string]reply{}
		for _, guid := range []string{id, "0193483a-3f98-7f3e-b4d2-1f9a2b3c4d5e"} {
			r := w.ask(t, stranger, strings.Replace(route, "{guid}", guid, 1),
				`{"guid":"`+guid+`","qrcodeKey":"k","code":"1","phone":"4915550001","notifyUrl":"https://example.com/"}`)
			if r.status != 200 || r.Code != 10013 || string(r.Data) != "null" {
				t.Errorf("%s: %+v", route, r)
			}
			said[guid] = r
		}
		if said[id].Msg != said["0193483a-3f98-7f3e-b4d2-1f9a2b3c4d5e"].Msg {
			t.Errorf("%s tells another's from nobody's", route)
		}
	}
	var page struct{ Items []any }
	w.ask(t, stranger, "GET /client/list", "").into(t, &page)
	if len(page.Items) != 0 {
		t.Errorf("a stranger's list: %v", page.Items)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made struct{ AppKey, AppSecret string }
	w.ask(t, apitest.AdminKey, "POST /tenant/create", `{"tenant":"acme"}`).into(t, &made)
	for _, key := range []string{"", "wrong", w.token} {
		if r := w.ask(t, key, "POST /tenant/create", `{}`); r.status != 401 || r.Code != 401 {
			t.Errorf("a tenant made with %q: %+v", key, r)
		}
	}
	if r := w.ask(t, apitest.AdminKey, "POST /tenant/create", `{"tenant":"acme"}`); r.Code != 400 {
		t.Errorf("made twice: %+v", r)
	}
	type pair struct {
		Token, RefreshToken         string
		ExpiresIn, RefreshExpiresIn int
	}
	var first, next pair
	w.ask(t, "", "POST /tenant/token", `{"appKey":"`+made.AppKey+`","appSecret":"`+made.AppSecret+`"}`).into(t, &first)
	if first.ExpiresIn != 7200 || first.RefreshExpiresIn != 604800 {
		t.Errorf("tokens for %d and %d s", first.ExpiresIn, first.RefreshExpiresIn)
	}
	w.ask(t, "", "POST /tenant/token", `{"refreshToken":"`+first.RefreshToken+`"}`).into(t, &next)
	for name, body := range map[string]string{
		"a wrong secret": `{"appKey":"` + made.AppKey + `","appSecret":"x"}`, "a wrong key": `{"appKey":"x","appSecret":"` + made.AppSecret + `"}`,
		"a used refresh token": `{"refreshToken":"` + first.RefreshToken + `"}`, "a bearer token": `{"refreshToken":"` + first.Token + `"}`,
	} {
		if r := w.ask(t, "", "POST /tenant/token", body); r.status != 401 || r.Code != 401 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := w.ask(t, "", "POST /tenant/token", `{}`); r.status != 400 {
		t.Errorf("neither: %+v", r)
	}
	for token, msg := range map[string]string{"": "token missing", "x": "token invalid", next.RefreshToken: "token invalid", next.Token: "ok"} {
		if r := w.ask(t, token, "GET /client/list", ""); r.Msg != msg || msg != "ok" && r.status != 401 {
			t.Errorf("with %q: %+v", token, r)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxied := w.newTenant(t, `{"maxClients":1}`)
	for body, want := range map[string]int{
		`{"deviceName":"a"}`: 400, `{`: 400, ``: 400, `[]`: 400, `{}`: 400, `{"deviceName":""}`: 400,
		`{"deviceName":"` + strings.Repeat("a", 65) + `","proxyUrl":"socks5://10.0.0.42:1080"}`:                      400,
		`{"deviceName":"a","deviceType":2,"proxyUrl":"socks5://10.0.0.42:1080"}`:                                     400,
		`{"deviceName":"a","onlyProxyLogin":2,"proxyUrl":"socks5://10.0.0.42:1080"}`:                                 400,
		`{"deviceName":"a","customerParam":"` + strings.Repeat("a", 513) + `","proxyUrl":"socks5://10.0.0.42:1080"}`: 400,
		`{"deviceName":"a","proxyUrl":"http://10.0.0.42:1080"}`:                                                      400, `{"deviceName":"a","proxyUrl":"socks5h://10.0.0.42:1080"}`: 400,
		`{"deviceName":"a","proxyUrl":"socks5://10.0.0.42"}`: 400, `{"deviceName":"a","proxyUrl":"socks5://:1080"}`: 400,
	} {
		if r := w.ask(t, proxied, "POST /client/createClient", body); r.Code != want || r.status != want {
			t.Errorf("%s: %+v", body, r)
		}
	}
	seed := `{"deviceName":"srv-42","deviceType":1,"proxyUrl":"socks5://user:pass@10.0.0.42:1080","onlyProxyLogin":1,"customerParam":"tenant=acme&env=prod","more":1}`
	w.Host.Tell(func(h *apitest.Host) {
		h.Faults = map[command.Kind]error{command.TestProxy: fault.Coded(fault.Invalid, instance.ReasonProxyDown, "The proxy cannot be reached.")}
	})
	if r := w.ask(t, proxied, "POST /client/createClient", seed); r.Code != 10009 || r.status != 200 || strings.Contains(r.Msg, "pass") {
		t.Errorf("a proxy that is down: %+v", r)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Faults = nil })
	var made struct{ GUID string }
	w.ask(t, proxied, "POST /client/createClient", seed).into(t, &made)
	i, err := w.Instances.Get(t.Context(), instance.ID(made.GUID))
	if err != nil || i.Proxy.Host != "10.0.0.42" || i.Proxy.Port != 1080 || !i.Proxy.LoginOnly || !i.Releases || i.Client != "guid" {
		t.Errorf("made %+v: %v", i, err)
	}
	if r := w.ask(t, proxied, "POST /client/createClient", seed); r.Code != 10008 || r.status != 200 {
		t.Errorf("above the quota: %+v", r)
	}
	if r := w.ask(t, proxied, "POST /client/createClient", `{"deviceName":"`+strings.Repeat("a", 65<<10)+`"}`); r.Code != 413 || r.status != 413 {
		t.Errorf("a large body: %d %d", r.status, r.Code)
	}
}

func TestTenCreations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var first, again struct{ GUID string }
	body := `{"deviceName":"a"}`
	w.ask(t, w.token, "POST /client/createClient", body, "Idempotency-Key", "k").into(t, &first)
	for range 3 { // does not count
		w.ask(t, w.token, "POST /client/createClient", body, "Idempotency-Key", "k").into(t, &again)
		if again != first {
			t.Errorf("made %v, then %v", first, again)
		}
	}
	i, err := w.Instances.Get(t.Context(), instance.ID(first.GUID))
	if err != nil {
		t.Fatal(err)
	}
	for item, err := range table.All(t.Context(), w.Table, table.Query{Partition: "once#guid#" + string(i.Tenant)}) {
		if left := time.Until(item.Expires); err != nil || left > 24*time.Hour || left < 23*time.Hour {
			t.Errorf("a key is kept for %v: %v", left, err)
		}
	}
	if r := w.ask(t, w.token, "POST /client/createClient", `{"deviceName":"b"}`, "Idempotency-Key", "k"); r.Code != 400 {
		t.Errorf("the key for another body: %+v", r)
	}
	for range 9 {
		w.create(t)
	}
	for _, ip := range []string{"", "1.2.3.4"} {
		r := w.ask(t, w.token, "POST /client/createClient", body, "X-Forwarded-For", ip)
		if r.status != 429 || r.Code != 429 || r.header.Get("Retry-After") == "" {
			t.Errorf("the 11th: %+v", r)
		}
	}
}

// TestRecoverErrors has the host say why not, for each row of the error table.
func TestRecoverErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	i, err := w.Instances.Get(t.Context(), instance.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.Set(t, i, instance.Closed, func(i *instance.Instance) { i.JID, i.Reason.Until = apitest.OwnJID, until })
	if r := w.ask(t, w.token, "POST /client/recoverClient", `{"guid":"`+id+`","wxId":"49"}`); r.Code != 10006 || r.status != 200 {
		t.Errorf("another account: %+v", r)
	}
	for _, row := range []struct {
		kind   fault.Kind
		why    string
		status int
		code   int
		data   string
	}{
		{fault.Conflict, "no_keys", 200, 10001, "null"},
		{fault.Conflict, instance.ReasonLoggedOut, 200, 10002, "null"},
		{fault.Conflict, instance.ReasonBanned, 200, 10003, `{"until":"` + until.Format(time.RFC3339) + `"}`},
		{fault.Conflict, instance.ReasonReplaced, 200, 10004, "null"},
		{fault.Unavailable, "recover_pending", 200, 10005, `{"status":"released"}`},
		{fault.Unavailable, instance.ReasonProxyDown, 200, 10009, "null"},
		{fault.Unavailable, instance.ReasonProxyRefused, 200, 10009, "null"},
		{fault.Conflict, instance.ReasonOutdated, 200, 10010, "null"},
		{fault.Unavailable, "no_answer", 503, 503, "null"},
		{fault.Internal, "", 500, 500, "null"},
	} {
		w.Host.Tell(func(h *apitest.Host) {
			h.Faults = map[command.Kind]error{command.Recover: fault.Coded(row.kind, row.why, "Because.")}
		})
		r := w.ask(t, w.token, "POST /client/recoverClient", `{"guid":"`+id+`"}`)
		if r.status != row.status || r.Code != row.code || string(r.Data) != row.data {
			t.Errorf("%s: %d %d %s, want %+v", row.why, r.status, r.Code, r.Data, row)
		}
	}
}

var secret = regexp.MustCompile(`"whsec_[^"]{40,}"`)

func TestConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct{ route, body, want string }{
		{"POST /tenant/setConfig", `{}`, `{"maxIdle":100,"notifyUrl":"","legacyWebID":false}`},
		{"POST /tenant/setConfig", `{"maxIdle":7,"notifyUrl":"https://example.com/all"}`, `{"maxIdle":7,"notifyUrl":"https://example.com/all","legacyWebID":false}`},
		{"POST /client/setNotifyUrl", `{"notifyUrl":"https://example.com/more","events":["message"]}`, `{"notifyUrl":"https://example.com/more","secret":"SECRET"}`},
		{"POST /tenant/setConfig", `{"maxIdle":8,"legacyWebID":true}`, `{"maxIdle":8,"notifyUrl":"https://example.com/more","legacyWebID":true}`},
		{"POST /client/setNotifyUrl", `{"notifyUrl":""}`, `{"notifyUrl":"","secret":""}`},
		{"POST /client/setNotifyUrl", `{"notifyUrl":""}`, `{"notifyUrl":"","secret":""}`},
		{"POST /tenant/setConfig", `{}`, `{"maxIdle":8,"notifyUrl":"","legacyWebID":true}`},
	} {
		r := w.ask(t, w.token, row.route, row.body)
		if got := secret.ReplaceAllString(string(r.Data), `"SECRET"`); r.Code != 0 || got != row.want {
			t.Errorf("%s %s: %+v %s", row.route, row.body, r, r.Data)
		}
	}
	for _, body := range []string{`{"maxIdle":0}`, `{"notifyUrl":"ftp://example.com"}`, `{"notifyUrl":"http://example.com"}`} {
		if r := w.ask(t, w.token, "POST /tenant/setConfig", body); r.status != 400 {
			t.Errorf("%s: %+v", body, r)
		}
	}
	id := w.create(t)
	for _, url := range []string{"https://example.com/one", "https://example.com/two", ""} {
		var said struct{ NotifyURL, Secret string }
		w.ask(t, w.token, "POST /client/setNotifyUrl", `{"guid":"`+id+`","notifyUrl":"`+url+`","events":["client.online"]}`).into(t, &said)
		all, err := w.Webhooks.List(t.Context(), instance.ID(id))
		if err != nil || said.NotifyURL != url || (len(all) == 1) != (url != "") ||
			len(all) == 1 && (all[0].Format != "guid" || all[0].Secret != said.Secret || !slices.Equal(all[0].Events, []string{"client.online"})) {
			t.Errorf("webhooks %v: %v", all, err)
		}
	}
	if r := w.ask(t, w.token, "POST /client/setNotifyUrl", `{"notifyUrl":"https://example.com/","events":["x"]}`); r.status != 400 {
		t.Errorf("an event that there is not: %+v", r)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.tenant(t)
	for n := range 101 {
		_, err := w.Instances.Create(t.Context(), instance.Instance{
			ID: instance.ID(fmt.Sprintf("0193483a-3f98-7f3e-b4d2-%012d", n)), Tenant: owner, Name: fmt.Sprintf("n%03d", 101-n),
			State: instance.Created, TokenHash: []byte{byte(n)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var page struct {
		Items  []struct{ GUID string }
		Cursor string
	}
	w.ask(t, w.token, "GET /client/list", "").into(t, &page)
	if len(page.Items) != 100 || page.Cursor == "" {
		t.Fatalf("%d on the first page, cursor %q", len(page.Items), page.Cursor)
	}
	w.ask(t, w.token, "GET /client/list?cursor="+page.Cursor, "").into(t, &page)
	if len(page.Items) != 1 || page.Cursor != "" || page.Items[0].GUID != "0193483a-3f98-7f3e-b4d2-000000000100" {
		t.Errorf("second page %+v", page)
	}
	if r := w.ask(t, w.token, "GET /client/list?cursor=!", ""); r.status != 400 {
		t.Errorf("a made-up cursor: %+v", r)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range w.document.Operations() {
		if r := w.ask(t, "", o.Method+" "+strings.Replace(o.Path, "{guid}", "x", 1), `{}`); r.status == 404 {
			t.Errorf("%s %s is in the document and not served", o.Method, o.Path)
		}
	}
	for _, path := range []string{"/client/none", "/login/", "/tenant/"} {
		a := w.Do(t, http.MethodPost, path, "", "")
		if a.Status != 404 || !json.Valid([]byte(a.Body)) || !strings.Contains(a.Body, `"code":404`) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := w.Do(t, http.MethodGet, "/docs/guid/openapi.json", "", ""); a.Status != 200 || a.Body != string(guid.Document) {
		t.Errorf("the document: %d", a.Status)
	}
}
