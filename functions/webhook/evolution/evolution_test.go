package evolution_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/webhook/evolution"
	"roost/shared/event"
	groups "roost/shared/group"
	"roost/shared/instance"
	"roost/shared/message"
)

var (
	at    = time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	maria = message.Address{PN: "4915@s.whatsapp.net", LID: "77@lid"}
	own   = message.Address{PN: "4930@s.whatsapp.net", LID: "55@lid"}
	group = message.Address{PN: "120@g.us"}
)

func tell(t testing.TB, kind event.Kind, body any) event.Event {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return event.Event{ID: "ev1", Tenant: "default", Instance: "i-1", Name: "shop", Sender: own.PN, Kind: kind, At: at, Body: encoded}
}

func said(content string, edit func(*message.Message)) message.Message {
	m := message.Message{
		ID: "3EB0F4A1B2C3D4E5F60718", Chat: maria, Sender: maria, PushName: "Maria", Timestamp: at.Truncate(time.Second),
		Kind: "conversation", Text: "hi", Content: json.RawMessage(content), Status: message.StatusDelivered,
	}
	if edit != nil {
		edit(&m)
	}
	return m
}

// TestTranslate holds the bodies key by key, order included.
func TestTranslate(t *testing.T) {
	t.Parallel()
	const hi = `{"conversation":"hi"}`
	for name, c := range map[string]struct {
		kind event.Kind
		body any
		want []string // event, then data
	}{
		"instance.create": {event.InstanceCreated, event.Lifecycle{}, []string{"instance.create", `{"instanceName":"shop","instanceId":"i-1"}`}},
		"instance.delete": {event.InstanceDeleted, event.Lifecycle{}, []string{"instance.delete", `{"instanceName":"shop","instanceId":"i-1"}`}},
		"instance.delete of one that was connected": {event.InstanceDeleted, event.Lifecycle{Linked: true}, []string{
			"instance.delete", `{"instanceName":"shop","instanceId":"i-1"}`,
			"connection.update", `{"instance":"shop","state":"close","statusReason":401}`,
			"status.instance", `{"instance":"shop","status":"closed","disconnectionAt":"2026-11-22T10:00:00.123Z","disconnectionReasonCode":401,"disconnectionObject":"{\"error\":{\"data\":{\"action\":\"\",\"reason\":\"user_logout\"},\"isBoom\":true,\"isServer\":false,\"output\":{\"payload\":{\"message\":\"Logged out through the API.\",\"statusCode\":401},\"statusCode\":401}}}"}`,
			"logout.instance", `null`,
		}},
		"logout.instance":  {event.InstanceLoggedOut, event.Lifecycle{}, []string{"logout.instance", `null`}},
		"remove.instance":  {event.InstanceRemoved, event.Lifecycle{}, []string{"remove.instance", `null`}},
		"a kind to come":   {"x.y", nil, nil},
		"connecting":       {event.ConnectionUpdated, event.Connection{State: instance.Connecting}, []string{"connection.update", `{"instance":"shop","state":"connecting","statusReason":200}`}},
		"pairing is quiet": {event.ConnectionUpdated, event.Connection{State: instance.Pairing}, nil},
		"idle is quiet":    {event.ConnectionUpdated, event.Connection{State: instance.Idle}, nil},
		"open": {
			event.ConnectionUpdated,
			event.Connection{State: instance.Open, JID: "4930:7@s.whatsapp.net", Profile: instance.Profile{PushName: "Shop", PictureURL: "https://p"}},
			[]string{"connection.update", `{"instance":"shop","wuid":"4930@s.whatsapp.net","profileName":"Shop","profilePictureUrl":"https://p","state":"open","statusReason":200}`},
		},
		"groups.upsert": {
			event.GroupJoined,
			groups.Group{ID: group.PN, Subject: "Choir", Owner: maria, Created: at, Hidden: true, Size: 1, Members: []groups.Member{{Address: maria, Rank: groups.SuperAdmin}}},
			[]string{
				"groups.upsert", `[{"id":"120@g.us","addressingMode":"lid","subject":"Choir","size":1,"creation":1795341600,"owner":"77@lid","ownerPn":"4915@s.whatsapp.net","restrict":false,"announce":false,"isCommunity":false,"isCommunityAnnounce":false,"joinApprovalMode":false,"memberAddMode":false,"participants":[{"id":"77@lid","phoneNumber":"4915@s.whatsapp.net","lid":"77@lid","admin":"superadmin"}]}]`,
				"chats.upsert", `[{"remoteJid":"120@g.us","instanceId":"i-1","name":"Choir","unreadMessages":0}]`,
			},
		},
		"groups.update": {
			event.GroupChanged,
			groups.Change{Group: group.PN, By: maria, At: at, Settings: groups.Settings{Subject: new("Band")}},
			[]string{"groups.update", `[{"id":"120@g.us","author":"77@lid","authorPn":"4915@s.whatsapp.net","subject":"Band","subjectTime":1795341600}]`},
		},
		"group-participants.update": {
			event.MembersMoved,
			groups.Movement{Group: group.PN, By: own, Action: groups.Add, People: []message.Address{maria, {LID: "9@lid"}}, Names: []string{"Maria", ""}},
			[]string{"group-participants.update", `{"id":"120@g.us","author":"55@lid","authorPn":"4930@s.whatsapp.net","participants":["77@lid","9@lid"],"action":"add","participantsData":[{"jid":"77@lid","phoneNumber":"4915@s.whatsapp.net","name":"Maria","lid":"77@lid"},{"jid":"9@lid","phoneNumber":"9@lid","lid":"9@lid"}]}`},
		},
		"contacts.upsert": {
			event.ContactsUpdated,
			event.Contacts{New: true, Contacts: []event.Contact{{Address: maria, Saved: "Maria M.", PushName: "M"}}},
			[]string{"contacts.upsert", `[{"remoteJid":"4915@s.whatsapp.net","remoteJidAlt":"77@lid","pushName":"Maria M.","profilePicUrl":null,"instanceId":"i-1"}]`},
		},
		"contacts.update": {
			event.ContactsUpdated,
			event.Contacts{Contacts: []event.Contact{{Address: maria, PushName: "M"}}},
			[]string{"contacts.update", `[{"remoteJid":"4915@s.whatsapp.net","remoteJidAlt":"77@lid","pushName":"M","profilePicUrl":null,"instanceId":"i-1"}]`},
		},
		"chats.update": {
			event.ChatChanged,
			event.Chat{Chat: maria, Archived: new(true)},
			[]string{"chats.update", `[{"remoteJid":"4915@s.whatsapp.net","remoteJidAlt":"77@lid","instanceId":"i-1","archived":true}]`},
		},
		"chats.delete": {event.ChatChanged, event.Chat{Chat: maria, Deleted: true}, []string{"chats.delete", `["4915@s.whatsapp.net"]`}},
		"presence.update": {
			event.PresenceChanged,
			event.Presence{Chat: maria, Person: maria, State: "unavailable", LastSeen: at},
			[]string{"presence.update", `{"id":"4915@s.whatsapp.net","idAlt":"77@lid","presences":{"4915@s.whatsapp.net":{"lastKnownPresence":"unavailable","lastSeen":1795341600,"lid":"77@lid"}}}`},
		},
		"labels.edit": {
			event.LabelChanged,
			event.Label{ID: "3", Name: "Paid", Color: 2, Predefined: "1"},
			[]string{"labels.edit", `{"id":"3","name":"Paid","color":2,"deleted":false,"predefinedId":"1","instance":"shop"}`},
		},
		"labels.association": {
			event.ChatLabelled,
			event.Labelled{Chat: maria, Label: "3", On: true},
			[]string{"labels.association", `{"instance":"shop","type":"add","chatId":"4915@s.whatsapp.net","labelId":"3"}`},
		},
		"call": {
			event.CallChanged,
			event.Call{ID: "c1", From: maria, At: at, Status: event.CallOffered, Video: true},
			[]string{"call", `{"chatId":"4915@s.whatsapp.net","from":"4915@s.whatsapp.net","fromAlt":"77@lid","id":"c1","date":"2026-11-22T10:00:00.123Z","offline":false,"status":"offer","isVideo":true,"isGroup":false}`},
		},
		"logged out": {
			event.ConnectionUpdated,
			event.Connection{State: instance.LoggedOut, Reason: instance.Reason{Code: instance.ReasonLoggedOut, Sentence: "gone"}},
			[]string{
				"connection.update", `{"instance":"shop","state":"close","statusReason":401}`,
				"status.instance", `{"instance":"shop","status":"closed","disconnectionAt":"2026-11-22T10:00:00.123Z","disconnectionReasonCode":401,"disconnectionObject":"{\"error\":{\"data\":{\"action\":\"\",\"reason\":\"logged_out\"},\"isBoom\":true,\"isServer\":false,\"output\":{\"payload\":{\"message\":\"gone\",\"statusCode\":401},\"statusCode\":401}}}"}`,
			},
		},
		"codes ran out": {
			event.ConnectionUpdated,
			event.Connection{State: instance.Closed, Reason: instance.Reason{Code: instance.ReasonPairingTimeout, Status: 408}},
			[]string{
				"qrcode.updated", `{"message":"QR code limit reached, please login again","statusCode":500}`,
				"connection.update", `{"instance":"shop","state":"refused","statusReason":428}`,
			},
		},
		"text by lid": {
			event.MessageReceived, said(hi, nil),
			[]string{"messages.upsert", `{"key":{"remoteJid":"4915@s.whatsapp.net","fromMe":false,"id":"3EB0F4A1B2C3D4E5F60718","remoteJidAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"conversation":"hi"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"web"}`},
		},
		"text by number, answering": {
			event.MessageReceived, said(hi, func(m *message.Message) {
				m.Chat, m.Context, m.ID = message.Address{PN: maria.PN}, json.RawMessage(`{"stanzaId":"A"}`), "3A012345678901234567"
			}),
			[]string{"messages.upsert", `{"key":{"remoteJid":"4915@s.whatsapp.net","fromMe":false,"id":"3A012345678901234567","addressingMode":"pn"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"conversation":"hi"},"contextInfo":{"stanzaId":"A"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"ios"}`},
		},
		"number hidden": {
			event.MessageReceived, said(hi, func(m *message.Message) { m.Chat, m.ID = message.Address{LID: "77@lid"}, "x" }),
			[]string{"messages.upsert", `{"key":{"remoteJid":"77@lid","fromMe":false,"id":"x","addressingMode":"lid"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"conversation":"hi"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"unknown"}`},
		},
		"in a group": {
			event.MessageReceived, said(hi, func(m *message.Message) { m.Chat, m.Group, m.ID = group, true, strings.Repeat("A", 32) }),
			[]string{"messages.upsert", `{"key":{"remoteJid":"120@g.us","fromMe":false,"id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","participant":"77@lid","participantAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"conversation":"hi"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"android"}`},
		},
		"from the phone, without content": {
			event.MessageReceived, said("null", func(m *message.Message) { m.FromMe, m.Sender, m.Kind, m.Status, m.ID = true, own, "", "", "3F1" }),
			[]string{"messages.upsert", `{"key":{"remoteJid":"4915@s.whatsapp.net","fromMe":true,"id":"3F1","remoteJidAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","status":"SERVER_ACK","message":{},"messageType":"unknown","messageTimestamp":1795341600,"instanceId":"i-1","source":"desktop"}`},
		},
		"the past": {
			event.HistorySynced,
			event.History{
				Chat: maria, Ends: true, Name: "Maria S", Latest: true, Progress: 7, Messages: []message.Message{said(hi, func(m *message.Message) { m.Chat, m.ID = message.Address{LID: "77@lid"}, "x" })},
			},
			[]string{
				"messages.set", `[{"key":{"remoteJid":"77@lid","fromMe":false,"id":"x","addressingMode":"lid"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"conversation":"hi"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"unknown"}]`,
				"chats.set", `[{"remoteJid":"4915@s.whatsapp.net","instanceId":"i-1","name":"Maria S"}]`,
			},
		},
		"sent": {
			event.MessageSent, said(hi, func(m *message.Message) { m.FromMe, m.ViaAPI, m.Status = true, true, message.StatusPending }),
			[]string{"send.message", `{"key":{"remoteJid":"4915@s.whatsapp.net","fromMe":true,"id":"3EB0F4A1B2C3D4E5F60718"},"pushName":"Você","status":"PENDING","message":{"conversation":"hi"},"messageType":"conversation","messageTimestamp":1795341600,"instanceId":"i-1","source":"web"}`},
		},
		"edited": {
			event.MessageReceived, said(`{"protocolMessage":{"key":{"id":"A"},"type":"MESSAGE_EDIT","editedMessage":{"conversation":"ho"},"timestampMs":"7"}}`, func(m *message.Message) {
				m.Kind, m.Target = "protocolMessage", &message.Target{ID: "A", FromMe: true, Act: "edit"}
			}),
			[]string{"messages.edited", `{"key":{"id":"A"},"type":"MESSAGE_EDIT","editedMessage":{"conversation":"ho"},"timestampMs":"7"}`},
		},
		"edited, the wrapped way": {
			event.MessageReceived, said(`{"editedMessage":{"message":{"protocolMessage":{"type":"MESSAGE_EDIT"}}}}`, nil),
			[]string{"messages.edited", `{"type":"MESSAGE_EDIT"}`},
		},
		"edited through the api": {
			event.MessageSent, said(`{}`, func(m *message.Message) { m.Target = &message.Target{ID: "A", FromMe: true, Act: "edit"} }),
			[]string{"send.message.update", `{"key":{"fromMe":true,"id":"A","remoteJid":"4915@s.whatsapp.net"},"type":"MESSAGE_EDIT"}`},
		},
		"revoked through the api": {
			event.MessageSent, said(`{}`, func(m *message.Message) {
				m.Chat, m.Group, m.FromMe, m.Sender, m.Target = group, true, true, own, &message.Target{ID: "A", Sender: maria, Act: "revoke"}
			}),
			[]string{"messages.delete", `{"id":"A","remoteJid":"120@g.us","fromMe":false,"participant":"4915@s.whatsapp.net","status":"DELETED","instanceId":"i-1","key":{"remoteJid":"120@g.us","fromMe":false,"id":"A","participant":"4915@s.whatsapp.net"}}`},
		},
		"revoked by its writer": {
			event.MessageReceived, said(`{"protocolMessage":{"type":"REVOKE"}}`, func(m *message.Message) {
				m.Target = &message.Target{ID: "A", FromMe: true, Act: "revoke"}
			}),
			[]string{
				"messages.edited", `{"type":"REVOKE"}`,
				"messages.delete", `{"id":"A","remoteJid":"4915@s.whatsapp.net","fromMe":false,"status":"DELETED"}`,
			},
		},
		"revoked by a group's admin, ours": {
			event.MessageReceived, said(`{"protocolMessage":{"type":"REVOKE"}}`, func(m *message.Message) {
				m.Chat, m.Group, m.Target = group, true, &message.Target{ID: "A", Sender: own, Act: "revoke"}
			}),
			[]string{
				"messages.edited", `{"type":"REVOKE"}`,
				"messages.delete", `{"id":"A","remoteJid":"120@g.us","fromMe":true,"participant":"4930@s.whatsapp.net","status":"DELETED"}`,
			},
		},
		"revoked on the phone": {
			event.MessageReceived, said(`{"protocolMessage":{"type":"REVOKE"}}`, func(m *message.Message) {
				m.FromMe, m.Target = true, &message.Target{ID: "A", FromMe: true, Act: "revoke"}
			}),
			[]string{
				"messages.edited", `{"type":"REVOKE"}`,
				"messages.delete", `{"id":"A","remoteJid":"4915@s.whatsapp.net","fromMe":true,"status":"DELETED"}`,
			},
		},
		"reaction": {
			event.MessageReceived, said(`{"reactionMessage":{"text":"x"}}`, func(m *message.Message) {
				m.Kind, m.ID, m.Target = "reactionMessage", "R", &message.Target{ID: "A", Act: "reaction"}
			}),
			[]string{"messages.upsert", `{"key":{"remoteJid":"4915@s.whatsapp.net","fromMe":false,"id":"R","remoteJidAlt":"4915@s.whatsapp.net","addressingMode":"lid"},"pushName":"Maria","status":"DELIVERY_ACK","message":{"reactionMessage":{"text":"x"}},"messageType":"reactionMessage","messageTimestamp":1795341600,"instanceId":"i-1","source":"unknown"}`},
		},
		"read, two": {
			event.MessageUpdated,
			event.Update{IDs: []string{"A", "B"}, Chat: maria, By: maria, FromMe: true, Status: message.StatusRead},
			[]string{
				"messages.update", `{"keyId":"A","remoteJid":"4915@s.whatsapp.net","fromMe":true,"status":"READ","instanceId":"i-1","messageId":"A"}`,
				"messages.update", `{"keyId":"B","remoteJid":"4915@s.whatsapp.net","fromMe":true,"status":"READ","instanceId":"i-1","messageId":"B"}`,
			},
		},
		"read in a group, status unknown": {
			event.MessageUpdated,
			event.Update{IDs: []string{"A"}, Chat: group, By: maria, FromMe: true},
			[]string{"messages.update", `{"keyId":"A","remoteJid":"120@g.us","fromMe":true,"participant":"4915@s.whatsapp.net","status":"SERVER_ACK","instanceId":"i-1","messageId":"A"}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payloads, err := evolution.Translate(tell(t, c.kind, c.body))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range payloads {
				data, err := json.Marshal(p.Data)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p.Event, string(data))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	e := tell(t, event.InstanceCreated, event.Lifecycle{})
	e.At = at.In(time.FixedZone("São Paulo", -3*3600))
	payloads, err := evolution.Translate(e)
	if err != nil {
		t.Fatal(err)
	}
	body, err := payloads[0].Encode(e, "https://hook", "https://roost")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"event":"instance.create","instance":"shop","data":{"instanceName":"shop","instanceId":"i-1"},"destination":"https://hook",` +
		`"date_time":"2026-11-22T10:00:00.123Z","sender":"4930@s.whatsapp.net","server_url":"https://roost","apikey":null}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	past := tell(t, event.HistorySynced, event.History{Chat: maria, Ends: true, Latest: true, Progress: 7, Messages: []message.Message{said(`{}`, nil)}})
	told, err := evolution.Translate(past)
	if err != nil {
		t.Fatal(err)
	}
	for n, begin := range []string{`{"isLatest":true,"progress":7,"event":"messages.set","instance":"shop","data":[`, `{"event":"chats.set","instance":"shop","data":[`} {
		if body, err := told[n].Encode(past, "https://hook", "https://roost"); err != nil || !bytes.HasPrefix(body, []byte(begin)) {
			t.Errorf("%s, %v, want %s", body, err, begin)
		}
	}
	e.Sender = ""
	if body, err = payloads[0].Encode(e, "", ""); err != nil || bytes.Contains(body, []byte("sender")) {
		t.Errorf("before login: %s, %v", body, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for event, want := range map[string][2]string{
		"messages.upsert":           {"MESSAGES_UPSERT", "messages-upsert"},
		"send.message.update":       {"SEND_MESSAGE_UPDATE", "send-message-update"},
		"group-participants.update": {"GROUP_PARTICIPANTS_UPDATE", "group-participants-update"},
		"remove.instance":           {"REMOVE_INSTANCE", "remove-instance"},
	} {
		p := evolution.Payload{Event: event}
		if got := [2]string{p.Name(), p.Suffix()}; got != want {
			t.Errorf("%s: %v, want %v", event, got, want)
		}
	}
}

func TestQRCodeIsAPicture(t *testing.T) {
	t.Parallel()
	payloads, err := evolution.Translate(tell(t, event.QRUpdated, event.QR{Code: "2@" + strings.Repeat("abc,", 60), PairingCode: "ABCD1234", Count: 1}))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(payloads[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		QRCode struct{ Instance, PairingCode, Code, Base64 string } `json:"qrcode"`
	}
	if err := json.Unmarshal(encoded, &data); err != nil {
		t.Fatal(err)
	}
	picture, ok := strings.CutPrefix(data.QRCode.Base64, "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(picture)
	if !ok || err != nil {
		t.Fatalf("%.40s, %v", data.QRCode.Base64, err)
	}
	image, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	dark := func(x, y int) bool { grey, _, _, _ := image.At(x*4+2, y*4+2).RGBA(); return grey == 0 }
	// The quiet zone, and the finder pattern in the corner (ISO/IEC 18004, 6.3.3).
	if dark(3, 3) || !dark(4, 4) || !dark(10, 4) || dark(5, 5) || !dark(7, 7) || dark(11, 4) {
		t.Error("there is no finder pattern in the corner")
	}
	if data.QRCode.Instance != "shop" || data.QRCode.PairingCode != "ABCD1234" || !strings.HasPrefix(data.QRCode.Code, "2@") {
		t.Errorf("%+v", data.QRCode)
	}
	if payloads, err = evolution.Translate(tell(t, event.QRUpdated, event.QR{Code: "2@a"})); err != nil {
		t.Fatal(err)
	}
	if encoded, err = json.Marshal(payloads[0].Data); err != nil || !bytes.Contains(encoded, []byte(`"pairingCode":null`)) {
		t.Errorf("%.80s, %v", encoded, err)
	}
}

func TestWithMedia(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"imageMessage":{}}`: `{"imageMessage":{},"base64":"aGk="}`,
		` { } `:               `{"base64":"aGk="}`,
	} {
		m := said(content, func(m *message.Message) { m.Media = &message.Media{Kind: "image", Blob: "b"} })
		payloads, err := evolution.Translate(tell(t, event.MessageReceived, m))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(payloads[0].WithMedia([]byte("hi")).Data)
		if err != nil || !bytes.Contains(encoded, []byte(`"message":`+want)) {
			t.Errorf("%s, %v", encoded, err)
		}
		if before, err := json.Marshal(payloads[0].Data); err != nil || bytes.Contains(before, []byte("base64")) {
			t.Error("the payload without the file has changed")
		}
	}
}

func TestGarbledBodies(t *testing.T) {
	t.Parallel()
	for _, kind := range []event.Kind{event.QRUpdated, event.ConnectionUpdated, event.MessageReceived, event.MessageSent, event.MessageUpdated} {
		if _, err := evolution.Translate(tell(t, kind, "text")); err == nil {
			t.Errorf("%s of a string was translated", kind)
		}
	}
}

// FuzzTranslate gives arbitrary bodies to every kind: what is translated must
// be JSON, the same each time, and take a file.
func FuzzTranslate(f *testing.F) {
	kinds := []event.Kind{
		event.MessageReceived, event.MessageSent, event.MessageUpdated, event.ConnectionUpdated, event.QRUpdated, event.HistorySynced,
		event.ContactsUpdated, event.GroupJoined, event.GroupChanged, event.MembersMoved, event.PresenceChanged, event.ChatChanged,
		event.LabelChanged, event.ChatLabelled, event.CallChanged, event.WebhookDisabled, event.InstanceCreated,
	}
	f.Add(0, []byte(`{"id":"A","content":{"conversation":"hi"},"target":{"id":"B","act":"revoke"},"media":{"kind":"image"}}`))
	f.Add(0, []byte(`{"content":{"protocolMessage":{"key":null}},"context":[],"chat":{"pn":"1@g.us"}}`))
	f.Add(0, []byte(`{"kind":"pollUpdateMessage","content":{},"vote":{"options":["a",""],"chosen":["a"]},"target":{"id":"B","act":"vote"}}`))
	f.Add(1, []byte(`{"content":"}","timestamp":"0001-01-01T00:00:00Z","media":{}}`))
	f.Add(2, []byte(`{"ids":["a",""],"status":"X"}`))
	f.Add(3, []byte(`{"state":"closed","reason":{"Code":"pairing_timeout"},"jid":"@"}`))
	f.Add(4, []byte(`{"code":"\u0000"}`))
	f.Add(5, []byte(`{"chat":{"lid":"1@lid"},"ends":true,"messages":[{},{"content":1}],"progress":4294967295}`))
	f.Add(6, []byte(`{"contacts":[{"address":{}}],"new":true}`))
	f.Add(7, []byte(`{"id":"1@g.us","members":[{"address":{"pn":"a"},"rank":"x"}],"created":"0001-01-01T00:00:00Z"}`))
	f.Add(8, []byte(`{"group":"","settings":{"subject":""},"at":"9999-12-31T23:59:59Z"}`))
	f.Add(9, []byte(`{"people":null,"action":"\u2028"}`))
	f.Add(10, []byte(`{"person":{},"last_seen":"0001-01-01T00:00:00Z"}`))
	f.Add(14, []byte(`{"group":"x@g.us","from":{"lid":"1@lid"},"status":"offer"}`))
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		e := event.Event{ID: "x", Instance: "i", Name: "n", Kind: kinds[uint(kind)%uint(len(kinds))], At: at, Body: body}
		if !json.Valid(body) {
			return // the queue's reader has refused it
		}
		payloads, err := evolution.Translate(e)
		if err != nil {
			return
		}
		again, err := evolution.Translate(e)
		if err != nil {
			t.Fatal(err)
		}
		for n, p := range payloads {
			encoded, err := p.WithMedia([]byte("file")).Encode(e, "d", "s")
			if err != nil || !json.Valid(encoded) {
				t.Fatalf("%s: %q, %v", p.Event, encoded, err)
			}
			first, err := p.Encode(e, "d", "s")
			if err != nil {
				t.Fatal(err)
			}
			second, err := again[n].Encode(e, "d", "s")
			if err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%s differs: %v", p.Event, err)
			}
		}
	})
}

func BenchmarkTranslateAndEncode(b *testing.B) {
	e := tell(b, event.MessageReceived, said(`{"conversation":"`+strings.Repeat("words ", 40)+`","messageContextInfo":{"messageSecret":"AAAA"}}`, nil))
	b.ReportAllocs()
	for b.Loop() {
		payloads, err := evolution.Translate(e)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := payloads[0].Encode(e, "https://example.com/hook", "https://roost"); err != nil {
			b.Fatal(err)
		}
	}
}
