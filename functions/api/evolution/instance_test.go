package evolution_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/tenant"
)

const noSettings = `{"rejectCall":false,"msgCall":"","groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false,"wavoipToken":""}`

func TestCreate(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":" plain ","integration":"WHATSAPP-BAILEYS"}`)
	want(t, "plain", a, 201, `{"instance":{"instanceName":"plain","instanceId":"UUID","integration":"WHATSAPP-BAILEYS","webhookWaBusiness":null,`+
		`"accessTokenWaBusiness":"","status":"close"},"hash":"UUID","webhook":{},"websocket":{},"rabbitmq":{},"nats":{},"sqs":{},"settings":`+noSettings+`}`)
	var made struct{ Hash string }
	if err := json.Unmarshal([]byte(a.Body), &made); err != nil || made.Hash != strings.ToUpper(made.Hash) {
		t.Errorf("the token is %q, %v", made.Hash, err)
	}
	if a := w.Do(t, "GET", "/instance/connectionState/plain", made.Hash, ""); a.Status != 200 {
		t.Errorf("the token opens nothing: %d", a.Status)
	}
	if len(w.Host.Commands()) != 0 {
		t.Errorf("an instance without qrcode was given to a host: %v", w.Host.Commands())
	}
	a = w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"full","integration":"WHATSAPP-BAILEYS","token":"my-token","qrcode":true,
		"number":"+4915112345678","qrTimeout":60,"rejectCall":true,"msgCall":"no <calls>",
		"webhook":{"url":"https://a.example/x?a=1&b=2","byEvents":true,"headers":{"authorization":"Bearer y"},"events":["MESSAGES_UPSERT"]}}`)
	want(t, "full", a, 201, `{"instance":{"instanceName":"full","instanceId":"UUID","integration":"WHATSAPP-BAILEYS","webhookWaBusiness":null,`+
		`"accessTokenWaBusiness":"","status":"connecting"},"hash":"my-token","webhook":{"webhookUrl":"https://a.example/x?a=1&b=2",`+
		`"webhookHeaders":{"authorization":"Bearer y"},"webhookByEvents":true,"webhookBase64":false},"websocket":{},"rabbitmq":{},"nats":{},"sqs":{},`+
		`"settings":{"rejectCall":true,"msgCall":"no <calls>","groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false,"wavoipToken":"","qrTimeout":60},`+
		`"qrcode":{"pairingCode":"ABCD1234","code":"QR","base64":"PICTURE","count":1}}`)
	kinds := map[string][]event.Kind{}
	for len(kinds) < 2 {
		got, err := w.Events.Receive(t.Context(), 10, time.Second, 0)
		if err != nil || len(got) == 0 {
			t.Fatalf("waiting for the events: %v, %v", kinds, err)
		}
		for _, d := range got {
			e, err := event.Read(t.Context(), w.Bucket, d.Body)
			if err != nil {
				t.Fatal(err)
			}
			kinds[e.Name] = append(kinds[e.Name], e.Kind)
		}
	}
	for name, got := range kinds {
		if !slices.Equal(got, []event.Kind{event.InstanceCreated}) {
			t.Errorf("events of %s: %v", name, got)
		}
	}
}

func TestCreateTakesOldForms(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	for name, body := range map[string]string{
		"v1":       `"webhook":"https://a.example","webhook_by_events":true,"events":["CALL"],"token":null,"number":""`,
		"nested":   `"webhook":{"url":"https://a.example","webhookByEvents":true,"events":["CALL"]}`,
		"flatKeys": `"webhookUrl":"https://a.example","webhookByEvents":true,"webhookEvents":["CALL"]`,
	} {
		a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"`+name+`","integration":"WHATSAPP-BAILEYS",`+body+`}`)
		if a.Status != 201 || !strings.Contains(a.Body, `"webhook":{"webhookUrl":"https://a.example","webhookByEvents":true,"webhookBase64":false}`) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if a := w.Do(t, "GET", "/webhook/find/"+name, apitest.AdminKey, ""); !strings.Contains(a.Body, `"events":["CALL"]`) {
			t.Errorf("%s: found %s", name, a.Body)
		}
	}
}

func TestCreateRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	for _, body := range []string{
		`"proxyHost":"p.example","proxyPort":"0","proxyProtocol":"http"`, `"proxyHost":"p.example","proxyPort":"80","proxyProtocol":"socks4"`, `"qrTimeout":0`, `"qrTimeout":99999`, `"webhook":{"url":"nowhere"}`,
		`"webhook":{"url":"https://a.example","events":["NO_SUCH"]}`,
	} {
		a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"a","integration":"WHATSAPP-BAILEYS",`+body+`}`)
		if a.Status != 400 {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	if a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"..","integration":"WHATSAPP-BAILEYS"}`); a.Status != 400 {
		t.Errorf("the name ..: %d", a.Status)
	}
	if list, err := w.Instances.List(t.Context(), tenant.Default); err != nil || len(list) != 0 {
		t.Errorf("refused instances stay: %v, %v", list, err)
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	qr := `{"pairingCode":null,"code":"QR","base64":"PICTURE","count":1}`
	withCode := `{"pairingCode":"ABCD1234","code":"QR","base64":"PICTURE","count":1}`
	want(t, "first", w.Do(t, "GET", "/instance/connect/a", "t", ""), 200, qr)
	want(t, "again", w.Do(t, "GET", "/Instance/CONNECT/a/", "t", ""), 200, qr)
	if got := w.Host.Commands(); len(got) != 1 {
		t.Errorf("a code that is on offer was asked for again: %v", got)
	}
	want(t, "number while connecting", w.Do(t, "GET", "/instance/connect/a?number=%2B49+151+1234", "t", ""), 200, withCode)
	w.Host.Tell(func(h *apitest.Host) { h.Code = "ZZZZ-9999" })
	want(t, "the same code for its life", w.Do(t, "GET", "/instance/connect/a?number=491511234", "t", ""), 200, withCode)
	want(t, "another number", w.Do(t, "GET", "/instance/connect/a?number=491519999", "t", ""), 200,
		`{"pairingCode":"ZZZZ9999","code":"QR","base64":"PICTURE","count":1}`)
	w.Link(t, i)
	want(t, "open", w.Do(t, "GET", "/instance/connect/a?number=491511234", "t", ""), 200, `{"instance":{"instanceName":"a","state":"open"}}`)
	want(t, "state", w.Do(t, "GET", "/instance/connectionState/a", "t", ""), 200, `{"instance":{"instanceName":"a","state":"open"}}`)
	w.Set(t, i, instance.Closed, nil)
	want(t, "linked and closed", w.Do(t, "GET", "/instance/connect/a", "t", ""), 200, `{"instance":{"instanceName":"a","state":"open"}}`)
}

// TestConnectNeverAnswersNoCode: with a number the answer is a code or a
// sentence that says why there is none.
func TestConnectNeverAnswersNoCode(t *testing.T) {
	t.Parallel()
	closed := instance.Reason{Code: instance.ReasonPairingTimeout, Sentence: "Nobody has scanned.", Action: "Connect again."}
	for name, c := range map[string]struct {
		host   func(*apitest.Host)
		state  func(*instance.Instance)
		status int
		want   string
	}{
		"refused": {func(h *apitest.Host) { h.NoCode = "WhatsApp refuses a pairing code for 1" }, nil, 400, "WhatsApp refuses a pairing code for 1."},
		"no QR":   {func(h *apitest.Host) { h.NoQR = true }, nil, 503, "No pairing code has come within 5s. Ask again."},
		"no host": {func(h *apitest.Host) { h.Silent = true }, nil, 503, "no session host has answered in time"},
		"rate": {func(h *apitest.Host) {
			h.Faults = map[command.Kind]error{command.Connect: fault.New(fault.RateLimited, "Later.")}
		}, nil, 429, "Later."},
		"a failure": {func(h *apitest.Host) { h.Faults = map[command.Kind]error{command.Connect: errors.New("secret")} }, nil, 500, "Internal Server Error"},
		"deleting":  {nil, func(i *instance.Instance) { i.State = instance.Deleting }, 400, `The "a" instance is being deleted.`},
		"linked": {
			func(h *apitest.Host) { h.Silent = false; h.Faults = nil },
			func(i *instance.Instance) { i.State, i.Reason = instance.Closed, closed }, 200, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := apitest.New(t, apitest.Options{Limits: core.Limits{Code: 5 * time.Second}})
			i := w.Create(t, "a", "t")
			if c.state != nil {
				w.Set(t, i, instance.Created, c.state)
			}
			if c.host != nil {
				w.Host.Tell(c.host)
			}
			a := w.Do(t, "GET", "/instance/connect/a?number=491511234", "t", "")
			if a.Status != c.status || !strings.Contains(strings.ReplaceAll(a.Body, `\"`, `"`), c.want) {
				t.Errorf("%d %s, want %d and %q", a.Status, a.Body, c.status, c.want)
			}
			if strings.Contains(a.Body, `"pairingCode":null`) || strings.Contains(a.Body, "secret") {
				t.Errorf("got %s", a.Body)
			}
		})
	}
}

func TestConnectSaysWhyItEnded(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	w.Host.Tell(func(h *apitest.Host) { h.NoQR = true })
	ended := make(chan apitest.Answer, 1)
	go func() { ended <- w.Do(t, "GET", "/instance/connect/a", "t", "") }()
	if _, err := w.Instances.Await(t.Context(), i.ID, func(s instance.Seen) bool { return s.Instance.State == instance.Connecting }); err != nil {
		t.Fatal(err)
	}
	w.Set(t, i, instance.Closed, func(i *instance.Instance) {
		i.Reason = instance.Reason{Code: instance.ReasonUnreachable, Sentence: "WhatsApp cannot be reached.", Action: "Check the network."}
	})
	want(t, "connect", <-ended, 503,
		`{"status":503,"error":"Service Unavailable","response":{"message":["WhatsApp cannot be reached. Check the network."]}}`)
}

func TestConnectWithoutQRHasAllKeys(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{QR: 5 * time.Second}})
	w.Create(t, "a", "t")
	w.Host.Tell(func(h *apitest.Host) { h.NoQR = true })
	want(t, "connect", w.Do(t, "GET", "/instance/connect/a", "t", ""), 200, `{"pairingCode":null,"code":null,"base64":null,"count":0}`)
	want(t, "bad number", w.Do(t, "GET", "/instance/connect/a?number=x", "t", ""), 400,
		`{"status":400,"error":"Bad Request","response":{"message":["Invalid number: x"]}}`)
}

func TestRestartAndLogout(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		want(t, method+" restart of one that is closed connects", w.Do(t, method, "/instance/restart/a", "t", ""), 200,
			`{"pairingCode":null,"code":"QR","base64":"PICTURE","count":1}`)
	}
	w.Link(t, i)
	want(t, "restart", w.Do(t, "POST", "/instance/restart/a", "t", ""), 200, `{"instance":{"instanceName":"a","state":"open"}}`)
	want(t, "logout", w.Do(t, "DELETE", "/instance/logout/a", "t", ""), 200, `{"status":"SUCCESS","error":false,"response":{"message":"Instance logged out"}}`)
	want(t, "logout again", w.Do(t, "DELETE", "/instance/logout/a", "t", ""), 400,
		`{"status":400,"error":"Bad Request","response":{"message":["The \"a\" instance is not connected"]}}`)
	if got := w.Host.Commands(); !slices.Equal(got, []command.Kind{command.Connect, command.Restart, command.Restart, command.Logout}) {
		t.Errorf("the host got %v", got)
	}
}

func TestFetchInstances(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	want(t, "none", w.Do(t, "GET", "/instance/fetchInstances", apitest.AdminKey, ""), 200, `[]`)
	i := w.Create(t, "a", "my-token")
	row := func(status, owner, number, reason string) string {
		return `[{"id":"UUID","name":"a","connectionStatus":"` + status + `","ownerJid":` + owner + `,"profileName":null,"profilePicUrl":null,` +
			`"integration":"WHATSAPP-BAILEYS","number":` + number + `,"businessId":null,"token":"my-token","clientName":"roost",` + reason +
			`"createdAt":"TIME","updatedAt":"TIME","Chatwoot":null,"Proxy":null,"Rabbitmq":null,"Nats":null,"Sqs":null,"Websocket":null,` +
			`"Setting":{"id":"UUID",` + noSettings[1:len(noSettings)-1] + `,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID"},` +
			`"_count":{"Message":0,"Contact":0,"Chat":0}}]`
	}
	none := `"disconnectionReasonCode":null,"disconnectionObject":null,"disconnectionAt":null,`
	want(t, "new", w.Do(t, "GET", "/instance/fetchInstances", apitest.AdminKey, ""), 200, row("close", "null", "null", none))
	w.Link(t, i)
	owner := `"4915550001@s.whatsapp.net"`
	want(t, "open", w.Do(t, "GET", "/instance/fetchInstances?number=4915550001", apitest.AdminKey, ""), 200, row("open", owner, "null", none))
	w.Set(t, i, instance.LoggedOut, func(i *instance.Instance) {
		i.JID, i.Number, i.ClosedAt = "", "4915550001", time.Now()
		i.Reason = instance.Reason{Code: instance.ReasonLoggedOut, Status: 401, Sentence: "The phone has unlinked it."}
	})
	want(t, "logged out", w.Do(t, "GET", "/instance/fetchInstances?instanceName=a", "my-token", ""), 200, row("close", "null", `"4915550001"`,
		`"disconnectionReasonCode":401,"disconnectionObject":"{\"code\":\"logged_out\",\"reason\":\"The phone has unlinked it.\"}","disconnectionAt":"TIME",`))
	want(t, "by id", w.Do(t, "GET", "/instance/fetchInstances?instanceId="+string(i.ID), "my-token", ""), 200, row("close", "null", `"4915550001"`,
		`"disconnectionReasonCode":401,"disconnectionObject":"{\"code\":\"logged_out\",\"reason\":\"The phone has unlinked it.\"}","disconnectionAt":"TIME",`))
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	w.Link(t, i)
	a := w.Do(t, "DELETE", "/instance/delete/a", "t", "")
	done := `"archive":{"state":"done","signedURL":"URL","expiresAt":"MOMENT","messages":3,"bytes":14,` +
		`"sha256":"` + transcriptSHA256 + `","instanceId":"UUID",` + archiveRest
	want(t, "delete", a, 200, `{"status":"SUCCESS","error":false,"response":{"message":"Instance deleted"},`+done+`}`)
	var said struct{ Archive struct{ SignedURL string } }
	if err := json.Unmarshal([]byte(a.Body), &said); err != nil {
		t.Fatal(err)
	}
	got := w.Send(t, "GET", strings.TrimPrefix(said.Archive.SignedURL, w.Server.URL), http.Header{}, nil)
	if got.Status != 200 || got.Body != apitest.Transcript || !strings.Contains(got.Header.Get("Content-Disposition"), "a.jsonl.gz") {
		t.Errorf("the archive: %d %q %v", got.Status, got.Body, got.Header)
	}
	if !slices.Equal(w.Host.Commands(), []command.Kind{command.Delete}) {
		t.Errorf("the host got %v", w.Host.Commands())
	}
	if a := w.Do(t, "GET", "/instance/connectionState/a", "t", ""); a.Status != 404 {
		t.Errorf("the name still leads somewhere: %d", a.Status)
	}
	if a := w.Do(t, "GET", "/instance/fetchInstances", "t", ""); a.Status != 401 {
		t.Errorf("the token still opens %d %s", a.Status, a.Body)
	}
	for _, name := range []string{"a", string(i.ID)} {
		want(t, "archive of "+name, w.Do(t, "GET", "/instance/archive/"+name, apitest.AdminKey, ""), 200, `{`+done+`}`)
	}
	w.Create(t, "a", "t") // the name is free
	var kinds []event.Kind
	for len(kinds) < 3 {
		kinds = append(kinds, nextKinds(t, w.Events, w)...)
	}
	if !slices.Contains(kinds, event.InstanceDeleted) {
		t.Errorf("events: %v", kinds)
	}
}

const archiveRest = `"pageURL":"URL","manifestURL":"URL","live":false,"at":"TIME","done":0,"total":0,"keptUntil":null}`

const transcriptSHA256 = "51e96f8431bb0d765af5fa68e570f06306a44135b634dca74ed232ec89e5b2b4"

func nextKinds(t *testing.T, q queue.Queue, w *apitest.World) []event.Kind {
	t.Helper()
	got, err := q.Receive(t.Context(), 10, 2*time.Second, time.Minute)
	if err != nil || len(got) == 0 {
		t.Fatalf("no more events, %v", err)
	}
	var kinds []event.Kind
	for _, d := range got {
		e, err := event.Read(t.Context(), w.Bucket, d.Body)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Kind)
		if err := q.Delete(t.Context(), d.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	return kinds
}

func TestDeleteOfOneThatNobodyHadAsksNoHost(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{Archive: 100 * time.Millisecond}})
	w.Create(t, "a", "t")
	w.Archiver.Idle.Store(true)
	a := w.Do(t, "DELETE", "/instance/delete/a", apitest.AdminKey, "")
	pending := `"archive":{"state":"pending","signedURL":"URL","expiresAt":"MOMENT","messages":null,"bytes":null,"instanceId":"UUID",` + archiveRest
	want(t, "delete", a, 200, `{"status":"SUCCESS","error":false,"response":{"message":"Instance deleted"},`+pending+`}`)
	if len(w.Host.Commands()) != 0 {
		t.Errorf("the host got %v", w.Host.Commands())
	}
	want(t, "archive", w.Do(t, "GET", "/instance/archive/a", apitest.AdminKey, ""), 200, `{`+pending+`}`)
}

func TestDeleteCanBeDoneAgain(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{Command: 5 * time.Second}})
	i := w.Create(t, "a", "t")
	w.Link(t, i)
	w.Host.Tell(func(h *apitest.Host) { h.Silent = true })
	want(t, "without a host", w.Do(t, "DELETE", "/instance/delete/a", "t", ""), 503,
		`{"status":503,"error":"Service Unavailable","response":{"message":["no session host has answered in time"]}}`)
	if a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"a"}`); a.Status != 403 {
		t.Errorf("the name of an instance that is not gone is given away: %d", a.Status)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Silent = false })
	if a := w.Do(t, "DELETE", "/instance/delete/a", "t", ""); a.Status != 200 || !strings.Contains(a.Body, `"state":"done"`) {
		t.Errorf("the second try: %d %s", a.Status, a.Body)
	}
}
