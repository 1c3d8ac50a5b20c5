package evolution_test

import (
	"strings"
	"testing"

	"roost/functions/api/apitest"
	"roost/shared/event"
	"roost/simulator"
	"roost/simulator/appstate"
	"roost/simulator/content"
)

// TestProfiles is what section 2.5 of the contract has about profiles, privacy
// and blocks.
func TestProfiles(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob, shop := w.contact("491510000002", "Bob"), w.contact("491510000003", "Shop")
	w.contact("491510000004", "Carl")
	bob.SetPicture([]byte{0xff, 0xd8, 0xff, 1})
	bob.SetAbout("busy")
	shop.SetBusinessProfile(&simulator.Business{
		Name: "Shop", Description: "we sell", Address: "Street 1", Email: "s@example.org", Website: "https://example.org", Category: "Shop",
		TimeZone: "Europe/Berlin", Hours: []simulator.BusinessHours{{Day: "mon", Mode: "specific_hours", Open: 540, Close: 1080}},
	})
	expect := func(what string, ok func() bool) func() string {
		return func() string {
			if !ok() {
				return what
			}
			return ""
		}
	}
	const six = `{"readreceipts":"all","profile":"contacts","status":"all","online":"match_last_seen","last":"none","groupadd":"contact_blacklist"}`
	w.run(map[string]string{"picture": picture(t)}, []step{
		{name: "picture", method: "POST", path: "/chat/fetchProfilePictureUrl/a", body: `{"number":"+49 151 0000002"}`, status: 200, want: `{"wuid":"491510000002@s.whatsapp.net","profilePictureUrl":"http*"}`},
		{name: "no picture", method: "POST", path: "/chat/fetchProfilePictureUrl/a", body: `{"number":"491510000004"}`, status: 200, want: `{"wuid":"491510000004@s.whatsapp.net","profilePictureUrl":null}`},
		{name: "picture of nobody", method: "POST", path: "/chat/fetchProfilePictureUrl/a", body: `{"number":"491519999999"}`, status: 200, want: `{"wuid":"491519999999@s.whatsapp.net","profilePictureUrl":null}`},
		{name: "profile", method: "POST", path: "/chat/fetchProfile/a", body: `{"number":"491510000002"}`, status: 200, want: `{"wuid":"491510000002@s.whatsapp.net","name":null,"numberExists":true,"picture":"http*","status":"busy","isBusiness":false}`},
		{name: "own profile", method: "POST", path: "/chat/fetchProfile/a", body: `{}`, status: 200, want: `{"wuid":"491510000001@s.whatsapp.net","name":"Alice","numberExists":true,"picture":null,"status":*,"isBusiness":false}`},
		{name: "profile of a business", method: "POST", path: "/chat/fetchProfile/a", body: `{"number":"491510000003"}`, status: 200, want: `{"wuid":"491510000003@s.whatsapp.net","name":"Shop",*"isBusiness":true,"email":"s@example.org","description":"we sell","website":"https://example.org"}`},
		{name: "profile of nobody", method: "POST", path: "/chat/fetchProfile/a", body: `{"number":"491519999999"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"491519999999@s.whatsapp.net","exists":false,"number":"491519999999"}]}}`},
		{name: "business", method: "POST", path: "/chat/fetchBusinessProfile/a", body: `{"number":"491510000003"}`, status: 200, want: `{"isBusiness":true,"wid":"491510000003@s.whatsapp.net","description":"we sell","email":"s@example.org","website":["https://example.org"],"address":"Street 1","category":"Shop","business_hours":{"timezone":"Europe/Berlin","business_config":[{"day_of_week":"mon","mode":"specific_hours","open_time":"540","close_time":"1080"}]}}`},
		{name: "no business", method: "POST", path: "/chat/fetchBusinessProfile/a", body: `{"number":"491510000002"}`, status: 200, want: `{"isBusiness":false,"message":"Not is business profile","jid":"491510000002@s.whatsapp.net","exists":true,"number":"491510000002",*}`},
		{name: "business of nobody", method: "POST", path: "/chat/fetchBusinessProfile/a", body: `{"number":"491519999999"}`, status: 200, want: `{"isBusiness":false,"message":"Not is business profile","jid":"491519999999@s.whatsapp.net","exists":false,"number":"491519999999"}`},
		{name: "name", method: "POST", path: "/chat/updateProfileName/a", body: `{"name":"Alice B."}`, status: 200, want: `{"update":"success"}`, then: func() string {
			if _, err := w.alice.AwaitMutation(w.ctx, func(m appstate.Mutation) bool { return m.Action.GetPushNameSetting().GetName() == "Alice B." }); err != nil {
				return "the phone did not hear of it"
			}
			return ""
		}},
		{name: "status", method: "POST", path: "/chat/updateProfileStatus/a", body: `{"status":"at work"}`, status: 200, want: `{"update":"success"}`, then: expect("not said", func() bool { return w.alice.About() == "at work" })},
		{name: "own picture", method: "POST", path: "/chat/updateProfilePicture/a", body: `{"picture":"data:image/png;base64,{picture}"}`, status: 200, want: `{"update":"success"}`, then: expect("not shown", func() bool { return w.alice.PictureID() != "" })},
		{name: "no image", method: "POST", path: "/chat/updateProfilePicture/a", body: `{"picture":"%%%"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating profile picture","Error: the picture must be a url or base64"]}}`},
		{name: "a private address", method: "POST", path: "/chat/updateProfilePicture/a", body: `{"picture":"http://10.0.0.1/a.png"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating profile picture","Error: the media URL could not be fetched: *"]}}`},
		{name: "remove", method: "DELETE", path: "/chat/removeProfilePicture/a", status: 200, want: `{"update":"success"}`, then: expect("still there", func() bool { return w.alice.PictureID() == "" })},
		{name: "privacy", method: "GET", path: "/chat/fetchPrivacySettings/a", status: 200, want: `{"groupadd":"all","last":"all","online":"all","profile":"all","readreceipts":"all","status":"all"}`},
		{name: "set privacy", method: "POST", path: "/chat/updatePrivacySettings/a", body: six, status: 201, want: `{"data":{"groupadd":"contact_blacklist","last":"none","online":"match_last_seen","profile":"contacts","readreceipts":"all","status":"all"},"update":"success"}`, then: expect("not set", func() bool { return w.alice.Privacy()["last"] == "none" })},
		{name: "set privacy, wrapped", method: "POST", path: "/chat/updatePrivacySettings/a", body: `{"privacySettings":` + strings.ReplaceAll(six, `"none"`, `"all"`) + `}`, status: 201, want: `{"data":{*"last":"all",*},"update":"success"}`},
		{name: "block", method: "POST", path: "/chat/updateBlockStatus/a", body: `{"number":"491510000002","status":"block"}`, status: 201, want: `{"block":"success"}`, then: expect("not blocked", func() bool { return len(w.alice.Blocked()) == 1 })},
		{name: "unblock", method: "POST", path: "/message/updateBlockStatus/a", body: `{"number":"491510000002","status":"unblock"}`, status: 201, want: `{"block":"success"}`, then: expect("still blocked", func() bool { return len(w.alice.Blocked()) == 0 })},
		{name: "block a group", method: "POST", path: "/chat/updateBlockStatus/a", body: `{"number":"120363000000000000@g.us","status":"block"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error blocking user",*]}}`},
		{name: "block nobody", method: "POST", path: "/chat/updateBlockStatus/a", body: `{"number":"491519999999","status":"block"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"491519999999@s.whatsapp.net","exists":false,"number":"491519999999"}]}}`},
		{name: "numbers, as the Python client asks", method: "POST", path: "/chat/checkIsWhatsappNumber/a", body: `{"numbers":["491510000002"]}`, status: 200, want: `[{"jid":"491510000002@s.whatsapp.net","exists":true,"number":"491510000002",*}]`},
	})
}

// TestChatFlags reads, archives, labels and shows presences.
func TestChatFlags(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	w.must(w.alice.SetLabel("3", "Important", 2))
	id, err := bob.Send(w.alice.PN(), content.Text("hello"))
	w.must(err)
	w.next(event.MessageReceived)
	group := w.Sim.Group("Choir", bob, w.alice)
	said, err := bob.Send(group.JID(), content.Text("all together"))
	w.must(err)
	w.next(event.MessageReceived)
	receipt := func(id, kind string) func() string {
		return func() string {
			if _, err := bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id && r.Type == kind }); err != nil {
				return "no receipt"
			}
			return ""
		}
	}
	flags := func(what string, ok func(simulator.ChatSettings) bool) func() string {
		return func() string {
			if !ok(w.alice.Settings().Chats[bob.LID()]) {
				return "the phone does not show it as " + what
			}
			return ""
		}
	}
	typing := func(want string) func() string {
		return func() string {
			if _, err := bob.AwaitChatState(w.ctx, func(s simulator.ChatState) bool { return s.State == want }); err != nil {
				return "nobody sees " + want
			}
			return ""
		}
	}
	w.run(map[string]string{"id": id, "said": said, "group": group.JID().String()}, []step{
		{name: "read", method: "POST", path: "/chat/markMessageAsRead/a", body: `{"readMessages":[{"id":"{id}","fromMe":false,"remoteJid":"491510000002@s.whatsapp.net"},{"id":"x","fromMe":true,"remoteJid":"491510000002@s.whatsapp.net"}]}`, status: 201, want: `{"message":"Read messages","read":"success"}`, then: receipt(id, "read")},
		{name: "read in a group", method: "POST", path: "/chat/markMessageAsRead/a", body: `{"read_messages":[{"id":"{said}","fromMe":false,"remoteJid":"{group}"}]}`, status: 201, want: `{"message":"Read messages","read":"success"}`, then: receipt(said, "read")},
		{name: "played", method: "POST", path: "/chat/markMessageAsPlayed/a", body: `{"playedMessages":[{"id":"{id}","fromMe":false,"remoteJid":"491510000002@s.whatsapp.net"}]}`, status: 201, want: `{"message":"Played messages","played":"success"}`, then: receipt(id, "played")},
		{name: "archive", method: "POST", path: "/chat/archiveChat/a", body: `{"archive":true,"chat":"491510000002"}`, status: 201, want: `{"archived":true,"chatId":"491510000002"}`, then: flags("archived", func(c simulator.ChatSettings) bool { return c.Archived })},
		{name: "bring back", method: "POST", path: "/chat/archiveChat/a", body: `{"archive":false,"lastMessage":{"key":{"id":"{id}","remoteJid":"491510000002@s.whatsapp.net","fromMe":false},"messageTimestamp":1790000000}}`, status: 201, want: `{"archived":true,"chatId":"491510000002@s.whatsapp.net"}`, then: flags("back", func(c simulator.ChatSettings) bool { return !c.Archived })},
		{name: "unread", method: "POST", path: "/chat/markChatUnread/a", body: `{"lastMessage":{"key":{"id":"{id}","remoteJid":"491510000002@s.whatsapp.net","fromMe":false}}}`, status: 201, want: `{"chatId":"491510000002@s.whatsapp.net","markedChatUnread":true}`, then: flags("unread", func(c simulator.ChatSettings) bool { return c.Unread })},
		{name: "archive nothing", method: "POST", path: "/chat/archiveChat/a", body: `{"archive":true}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":[{"archived":false,"message":["An error occurred while archiving the chat. Open a calling.","Error: Last message not found"]}]}}`},
		{name: "label", method: "POST", path: "/label/handleLabel/a", body: `{"number":"491510000002","labelId":"3","action":"add"}`, status: 200, want: `{"add":true,"labelId":"3","numberJid":"491510000002@s.whatsapp.net"}`, then: flags("labelled", func(c simulator.ChatSettings) bool { return len(c.Labels) == 1 })},
		{name: "no label", method: "POST", path: "/label/handleLabel/a", body: `{"number":"491510000002","labelId":"3","action":"remove"}`, status: 200, want: `{"labelId":"3","numberJid":"491510000002@s.whatsapp.net","remove":true}`, then: flags("plain", func(c simulator.ChatSettings) bool { return len(c.Labels) == 0 })},
		{name: "label nobody", method: "POST", path: "/label/handleLabel/a", body: `{"number":"491519999999","labelId":"3","action":"add"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"491519999999@s.whatsapp.net","exists":false,"number":"491519999999"}]}}`},
		{name: "available", method: "POST", path: "/instance/setPresence/a", body: `{"presence":"available"}`, status: 201, want: `{"presence":"available"}`, then: func() string {
			w.await("the account to be online", w.alice.Available)
			return ""
		}},
		{name: "another name", method: "POST", path: "/chat/updateProfileName/a", body: `{"name":"Alice B."}`, status: 200, want: `{"update":"success"}`},
		{name: "which changes no presence", method: "POST", path: "/message/sendText/a", body: `{"number":"491510000002","text":"hello"}`, status: 201, want: `{*}`, then: func() string {
			if _, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "hello" && e.Chat != group.JID().String() }); err != nil || !w.alice.Available() {
				return "the account is away"
			}
			return ""
		}},
		{name: "composing", method: "POST", path: "/chat/sendPresence/a", body: `{"number":"491510000002","presence":"composing","delay":1}`, status: 201, want: `{"presence":"composing"}`, then: typing("composing")},
		{name: "recording", method: "POST", path: "/chat/sendPresence/a", body: `{"number":"491510000002","options":{"presence":"recording","delay":0,"number":"1"}}`, status: 201, want: `{"presence":"recording"}`, then: typing("recording")},
		{name: "unavailable", method: "POST", path: "/instance/setPresence/a", body: `{"presence":"unavailable"}`, status: 201, want: `{"presence":"unavailable"}`, then: func() string {
			w.await("the account to be away", func() bool { return !w.alice.Available() })
			return ""
		}},
		{name: "a presence to nobody", method: "POST", path: "/chat/sendPresence/a", body: `{"number":"491519999999","presence":"composing","delay":1}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"491519999999@s.whatsapp.net","exists":false,"number":"491519999999"}]}}`},
	})
}

// TestChatRefusals are what these routes refuse before anything is asked of
// WhatsApp, and what they say without a connection.
func TestChatRefusals(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "X", "token")
	bad := func(message string) string {
		return `{"status":400,"error":"Bad Request","response":{"message":` + message + `}}`
	}
	closed := `{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/chat/markMessageAsRead", `{}`, bad(`[["instance requires property \"readMessages\""]]`)},
		{"POST", "/chat/markMessageAsRead", `{"readMessages":[{"id":"a"}]}`, bad(`[["readMessages[0] requires property \"fromMe\"","readMessages[0] requires property \"remoteJid\""]]`)},
		{"POST", "/chat/markMessageAsPlayed", `{"playedMessages":[]}`, bad(`[["playedMessages does not meet minimum length of 1"]]`)},
		{"POST", "/chat/archiveChat", `{"chat":"1"}`, bad(`[["instance requires property \"archive\""]]`)},
		{"POST", "/chat/markChatUnread", `{"chat":"1"}`, bad(`[["instance requires property \"lastMessage\""]]`)},
		{"POST", "/chat/markChatUnread", `{"lastMessage":{"key":{"id":"a"}}}`, bad(`[["lastMessage.key requires property \"remoteJid\"","lastMessage.key requires property \"fromMe\""]]`)},
		{"POST", "/chat/sendPresence", `{"number":"1"}`, bad(`[["instance requires property \"presence\"","instance requires property \"delay\""]]`)},
		{"POST", "/chat/sendPresence", `{"number":"1","presence":"asleep","delay":"1"}`, bad(`[["delay is not of a type(s) number","presence is not one of enum values: unavailable,available,composing,recording,paused"]]`)},
		{"POST", "/instance/setPresence", `{"presence":"asleep"}`, bad(`[["presence is not one of enum values: unavailable,available,composing,recording,paused"]]`)},
		{"POST", "/chat/updateBlockStatus", `{"number":"1","status":"x"}`, bad(`[["status is not one of enum values: block,unblock"]]`)},
		{"POST", "/chat/fetchProfilePictureUrl", `{"number":1}`, bad(`[["number is not of a type(s) string"]]`)},
		{"POST", "/chat/updateProfileName", `{}`, bad(`[["instance requires property \"name\""]]`)},
		{"POST", "/chat/updateProfileStatus", `{"status":1}`, bad(`[["status is not of a type(s) string"]]`)},
		{"POST", "/chat/updateProfilePicture", `{"picture":""}`, bad(`[["The \"picture\" cannot be empty"]]`)},
		{"POST", "/chat/updatePrivacySettings", `{"readreceipts":"all","profile":"all","status":"all","online":"none","last":"all"}`, bad(`[["online is not one of enum values: all,match_last_seen","instance requires property \"groupadd\""]]`)},
		{"POST", "/label/handleLabel", `{"number":"1","labelId":"2","action":"x"}`, bad(`[["action is not one of enum values: add,remove"]]`)},
		{"POST", "/chat/archiveChat", `{"archive":true,"chat":"1"}`, closed},
		{"POST", "/chat/markMessageAsRead", `{"readMessages":[{"id":"a","fromMe":false,"remoteJid":"1@s.whatsapp.net"}]}`, closed},
		{"POST", "/chat/sendPresence", `{"number":"1","presence":"composing","delay":1}`, closed},
		{"POST", "/instance/setPresence", `{"presence":"available"}`, closed},
		{"POST", "/chat/fetchProfilePictureUrl", `{"number":"491510000001"}`, closed},
		{"POST", "/chat/fetchProfile", `{"number":"491510000001"}`, closed},
		{"POST", "/chat/fetchBusinessProfile", `{"number":"491510000001"}`, closed},
		{"POST", "/chat/updateProfileName", `{"name":"a"}`, closed},
		{"DELETE", "/chat/removeProfilePicture", ``, closed},
		{"GET", "/chat/fetchPrivacySettings", ``, closed},
		{"POST", "/label/handleLabel", `{"number":"1","labelId":"2","action":"add"}`, closed},
	} {
		status := 400
		if c.want == closed {
			status = 500
		}
		want(t, c.method+" "+c.path+" "+c.body, w.Do(t, c.method, c.path+"/X", "token", c.body), status, c.want)
	}
}
