package guid

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	api "roost/functions/api/guid"
	"roost/functions/api/openapi"
	"roost/functions/webhook/format"
	"roost/shared/archive"
	"roost/shared/blob/folder"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/pass"
	"roost/shared/seal"
	"roost/shared/sqlite"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/webhook"
)

func open(t *testing.T) *Callbacks {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	bucket, err := folder.Open(t.TempDir(), folder.Options{Secret: []byte(strings.Repeat("s", 32)), BaseURL: "https://roost.example/blob"})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	c := newCallbacks(tablesqlite.New(db), bucket, sealer)
	_, err = c.instances.Create(t.Context(), instance.Instance{ID: "i", Tenant: "acme", Name: "i", State: instance.Created, Param: "env=prod", TokenHash: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var at = time.UnixMilli(1790000000123).UTC()

func happened(kind event.Kind, body string) event.Event {
	return event.Event{ID: "e-" + string(kind), Instance: "i", Sender: "4915550001@s.whatsapp.net", Kind: kind, At: at, Body: json.RawMessage(body)}
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	c := open(t)
	document, err := openapi.Read(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range []struct {
		kind       event.Kind
		body, want string // event, type and payload of each call
	}{
		{
			event.ConnectionUpdated, `{"state":"open","jid":"4915550001:7@s.whatsapp.net","profile":{"PushName":"Ada","PictureURL":"p"}}`,
			`client.online 1 {"wxId":"4915550001","name":"Ada","avatar":"p","reused":false}`,
		},
		{event.ConnectionUpdated, `{"state":"starting","jid":"49:7@s.whatsapp.net"}`, `login.result 8 {"status":1,"wxId":"49","error":null}`},
		{event.ConnectionUpdated, `{"state":"idle","reason":{"Code":"silent"}}`, `client.offline 2 {"wxId":"","scene":2,"reason":"silent"}`},
		{event.ConnectionUpdated, `{"state":"idle","reason":{"Code":"unreachable"},"again":true}`, ``},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"unreachable"}}`, `client.offline 2 {"wxId":"","scene":1,"reason":"unreachable"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"released"}}`, `client.offline 2 {"wxId":"","scene":3,"reason":"released"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"max_idle"}}`, `client.offline 2 {"wxId":"","scene":3,"reason":"maxIdle"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"replaced"}}`, `client.kicked 9 {}|client.offline 2 {"wxId":"","scene":4,"reason":"replaced"}`},
		{event.ConnectionUpdated, `{"state":"loggedOut","reason":{"Code":"logged_out"}}`, `client.offline 2 {"wxId":"","scene":5,"reason":"logged_out"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"banned"}}`, `client.offline 2 {"wxId":"","scene":6,"reason":"banned"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"outdated"}}`, `client.offline 2 {"wxId":"","scene":7,"reason":"outdated"}`},
		{event.ConnectionUpdated, `{"state":"closed","reason":{"Code":"pairing_timeout"}}`, `login.result 8 {"status":2,"wxId":"","error":"pairing_timeout"}`},
		{event.ConnectionUpdated, `{"state":"connecting"}`, ``},
		{event.QRUpdated, `{"code":"2@x","count":1}`, `login.qrcode 7 {"qrcode":"2@x","qrcodeKey":"` + qrKey("i", "2@x") + `","ttl":60}`},
		{event.QRUpdated, `{"code":"2@x","count":2}`, `login.qrcode 7 {"qrcode":"2@x","qrcodeKey":"` + qrKey("i", "2@x") + `","ttl":20}`},
		{
			event.MessageReceived, `{"id":"A","chat":{"pn":"49@s.whatsapp.net"},"sender":{"pn":"49@s.whatsapp.net"},"kind":"conversation","text":"hi","timestamp":"2026-09-21T14:13:20Z"}`,
			`message 3 {"messages":[{"msgId":"A","fromUserId":"49","toUserId":"4915550001","msgType":"conversation","createTime":1790000000,"content":"hi","mediaUrl":null}]}`,
		},
		{
			event.MessageSent, `{"id":"A","fromMe":true,"chat":{"pn":"1@g.us"},"group":true,"kind":"conversation","text":"hi","timestamp":"2026-09-21T14:13:20Z"}`,
			`message 3 {"messages":[{"msgId":"A","fromUserId":"4915550001","toUserId":"1@g.us","msgType":"conversation","createTime":1790000000,"content":"hi","mediaUrl":null}]}`,
		},
		{event.MessageUpdated, `{"ids":["A","B"],"status":"READ"}`, `receipt 4 {"msgIds":["A","B"],"type":"READ"}`},
		{event.ContactsUpdated, `{"contacts":[{"address":{"lid":"1@lid"},"pushName":"Ada","saved":"A."}]}`, `contact 5 {"contacts":[{"userId":"1@lid","name":"Ada","remark":"A."}]}`},
		{
			event.GroupJoined, `{"id":"1@g.us","subject":"Team","description":"d","owner":{"pn":"49@s.whatsapp.net"},"members":[{"address":{"pn":"49@s.whatsapp.net"},"rank":"superadmin"},{"address":{"lid":"7@lid"}}]}`,
			`group 6 {"groupId":"1@g.us","change":"joined","subject":"Team","notice":"d","owner":"49","userIds":["49","7@lid"]}`,
		},
		{event.GroupChanged, `{"group":"1@g.us","by":{"pn":"49@s.whatsapp.net"},"settings":{"subject":"New"}}`, `group 6 {"groupId":"1@g.us","change":"changed","by":"49","subject":"New"}`},
		{event.GroupChanged, `{"group":"1@g.us","by":{"pn":"49@s.whatsapp.net"},"settings":{"description":""}}`, `group 6 {"groupId":"1@g.us","change":"changed","by":"49","notice":""}`},
		{event.MembersMoved, `{"group":"1@g.us","by":{"pn":"49@s.whatsapp.net"},"action":"add","people":[{"pn":"50@s.whatsapp.net"}]}`, `group 6 {"groupId":"1@g.us","change":"add","by":"49","userIds":["50"]}`},
		{
			event.ConnectionHeld, `{"state":"open","jid":"4915550001:7@s.whatsapp.net","profile":{"PushName":"Ada","PictureURL":"p"}}`,
			`client.online 1 {"wxId":"4915550001","name":"Ada","avatar":"p","reused":true}`,
		},
		{event.ConfigChanged, `{}`, ``},
		{event.PresenceChanged, `{}`, ``},
		{event.InstanceDeleted, `{}`, `client.offline 2 {"wxId":"4915550001","scene":8,"reason":"deleted"}`},
		{event.InstanceRemoved, `{}`, `client.deleted 2 {"wxId":"4915550001","scene":8,"reason":"deleted","signedURL":null,"expiresAt":null,"objects":0,"bytes":0,"transcriptURL":null,"manifestURL":null}`},
		{event.InstanceCreated, `{}`, ``},
	} {
		calls, err := c.Calls(happened(row.kind, row.body))
		if err != nil {
			t.Errorf("%s %s: %v", row.kind, row.body, err)
		}
		var said []string
		for _, call := range calls {
			var one struct {
				Event      string          `json:"event"`
				NotifyType json.Number     `json:"notifyType"`
				Payload    json.RawMessage `json:"payload"`
			}
			body := build(t, call)
			if err := json.Unmarshal(body, &one); err != nil || one.Event != call.Name {
				t.Errorf("%s is called %s: %v", one.Event, call.Name, err)
			}
			documented, ok := document.Webhook(one.Event)
			if _, err := documented.Body(body); !ok || err != nil {
				t.Errorf("the document does not know %s: %v", body, err)
			}
			told[one.Event] = true
			said = append(said, one.Event+" "+one.NotifyType.String()+" "+string(one.Payload))
		}
		if got := strings.Join(said, "|"); got != row.want {
			t.Errorf("%s %s\n got %s\nwant %s", row.kind, row.body, got, row.want)
		}
	}
	if len(told) != 10 {
		t.Errorf("told of %v", told)
	}
}

func build(t *testing.T, call format.Call) []byte {
	t.Helper()
	r, err := call.Build(format.Target{Subscription: webhook.Subscription{URL: "https://example.com/"}, ServerURL: "https://roost.example"})
	if err != nil || r.URL != "https://example.com/" {
		t.Fatalf("request to %q: %v", r.URL, err)
	}
	return r.Body
}

// TestURLs gives what callbacks lead to: the file of a message, the transcript.
func TestURLs(t *testing.T) {
	t.Parallel()
	c := open(t)
	payload := func(kind event.Kind, id instance.ID, body string) map[string]any {
		t.Helper()
		e := happened(kind, body)
		e.Instance = id
		calls, err := c.Calls(e)
		if err != nil || len(calls) != 1 {
			t.Fatalf("%d calls: %v", len(calls), err)
		}
		var told struct {
			CustomerParam string
			Payload       map[string]any
		}
		if err := json.Unmarshal(build(t, calls[0]), &told); err != nil || told.CustomerParam != "env=prod" {
			t.Errorf("%s: %+v, %v", kind, told, err)
		}
		return told.Payload
	}
	said := payload(event.MessageReceived, "i", `{"id":"A","kind":"imageMessage","media":{"kind":"image","blob":"media/acme/i/ab"},"timestamp":"2026-09-21T14:13:20Z"}`)
	all, _ := said["messages"].([]any)
	m, _ := all[0].(map[string]any)
	if link, _ := m["mediaUrl"].(string); !strings.HasPrefix(link, "https://roost.example/blob/media/acme/i/ab?") {
		t.Errorf("the file is at %v", m["mediaUrl"])
	}
	said = payload(event.MessageReceived, "i", `{"id":"A","kind":"imageMessage","media":{"kind":"image"},"timestamp":"2026-09-21T14:13:20Z"}`)
	all, _ = said["messages"].([]any)
	m, _ = all[0].(map[string]any)
	link, _ := m["mediaUrl"].(string)
	word, ours := strings.CutPrefix(link, "https://roost.example/static/i/media/A?wid=")
	if id, opens := pass.Open(c.sealer, word, pass.File("A"), time.Now()); !ours || !opens || id != "i" {
		t.Errorf("the file that nobody keeps is at %v", m["mediaUrl"])
	}
	record, err := c.archives.Begin(t.Context(), archive.Job{Tenant: "acme", Instance: "gone", Name: "gone", At: at})
	if err != nil {
		t.Fatal(err)
	}
	for files, signed := range []string{"transcriptURL", "manifestURL"} { // without files, and with one
		claim, err := c.archives.Claim(t.Context(), record.Ref(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if claim, err = c.archives.Complete(t.Context(), claim, archive.Result{Bytes: 7, Files: int64(files)}); err != nil {
			t.Fatal(err)
		}
		if err := c.archives.Release(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
		last := payload(event.InstanceRemoved, "gone", `{"param":"env=prod"}`)
		for name, key := range map[string]string{"transcriptURL": record.Key, "manifestURL": record.ManifestKey} {
			if link, _ := last[name].(string); !strings.HasPrefix(link, "https://roost.example/blob/"+key+"?") {
				t.Errorf("with %d files: %s is %v", files, name, last[name])
			}
		}
		if last["signedURL"] != last[signed] || last["expiresAt"] == nil || last["bytes"] != 7.0 || last["objects"] != float64(3+files) {
			t.Errorf("with %d files: %v", files, last)
		}
	}
}

// TestNumbers tells things several times: each has its number and id for good.
func TestNumbers(t *testing.T) {
	t.Parallel()
	c := open(t)
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	ids := map[string]string{}
	for _, row := range []struct {
		kind event.Kind
		seq  int64
	}{{event.InstanceDeleted, 1}, {event.InstanceRemoved, 2}, {event.InstanceDeleted, 1}, {event.InstanceRemoved, 2}} {
		calls, err := c.Calls(happened(row.kind, `{}`))
		if err != nil || len(calls) != 1 {
			t.Fatalf("%d calls: %v", len(calls), err)
		}
		var told callback
		if err := json.Unmarshal(build(t, calls[0]), &told); err != nil {
			t.Fatal(err)
		}
		if told.Seq != row.seq || told.GUID != "i" || told.CustomerParam != "env=prod" || told.TS != 1790000000123 || !form.MatchString(told.ID) {
			t.Errorf("told %+v, want number %d", told, row.seq)
		}
		last, err := c.table.Get(t.Context(), lastKey("i"))
		if ends := !last.Expires.IsZero(); err != nil || ends != (row.kind == event.InstanceRemoved || len(ids) == 2) {
			t.Errorf("after %s the count ends at %v, %v", row.kind, last.Expires, err)
		}
		if before, ok := ids[told.Event]; ok && before != told.ID {
			t.Errorf("%s was %s, is %s", told.Event, before, told.ID)
		}
		ids[told.Event] = told.ID
	}
}

// TestBytes is a callback byte for byte.
func TestBytes(t *testing.T) {
	t.Parallel()
	c := open(t)
	calls, err := c.Calls(happened(event.MessageUpdated, `{"ids":["A"],"status":"READ"}`))
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	id := idOf(happened(event.MessageUpdated, ""), 0)
	want := `{"guid":"i","notifyType":4,"event":"receipt","seq":1,"id":"` + id + `","ts":1790000000123,"customerParam":"env=prod","payload":{"msgIds":["A"],"type":"READ"}}`
	if got := string(build(t, calls[0])); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzCalls(f *testing.F) {
	f.Add(string(event.ConnectionUpdated), `{"state":"open"}`)
	f.Add(string(event.MessageReceived), `{"chat":{}}`)
	document, err := openapi.Read(api.Document)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		told, err := translate(happened(event.Kind(kind), body))
		if err != nil {
			return
		}
		for _, c := range told {
			c.Seq, c.ID = 1, idOf(happened("", ""), 0)
			encoded, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			documented, ok := document.Webhook(c.Event)
			if _, err := documented.Body(encoded); !ok || err != nil {
				t.Errorf("%s %q gives %s: %v", kind, body, encoded, err)
			}
		}
	})
}

// TestCallIsBuiltTwiceAtOnce: an event's calls are made once for all webhooks that
// are told of it, which build theirs at the same time.
func TestCallIsBuiltTwiceAtOnce(t *testing.T) {
	t.Parallel()
	calls, err := open(t).Calls(happened(event.ConnectionUpdated, `{"state":"open","jid":"4915550001:7@s.whatsapp.net"}`))
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	var building sync.WaitGroup
	bodies := make([]string, 8)
	for n := range bodies {
		building.Go(func() { bodies[n] = string(build(t, calls[0])) })
	}
	building.Wait()
	for _, body := range bodies {
		if !strings.Contains(body, `"customerParam":"env=prod"`) {
			t.Errorf("built %s", body)
		}
	}
}
