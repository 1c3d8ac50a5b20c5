package main

import (
	"bytes"
	"encoding/base64"
	encoding "encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator"
	"roost/simulator/content"
)

// lacks says what of want is not in got: objects may have more fields, "*"
// stands for any text that is not empty.
func lacks(want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		object, is := got.(map[string]any)
		if !is {
			return fmt.Sprintf("%v is no object", got)
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if is, there := object[name]; !there && want[name] != nil {
				return name + " is missing"
			} else if lack := lacks(want[name], is); lack != "" {
				return name + ": " + lack
			}
		}
		return ""
	case []any:
		list, is := got.([]any)
		if !is || len(list) != len(want) {
			return fmt.Sprintf("%v is no list of %d", got, len(want))
		}
		for n := range want {
			if lack := lacks(want[n], list[n]); lack != "" {
				return fmt.Sprintf("%d: %s", n, lack)
			}
		}
		return ""
	case string:
		if text, is := got.(string); is && want == "*" && text != "" {
			return ""
		}
	}
	if want != got {
		return fmt.Sprintf("%v, want %v", got, want)
	}
	return ""
}

func tree(t *testing.T, text string) any {
	t.Helper()
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func treeOf(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return tree(t, string(text))
}

// drawing is a picture of so many pixels a side, PNG.
func drawing(t *testing.T, side int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, side, side/2))
	for n := range img.Pix {
		img.Pix[n] = byte(n * 7)
	}
	img.Set(0, 0, color.Transparent)
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tone is two seconds of a sine, WAV.
func tone() []byte {
	const rate, samples = 8000, 16000
	out := bytes.NewBufferString("RIFF\x00\x00\x00\x00WAVEfmt ")
	_ = encoding.Write(out, encoding.LittleEndian, []uint32{16, 1 | 1<<16, rate, rate * 2, 2 | 16<<16})
	out.WriteString("data")
	_ = encoding.Write(out, encoding.LittleEndian, uint32(samples*2))
	for n := range samples {
		_ = encoding.Write(out, encoding.LittleEndian, int16(10000*math.Sin(float64(n)/3)*float64(n)/samples))
	}
	return out.Bytes()
}

// TestMessages sends a message of every kind over HTTP, looks at it in the inbox
// of its receiver, and holds the webhook to the answer.
func TestMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3*time.Minute)
	w.start()
	alice := w.link("a", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	group := w.Group("Friends", alice, bob)
	var small bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 20, 10)), nil); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cover.jpg" {
			_, _ = rw.Write(small.Bytes())
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte(`<html><head><title>A page</title><meta name="description" content="What it is"><meta property="og:image" content="/cover.jpg"></head><body>`))
	}))
	t.Cleanup(site.Close)

	asked := w.say(bob, simulator.Saying{To: "491510000001", Text: "how are you?"})
	first := w.send("sendText", `{"number":"491510000002","text":"hello"}`, 201)
	firstID := idOf(first)
	picture, sound := base64.StdEncoding.EncodeToString(drawing(t, 64)), base64.StdEncoding.EncodeToString(tone())
	ogg := base64.StdEncoding.EncodeToString([]byte("OggS anything, as it is"))
	upload := w.upload(drawing(t, 600), "image/png")

	rows := []struct{ name, route, body, answer, inbox string }{
		{
			"text with a quote", "sendText", `{"number":"491510000002","text":"fine","quoted":{"key":{"id":"` + asked + `"}}}`,
			`{"messageType":"conversation","message":{"conversation":"fine"},"contextInfo":{"stanzaId":"` + asked + `","participant":"*","quotedMessage":{"conversation":"how are you?"}}}`,
			`{"kind":"text","text":"fine","quoted":{"id":"` + asked + `","kind":"text","text":"how are you?"}}`,
		},
		{
			"text with a link", "sendText", `{"number":"+49 151 0000002","text":"see ` + site.URL + `/page."}`,
			`{"messageType":"conversation","message":{"conversation":"see ` + site.URL + `/page."}}`,
			`{"kind":"text","link":{"url":"` + site.URL + `/page","title":"A page","description":"What it is"}}`,
		},
		{
			"text without preview", "sendText", `{"number":"491510000002","text":"see ` + site.URL + `/page","linkPreview":false}`,
			`{"messageType":"conversation"}`, `{"kind":"text","link":null}`,
		},
		{
			"text to a group, mentioning all", "sendText", `{"number":"` + group.JID().String() + `","text":"all","mentionsEveryOne":true}`,
			`{"key":{"remoteJid":"` + group.JID().String() + `"},"contextInfo":{"mentionedJid":["*","*"]}}`,
			`{"kind":"text","text":"all","mentions":["*","*"]}`,
		},
		{
			"text to a group, mentioning one", "sendText", `{"number":"` + group.JID().String() + `","text":"@491510000002","mentioned":["491510000002"]}`,
			`{"contextInfo":{"mentionedJid":["491510000002@s.whatsapp.net"]}}`, `{"mentions":["491510000002@s.whatsapp.net"]}`,
		},
		{
			"version 1", "sendText", `{"number":"491510000002","textMessage":{"text":"old"},"options":{"delay":200,"presence":"composing"}}`,
			`{"message":{"conversation":"old"}}`, `{"kind":"text","text":"old"}`,
		},
		{
			"picture, made JPEG", "sendMedia", `{"number":"491510000002","mediatype":"image","media":"` + picture + `","caption":"look"}`,
			`{"messageType":"imageMessage","message":{"imageMessage":{"mimetype":"image/jpeg","caption":"look","width":64,"height":32,"jpegThumbnail":"*","mediaKey":"*","fileSha256":"*","fileLength":"*","url":"*","directPath":"*"}}}`,
			`{"kind":"image","caption":"look","mimetype":"image/jpeg","media":{"width":64,"height":32}}`,
		},
		{
			"picture, uploaded before", "sendMedia", `{"number":"491510000002","mediatype":"image","media":"` + upload + `"}`,
			`{"message":{"imageMessage":{"width":600}}}`, `{"kind":"image","media":{"width":600,"height":300}}`,
		},
		{
			"document", "sendMedia", `{"number":"491510000002","mediatype":"document","media":"data:text/plain;base64,aGVsbG8=","fileName":"a.txt","caption":"c"}`,
			`{"messageType":"documentMessage","message":{"documentMessage":{"fileName":"a.txt","title":"a.txt","mimetype":"text/plain","caption":"c","fileLength":"5"}}}`,
			`{"kind":"document","fileName":"a.txt","caption":"c","size":5}`,
		},
		{
			"round video", "sendPtv", `{"number":"491510000002","video":"aGVsbG8="}`,
			`{"messageType":"ptvMessage","message":{"ptvMessage":{"mimetype":"video/mp4"}}}`, `{"kind":"video","size":5}`,
		},
		{
			"voice note as it is", "sendWhatsAppAudio", `{"number":"491510000002","audio":"` + ogg + `","encoding":false}`,
			`{"messageType":"audioMessage","message":{"audioMessage":{"ptt":true,"mimetype":"audio/ogg; codecs=opus"}}}`, `{"kind":"voice","size":23}`,
		},
		{
			"sticker", "sendSticker", `{"number":"491510000002","sticker":"` + picture + `"}`,
			`{"messageType":"stickerMessage","message":{"stickerMessage":{"mimetype":"image/webp","width":512,"height":512,"isAnimated":false}}}`,
			`{"kind":"sticker","mimetype":"image/webp","media":{"width":512,"height":512}}`,
		},
		{
			"place", "sendLocation", `{"number":"491510000002","latitude":52.5,"longitude":-13.4,"name":"Berlin","address":"Mitte"}`,
			`{"messageType":"locationMessage","message":{"locationMessage":{"degreesLatitude":52.5,"degreesLongitude":-13.4,"name":"Berlin","address":"Mitte"}}}`,
			`{"kind":"location","latitude":52.5,"longitude":-13.4,"name":"Berlin","address":"Mitte"}`,
		},
		{
			"card", "sendContact", `{"number":"491510000002","contact":[{"fullName":"Anna; B","phoneNumber":"+49 151 0000009","organization":"O","email":"a@b.c","url":"https://b.c"}]}`,
			`{"messageType":"contactMessage","message":{"contactMessage":{"displayName":"Anna; B","vcard":"BEGIN:VCARD\nVERSION:3.0\nN:Anna\\; B\nFN:Anna\\; B\nORG:O;\nEMAIL:a@b.c\nURL:https://b.c\nitem1.TEL;waid=491510000009:+49 151 0000009\nitem1.X-ABLabel:Celular\nEND:VCARD"}}}`,
			`{"kind":"contact","contacts":[{"name":"Anna; B"}]}`,
		},
		{
			"cards", "sendContact", `{"number":"491510000002","contact":[{"fullName":"A","phoneNumber":"491510000008"},{"fullName":"B","phoneNumber":"491510000009","wuid":"491510000007"}]}`,
			`{"messageType":"contactsArrayMessage","message":{"contactsArrayMessage":{"displayName":"2 contacts","contacts":[{"displayName":"A"},{"displayName":"B"}]}}}`,
			`{"kind":"contact","contacts":[{"name":"A"},{"name":"B"}]}`,
		},
		{
			"poll", "sendPoll", `{"number":"491510000002","name":"Tea?","selectableCount":1,"values":["yes","no"],"quoted":{"key":{"id":"` + asked + `"}}}`,
			`{"messageType":"pollCreationMessageV3","message":{"pollCreationMessageV3":{"name":"Tea?","options":[{"optionName":"yes"},{"optionName":"no"}],"selectableOptionsCount":1},"messageContextInfo":{"messageSecret":"*"}}}`,
			`{"kind":"poll","text":"Tea?","options":["yes","no"],"selectable":1,"quoted":{"id":"` + asked + `"}}`,
		},
		{
			"reaction", "sendReaction", `{"key":{"id":"` + asked + `","remoteJid":"491510000002@s.whatsapp.net","fromMe":false},"reaction":"👍🏽"}`,
			`{"key":{"remoteJid":"491510000002@s.whatsapp.net"},"messageType":"reactionMessage","message":{"reactionMessage":{"text":"👍🏽","key":{"id":"` + asked + `","fromMe":false},"senderTimestampMs":"*"}}}`,
			`{"kind":"reaction","emoji":"👍🏽","target":"` + asked + `"}`,
		},
		{
			"list", "sendList", `{"number":"491510000002","title":"T","description":"D","footerText":"F","buttonText":"B","values":[{"title":"S","rows":[{"title":"R","rowId":"r1"}]}]}`,
			`{"messageType":"listMessage","message":{"listMessage":{"title":"T","description":"D","footerText":"F","buttonText":"B","listType":"SINGLE_SELECT","sections":[{"title":"S","rows":[{"title":"R","rowId":"r1"}]}]}}}`,
			`{"kind":"unknown"}`,
		},
		{
			"buttons", "sendButtons", `{"number":"491510000002","title":"T","description":"D","footer":"F","thumbnailUrl":"` + site.URL + `/cover.jpg","buttons":[{"type":"reply","displayText":"Yes","id":"y"}]}`,
			`{"messageType":"viewOnceMessage","message":{"viewOnceMessage":{"message":{"interactiveMessage":{"body":{"text":"*T*\n\nD\n"},"footer":{"text":"F"},"header":{"hasMediaAttachment":true,"imageMessage":{"mimetype":"image/jpeg"}},"nativeFlowMessage":{"buttons":[{"name":"quick_reply","buttonParamsJson":"{\"display_text\":\"Yes\",\"id\":\"y\"}"}]}}}}}}`,
			`{"kind":"unknown"}`,
		},
		{
			"status", "sendStatus", `{"type":"text","content":"news","backgroundColor":"#102030","font":2,"statusJidList":["491510000002"]}`,
			`{"key":{"remoteJid":"status@broadcast"},"message":{"conversation":"news"}}`, `{"kind":"text","text":"news","chat":"status@broadcast"}`,
		},
	}
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		rows = append(rows, struct{ name, route, body, answer, inbox string }{
			"voice note", "sendWhatsAppAudio", `{"number":"491510000002","audioMessage":{"audio":"` + sound + `"}}`,
			`{"messageType":"audioMessage","message":{"audioMessage":{"ptt":true,"seconds":2,"waveform":"*","mimetype":"audio/ogg; codecs=opus"}}}`,
			`{"kind":"voice","seconds":2}`,
		})
	}
	answers := map[string]map[string]any{idOf(first): first}
	for _, row := range rows {
		answer := w.send(row.route, row.body, 201)
		id := idOf(answer)
		answers[id] = answer
		if lack := lacks(tree(t, `{"key":{"fromMe":true},"pushName":"Você","status":"PENDING","source":"web"}`), answer); lack != "" {
			t.Errorf("%s: the answer's %s", row.name, lack)
		}
		if lack := lacks(tree(t, row.answer), answer); lack != "" {
			t.Errorf("%s: the answer's %s in %v", row.name, lack, answer)
		}
		heard, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == id })
		if err != nil {
			t.Fatalf("%s does not arrive: %v", row.name, err)
		}
		if lack := lacks(tree(t, row.inbox), treeOf(t, heard)); lack != "" {
			t.Errorf("%s: the inbox' %s in %v", row.name, lack, heard)
		}
	}

	edit := w.ask(http.MethodPost, "/chat/updateMessage/a", `{"number":"491510000002","text":"hello again","key":{"id":"`+firstID+`","remoteJid":"491510000002@s.whatsapp.net","fromMe":true}}`, 200)
	if lack := lacks(tree(t, `{"key":{"remoteJid":"491510000002@s.whatsapp.net","fromMe":true,"id":"*"},"status":"PENDING","message":{"protocolMessage":{"type":"MESSAGE_EDIT","key":{"id":"`+firstID+`","fromMe":true},"editedMessage":{"conversation":"hello again"}}}}`), edit); lack != "" {
		t.Errorf("the edit's %s in %v", lack, edit)
	}
	w.hears(bob, content.KindEdit, func(e content.Entry) bool { return e.Target == firstID && e.Text == "hello again" })
	gone := w.ask(http.MethodDelete, "/chat/deleteMessageForEveryone/a", `{"id":"`+firstID+`","remoteJid":"491510000002@s.whatsapp.net","fromMe":true}`, 201)
	if lack := lacks(tree(t, `{"message":{"protocolMessage":{"type":"REVOKE","key":{"id":"`+firstID+`"}}},"messageTimestamp":1,"status":"PENDING"}`), with(gone, "messageTimestamp", 1.0)); lack != "" {
		t.Errorf("the revocation's %s in %v", lack, gone)
	}
	w.hears(bob, content.KindRevoke, func(e content.Entry) bool { return e.Target == firstID })

	// What people write is told in the same form.
	jpg := small.Bytes()
	file := func(f simulator.File) simulator.Saying {
		f.Data = jpg
		return simulator.Saying{To: "491510000001", Media: &f}
	}
	for _, row := range []struct {
		says simulator.Saying
		told string
	}{
		{simulator.Saying{To: "491510000001", Text: "re", Reply: &simulator.Reference{ID: firstID}}, `{"messageType":"conversation","message":{"conversation":"re"},"contextInfo":{"stanzaId":"` + firstID + `"}}`},
		{file(simulator.File{Kind: "image", Caption: "c"}), `{"messageType":"imageMessage","message":{"imageMessage":{"caption":"c","mediaKey":"*","fileSha256":"*","fileEncSha256":"*","fileLength":"*"}}}`},
		{file(simulator.File{Kind: "video", Caption: "c", Seconds: 3}), `{"messageType":"videoMessage","message":{"videoMessage":{"caption":"c","seconds":3,"mediaKey":"*"}}}`},
		{file(simulator.File{Kind: "audio", Seconds: 3}), `{"messageType":"audioMessage","message":{"audioMessage":{"seconds":3,"mediaKey":"*"}}}`},
		{file(simulator.File{Kind: "voice", Seconds: 3}), `{"messageType":"audioMessage","message":{"audioMessage":{"ptt":true,"seconds":3}}}`},
		{file(simulator.File{Kind: "document", Caption: "c", FileName: "f"}), `{"messageType":"documentMessage","message":{"documentMessage":{"fileName":"f","caption":"c"}}}`},
		{file(simulator.File{Kind: "sticker"}), `{"messageType":"stickerMessage","message":{"stickerMessage":{"mimetype":"image/webp","mediaKey":"*"}}}`},
		{simulator.Saying{To: "491510000001", Location: &simulator.Spot{Latitude: 1.5, Longitude: 2, Name: "n"}}, `{"messageType":"locationMessage","message":{"locationMessage":{"degreesLatitude":1.5,"degreesLongitude":2,"name":"n"}}}`},
		{simulator.Saying{To: "491510000001", Contact: &simulator.Card{Name: "Anna", Number: "491510000009"}}, `{"messageType":"contactMessage","message":{"contactMessage":{"displayName":"Anna","vcard":"*"}}}`},
		{simulator.Saying{Reaction: &simulator.Reaction{Reference: simulator.Reference{ID: firstID}, Emoji: "👍"}}, `{"messageType":"reactionMessage","message":{"reactionMessage":{"text":"👍","key":{"id":"` + firstID + `"}}}}`},
	} {
		id := w.say(bob, row.says)
		for _, e := range w.hook.of("messages.upsert") {
			if e.message() != id {
				continue
			}
			if lack := lacks(tree(t, row.told), any(e.Data)); lack != "" {
				t.Errorf("of what came in the webhook's %s in %v", lack, e.Data)
			}
			if lack := lacks(tree(t, `{"key":{"remoteJid":"491510000002@s.whatsapp.net","fromMe":false},"pushName":"Bob","status":"DELIVERY_ACK","instanceId":"*"}`), any(e.Data)); lack != "" {
				t.Errorf("of what came in the webhook's %s", lack)
			}
		}
	}

	// Everything that was sent is told, as it was answered.
	told := map[string]map[string]any{}
	w.poll("the webhook to be told of every message", func() bool {
		for _, e := range w.hook.of("send.message") {
			told[e.message()] = e.Data
		}
		return len(told) >= len(answers) && len(w.hook.of("messages.delete")) > 0 && len(w.hook.of("send.message.update")) > 0
	})
	for id, answer := range answers {
		for _, field := range []string{"message", "messageType", "contextInfo"} {
			if lack := lacks(answer[field], told[id][field]); lack != "" {
				t.Errorf("the webhook's %s: %s", field, lack)
			}
		}
	}
}

func with(object map[string]any, name string, value any) map[string]any {
	out := maps.Clone(object)
	out[name] = value
	return out
}

func idOf(answer map[string]any) string {
	key, _ := answer["key"].(map[string]any)
	id, _ := key["id"].(string)
	return id
}

// say makes a person write to the instance, and waits until the webhook knows.
func (w *world) say(who *simulator.User, s simulator.Saying) types.MessageID {
	w.t.Helper()
	id, err := who.Say(s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.poll("the message to be told", func() bool {
		return slices.ContainsFunc(w.hook.of("messages.upsert"), func(e told) bool { return e.message() == id })
	})
	return id
}

func (w *world) hears(who *simulator.User, kind content.Kind, fits func(content.Entry) bool) {
	w.t.Helper()
	if _, err := who.Await(w.ctx, func(e content.Entry) bool { return e.Kind == kind && fits(e) }); err != nil {
		w.t.Errorf("no %s has come: %v", kind, err)
	}
}

func (w *world) ask(method, path, body string, status int) map[string]any {
	w.t.Helper()
	got, answer := w.call(method, path, json.RawMessage(body))
	if got != status {
		w.t.Fatalf("%s %s %.200s: %d %v", method, path, body, got, answer)
	}
	return answer
}

func (w *world) send(route, body string, status int) map[string]any {
	w.t.Helper()
	return w.ask(http.MethodPost, "/message/"+route+"/a", body, status)
}

// upload puts a file where sends find it, and returns its name.
func (w *world) upload(file []byte, mimetype string) string {
	w.t.Helper()
	room := w.ask(http.MethodPost, "/media/a", `{"mimetype":"`+mimetype+`"}`, 201)
	address, _ := room["uploadURL"].(string)
	r, err := http.NewRequestWithContext(w.ctx, http.MethodPut, address, bytes.NewReader(file))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", mimetype)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	media, _ := room["media"].(string)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(media, "upload://") {
		w.t.Fatalf("upload to %v: %s", room, response.Status)
	}
	return media
}
