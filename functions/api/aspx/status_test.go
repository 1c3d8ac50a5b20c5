package aspx_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/webhook/postback"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/tenant"
)

// TestStatusOfEachState is section 5 of the contract through HTTP: the codes and
// their names byte for byte, in status and in what PostBack says of the same.
func TestStatusOfEachState(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	until := time.Now().Add(time.Hour)
	for _, c := range []struct {
		state   instance.State
		linked  bool
		reason  string
		offer   bool
		want    string
		restore bool
	}{
		{instance.Created, false, "", false, `"status":0,"statusString":"noConnection","connected":false`, false},
		{instance.Connecting, false, "", false, `"status":1,"statusString":"webSocketOpenining","connected":false`, false},
		{instance.Connecting, true, "", false, `"status":1,"statusString":"webSocketOpenining","connected":false`, true},
		{instance.Connecting, true, instance.ReasonUnreachable, false, `"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false`, true},
		{instance.Pairing, false, "", false, `"status":2,"statusString":"webSocketOpen","connected":false`, false},
		{instance.Pairing, false, "", true, `"status":3,"statusString":"waitForQRAuthentication","connected":false`, false},
		{instance.Starting, true, "", false, `"status":4,"statusString":"Starting","connected":false`, true},
		{instance.Open, true, "", false, `"status":10,"statusString":"WhatsAppAuthenticated","connected":true`, true},
		{instance.Idle, true, instance.ReasonSilent, false, `"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false`, true},
		{instance.Closed, true, instance.ReasonReplaced, false, `"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false`, true},
		{instance.Closed, true, instance.ReasonBanned, false, `"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false`, false},
		{instance.Closed, true, instance.ReasonDisconnected, false, `"status":0,"statusString":"noConnection","connected":false`, true},
		{instance.Closed, true, instance.ReasonReleased, false, `"status":0,"statusString":"noConnection","connected":false`, true},
		{instance.Closed, false, instance.ReasonPairingTimeout, false, `"status":0,"statusString":"noConnection","connected":false`, false},
		{instance.Closed, false, instance.ReasonPairingFailed, false, `"status":13,"statusString":"WhatsAppNotAuthenticated","connected":false`, false},
		{instance.LoggedOut, false, instance.ReasonLoggedOut, false, `"status":13,"statusString":"WhatsAppNotAuthenticated","connected":false`, false},
		{instance.LoggedOut, false, instance.ReasonUserLogout, false, `"status":0,"statusString":"noConnection","connected":false`, false},
	} {
		offer := instance.Offer{Instance: i.ID, Until: until}
		if c.offer {
			offer.QR, offer.QRUntil = apitest.QR, until
		}
		if err := w.Instances.PutOffer(t.Context(), offer); err != nil {
			t.Fatal(err)
		}
		jid := ""
		w.Set(t, i, c.state, func(i *instance.Instance) {
			i.JID, i.Reason = "", instance.Reason{Code: c.reason, Until: until}
			if c.linked {
				i.JID = apitest.OwnJID
			}
			jid = i.JID
		})
		about := "null"
		if c.linked {
			about = info(fmt.Sprint(c.state == instance.Open))
		}
		want(t, string(c.state)+" "+c.reason, ask(t, w, "GET", "status.aspx", ""), 200, object(i, c.want, about, "", "Chrome", fmt.Sprint(c.restore)))
		if c.state == instance.Pairing {
			continue // told with the code
		}
		told := happened(t, w, i, event.ConnectionUpdated, event.Connection{State: c.state, JID: jid, Reason: instance.Reason{Code: c.reason, Until: until}})
		if want := `"data":{` + c.want + fmt.Sprintf(`,"CanRestoreConnection":%v,"reason":%q}}`, c.restore, c.reason); !strings.HasSuffix(told[len(told)-1], want) {
			t.Errorf("PostBack of %s %s: %s, want %s", c.state, c.reason, told, want)
		}
	}
}

// happened is what PostBack says of an event of the instance.
func happened(t *testing.T, w *apitest.World, i instance.Instance, kind event.Kind, body any) []string {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := postback.Formats(w.Table, w.Sealer)["postback"](event.Event{ID: "e", Tenant: i.Tenant, Instance: i.ID, Kind: kind, At: time.Now(), Body: encoded})
	if err != nil {
		t.Fatal(err)
	}
	return built(t, calls)
}

// TestHoldings has an instance with chats, contacts, files and traffic, and
// clears what clear.aspx clears.
func TestHoldings(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	at := time.Unix(1790000000, 0).UTC()
	for n, digits := range []string{"4915550002", "4915550003"} {
		if err := w.Transcripts.StoreContact(t.Context(), i.ID, person(digits), "maria", "Maria Silva", at); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			keep(t, w, i, message.Message{ID: "A", Chat: person(digits), Sender: person(digits), PushName: "maria", Timestamp: at, Kind: "conversation", Text: "hi"})
		}
	}
	for name, size := range map[string]int{"aa": 100, "bb": 11} {
		key := "media/" + string(i.Tenant) + "/" + string(i.ID) + "/" + name
		if _, err := w.Bucket.Put(t.Context(), key, strings.NewReader(strings.Repeat("x", size)), int64(size), ""); err != nil {
			t.Fatal(err)
		}
	}
	w.Set(t, i, instance.Open, func(i *instance.Instance) { i.SentBytes, i.ReceivedBytes = 123, 45678 })
	holds := func(stats, media string) {
		t.Helper()
		a := ask(t, w, "GET", "status.aspx", "")
		want := `"stats":{` + stats + `},"storage":{"Name":"` + string(i.ID) + `",` + media + `,"Subs":[{"Name":"media",` + media +
			`,"Subs":null},{"Name":"profile","Bytes":0,"Files":0,"Subs":null},{"Name":"thumb","Bytes":0,"Files":0,"Subs":null}]}}`
		if !strings.HasSuffix(a.Body, want) {
			t.Errorf("holds %s\nwant   %s", a.Body, want)
		}
	}
	holds(`"Contacts":2,"Chats":1,"SentBytes":123,"ReceveidBytes":45678`, `"Bytes":111,"Files":2`)
	want(t, "chats", unlinked(ask(t, w, "GET", "chats.aspx", "")), 200, `[{"jid":"4915550002@s.whatsapp.net","name":"maria","spam":false,"count":1,"mute":"",`+
		`"t":1790000000,"archive":false,"modify_tag":"","picture":"URL","Lastupdate":"2026-09-21T14:13:20Z"}]`)
	a := unlinked(ask(t, w, "GET", "contacts.aspx", ""))
	if !strings.Contains(a.Body, `"LastMessageTime":1790000000,"biz":false,"status":200,"tag":"","Count":1,`) {
		t.Errorf("contacts: %s", a.Body)
	}
	want(t, "clear", ask(t, w, "GET", "clear.aspx", ""), 200, `{"status":true,"message":"clear ok"}`)
	holds(`"Contacts":2,"Chats":1,"SentBytes":0,"ReceveidBytes":0`, `"Bytes":0,"Files":0`)
	if a := ask(t, w, "GET", "status.aspx", ""); !strings.HasPrefix(a.Body, `{`+up) {
		t.Errorf("after clear: %s", a.Body)
	}
}

// TestLegacyWebID has a tenant whose programs know instances by their keys, as
// the original calls them.
func TestLegacyWebID(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	if err := tenant.NewRepository(w.Table).SetConfig(t.Context(), i.Tenant, tenant.Config{LegacyWebID: true}); err != nil {
		t.Fatal(err)
	}
	called := i
	called.ID = key
	want(t, "status", ask(t, w, "GET", "status.aspx", ""), 200, object(called, up, info("true"), "", "Chrome", "true"))
	a := ask(t, w, "POST", "send_message_file.aspx", `{"number":"4915550002","mimetype":"image/png","base64":"iVBORw0KGgo="}`)
	var sent struct {
		Message struct{ MessageID, URL string }
	}
	if err := json.Unmarshal([]byte(a.Body), &sent); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	id := sent.Message.MessageID
	keep(t, w, i, message.Message{
		ID: id, Chat: person("4915550002"), FromMe: true, Timestamp: time.Unix(1790000000, 0), Kind: "imageMessage",
		Content: json.RawMessage(`{"imageMessage":{}}`), Media: &message.Media{Kind: "image", Mimetype: "image/png"},
	})
	whole := strings.TrimPrefix(sent.Message.URL, w.Server.URL)
	if !strings.HasPrefix(whole, "/static/"+key+"/media/"+id+"?wid=") {
		t.Fatalf("the file is at %s", sent.Message.URL)
	}
	bare, _, _ := strings.Cut(whole, "?")
	for target, status := range map[string]int{
		whole: 200, bare: 200, strings.Replace(bare, key, strings.ToLower(key), 1): 200, // the original's has nothing but the path
		strings.Replace(bare, key, string(i.ID), 1): 401, strings.Replace(whole, key, "other", 1): 401, strings.Replace(bare, key, "other", 1): 401,
	} {
		if a := send(t, w, "GET", target, nil, ""); a.Status != status || status == 200 && a.Body != "file of "+id {
			t.Errorf("%s: %d %s", target, a.Status, a.Body)
		}
	}
	told := happened(t, w, i, event.MessageReceived, message.Message{ID: id, Kind: "imageMessage", Media: &message.Media{Kind: "image"}, Timestamp: time.Now()})
	if !strings.Contains(told[0], `"wid":"`+key+`"`) {
		t.Errorf("PostBack: %s", told[0])
	}
}
