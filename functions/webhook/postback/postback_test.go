package postback_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"roost/functions/api/aspx"
	"roost/functions/api/openapi"
	"roost/functions/webhook/format"
	"roost/functions/webhook/postback"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/pass"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

var at = time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)

func happened(t testing.TB, kind event.Kind, body any) event.Event {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{ID: "ev1", Tenant: "default", Instance: "i-1", Name: "shop", Kind: kind, At: at, Body: encoded}
}

var document = sync.OnceValues(func() (*openapi.Document, error) { return openapi.Read(aspx.Document) })

// server is where the API of tests is.
const server = "https://roost.example/"

// storage is a table, and what seals there.
func storage(t testing.TB) (table.Table, *seal.Sealer) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	sealer, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return tablesqlite.New(db), sealer
}

func formats(t testing.TB) map[string]format.Format {
	t.Helper()
	return postback.Formats(storage(t))
}

func requests(t testing.TB, name string, e event.Event) []format.Request {
	t.Helper()
	return requestsOf(t, formats(t)[name], e)
}

func requestsOf(t testing.TB, speak format.Format, e event.Event) []format.Request {
	t.Helper()
	calls, err := speak(e)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]format.Request, len(calls))
	for n, c := range calls {
		if out[n], err = c.Build(format.Target{Subscription: webhook.Subscription{URL: "https://erp.example/x?a=1"}, ServerURL: server}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

const ownJID = "4930:7@s.whatsapp.net"

// cases are event bodies and what is said of them: name and data by turns.
var cases = map[string]struct {
	kind event.Kind
	body any
	want []string
}{
	"opening": {
		event.ConnectionUpdated,
		event.Connection{State: instance.Connecting},
		[]string{"status", `{"status":1,"statusString":"webSocketOpenining","connected":false,"CanRestoreConnection":false,"reason":""}`},
	},
	"scanned": {
		event.ConnectionUpdated,
		event.Connection{State: instance.Starting, JID: ownJID},
		[]string{"status", `{"status":4,"statusString":"Starting","connected":false,"CanRestoreConnection":true,"reason":""}`},
	},
	"open": {
		event.ConnectionUpdated,
		event.Connection{State: instance.Open, JID: ownJID, Profile: instance.Profile{PushName: "Shop"}},
		[]string{
			"Conn", `{"lg":"en","lc":"US","phone":{"device_model":"","wa_version":"","mcc":"","os_version":"","os_build_number":"undefined","device_manufacturer":"","mnc":""},"battery":0,"tos":0,"pushname":"Shop","protoVersion":[0,17],"plugged":false,"platform":"","wid":"4930@s.whatsapp.net","connected":true,"isResponse":"false","binVersion":10,"locales":"en-US,en"}`,
			"status", `{"status":10,"statusString":"WhatsAppAuthenticated","connected":true,"CanRestoreConnection":true,"reason":""}`,
		},
	},
	"unlinked on the phone": {
		event.ConnectionUpdated,
		event.Connection{State: instance.LoggedOut, Reason: instance.Reason{Code: instance.ReasonLoggedOut}},
		[]string{"status", `{"status":13,"statusString":"WhatsAppNotAuthenticated","connected":false,"CanRestoreConnection":false,"reason":"logged_out"}`},
	},
	"text": {
		event.MessageReceived,
		message.Message{ID: "A1", Chat: message.Address{PN: "4915@s.whatsapp.net"}, Sender: message.Address{PN: "4915@s.whatsapp.net"}, PushName: "Maria", Timestamp: at, Kind: "conversation", Text: "hi"},
		[]string{"msg", `{"Id":"A1","jid":"4915@s.whatsapp.net","from":"4915@s.whatsapp.net","fromMe":false,"pushname":"Maria","t":1795341600,"type":"text","text":"hi","caption":"","Url":"","mimetype":""}`},
	},
	"picture, sent": {
		event.MessageSent,
		message.Message{ID: "A2", Chat: message.Address{PN: "4915@s.whatsapp.net"}, Sender: message.Address{PN: "4930@s.whatsapp.net"}, FromMe: true, Timestamp: at, Kind: "imageMessage", Text: "look", Media: &message.Media{Kind: "image", Mimetype: "image/png"}},
		[]string{"msg", `{"Id":"A2","jid":"4915@s.whatsapp.net","from":"4930@s.whatsapp.net","fromMe":true,"pushname":"","t":1795341600,"type":"image","text":"","caption":"look","Url":"URL","mimetype":"image/png"}`, "ack", `{"Id":["A2"],"jid":"4915@s.whatsapp.net","ack":"sent"}`},
	},
	"read": {
		event.MessageUpdated,
		event.Update{IDs: []string{"A", "B"}, Chat: message.Address{PN: "4915@s.whatsapp.net"}, Status: message.StatusRead},
		[]string{"ack", `{"Id":["A","B"],"jid":"4915@s.whatsapp.net","ack":"read"}`},
	},
	"server has it": {
		event.MessageUpdated,
		event.Update{IDs: []string{"A"}, Chat: message.Address{PN: "4915@s.whatsapp.net"}, Status: message.StatusServer},
		[]string{"ack", `{"Id":["A"],"jid":"4915@s.whatsapp.net","ack":"sent"}`},
	},
	"delivered": {
		event.MessageUpdated,
		event.Update{IDs: []string{"A"}, Chat: message.Address{PN: "4915@s.whatsapp.net"}, Status: message.StatusDelivered},
		[]string{"ack", `{"Id":["A"],"jid":"4915@s.whatsapp.net","ack":"delivered"}`},
	},
	"played": {
		event.MessageUpdated,
		event.Update{IDs: []string{"A"}, Chat: message.Address{PN: "4915@s.whatsapp.net"}, Status: message.StatusPlayed},
		[]string{"ack", `{"Id":["A"],"jid":"4915@s.whatsapp.net","ack":"played"}`},
	},
	"lost": {
		event.ConnectionUpdated,
		event.Connection{State: instance.Idle, JID: ownJID, Reason: instance.Reason{Code: instance.ReasonSilent}},
		[]string{"status", `{"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false,"CanRestoreConnection":true,"reason":"silent"}`},
	},
	"closed": {
		event.ConnectionUpdated,
		event.Connection{State: instance.Closed, JID: ownJID, Reason: instance.Reason{Code: instance.ReasonDisconnected}},
		[]string{"status", `{"status":0,"statusString":"noConnection","connected":false,"CanRestoreConnection":true,"reason":"disconnected"}`},
	},
	"typing": {
		event.PresenceChanged,
		event.Presence{Chat: message.Address{PN: "4915@s.whatsapp.net"}, Person: message.Address{PN: "4915@s.whatsapp.net"}, State: "composing"},
		[]string{"presence", `{"jid":"4915@s.whatsapp.net","state":"composing"}`},
	},
	"typing in a group": {
		event.PresenceChanged,
		event.Presence{Chat: message.Address{PN: "1@g.us"}, Person: message.Address{PN: "4915@s.whatsapp.net"}, State: "recording"},
		[]string{"presence", `{"jid":"1@g.us","state":"recording","participant":"4915@s.whatsapp.net"}`},
	},
	"a chat of the past":           {event.HistorySynced, event.History{Chat: message.Address{PN: "4915@s.whatsapp.net"}, Ends: true, Progress: 40}, []string{"history", `{"progress":40,"jid":"4915@s.whatsapp.net"}`}},
	"a piece of the past is quiet": {event.HistorySynced, event.History{Chat: message.Address{PN: "4915@s.whatsapp.net"}, Progress: 40}, nil},
	"set":                          {event.ConfigChanged, event.Config{Webhook: "https://erp.example/?a&b", UserAgent: "Opera", APIVersion: "1.0"}, []string{"config", `{"Webhook":"https://erp.example/?a&b","UserAgent":"Opera","APIVersion":"1.0"}`}},
	"whose it is": {
		event.ConnectionHeld,
		event.Connection{State: instance.Open, JID: ownJID, Profile: instance.Profile{PushName: "New"}},
		[]string{"Conn", `{"lg":"en","lc":"US","phone":{"device_model":"","wa_version":"","mcc":"","os_version":"","os_build_number":"undefined","device_manufacturer":"","mnc":""},"battery":0,"tos":0,"pushname":"New","protoVersion":[0,17],"plugged":false,"platform":"","wid":"4930@s.whatsapp.net","connected":true,"isResponse":"false","binVersion":10,"locales":"en-US,en"}`},
	},
	"pending is quiet":      {event.MessageUpdated, event.Update{Status: message.StatusPending}, nil},
	"creation is quiet":     {event.InstanceCreated, event.Lifecycle{}, nil},
	"pairing code is quiet": {event.QRUpdated, event.QR{PairingCode: "ABCD1234"}, nil},
	"a kind to come":        {"x.y", nil, nil},
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, c := range cases {
		for _, version := range []string{"1.0", "1.1"} {
			var got []string
			for _, r := range requests(t, webhook.PostbackFormat(version, false), happened(t, c.kind, c.body)) {
				if r.URL != "https://erp.example/x?a=1&wid=i-1" || r.ContentType != "" {
					t.Errorf("%s: posted to %s as %q", name, r.URL, r.ContentType)
				}
				got = append(got, read(t, r.Body, version)...)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, %s: %s", name, version, diff)
			}
		}
	}
}

// TestBulk reads bulks as the receivers' sample does, which also takes a BOM
// away.
func TestBulk(t *testing.T) {
	t.Parallel()
	for name, c := range cases {
		for _, version := range []string{"1.0", "1.1"} {
			all := requests(t, webhook.PostbackFormat(version, true), happened(t, c.kind, c.body))
			if len(all) > 1 || len(all) == 0 && c.want != nil {
				t.Fatalf("%s: %d calls", name, len(all))
			}
			var got []string
			for _, r := range all {
				for _, body := range unpack(t, append([]byte("\ufeff"), r.Body...), version) {
					got = append(got, read(t, body, version)...)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, %s: %s", name, version, diff)
			}
		}
	}
}

func unpack(t testing.TB, body []byte, version string) [][]byte {
	t.Helper()
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	array, plain := bytes.CutPrefix(body, []byte("BULK,"))
	if plain != (version == "1.0") {
		t.Fatalf("version %s came as %s", version, body)
	}
	if packed, gz := bytes.CutPrefix(body, []byte("BULKGZ,")); gz {
		raw, err := base64.StdEncoding.DecodeString(string(packed))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if array, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	var texts []string
	if err := json.Unmarshal(array, &texts); err != nil {
		t.Fatalf("%s: %v", array, err)
	}
	out := make([][]byte, len(texts))
	for n, text := range texts {
		var err error
		if out[n], err = base64.StdEncoding.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// read checks the envelope, and returns the event's name and data.
func read(t testing.TB, body []byte, version string) []string {
	t.Helper()
	var o struct {
		Event string
		ID    uuid.UUID
		Data  json.RawMessage
	}
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if o.ID.Version() != 7 {
		t.Errorf("%s is no UUID of version 7", o.ID)
	}
	whole := `{"event":"` + o.Event + `","id":"` + o.ID.String() + `","wid":"i-1","t":1795341600123,"APIVersion":"` + version + `","data":` + string(o.Data) + `}`
	if string(body) != whole {
		t.Errorf("got  %s\nwant %s", body, whole)
	}
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if documented, ok := d.Webhook(o.Event); !ok {
		t.Errorf("the document does not know %s", o.Event)
	} else if _, err := documented.Body(body); err != nil {
		t.Errorf("%s is not as documented: %v", body, err)
	}
	return []string{o.Event, fileURL.ReplaceAllString(string(o.Data), `"URL"`)}
}

// fileURL is where the API answers with the file of a message.
var fileURL = regexp.MustCompile(`"https://roost\.example/static/i-1/media/A2\?wid=[^"]+"`)

// TestFileURL follows the URL of a file, where the API's place is known.
func TestFileURL(t *testing.T) {
	t.Parallel()
	tbl, sealer := storage(t)
	picture := cases["picture, sent"]
	calls, err := postback.Formats(tbl, sealer)[webhook.FormatPostback](happened(t, picture.kind, picture.body))
	if err != nil {
		t.Fatal(err)
	}
	link := func(server string) string {
		t.Helper()
		r, err := calls[0].Build(format.Target{Subscription: webhook.Subscription{URL: "https://x"}, ServerURL: server})
		if err != nil {
			t.Fatal(err)
		}
		var told struct{ Data struct{ URL string } }
		if err := json.Unmarshal(r.Body, &told); err != nil {
			t.Fatal(err)
		}
		return told.Data.URL
	}
	if got := link(""); got != "" {
		t.Errorf("without a server: %s", got)
	}
	_, word, _ := strings.Cut(link(server), "?wid=")
	if id, ok := pass.Open(sealer, word, pass.File("A2"), time.Now()); !ok || id != "i-1" {
		t.Errorf("%s opens %q, %v", word, id, ok)
	}
}

// TestLegacyWebID has a tenant whose program knows instances by their keys.
func TestLegacyWebID(t *testing.T) {
	t.Parallel()
	tbl, sealer := storage(t)
	i := instance.Instance{ID: "i-1", Tenant: "default", Name: "shop", State: instance.Created}
	i.SetToken(sealer, "6D6307C3-2973-4468-85FA-D047CB8E1F2E")
	if _, err := instance.NewRepository(tbl).Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	if err := tenant.NewRepository(tbl).SetConfig(t.Context(), "default", tenant.Config{LegacyWebID: true}); err != nil {
		t.Fatal(err)
	}
	all := postback.Formats(tbl, sealer)
	for id, wid := range map[instance.ID]string{"i-1": "6D6307C3-2973-4468-85FA-D047CB8E1F2E", "i-2": "i-2"} { // the second is gone
		picture := cases["picture, sent"]
		e := happened(t, picture.kind, picture.body)
		e.Instance = id
		for _, r := range requestsOf(t, all[webhook.FormatPostback], e) {
			if r.URL != "https://erp.example/x?a=1&wid="+wid || !bytes.Contains(r.Body, []byte(`"wid":"`+wid+`"`)) ||
				!bytes.Contains(r.Body, []byte(`"ack"`)) && !bytes.Contains(r.Body, []byte(`"Url":"https://roost.example/static/`+wid+`/media/A2?wid=`)) {
				t.Errorf("%s is told to %s: %s", id, r.URL, r.Body)
			}
		}
	}
}

func TestQR(t *testing.T) {
	t.Parallel()
	first := requests(t, webhook.FormatPostback, happened(t, event.QRUpdated, event.QR{Code: "2@x", Count: 1}))
	if len(first) != 2 || !strings.Contains(string(first[0].Body), `"statusString":"waitForQRAuthentication"`) {
		t.Fatalf("%d calls, first %s", len(first), first[0].Body)
	}
	second := requests(t, webhook.FormatPostback, happened(t, event.QRUpdated, event.QR{Code: "2@y", Count: 2}))
	if len(second) != 1 || !strings.Contains(string(second[0].Body), `"data":{"qr":"data:image/svg+xml;base64,PHN2Zy`) ||
		!strings.HasSuffix(string(second[0].Body), `","ttl":20,"index":2,"of":6}}`) {
		t.Errorf("got %s", second[0].Body)
	}
}

func TestSameEventHasSameIDs(t *testing.T) {
	t.Parallel()
	e := happened(t, event.ConnectionUpdated, event.Connection{State: instance.Open})
	a, b := requests(t, webhook.FormatPostback, e), requests(t, webhook.FormatPostback, e)
	if diff := cmp.Diff(a, b); diff != "" || bytes.Equal(a[0].Body[:60], a[1].Body[:60]) {
		t.Errorf("told twice: %s", diff)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for hook, want := range map[string]string{
		"https://erp.example":           "https://erp.example?wid=i-1",
		"https://erp.example/x?a=1":     "https://erp.example/x?a=1&wid=i-1",
		"https://erp.example/x#here":    "https://erp.example/x?wid=i-1",
		"http://my-erp.com.br&wid=6D63": "http://my-erp.com.br?wid=i-1",
	} {
		calls, err := formats(t)[webhook.FormatPostback](happened(t, event.ConnectionUpdated, event.Connection{State: instance.Open}))
		if err != nil {
			t.Fatal(err)
		}
		r, err := calls[0].Build(format.Target{Subscription: webhook.Subscription{URL: hook}})
		if err != nil || r.URL != want {
			t.Errorf("%s: %s, %v", hook, r.URL, err)
		}
	}
}

func FuzzEvent(f *testing.F) {
	for _, c := range cases {
		e := happened(f, c.kind, c.body)
		f.Add(string(e.Kind), []byte(e.Body))
	}
	all := formats(f)
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		e := event.Event{ID: "ev", Tenant: "default", Instance: "i-1", Kind: event.Kind(kind), At: at, Body: body}
		for name, speak := range all {
			calls, err := speak(e)
			if err != nil {
				continue
			}
			for _, c := range calls {
				r, err := c.Build(format.Target{Subscription: webhook.Subscription{URL: "https://x"}})
				if err != nil {
					t.Fatal(err)
				}
				version, bulk := webhook.PostbackVersion(name)
				if bulk {
					for _, body := range unpack(t, r.Body, version) {
						read(t, body, version)
					}
				} else {
					read(t, r.Body, version)
				}
			}
		}
	})
}
