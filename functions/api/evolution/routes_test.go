package evolution_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/evolution"
	"roost/functions/api/openapi"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
)

const (
	closedBody = `{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`
	noKeyBody  = `{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`
	keyOfA     = `"key":{"id":"M","remoteJid":"4915112345678@s.whatsapp.net","fromMe":true}`
)

// everyRoute is a right request for each route that names an instance, and the
// status that an instance answers which is not connected: 500 where WhatsApp has
// to be asked. The last four change what it is.
var everyRoute = []struct {
	route, query, body string
	closed             int
}{
	{"GET /instance/connectionState", "", "", 200},
	{"DELETE /instance/logout", "", "", 400},
	{"POST /instance/setPresence", "", `{"presence":"available"}`, 500},
	{"GET /instance/qr", "", "", 404},
	{"GET /instance/passkey", "", "", 404},
	{"POST /instance/passkey", "", `{"confirm":true}`, 200}, // the host knows whether there is one
	{"POST /instance/archive", "", "", 201},
	{"GET /instance/archive", "", "", 200},
	{"POST /webhook/set", "", `{"webhook":{"enabled":true,"url":"https://a.example"}}`, 201},
	{"GET /webhook/find", "", "", 200},
	{"GET /webhook/endpoints", "", "", 200},
	{"POST /webhook/endpoints", "", `{"url":"https://a.example"}`, 201},
	{"GET /webhook/deliveries", "", "", 200},
	{"POST /webhook/replay", "", `{"all":true}`, 200},
	{"POST /settings/set", "", `{"rejectCall":false,"groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false}`, 201},
	{"GET /settings/find", "", "", 200},
	{"POST /proxy/set", "", `{"enabled":false,"host":"","port":"","protocol":""}`, 201},
	{"GET /proxy/find", "", "", 200},
	{"POST /message/sendText", "", `{"number":"4915112345678","text":"x"}`, 500},
	{"POST /message/sendMedia", "", `{"number":"4915112345678","mediatype":"image","media":"aGVsbG8="}`, 500},
	{"POST /message/sendPtv", "", `{"number":"4915112345678","video":"aGVsbG8="}`, 500},
	{"POST /message/sendWhatsAppAudio", "", `{"number":"4915112345678","audio":"aGVsbG8="}`, 500},
	{"POST /message/sendStatus", "", `{"type":"text","content":"c","backgroundColor":"#000000","font":1,"statusJidList":["4915112345678"]}`, 500},
	{"POST /message/sendSticker", "", `{"number":"4915112345678","sticker":"aGVsbG8="}`, 500},
	{"POST /message/sendLocation", "", `{"number":"4915112345678","latitude":1,"longitude":2,"name":"n","address":"a"}`, 500},
	{"POST /message/sendContact", "", `{"number":"4915112345678","contact":[{"fullName":"A","phoneNumber":"4915112345679"}]}`, 500},
	{"POST /message/sendReaction", "", `{` + keyOfA + `,"reaction":"👍"}`, 500},
	{"POST /message/sendPoll", "", `{"number":"4915112345678","name":"Q","selectableCount":1,"values":["a","b"]}`, 500},
	{"POST /message/sendList", "", `{"number":"4915112345678","title":"T","footerText":"F","buttonText":"B","sections":[{"title":"S","rows":[{"title":"R","rowId":"1"}]}]}`, 500},
	{"POST /message/sendButtons", "", `{"number":"4915112345678","title":"T","buttons":[{"type":"reply","id":"1"}]}`, 500},
	{"POST /message/sendTemplate", "", `{"number":"4915112345678","name":"n","language":"en"}`, 0}, // never served
	{"POST /message/updateBlockStatus", "", `{"number":"4915112345678","status":"block"}`, 500},
	{"POST /media", "", `{"mimetype":"image/png"}`, 201},
	{"POST /chat/whatsappNumbers", "", `{"numbers":["4915112345678"]}`, 428},
	{"POST /chat/checkIsWhatsappNumber", "", `{"numbers":["4915112345678"]}`, 428},
	{"POST /chat/markMessageAsRead", "", `{"readMessages":[{"id":"M","fromMe":false,"remoteJid":"4915112345678@s.whatsapp.net"}]}`, 500},
	{"POST /chat/markMessageAsPlayed", "", `{"playedMessages":[{"id":"M","fromMe":false,"remoteJid":"4915112345678@s.whatsapp.net"}]}`, 500},
	{"POST /chat/archiveChat", "", `{"archive":true,"chat":"4915112345678"}`, 500},
	{"POST /chat/markChatUnread", "", `{"lastMessage":{` + keyOfA + `}}`, 500},
	{"DELETE /chat/deleteMessageForEveryone", "", `{"id":"M","remoteJid":"4915112345678@s.whatsapp.net","fromMe":true}`, 500},
	{"POST /chat/fetchProfilePictureUrl", "", `{"number":"4915112345678"}`, 500},
	{"POST /chat/getBase64FromMediaMessage", "", `{"message":{"key":{"id":"PHOTO"}}}`, 500},
	{"POST /chat/updateMessage", "", `{"number":"4915112345678","text":"x","key":{"id":"MINE","remoteJid":"4915112345678@s.whatsapp.net","fromMe":true}}`, 500},
	{"POST /chat/sendPresence", "", `{"number":"4915112345678","presence":"composing","delay":1}`, 500},
	{"POST /chat/updateBlockStatus", "", `{"number":"4915112345678","status":"block"}`, 500},
	{"POST /chat/findContacts", "", `{}`, 200},
	{"POST /chat/findMessages", "", `{}`, 200},
	{"POST /chat/findStatusMessage", "", `{}`, 200},
	{"POST /chat/findChats", "", "", 200},
	{"POST /chat/getPollVote", "", `{"remoteJid":"4915112345678","message":{"key":{"id":"POLL"}}}`, 200},
	{"GET /chat/findChatByRemoteJid", "remoteJid=4915112345678@s.whatsapp.net", "", 200},
	{"POST /chat/fetchBusinessProfile", "", `{"number":"4915112345678"}`, 500},
	{"POST /chat/fetchProfile", "", `{"number":"4915112345678"}`, 500},
	{"POST /chat/updateProfileName", "", `{"name":"A"}`, 500},
	{"POST /chat/updateProfileStatus", "", `{"status":"s"}`, 500},
	{"POST /chat/updateProfilePicture", "", `{"picture":"{picture}"}`, 500},
	{"DELETE /chat/removeProfilePicture", "", "", 500},
	{"GET /chat/fetchPrivacySettings", "", "", 500},
	{"POST /chat/updatePrivacySettings", "", `{"readreceipts":"all","profile":"all","status":"all","online":"all","last":"all","groupadd":"all"}`, 500},
	{"POST /group/create", "", `{"subject":"s","participants":["4915112345678"]}`, 500},
	{"POST /group/updateGroupSubject", "groupJid=120363@g.us", `{"subject":"s"}`, 500},
	{"POST /group/updateGroupDescription", "groupJid=120363@g.us", `{"description":"d"}`, 500},
	{"POST /group/updateGroupPicture", "groupJid=120363@g.us", `{"image":"{picture}"}`, 500},
	{"GET /group/findGroupInfos", "groupJid=120363@g.us", "", 500},
	{"GET /group/fetchAllGroups", "getParticipants=true", "", 500},
	{"GET /group/participants", "groupJid=120363@g.us", "", 500},
	{"GET /group/inviteCode", "groupJid=120363@g.us", "", 500},
	{"GET /group/inviteInfo", "inviteCode=aaaaaaaaaaaaaaaaaaaaaa", "", 500},
	{"GET /group/acceptInviteCode", "inviteCode=aaaaaaaaaaaaaaaaaaaaaa", "", 500},
	{"POST /group/sendInvite", "", `{"groupJid":"120363@g.us","description":"d","numbers":["4915112345678"]}`, 500},
	{"POST /group/revokeInviteCode", "groupJid=120363@g.us", "", 500},
	{"POST /group/updateParticipant", "groupJid=120363@g.us", `{"action":"add","participants":["4915112345678"]}`, 500},
	{"POST /group/updateSetting", "groupJid=120363@g.us", `{"action":"locked"}`, 500},
	{"POST /group/toggleEphemeral", "groupJid=120363@g.us", `{"expiration":0}`, 500},
	{"POST /group/updateMemberAddMode", "groupJid=120363@g.us", `{"mode":"admin_add"}`, 500},
	{"DELETE /group/leaveGroup", "groupJid=120363@g.us", "", 500},
	{"GET /label/findLabels", "", "", 200},
	{"POST /label/handleLabel", "", `{"number":"4915112345678","labelId":"1","action":"add"}`, 500},
	{"POST /call/offer", "", `{"number":"4915112345678","callDuration":5}`, 400}, // never served
	{"GET /instance/connect", "", "", 200},
	{"POST /instance/restart", "", "", 200},
	{"PUT /instance/restart", "", "", 200},
	{"DELETE /instance/delete", "", "", 200},
}

// TestEveryRoute asks each route with and without keys, for instances that are
// not there, in other spellings of its path, with bodies that are none, and while
// the instance is not connected.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	document, err := openapi.Read(evolution.Document)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, o := range document.Operations() {
		if route, under := strings.CutSuffix(o.Path, "/{instance}"); under {
			missing[o.Method+" "+route] = true
		}
	}
	w := apitest.New(t, apitest.Options{})
	const name = `a%20%22b%22%2F%C3%A9%3F%25` // a "b"/é?%
	i := w.Create(t, `a "b"/é?%`, "t")
	remember(t, w, i)
	w.Create(t, "other", "their-token")
	w.Create(t, "gone", "t-gone")
	if a := w.Do(t, "DELETE", "/instance/delete/gone", "t-gone", ""); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, c := range everyRoute {
		method, route, _ := strings.Cut(c.route, " ")
		if !missing[c.route] {
			t.Errorf("%s is not in the document", c.route)
		}
		delete(missing, c.route)
		body := strings.ReplaceAll(c.body, "{picture}", picture(t))
		ask := func(path, instance, query, key string) apitest.Answer {
			if query != "" {
				query = "?" + query
			}
			return w.Do(t, method, path+"/"+instance+query, key, body)
		}
		unknown := func(name string) string {
			return `{"status":404,"error":"Not Found","response":{"message":["The \"` + name + `\" instance does not exist"]}}`
		}
		if c.route != "GET /instance/archive" { // of those that are gone; see TestExportOfALiveInstance
			want(t, c.route+" of nobody", ask(route, "nobody", c.query, "t"), 404, unknown("nobody"))
			want(t, c.route+" of nobody, without a key", ask(route, "nobody", c.query, ""), 404, unknown("nobody"))
			want(t, c.route+" of one that is gone", ask(route, "gone", c.query, "t-gone"), 404, unknown("gone"))
		}
		want(t, c.route+" without a key", ask(route, name, c.query, ""), 401, noKeyBody)
		want(t, c.route+" with a wrong key", ask(route, name, c.query, "wrong"), 401, noKeyBody)
		want(t, c.route+" with another's token", ask(route, name, c.query, "their-token"), 401, noKeyBody)
		want(t, c.route+" with another's token and its name in the query", ask(route, name, "instanceName=other&"+c.query, "their-token"), 401, noKeyBody)
		bearer := http.Header{"Authorization": {"Bearer t"}, "Content-Type": {"application/json"}}
		want(t, c.route+" with a bearer token", w.Send(t, method, route+"/"+name+"?apikey=t&"+c.query, bearer, strings.NewReader(body)), 401, noKeyBody)
		if method != http.MethodGet {
			for sent, said := range map[string]string{
				`"x"`: `Unexpected token \" in JSON at position 0`, `{"number":`: `unexpected EOF`, `{} {}`: `Unexpected non-whitespace character after JSON`,
			} {
				a := w.Do(t, method, route+"/"+name, "t", sent)
				want(t, c.route+" with "+sent, a, 400, `{"status":400,"error":"Internal Server Error","response":{"message":"`+said+`"}}`)
			}
		}
		switch a := ask(strings.ToUpper(route), name+"/", c.query, "t"); c.closed {
		case 500:
			want(t, c.route+" of one that is not connected", a, 500, closedBody)
		case 428:
			want(t, c.route+" of one that is not connected", a, 400, `{"data":null,"isBoom":true,"isServer":false,"output":{"statusCode":428,"payload":{"statusCode":428,"error":"Precondition Required","message":"Connection Closed"},"headers":{}}}`)
		case 0:
			want(t, c.route, a, 500, `{"status":500,"error":"Internal Server Error","response":{"message":"Method not available in the Baileys service"}}`)
		default:
			if a.Status != c.closed {
				t.Errorf("%s of one that is not connected: %d %s, want %d", c.route, a.Status, a.Body, c.closed)
			}
		}
	}
	for route := range missing {
		t.Errorf("%s is not tried", route)
	}
}

// remember puts into the transcript what the routes of everyRoute name: a text
// and a picture of the account's, and a poll.
func remember(t *testing.T, w *apitest.World, i instance.Instance) {
	t.Helper()
	chat := message.Address{PN: "4915112345678@s.whatsapp.net"}
	for id, m := range map[string]message.Message{
		"MINE":  {Kind: "conversation", Content: json.RawMessage(`{"conversation":"hi"}`)},
		"PHOTO": {Kind: "imageMessage", Content: json.RawMessage(`{"imageMessage":{}}`), Media: &message.Media{Kind: "image", Mimetype: "image/jpeg"}},
		"POLL":  {Kind: "pollCreationMessageV3", Content: json.RawMessage(`{"pollCreationMessageV3":{"name":"Q","options":[{"optionName":"a"},{"optionName":"b"}]}}`)},
	} {
		m.ID, m.Chat, m.FromMe, m.ViaAPI, m.Timestamp, m.Status = id, chat, true, true, time.Now(), message.StatusPending
		tell(t, w, i, event.MessageSent, m.Timestamp, m)
	}
}
