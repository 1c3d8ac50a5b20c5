package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"roost/simulator"
	"roost/simulator/content"
)

// heard is a call of a webhook as its receiver gets it.
type heard struct {
	path   string
	header http.Header
	body   string

	event string
	data  any
}

// TestEvolutionWebhook holds the calls of a webhook to sections 3.1 to 3.3 of the
// contract as the receiver sees them: path, headers, envelope, and the data of
// each event, which is an array or an object always. (GROUP_UPDATE, which
// Evolution never delivers, is among them.)
func TestEvolutionWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	alice := w.link("a", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var calls []heard
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		call := heard{path: r.URL.Path, header: r.Header.Clone(), body: string(body)}
		var envelope struct {
			Event string
			Data  any
		}
		_ = json.Unmarshal(body, &envelope)
		call.event, call.data = envelope.Event, envelope.Data
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
	}))
	t.Cleanup(receiver.Close)
	w.ask(http.MethodPost, "/webhook/set/a", `{"webhook":{"enabled":true,"url":"`+receiver.URL+`/hook","byEvents":true,"base64":true,"headers":{"X-Mine":"yes","jwt_key":"a-key-for-tokens"},
		"events":["MESSAGES_UPSERT","MESSAGES_UPDATE","MESSAGES_EDITED","MESSAGES_DELETE","SEND_MESSAGE","SEND_MESSAGE_UPDATE","CONTACTS_UPSERT","CONTACTS_UPDATE","CHATS_UPSERT","CHATS_UPDATE",
		"CHATS_DELETE","GROUPS_UPSERT","GROUP_UPDATE","GROUP_PARTICIPANTS_UPDATE","PRESENCE_UPDATE","LABELS_EDIT","LABELS_ASSOCIATION","CALL","CONNECTION_UPDATE",
		"STATUS_INSTANCE","LOGOUT_INSTANCE","INSTANCE_DELETE","REMOVE_INSTANCE"]}}`, 201)

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	picture := drawing(t, 20)
	said, err := bob.Say(simulator.Saying{To: "491510000001", Text: "hello"})
	must(err)
	choir := w.Group("Choir", bob, alice)
	_, err = bob.Say(simulator.Saying{To: "491510000001", Media: &simulator.File{Kind: "image", Data: picture}})
	must(err)
	must(choir.SetSubject(bob, "Band"))
	must(choir.Promote(bob, alice))
	must(alice.SetLabel("5", "Paid", 4))
	must(alice.LabelChat(bob.PN(), "5", true))
	call, err := bob.Call(alice.PN(), false)
	must(err)
	must(bob.Hangup(call))
	w.poll("the chat to be archived", func() bool { // the phone hands out the keys for that soon after the linking
		status, _, err := w.try(http.MethodPost, "/chat/archiveChat/a", map[string]any{"archive": true, "chat": "491510000002"})
		must(err)
		return status == http.StatusCreated
	})
	sent := idOf(w.send("sendText", `{"number":"491510000002","text":"answer"}`, 201))
	_, err = bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == sent })
	must(err)
	w.ask(http.MethodPost, "/chat/updateMessage/a", `{"number":"491510000002","text":"better","key":{"id":"`+sent+`","remoteJid":"491510000002@s.whatsapp.net","fromMe":true}}`, 200)
	_, err = bob.Say(simulator.Saying{Edit: &simulator.Edit{Reference: simulator.Reference{ID: said}, Text: "hello!"}})
	must(err)
	_, err = bob.Say(simulator.Saying{Revoke: &simulator.Reference{ID: said}})
	must(err)
	w.poll("what Bob types", func() bool { // the login has its own word about presence, which may come later than this one
		status, _, err := w.try(http.MethodPost, "/instance/setPresence/a", map[string]string{"presence": "available"})
		must(err)
		must(bob.Type(alice.PN(), "composing"))
		mu.Lock()
		defer mu.Unlock()
		return status == http.StatusCreated && slices.ContainsFunc(calls, func(c heard) bool { return c.event == "presence.update" })
	})
	must(alice.DeleteChat(bob.PN()))

	const person = `"491510000002@s.whatsapp.net"`
	group := `"` + choir.JID().String() + `"`
	for _, row := range []struct{ event, data string }{
		{"messages.upsert", `{"key":{"remoteJid":` + person + `,"fromMe":false,"id":"` + said + `","remoteJidAlt":` + person + `,"addressingMode":"lid"},"pushName":"Bob","status":"DELIVERY_ACK","message":{"conversation":"hello"},"messageType":"conversation","instanceId":"*","source":"*"}`},
		{"messages.upsert", `{"messageType":"imageMessage","message":{"imageMessage":{"mimetype":"image/jpeg"},"base64":"` + base64.StdEncoding.EncodeToString(picture) + `"}}`},
		{"contacts.upsert", `[{"remoteJid":` + person + `,"remoteJidAlt":"*","pushName":"Bob","profilePicUrl":null,"instanceId":"*"}]`},
		{"groups.upsert", `[{"id":` + group + `,"subject":"Choir"}]`},
		{"chats.upsert", `[{"remoteJid":` + group + `,"instanceId":"*","name":"Choir","unreadMessages":0}]`},
		{"groups.update", `[{"id":` + group + `,"author":"*","authorPn":` + person + `,"subject":"Band"}]`},
		{"group-participants.update", `{"id":` + group + `,"author":"*","authorPn":` + person + `,"participants":["*"],"action":"promote","participantsData":[{"jid":"*","phoneNumber":"491510000001@s.whatsapp.net","lid":"*"}]}`},
		{"presence.update", `{"id":` + person + `,"idAlt":"*","presences":{` + person + `:{"lastKnownPresence":"composing","lid":"*"}}}`},
		{"labels.edit", `{"id":"5","name":"Paid","color":4,"deleted":false,"instance":"a"}`},
		{"labels.association", `{"instance":"a","type":"add","chatId":` + person + `,"labelId":"5"}`},
		{"call", `{"chatId":` + person + `,"from":` + person + `,"fromAlt":"*","id":"` + call + `","date":"*","offline":false,"status":"offer","isVideo":false,"isGroup":false}`},
		{"call", `{"id":"` + call + `","status":"timeout"}`},
		{"chats.update", `[{"remoteJid":` + person + `,"remoteJidAlt":"*","instanceId":"*","archived":true}]`},
		{"send.message", `{"key":{"remoteJid":` + person + `,"fromMe":true,"id":"` + sent + `"},"pushName":"Você","status":"PENDING","message":{"conversation":"answer"},"messageType":"conversation"}`},
		{"send.message.update", `{"key":{"id":"` + sent + `","fromMe":true},"type":"MESSAGE_EDIT","editedMessage":{"conversation":"better"}}`},
		{"messages.update", `{"keyId":"` + sent + `","remoteJid":` + person + `,"fromMe":true,"status":"DELIVERY_ACK","instanceId":"*","messageId":"` + sent + `"}`},
		{"messages.edited", `{"type":"MESSAGE_EDIT","key":{"id":"` + said + `"},"editedMessage":{"conversation":"hello!"}}`},
		{"messages.edited", `{"type":"REVOKE","key":{"id":"` + said + `"}}`},
		{"messages.delete", `{"id":"` + said + `","remoteJid":` + person + `,"fromMe":false,"status":"DELETED"}`},
		{"chats.delete", `[` + person + `]`},
	} {
		wanted := tree(t, row.data)
		var found heard
		w.poll(row.event+" "+row.data, func() bool {
			mu.Lock()
			defer mu.Unlock()
			n := slices.IndexFunc(calls, func(c heard) bool { return c.event == row.event && lacks(wanted, c.data) == "" })
			if n >= 0 {
				found = calls[n]
			}
			return n >= 0
		})
		suffix := strings.ReplaceAll(row.event, ".", "-")
		if found.path != "/hook/"+suffix {
			t.Errorf("%s comes to %s", row.event, found.path)
		}
		keys := regexp.MustCompile(`^\{"event":"` + regexp.QuoteMeta(row.event) + `","instance":"a","data":[{\[].*,"destination":"` + regexp.QuoteMeta(receiver.URL) +
			`/hook","date_time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","sender":"491510000001@s\.whatsapp\.net","server_url":"http://127\.0\.0\.1:\d+","apikey":null\}$`)
		if !keys.MatchString(found.body) {
			t.Errorf("the envelope of %s is %s", row.event, found.body)
		}
		if h := found.header; h.Get("Content-Type") != "application/json" || h.Get("X-Mine") != "yes" || h.Get("jwt_key") != "" || !strings.HasPrefix(h.Get("webhook-signature"), "v1,") {
			t.Errorf("the headers of %s are %v", row.event, h)
		}
		claims := jwt.MapClaims{}
		token := strings.TrimPrefix(found.header.Get("Authorization"), "Bearer ")
		_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte("a-key-for-tokens"), nil }, jwt.WithValidMethods([]string{"HS256"}))
		from, _ := claims["iat"].(float64)
		until, _ := claims["exp"].(float64)
		if err != nil || claims["app"] != "evolution" || claims["action"] != "webhook" || until-from != 600 {
			t.Errorf("the token of %s says %v, %v", row.event, claims, err)
		}
	}
	w.ask(http.MethodDelete, "/instance/delete/a", `{}`, 200)
	var ends []string
	w.poll("the last word", func() bool {
		mu.Lock()
		defer mu.Unlock()
		ends = nil
		for _, c := range calls {
			if ends == nil && c.event != "instance.delete" {
				continue
			}
			if strings.HasSuffix(c.event, ".instance") || c.event == "instance.delete" || c.event == "connection.update" {
				ends = append(ends, c.event)
			}
		}
		return slices.Contains(ends, "remove.instance")
	})
	if want := []string{"instance.delete", "connection.update", "status.instance", "logout.instance", "remove.instance"}; !slices.Equal(ends, want) {
		t.Errorf("the end is told as %q, want %q", ends, want)
	}

	mu.Lock()
	defer mu.Unlock()
	for _, c := range calls {
		if strings.HasPrefix(c.event, "contacts.") || strings.HasPrefix(c.event, "chats.") || strings.HasPrefix(c.event, "groups.") {
			if _, list := c.data.([]any); !list {
				t.Errorf("%s is no array: %s", c.event, c.body)
			}
		}
		if c.event == "qrcode.updated" || c.event == "instance.create" {
			t.Errorf("%s was not asked for", c.event)
		}
	}
}
