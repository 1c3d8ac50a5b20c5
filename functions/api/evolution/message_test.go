package evolution_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/message"
)

// TestMessageForms: what the host is asked for, in whichever form it is asked.
func TestMessageForms(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	const person, group = "4915112345678@s.whatsapp.net", "120363021033254949@g.us"
	hello := func(kind, mimetype, name string) *command.MediaArgs {
		return &command.MediaArgs{Kind: kind, Mimetype: mimetype, FileName: name, Bytes: []byte("hello")}
	}
	voice := hello("voice", "audio/ogg; codecs=opus", "")
	ready := *voice
	ready.Verbatim = true
	sticker := hello("sticker", "image/webp", "")
	raw := *sticker
	raw.Verbatim = true
	loop := hello("video", "video/mp4", "video.mp4")
	loop.Loop = true
	for _, c := range []struct {
		name, route, body string
		want              command.SendArgs
	}{
		{"a voice note", "sendWhatsAppAudio", `{"number":"4915112345678","audio":"aGVsbG8=","delay":100}`, command.SendArgs{To: person, Media: voice, Delay: 100 * time.Millisecond}},
		{"one that is ready", "sendWhatsAppAudio", `{"number":"4915112345678","audio":"data:audio/ogg;base64,aGVsbG8=","encoding":false}`, command.SendArgs{To: person, Media: &ready}},
		{"one of the manager", "sendWhatsAppAudio", `{"number":"4915112345678","audioMessage":{"audio":"aGVsbG8="},"options":{"delay":0,"encoding":true}}`, command.SendArgs{To: person, Media: voice}},
		{"a quoting voice note", "sendWhatsAppAudio", `{"number":"4915112345678","audio":"aGVsbG8=","quoted":{"key":{"id":"Q","fromMe":true}}}`, command.SendArgs{To: person, Media: voice, Quoted: &command.Quoted{ID: "Q", Chat: person, Sender: "4915550001@s.whatsapp.net", FromMe: true}}},
		{"a round video", "sendPtv", `{"number":"4915112345678","video":"aGVsbG8="}`, command.SendArgs{To: person, Media: hello("ptv", "video/mp4", "video.mp4")}},
		{"a video that loops", "sendMedia", `{"number":"4915112345678","mediatype":"video","media":"aGVsbG8=","gifPlayback":true}`, command.SendArgs{To: person, Media: loop}},
		{"a sticker", "sendSticker", `{"number":"4915112345678","sticker":"aGVsbG8="}`, command.SendArgs{To: person, Media: sticker}},
		{"one as it is", "sendSticker", `{"number":"4915112345678","sticker":"aGVsbG8=","notConvertSticker":true}`, command.SendArgs{To: person, Media: &raw}},
		{"one of version 1", "sendSticker", `{"number":"4915112345678","stickerMessage":{"image":"aGVsbG8="}}`, command.SendArgs{To: person, Media: sticker}},
		{"a place", "sendLocation", `{"number":"4915112345678","latitude":-1.5,"longitude":2,"name":"n","address":"a"}`, command.SendArgs{To: person, Location: &command.LocationArgs{Latitude: -1.5, Longitude: 2, Name: "n", Address: "a"}}},
		{"one of version 1", "sendLocation", `{"number":"4915112345678","locationMessage":{"latitude":1,"longitude":2,"name":"n","address":"a"}}`, command.SendArgs{To: person, Location: &command.LocationArgs{Latitude: 1, Longitude: 2, Name: "n", Address: "a"}}},
		{"a card", "sendContact", `{"number":"4915112345678","contact":[{"fullName":"A","phoneNumber":"+49 151 99"}]}`, command.SendArgs{To: person, Contacts: []command.ContactCard{{Name: "A", Phone: "+49 151 99", Account: "4915199"}}}},
		{"cards of version 1", "sendContact", `{"number":"4915112345678","contactMessage":[{"fullName":"A","phoneNumber":"4915199999","wuid":"4915188888","organization":"O","email":"e","url":""}]}`, command.SendArgs{To: person, Contacts: []command.ContactCard{{Name: "A", Phone: "4915199999", Account: "4915188888", Organization: "O", Email: "e"}}}},
		{"a reaction", "sendReaction", `{"key":{"id":"M","remoteJid":"` + person + `","fromMe":false},"reaction":"❤️"}`, command.SendArgs{To: person, Reaction: &command.ReactionArgs{Reference: command.Reference{ID: "M", Sender: person}, Emoji: "❤️"}}},
		{"one taken back", "sendReaction", `{"reactionMessage":{"key":{"id":"M","remoteJid":"` + person + `","fromMe":true},"reaction":""}}`, command.SendArgs{To: person, Reaction: &command.ReactionArgs{Reference: command.Reference{ID: "M", FromMe: true}}}},
		{"one in a group", "sendReaction", `{"key":{"id":"M","remoteJid":"` + group + `","fromMe":false,"participant":"4915112345678"},"reaction":"1️⃣"}`, command.SendArgs{To: group, Reaction: &command.ReactionArgs{Reference: command.Reference{ID: "M", Sender: person}, Emoji: "1️⃣"}}},
		{"a poll", "sendPoll", `{"number":"` + group + `","name":"Q","selectableCount":0,"values":["a","b"],"mentioned":["4915112345678"]}`, command.SendArgs{To: group, Poll: &command.PollArgs{Question: "Q", Options: []string{"a", "b"}}, Mentions: []string{person}}},
		{"a list of the documentation", "sendList", `{"number":"4915112345678","title":"T","footerText":"F","buttonText":"B","values":[{"title":"S","rows":[{"title":"R","description":"d","rowId":"1"}]}]}`, command.SendArgs{To: person, List: &command.ListArgs{Title: "T", Footer: "F", Button: "B", Sections: []command.ListSection{{Title: "S", Rows: []command.ListRow{{ID: "1", Title: "R", Description: "d"}}}}}}},
		{"buttons", "sendButtons", `{"number":"4915112345678","title":"T","buttons":[{"type":"url","displayText":"u","url":"https://a"},{"type":"copy","displayText":"c","copyCode":"1"},{"type":"call","displayText":"p","phoneNumber":"1"}]}`, command.SendArgs{To: person, Buttons: &command.ButtonsArgs{Text: "*T*", Buttons: []command.Button{
			{Name: "cta_url", Params: json.RawMessage(`{"display_text":"u","merchant_url":"https://a","url":"https://a"}`)},
			{Name: "cta_copy", Params: json.RawMessage(`{"copy_code":"1","display_text":"c"}`)},
			{Name: "cta_call", Params: json.RawMessage(`{"display_text":"p","phone_number":"1"}`)},
		}}}},
		{"a status", "sendStatus", `{"statusMessage":{"type":"text","content":"c","backgroundColor":"#0000ff","font":1,"statusJidList":["4915112345678"]}}`, command.SendArgs{To: "status@broadcast", Text: &command.TextArgs{Text: "c", Background: 0xff0000ff, Font: 1}, Audience: []string{person}}},
		{"a status with a picture", "sendStatus", `{"type":"image","content":"aGVsbG8=","statusJidList":["4915112345678@s.whatsapp.net"]}`, command.SendArgs{To: "status@broadcast", Media: hello("image", "image/jpeg", "image.jpg"), Audience: []string{person}}},
		{"a status with a video", "sendStatus", `{"type":"video","content":"aGVsbG8=","caption":"c","statusJidList":["4915112345678"]}`, command.SendArgs{To: "status@broadcast", Media: &command.MediaArgs{Kind: "video", Mimetype: "video/mp4", FileName: "video.mp4", Caption: "c", Bytes: []byte("hello")}, Audience: []string{person}}},
		{"a status with a voice", "sendStatus", `{"type":"audio","content":"aGVsbG8=","statusJidList":["4915112345678"]}`, command.SendArgs{To: "status@broadcast", Media: voice, Audience: []string{person}}},
	} {
		a := w.Do(t, "POST", "/message/"+c.route+"/a", "t", c.body)
		if a.Status != 201 {
			t.Errorf("%s: %d %s", c.name, a.Status, a.Body)
			continue
		}
		got := last(t, w).Args
		c.want.MessageID = got.MessageID
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	a := w.Do(t, "POST", "/message/sendButtons/a", "t", `{"number":"4915112345678","title":"T","buttons":[{"type":"pix","currency":"BRL","name":"N","keyType":"random","key":"k"}]}`)
	if got := last(t, w).Args.Buttons; a.Status != 201 || got.Text != "" || got.Buttons[0].Name != "payment_info" || !strings.Contains(string(got.Buttons[0].Params), `"pix_static_code":{"key":"k","key_type":"EVP","merchant_name":"N"}`) {
		t.Errorf("a PIX button: %d %s, %+v", a.Status, a.Body, got)
	}
}

// TestMessageFiles: the file of a message as a part of a multipart body.
func TestMessageFiles(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	for route, want := range map[string]string{"sendWhatsAppAudio": "voice", "sendSticker": "sticker", "sendPtv": "ptv", "sendStatus": "image"} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for name, value := range map[string]string{"number": "4915112345678", "type": "image", "statusJidList[]": "4915112345678", "delay": "1"} {
			if err := form.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		part, err := form.CreateFormFile("file", "x.bin")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte("a file"))
		_ = form.Close()
		a := w.Send(t, "POST", "/message/"+route+"/a", http.Header{"Apikey": {"t"}, "Content-Type": {form.FormDataContentType()}}, &body)
		if a.Status != 201 {
			t.Errorf("%s: %d %s", route, a.Status, a.Body)
			continue
		}
		if got := last(t, w); got.Args.Media.Kind != want || string(got.File) != "a file" {
			t.Errorf("%s: the host got %+v with %q", route, got.Args.Media, got.File)
		}
	}
}

// TestMessageRefusals are the exact bodies for what the routes do not take.
func TestMessageRefusals(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	w.Host.Tell(func(h *apitest.Host) { h.Absent["4930123456"] = true })
	const key = `"key":{"id":"M","remoteJid":"4915112345678@s.whatsapp.net","fromMe":true}`
	const absent = `[{"jid":"4930123456@s.whatsapp.net","exists":false,"number":"4930123456"}]`
	for _, c := range []struct{ name, route, body, want string }{
		{"ptv without a file", "message/sendPtv", `{"number":"1"}`, `["Owned media must be a url or base64"]`},
		{"ptv without a number", "message/sendPtv", `{"video":"aGVsbG8="}`, `[["instance requires property \"number\""]]`},
		{"voice without a file", "message/sendWhatsAppAudio", `{"number":"1","audio":"!"}`, `["Owned media must be a url, base64, or valid file with buffer"]`},
		{"voice of another type", "message/sendWhatsAppAudio", `{"number":"1","audio":1}`, `[["audio is not of a type(s) string"]]`},
		{"sticker at a local host", "message/sendSticker", `{"number":"1","sticker":"http://localhost/a.png"}`, `["Owned media must be a url or base64"]`},
		{"sticker inside", "message/sendSticker", `{"number":"4915112345678","sticker":"http://169.254.169.254/a.png"}`, `["the media URL could not be fetched: its address is not a public one"]`},
		{"place without a name", "message/sendLocation", `{"number":"1","latitude":"x","longitude":2}`, `[["latitude is not of a type(s) number","instance requires property \"name\"","instance requires property \"address\""]]`},
		{"place beyond the pole", "message/sendLocation", `{"number":"1","latitude":91,"longitude":2,"name":"n","address":"a"}`, `["latitude is from -90 to 90, and longitude from -180 to 180"]`},
		{"no cards", "message/sendContact", `{"number":"1","contact":[]}`, `[["contact does not meet minimum length of 1"]]`},
		{"a short number", "message/sendContact", `{"number":"1","contact":[{"fullName":"A","phoneNumber":"123"}]}`, `[["contact[0].phoneNumber does not meet minimum length of 10"]]`},
		{"a nameless card", "message/sendContact", `{"number":"1","contact":[{"phoneNumber":"1234567890"}]}`, `[["contact[0] requires property \"fullName\""]]`},
		{"a word as reaction", "message/sendReaction", `{` + key + `,"reaction":"yes"}`, `["Reaction must be a single emoji or empty string"]`},
		{"two emoji", "message/sendReaction", `{` + key + `,"reaction":"👍👍"}`, `["Reaction must be a single emoji or empty string"]`},
		{"a digit", "message/sendReaction", `{` + key + `,"reaction":"1"}`, `["Reaction must be a single emoji or empty string"]`},
		{"a reaction to nothing", "message/sendReaction", `{"key":{"id":"M"},"reaction":"👍"}`, `[["key requires property \"remoteJid\"","key requires property \"fromMe\""]]`},
		{"a reaction to nobody knows whom", "message/sendReaction", `{"key":{"id":"M","remoteJid":"120363021033254949@g.us","fromMe":false},"reaction":"👍"}`, `["The message is not known here: its key needs the participant who wrote it"]`},
		{"a poll with one option", "message/sendPoll", `{"number":"1","name":"Q","selectableCount":11,"values":["a"]}`, `[["selectableCount must be less than or equal to 10","values does not meet minimum length of 2"]]`},
		{"a poll with the same option twice", "message/sendPoll", `{"number":"1","name":"Q","selectableCount":-1,"values":["a","a"]}`, `[["selectableCount must be greater than or equal to 0","values contains duplicate item"]]`},
		{"a poll with many options", "message/sendPoll", `{"number":"1","name":"Q","selectableCount":1,"values":["1","2","3","4","5","6","7","8","9","10","11"]}`, `[["values does not meet maximum length of 10"]]`},
		{"a list without rows", "message/sendList", `{"number":"1","title":"T","footerText":"F","buttonText":"B","sections":[{"title":"S","rows":[]}]}`, `[["sections[0].rows does not meet minimum length of 1"]]`},
		{"a row without an id", "message/sendList", `{"number":"1","title":"T","footerText":"F","buttonText":"B","sections":[{"title":"S","rows":[{"title":"R"}]}]}`, `[["sections[0].rows[0] requires property \"rowId\""]]`},
		{"no buttons", "message/sendButtons", `{"number":"1","title":"T","buttons":[]}`, `["At least one button is required"]`},
		{"a button of no kind", "message/sendButtons", `{"number":"1","title":"T","buttons":[{"type":"x"}]}`, `[["buttons[0].type is not one of enum values: reply,copy,url,call,pix"]]`},
		{"four replies", "message/sendButtons", `{"number":"1","title":"T","buttons":[{"type":"reply","id":"1"},{"type":"reply","id":"2"},{"type":"reply","id":"3"},{"type":"reply","id":"4"}]}`, `["Maximum of 3 reply buttons allowed"]`},
		{"replies and others", "message/sendButtons", `{"number":"1","title":"T","buttons":[{"type":"reply","id":"1"},{"type":"url","url":"u"}]}`, `["Reply buttons cannot be mixed with other button types"]`},
		{"two PIX", "message/sendButtons", `{"number":"1","title":"T","buttons":[{"type":"pix","key":"1"},{"type":"pix","key":"2"}]}`, `["Only one PIX button is allowed"]`},
		{"PIX and others", "message/sendButtons", `{"number":"1","title":"T","buttons":[{"type":"pix"},{"type":"url","url":"u"}]}`, `["PIX button cannot be mixed with other button types"]`},
		{"a status of no kind", "message/sendStatus", `{"type":"gif"}`, `[["type is not one of enum values: text,image,audio,video"]]`},
		{"an empty status", "message/sendStatus", `{"type":"text"}`, `["Content is required"]`},
		{"a status for nobody", "message/sendStatus", `{"type":"text","content":"c"}`, `["StatusJidList is required"]`},
		{"a status without contacts", "message/sendStatus", `{"type":"text","content":"c","allContacts":true}`, `["Contacts not found"]`},
		{"a colourless status", "message/sendStatus", `{"type":"text","content":"c","statusJidList":["4915112345678"]}`, `["Background color is required"]`},
		{"an odd colour", "message/sendStatus", `{"type":"text","content":"c","statusJidList":["4915112345678"],"backgroundColor":"red"}`, `["Background color is written as #rrggbb"]`},
		{"a status without a font", "message/sendStatus", `{"type":"text","content":"c","statusJidList":["4915112345678"],"backgroundColor":"#000000","font":0}`, `["Font is required"]`},
		{"a font that is none", "message/sendStatus", `{"type":"text","font":6}`, `[["font must be less than or equal to 5"]]`},
		{"a status for one who is not there", "message/sendStatus", `{"type":"image","content":"aGVsbG8=","statusJidList":["4930123456"]}`, absent},
		{"a template without a name", "message/sendTemplate", `{"number":"1"}`, `[["instance requires property \"name\"","instance requires property \"language\""]]`},
		{"an edit of nothing", "chat/updateMessage", `{"number":"4915112345678","text":"x"}`, `[["instance requires property \"key\""]]`},
		{"an edit without text", "chat/updateMessage", `{"number":"4915112345678",` + key + `}`, `["Text is required"]`},
		{"a call", "call/offer", `{"number":"4915112345678","callDuration":16}`, `[["callDuration must be less than or equal to 15"]]`},
		{"a call that is right", "call/offer", `{"number":"4915112345678","callDuration":5,"isVideo":false}`, `["This server cannot place calls: it rejects incoming ones (settings, rejectCall), and has no voice to call with"]`},
		{"an upload of an odd type", "media", `{"mimetype":1}`, `[["mimetype is not of a type(s) string"]]`},
		{"an upload that is not there", "message/sendSticker", `{"number":"4915112345678","sticker":"upload://00000000-0000-0000-0000-000000000000"}`, `["nothing was uploaded as upload://UUID, or it was removed"]`},
		{"an upload that is none", "message/sendSticker", `{"number":"4915112345678","sticker":"upload://../x"}`, `["\"upload://../x\" is no upload"]`},
	} {
		want(t, c.name, w.Do(t, "POST", "/"+c.route+"/a", "t", c.body), 400, `{"status":400,"error":"Bad Request","response":{"message":`+c.want+`}}`)
	}
	for route, body := range map[string]string{
		"sendText": `"text":"x"`, "sendMedia": `"mediatype":"image","media":"aGVsbG8="`, "sendPtv": `"video":"aGVsbG8="`, "sendWhatsAppAudio": `"audio":"aGVsbG8="`,
		"sendSticker": `"sticker":"aGVsbG8="`, "sendLocation": `"latitude":1,"longitude":1,"name":"n","address":"a"`,
		"sendContact": `"contact":[{"fullName":"A","phoneNumber":"1234567890"}]`, "sendPoll": `"name":"Q","selectableCount":1,"values":["a","b"]`,
		"sendList": `"title":"T","footerText":"F","buttonText":"B","sections":[{"title":"S","rows":[{"title":"R","rowId":"1"}]}]`, "sendButtons": `"title":"T","buttons":[{"type":"reply","id":"1"}]`,
	} {
		want(t, route+" to one who is not there", w.Do(t, "POST", "/message/"+route+"/a", "t", `{"number":"4930123456",`+body+`}`), 400,
			`{"status":400,"error":"Bad Request","response":{"message":`+absent+`}}`)
	}
	want(t, "a reaction to one who is not there", w.Do(t, "POST", "/message/sendReaction/a", "t", `{"key":{"id":"M","remoteJid":"4930123456","fromMe":true},"reaction":"👍"}`), 400,
		`{"status":400,"error":"Bad Request","response":{"message":`+absent+`}}`)
	want(t, "a template", w.Do(t, "POST", "/message/sendTemplate/a", "t", `{"number":"1","name":"n","language":"en"}`), 500,
		`{"status":500,"error":"Internal Server Error","response":{"message":"Method not available in the Baileys service"}}`)
	want(t, "deleting nothing", w.Do(t, "DELETE", "/chat/deleteMessageForEveryone/a", "t", `{}`), 400,
		`{"status":400,"error":"Bad Request","response":{"message":[["instance requires property \"id\"","instance requires property \"fromMe\"","instance requires property \"remoteJid\""]]}}`)
	want(t, "deleting another's", w.Do(t, "DELETE", "/chat/deleteMessageForEveryone/a", "t", `{"id":"M","fromMe":false,"remoteJid":"4915112345678"}`), 400,
		`{"status":400,"error":"Bad Request","response":{"message":["Only messages of this account can be deleted for everyone, or as admin those of a group"]}}`)
}

func TestUpdateMessage(t *testing.T) {
	t.Parallel()
	w, i := linked(t, apitest.Options{})
	chat := message.Address{PN: "4915112345678@s.whatsapp.net", LID: "14915112345678@lid"}
	for id, m := range map[string]message.Message{
		"MINE": {Kind: "conversation", FromMe: true}, "PHOTO": {Kind: "imageMessage", FromMe: true, Content: json.RawMessage(`{"imageMessage":{"caption":"old","mediaKey":"AAAA"}}`)},
		"PLACE": {Kind: "locationMessage", FromMe: true}, "THEIRS": {Kind: "conversation"}, "OLD": {Kind: "conversation", FromMe: true, Timestamp: time.Now().Add(-16 * time.Minute)},
	} {
		m.ID, m.Chat = id, chat
		if m.Timestamp.IsZero() {
			m.Timestamp = time.Now()
		}
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Transcripts.Store(t.Context(), event.Event{ID: event.NewID(id), Instance: i.ID, Tenant: i.Tenant, Kind: event.MessageReceived, Chat: chat.Key(), At: m.Timestamp, Body: body})
		if err != nil {
			t.Fatal(err)
		}
	}
	edit := func(id, number string) apitest.Answer {
		return w.Do(t, "POST", "/chat/updateMessage/a", "t", `{"number":"`+number+`","text":"new","key":{"id":"`+id+`","remoteJid":"4915112345678@s.whatsapp.net","fromMe":true}}`)
	}
	for _, c := range []struct {
		id, number, want string
		status           int
	}{
		{"PLACE", "4915112345678", `{"status":400,"error":"Bad Request","response":{"message":["Message not compatible"]}}`, 400},
		{"THEIRS", "4915112345678", `{"status":400,"error":"Bad Request","response":{"message":["Message not compatible"]}}`, 400},
		{"OLD", "4915112345678", `{"status":400,"error":"Bad Request","response":{"message":["Message is older than 15 minutes"]}}`, 400},
		{"MINE", "4915199999999", `{"status":400,"error":"Bad Request","response":{"message":["RemoteJid does not match"]}}`, 400},
		{"NONE", "4915112345678", `{"status":404,"error":"Not Found","response":{"message":["Message not found"]}}`, 404},
	} {
		want(t, c.id, edit(c.id, c.number), c.status, c.want)
	}
	if a := edit("MINE", "4915112345678"); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := edit("PHOTO", "14915112345678@lid"); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	got := last(t, w).Args.Edit
	if got == nil || got.ID != "PHOTO" || got.Text != "new" || !strings.Contains(string(got.Content), "mediaKey") {
		t.Errorf("the host got %+v", got)
	}
}

// TestUpload: a file that does not go through the API, for one instance only.
func TestUpload(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	w.Link(t, w.Create(t, "b", "t-b"))
	a := w.Do(t, "POST", "/media/a", "t", `{"mimetype":"application/pdf"}`)
	var room struct{ UploadURL, Media, Expires string }
	if err := json.Unmarshal([]byte(a.Body), &room); err != nil || a.Status != 201 || room.Expires == "" {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	put := func(mimetype string) int {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPut, room.UploadURL, strings.NewReader(strings.Repeat("x", 70<<10)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", mimetype)
		response, err := w.Server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if got := put("text/html"); got != 403 {
		t.Errorf("another type: %d", got)
	}
	if got := put("application/pdf"); got != 200 {
		t.Fatalf("%d", got)
	}
	body := `{"number":"4915112345678","mediatype":"document","media":"` + room.Media + `","fileName":"a"}`
	for range 2 { // it can be sent to many
		if a := w.Do(t, "POST", "/message/sendMedia/a", "t", body); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got := last(t, w); len(got.File) != 70<<10 || got.Args.Media.Mimetype != "application/pdf" || got.Args.Media.FileName != "a" {
			t.Errorf("the host got %+v", got.Args.Media)
		}
	}
	if a := w.Do(t, "POST", "/message/sendMedia/b", "t-b", body); a.Status != 400 {
		t.Errorf("another instance: %d %s", a.Status, a.Body)
	}
	for path, status := range map[string]int{"/media/none": 404, "/media": 404, "/media/a/b": 404} {
		if a := w.Do(t, "POST", path, "t", `{}`); a.Status != status {
			t.Errorf("POST %s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := w.Do(t, "POST", "/media/b", "t", `{}`); a.Status != 401 {
		t.Errorf("another's token: %d", a.Status)
	}
}

// TestLinkPreview: what a link shows is looked up where files may come from, and
// nothing keeps the message.
func TestLinkPreview(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/site/page":
			w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
			_, _ = w.Write([]byte("<html><head><title>gr\xfc\xdfe &amp; mehr</title><meta name=description content='  a \n b '></head><body><title>no</title>"))
		case "/site/graph":
			_, _ = w.Write([]byte(`<meta property="og:title" content="G"/><meta property="og:description" content="` + strings.Repeat("d", 500) + `"><title>T</title>`))
		case "/site/moved":
			http.Redirect(w, r, "/site/page", http.StatusFound)
		case "/site/slow":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		default:
			http.NotFound(w, r)
		}
	})
	w, _ := linked(t, apitest.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Mount: map[string]http.Handler{"/site/": site}})
	page := &command.Preview{Title: "grüße & mehr", Description: "a b"}
	for path, want := range map[string]*command.Preview{
		"/site/page": page, "/site/moved": page, "/site/none": nil, "/site/slow": nil,
		"/site/graph": {Title: "G", Description: strings.Repeat("d", 399) + "…"},
	} {
		address := w.Server.URL + path
		if a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"(`+address+`)!"}`); a.Status != 201 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
			continue
		}
		got := last(t, w).Args.Text.Preview
		if want != nil {
			shown := *want
			shown.URL, want = address, &shown
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	other, _ := linked(t, apitest.Options{Limits: core.Limits{Fetch: time.Second}})
	if a := other.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"`+w.Server.URL+`/site/page"}`); a.Status != 201 || last(t, other).Args.Text.Preview != nil {
		t.Errorf("a private address: %d %s, %+v", a.Status, a.Body, last(t, other).Args.Text.Preview)
	}
}
