package evolution_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
)

var (
	dawn  = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	maria = message.Address{PN: "4915@s.whatsapp.net", LID: "77@lid"}
	group = message.Address{PN: "120@g.us"}
)

// tell stores an event as the far side of the events queue does.
func tell(t *testing.T, w *apitest.World, i instance.Instance, kind event.Kind, at time.Time, body any) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	e := event.Event{ID: event.NewID(string(encoded)), Tenant: i.Tenant, Instance: i.ID, Kind: kind, At: at, Body: encoded}
	if err := w.Transcripts.Store(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// talk tells a short story: two messages of Maria's, an answer that she reads,
// and a picture in a group.
func talk(t *testing.T, w *apitest.World, i instance.Instance) {
	t.Helper()
	said := func(id string, seconds int, edit func(*message.Message)) {
		m := message.Message{
			ID: id, Chat: maria, Sender: maria, PushName: "Maria", Timestamp: dawn.Add(time.Duration(seconds) * time.Second), Kind: "conversation",
			Text: id, Content: json.RawMessage(`{"conversation":"` + id + `"}`), Status: message.StatusDelivered,
		}
		kind := event.MessageReceived
		if edit != nil {
			edit(&m)
		}
		if m.ViaAPI {
			kind = event.MessageSent
		}
		tell(t, w, i, kind, m.Timestamp.Add(time.Millisecond), m)
	}
	said("3A000000000000000001", 1, nil)
	said("3A000000000000000002", 2, func(m *message.Message) {
		m.Chat, m.Sender = message.Address{LID: maria.LID}, message.Address{LID: maria.LID}
	})
	said("3EB000000000000000AAAA", 3, func(m *message.Message) {
		m.FromMe, m.ViaAPI, m.PushName, m.Status = true, true, "", message.StatusPending
		m.Context = json.RawMessage(`{"stanzaId":"x"}`)
	})
	said("G1", 4, func(m *message.Message) {
		m.Chat, m.Group, m.Kind = group, true, "imageMessage"
		m.Content = json.RawMessage(`{"imageMessage":{"mimetype":"image/jpeg"}}`)
		m.Media = &message.Media{Kind: "image", Mimetype: "image/jpeg", Size: 5, Blob: "media/default/" + string(i.ID) + "/abc"}
	})
	for n, status := range []message.Status{message.StatusDelivered, message.StatusRead} {
		tell(t, w, i, event.MessageUpdated, dawn.Add(time.Duration(5+n)*time.Second), event.Update{
			IDs: []string{"3EB000000000000000AAAA"}, Chat: maria, By: maria, FromMe: true, Status: status,
		})
	}
}

const (
	first  = `{"id":"3A000000000000000001","key":{"remoteJid":"4915@s.whatsapp.net","fromMe":false,"id":"3A000000000000000001","remoteJidAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","messageType":"conversation","message":{"conversation":"3A000000000000000001"},"messageTimestamp":1795341601,"instanceId":"UUID","source":"ios","contextInfo":null,"MessageUpdate":[]}`
	second = `{"id":"3A000000000000000002","key":{"remoteJid":"77@lid","fromMe":false,"id":"3A000000000000000002","addressingMode":"lid"},"pushName":"Maria","messageType":"conversation","message":{"conversation":"3A000000000000000002"},"messageTimestamp":1795341602,"instanceId":"UUID","source":"ios","contextInfo":null,"MessageUpdate":[]}`
	third  = `{"id":"3EB000000000000000AAAA","key":{"remoteJid":"4915@s.whatsapp.net","fromMe":true,"id":"3EB000000000000000AAAA"},"pushName":"Você","messageType":"conversation","message":{"conversation":"3EB000000000000000AAAA"},"messageTimestamp":1795341603,"instanceId":"UUID","source":"web","contextInfo":{"stanzaId":"x"},"MessageUpdate":[{"status":"READ"}]}`
	fourth = `{"id":"G1","key":{"remoteJid":"120@g.us","fromMe":false,"id":"G1","participant":"77@lid","participantAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","messageType":"imageMessage","message":{"imageMessage":{"mimetype":"image/jpeg"},"mediaUrl":"URL"},"messageTimestamp":1795341604,"instanceId":"UUID","source":"unknown","contextInfo":null,"MessageUpdate":[]}`
)

func TestFindMessages(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	a := w.Create(t, "a", "t")
	talk(t, w, a)
	page := func(total, pages, current int, records ...string) string {
		body := fmt.Sprintf(`{"messages":{"total":%d,"pages":%d,"currentPage":%d,"records":[%s]}}`, total, pages, current, strings.Join(records, ","))
		return ids.ReplaceAllString(body, "MESSAGE-ID")
	}
	for body, expected := range map[string]string{
		``:                                     page(4, 1, 1, fourth, third, second, first),
		`{"offset":3}`:                         page(4, 2, 1, fourth, third, second),
		`{"offset":3,"page":2}`:                page(4, 2, 2, first),
		`{"offset":"3","page":"2","where":{}}`: page(4, 2, 2, first),
		`{"where":{"key":{"remoteJid":"4915@s.whatsapp.net"}}}`:                                      page(3, 1, 1, third, second, first),
		`{"where":{"key":{"remoteJid":"77@lid"}},"offset":1,"page":3}`:                               page(3, 3, 3, first),
		`{"where":{"key":{"remoteJid":"4999@s.whatsapp.net"}}}`:                                      page(0, 0, 1),
		`{"where":{"key":{"id":"G1"}}}`:                                                              page(1, 1, 1, fourth),
		`{"where":{"id":"G1"}}`:                                                                      page(1, 1, 1, fourth),
		`{"where":{"key":{"id":"G1","remoteJid":"4915@s.whatsapp.net"}}}`:                            page(0, 0, 1),
		`{"where":{"messageType":"imageMessage"}}`:                                                   page(1, 1, 1, fourth),
		`{"where":{"source":"ios"}}`:                                                                 page(2, 1, 1, second, first),
		`{"where":{"key":{"participant":"4915@s.whatsapp.net","remoteJid":"120@g.us"}}}`:             page(1, 1, 1, fourth),
		`{"where":{"messageTimestamp":{"gte":"2026-11-22T10:00:02Z","lte":"2026-11-22T10:00:03Z"}}}`: page(2, 1, 1, third, second),
		`{"where":{"messageTimestamp":{"gte":"2026-11-22T10:00:02Z"}}}`:                              page(4, 1, 1, fourth, third, second, first),
		`{"where":{"key":{"fromMe":false}}}`:                                                         page(4, 1, 1, fourth, third, second, first),
	} {
		want(t, body, w.Do(t, "POST", "/chat/findMessages/a", "t", body), 200, expected)
	}
	said := func(id string, seconds int, kind, content string, target message.Target) {
		m := message.Message{
			ID: id, Chat: maria, Sender: maria, Timestamp: dawn.Add(time.Duration(seconds) * time.Second), Kind: kind, Text: "new",
			Content: json.RawMessage(content), Target: &target,
		}
		tell(t, w, a, event.MessageReceived, m.Timestamp, m)
	}
	said("E1", 20, "protocolMessage", `{"protocolMessage":{"editedMessage":{"extendedTextMessage":{"text":"new"}}}}`, message.Target{ID: "3A000000000000000001", Act: "edit"})
	said("V1", 21, "protocolMessage", `{"protocolMessage":{"type":"REVOKE"}}`, message.Target{ID: "3A000000000000000002", Act: "revoke"})
	edited := strings.Replace(strings.Replace(first, `"message":{"conversation":"3A000000000000000001"}`, `"message":{"conversation":"new"}`, 1),
		`"MessageUpdate":[]}`, `"MessageUpdate":[{"status":"EDITED"}],"edited":{"id":"E1","messageTimestamp":1795341620,"original":{"conversation":"3A000000000000000001"}}}`, 1)
	revoked := strings.Replace(second, `"MessageUpdate":[]`, `"MessageUpdate":[{"status":"DELETED"}]`, 1)
	for body, expected := range map[string]string{
		`{"where":{"key":{"remoteJid":"77@lid"}}}`:        page(3, 1, 1, third, revoked, edited),
		`{"where":{"key":{"id":"3A000000000000000001"}}}`: page(1, 1, 1, edited),
		`{"where":{"source":"ios"},"offset":1,"page":2}`:  page(2, 2, 2, edited),
	} {
		want(t, body, w.Do(t, "POST", "/chat/findMessages/a", "t", body), 200, expected)
	}
	want(t, "no object", w.Do(t, "POST", "/chat/findMessages/a", "t", `{"where":"x"}`), 400,
		`{"status":400,"error":"Bad Request","response":{"message":[["where is not of a type(s) object"]]}}`)
	want(t, "another's token", w.Do(t, "POST", "/chat/findMessages/a", "other", `{}`), 401,
		`{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`)
}

func TestFindChats(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	want(t, "of a new instance", w.Do(t, "POST", "/chat/findChats/"+w.Create(t, "b", "t").Name, "t", ""), 200, `[]`)
	talk(t, w, w.Create(t, "a", "t"))
	const picture = `{"id":"UUID","remoteJid":"120@g.us","pushName":null,"profilePicUrl":null,"updatedAt":"TIME","windowStart":"TIME","windowExpires":"TIME",` +
		`"windowActive":WINDOW,"lastMessage":{"id":"G1","key":{"remoteJid":"120@g.us","fromMe":false,"id":"G1","participant":"77@lid","participantAlt":"4915@s.whatsapp.net","addressingMode":"lid"},` +
		`"pushName":"Maria","participant":"77@lid","messageType":"imageMessage","message":{"imageMessage":{"mimetype":"image/jpeg"},"mediaUrl":"URL"},"contextInfo":null,"source":"unknown",` +
		`"messageTimestamp":1795341604,"instanceId":"UUID","sessionId":null,"status":"DELIVERY_ACK"},"unreadCount":1,"isSaved":true,"createdAt":"TIME"}`
	const answered = `{"id":"UUID","remoteJid":"4915@s.whatsapp.net","pushName":"Maria","profilePicUrl":null,"updatedAt":"TIME","windowStart":"TIME","windowExpires":"TIME",` +
		`"windowActive":WINDOW,"lastMessage":{"id":"MESSAGE-ID","key":{"remoteJid":"4915@s.whatsapp.net","fromMe":true,"id":"MESSAGE-ID"},"pushName":"Você","participant":null,` +
		`"messageType":"conversation","message":{"conversation":"MESSAGE-ID"},"contextInfo":{"stanzaId":"x"},"source":"web","messageTimestamp":1795341603,` +
		`"instanceId":"UUID","sessionId":null,"status":"READ"},"unreadCount":2,"isSaved":true,"createdAt":"TIME"}`
	for body, rows := range map[string][]string{
		``: {picture, answered}, `{"take":1}`: {picture}, `{"take":1,"skip":1}`: {answered}, `{"offset":1,"page":2}`: {answered},
		`{"where":{"remoteJid":"77@lid"}}`:                                                           {answered},
		`{"where":{"remoteJid":"4999@s.whatsapp.net"}}`:                                              {},
		`{"where":{"messageTimestamp":{"gte":"2026-11-22T10:00:04Z","lte":"2026-11-22T11:00:00Z"}}}`: {picture},
	} {
		a := w.Do(t, "POST", "/chat/findChats/a", "t", body)
		for _, active := range []string{"true", "false"} { // by the clock of the test
			a.Body = strings.ReplaceAll(a.Body, `"windowActive":`+active, `"windowActive":WINDOW`)
		}
		want(t, body, a, 200, `[`+strings.Join(rows, ",")+`]`)
	}
	want(t, "one chat", w.Do(t, "GET", "/chat/findChatByRemoteJid/a?remoteJid=4915@s.whatsapp.net", "t", ""), 200,
		`{"id":"UUID","remoteJid":"4915@s.whatsapp.net","name":"Maria","labels":[],"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID","unreadMessages":2}`)
	want(t, "no chat", w.Do(t, "GET", "/chat/findChatByRemoteJid/a?remoteJid=4999@s.whatsapp.net", "t", ""), 200, `null`)
	want(t, "nobody", w.Do(t, "GET", "/chat/findChatByRemoteJid/a", "t", ""), 400, `{"error":"remoteJid is a required query parameter"}`)
}

func TestFindContactsAndStatus(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	talk(t, w, i)
	const (
		groupRow = `{"id":"UUID","remoteJid":"120@g.us","pushName":null,"profilePicUrl":null,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID","isGroup":true,"isSaved":false,"type":"group"}`
		mariaRow = `{"id":"UUID","remoteJid":"4915@s.whatsapp.net","pushName":"Maria","profilePicUrl":null,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID","isGroup":false,"isSaved":true,"type":"contact"}`
	)
	for body, rows := range map[string][]string{
		``: {groupRow, mariaRow}, `{"offset":1,"page":2}`: {mariaRow}, `{"where":{"remoteJid":"77@lid"}}`: {mariaRow},
		`{"where":{"remoteJid":"4915@s.whatsapp.net"}}`: {mariaRow}, `{"where":{"pushName":"Maria"}}`: {mariaRow}, `{"where":{"pushName":"X"}}`: {},
		`{"where":{"remoteJid":"1@s.whatsapp.net"}}`: {}, `{"where":{"id":"x"}}`: {},
	} {
		want(t, body, w.Do(t, "POST", "/chat/findContacts/a", "t", body), 200, `[`+strings.Join(rows, ",")+`]`)
	}
	var rows []struct{ ID, RemoteJID string }
	if a := w.Do(t, "POST", "/chat/findContacts/a", "t", ""); json.Unmarshal([]byte(a.Body), &rows) != nil || len(rows) != 2 {
		t.Fatal(a.Body)
	}
	for n, expected := range []string{groupRow, mariaRow} {
		want(t, "by id", w.Do(t, "POST", "/chat/findContacts/a", "t", `{"where":{"id":"`+rows[n].ID+`"}}`), 200, `[`+expected+`]`)
	}
	row := func(status string) string {
		return `{"id":"UUID","keyId":"MESSAGE-ID","remoteJid":"4915@s.whatsapp.net","fromMe":true,"participant":null,"pollUpdates":null,"status":"` + status + `","messageId":"MESSAGE-ID","instanceId":"UUID"}`
	}
	for body, rows := range map[string][]string{
		`{"where":{"id":"3EB000000000000000AAAA"}}`:                         {row("DELIVERY_ACK"), row("READ")},
		`{"where":{"id":"3EB000000000000000AAAA","remoteJid":"77@lid"}}`:    {row("DELIVERY_ACK"), row("READ")},
		`{"where":{"id":"3EB000000000000000AAAA","remoteJid":"120@g.us"}}`:  {},
		`{"where":{"remoteJid":"4915@s.whatsapp.net"},"offset":1,"page":2}`: {row("READ")},
		`{}`: {row("DELIVERY_ACK"), row("READ")}, `{"where":{"id":"3EB0"}}`: {},
	} {
		want(t, body, w.Do(t, "POST", "/chat/findStatusMessage/a", "t", body), 200, `[`+strings.Join(rows, ",")+`]`)
	}
}

// TestQuotedMessagesAreLookedUp answers messages of which only the id is said.
func TestQuotedMessagesAreLookedUp(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{Command: 20 * time.Second, Online: 20 * time.Second}})
	i := w.Create(t, "a", "t")
	w.Link(t, i)
	talk(t, w, i)
	for id, quoted := range map[string]command.Quoted{
		"3A000000000000000001":   {Sender: maria.PN, Content: json.RawMessage(`{"conversation":"3A000000000000000001"}`)},
		"3EB000000000000000AAAA": {Sender: "4915550001@s.whatsapp.net", FromMe: true, Content: json.RawMessage(`{"conversation":"3EB000000000000000AAAA"}`)},
		"UNKNOWN":                {Sender: maria.PN},
	} {
		body := `{"number":"4915550002","text":"yes","quoted":{"key":{"id":"` + id + `","remoteJid":"` + maria.PN + `"}}}`
		if a := w.Do(t, "POST", "/message/sendText/a", "t", body); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		sent := w.Host.Sent()
		got := sent[len(sent)-1].Args.Quoted
		if got == nil || got.ID != id || got.Sender != quoted.Sender || got.FromMe != quoted.FromMe || string(got.Content) != string(quoted.Content) {
			t.Errorf("%s is quoted as %+v", id, got)
		}
	}
}

func TestExportOfALiveInstance(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{Archive: 20 * time.Second, Command: 20 * time.Second}})
	w.Create(t, "a", "t")
	w.Create(t, "b", "u")
	unauthorized := `{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`
	want(t, "before", w.Do(t, "GET", "/instance/archive/a", "t", ""), 404,
		`{"status":404,"error":"Not Found","response":{"message":["There is no archive of an instance \"a\""]}}`)
	done := `{"archive":{"state":"done","signedURL":"URL","expiresAt":"MOMENT","messages":3,"bytes":14,"sha256":"` + transcriptSHA256 +
		`","instanceId":"UUID","pageURL":"URL","manifestURL":"URL","live":true,"at":"TIME","done":0,"total":0,"keptUntil":null}}`
	want(t, "another's token", w.Do(t, "POST", "/instance/archive/a", "u", ""), 401, unauthorized)
	want(t, "export", w.Do(t, "POST", "/instance/archive/a", "t", ""), 201, done)
	want(t, "own token", w.Do(t, "GET", "/instance/archive/a", "t", ""), 200, done)
	want(t, "admin", w.Do(t, "GET", "/instance/archive/a", apitest.AdminKey, ""), 200, done)
	want(t, "another's token again", w.Do(t, "GET", "/instance/archive/a", "u", ""), 401, unauthorized)
	if a := w.Do(t, "GET", "/instance/connectionState/a", "t", ""); a.Status != 200 {
		t.Errorf("the instance is gone: %d", a.Status)
	}
	if a := w.Do(t, "DELETE", "/instance/delete/a", "t", ""); a.Status != 200 || !strings.Contains(a.Body, `"live":false`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	want(t, "the token is gone", w.Do(t, "GET", "/instance/archive/a", "t", ""), 401, unauthorized)
	if a := w.Do(t, "GET", "/instance/archive/a", apitest.AdminKey, ""); a.Status != 200 || !strings.Contains(a.Body, `"live":false`) {
		t.Errorf("after the deletion: %d %s", a.Status, a.Body)
	}
}

func TestFilesOfMessages(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{Command: 20 * time.Second, Online: 20 * time.Second}})
	i := w.Create(t, "a", "t")
	talk(t, w, i)
	const path = "/chat/getBase64FromMediaMessage/a"
	bad := func(message string) string {
		return `{"status":400,"error":"Bad Request","response":{"message":["` + message + `"]}}`
	}
	want(t, "unknown", w.Do(t, "POST", path, "t", `{"message":{"key":{"id":"NOBODY"}}}`), 400, bad("Message not found"))
	want(t, "no id", w.Do(t, "POST", path, "t", `{"message":{}}`), 400, bad("Message not found"))
	want(t, "no file", w.Do(t, "POST", path, "t", `{"message":{"key":{"id":"3A000000000000000001"}}}`), 400, bad("The message is not of the media type"))
	want(t, "not connected", w.Do(t, "POST", path, "t", `{"message":{"key":{"id":"G1"}}}`), 500,
		`{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`)
	w.Link(t, i)
	fetched := `{"mediaType":"imageMessage","fileName":"G1.jpeg","caption":"G1","size":{},"mimetype":"image/jpeg","base64":"ZmlsZSBvZiBHMQ==","buffer":null}`
	for range 2 { // from WhatsApp, then from the bucket
		want(t, "fetched", w.Do(t, "POST", path, "t", `{"message":{"key":{"id":"G1"}},"convertToMp4":false}`), 201, fetched)
	}
	if n := len(w.Host.Commands()); n != 1 {
		t.Errorf("the host was asked %d times", n)
	}
}

// TestMediaSettings sets what Evolution does not know; a body of Evolution's own
// does not undo it.
func TestMediaSettings(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "a", "t")
	const six = `"rejectCall":false,"groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false`
	kept := `{"rejectCall":false,"msgCall":"","groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false,"wavoipToken":"",` +
		`"storeMedia":true,"mediaTypes":["image","voice"],"mediaMaxBytes":1000}`
	for _, body := range []string{`{` + six + `,"storeMedia":true,"mediaTypes":["image","voice"],"mediaMaxBytes":1000}`, `{` + six + `}`} {
		if a := w.Do(t, "POST", "/settings/set/a", "t", body); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		want(t, body, w.Do(t, "GET", "/settings/find/a", "t", ""), 200, kept)
	}
	if a := w.Do(t, "POST", "/settings/set/a", "t", `{`+six+`,"mediaTypes":["films"]}`); a.Status != 400 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestCounts: what an instance has is counted, in lists that are not long.
func TestCounts(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	talk(t, w, w.Create(t, "a", "t"))
	for n := range 9 {
		w.Create(t, fmt.Sprint("more", n), "u")
	}
	const counted = `"_count":{"Message":4,"Contact":2,"Chat":2}`
	list := func(query, key string, want bool) {
		t.Helper()
		if a := w.Do(t, "GET", "/instance/fetchInstances"+query, key, ""); a.Status != 200 || strings.Contains(a.Body, counted) != want {
			t.Errorf("%q: %d %s", query, a.Status, a.Body)
		}
	}
	list("", apitest.AdminKey, true)
	w.Create(t, "eleventh", "u")
	list("", apitest.AdminKey, false)
	list("?instanceName=a", apitest.AdminKey, true)
	list("", "t", true)
}
