package evolution_test

import (
	"encoding/base64"
	"strconv"
	"testing"

	"roost/shared/event"
	"roost/simulator"
	"roost/simulator/content"
)

// TestKinds is section 2.4 of the contract: the answer to a message of each
// kind. What arrives of them is in the program's own test, TestMessages.
func TestKinds(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	const to = `"number":"+49 151 0000002"`
	file := `"mediaKey":"*","*`
	send := func(name, route, body, kind, message string) step {
		return step{
			name: name, method: "POST", path: "/message/" + route + "/a", body: `{` + to + `,` + body + `}`, status: 201,
			want: `{"key":{"remoteJid":"491510000002@s.whatsapp.net","fromMe":true,"id":"3EB0*"},"pushName":"Você","status":"PENDING","message":{` + message + `},"messageType":"` + kind + `","messageTimestamp":*,"instanceId":"*-*-*-*-*","source":"web"}`,
		}
	}
	button := func(name, shape string) string {
		return `"viewOnceMessage":{*"interactiveMessage":{*"nativeFlowMessage":{*"buttonParamsJson":"` + shape + `"*"name":"` + name + `"*`
	}
	w.run(map[string]string{"picture": picture(t)}, []step{
		send("a text", "sendText", `"text":"hello <b>"`, "conversation", `"conversation":"hello *b*"*`),
		send("a picture", "sendMedia", `"mediatype":"image","media":"{picture}","caption":"c"`, "imageMessage", `"imageMessage":{*"caption":"c"*`+file),
		send("a video", "sendMedia", `"mediatype":"video","media":"aGVsbG8=","caption":"c"`, "videoMessage", `"videoMessage":{*"caption":"c"*`+file),
		send("a video that loops", "sendMedia", `"mediatype":"video","media":"aGVsbG8=","gifPlayback":true`, "videoMessage", `"videoMessage":{*"gifPlayback":true*`+file),
		send("one of Tenor's", "sendMedia", `"mediatype":"video","media":"aGVsbG8=","gifPlayback":true,"gifAttribution":2`, "videoMessage", `"videoMessage":{*"gifAttribution":"TENOR","gifPlayback":true*`+file),
		send("one of Giphy's", "sendMedia", `"mediatype":"video","media":"aGVsbG8=","gifPlayback":true,"gifAttribution":"GIPHY"`, "videoMessage", `"videoMessage":{*"gifAttribution":"GIPHY","gifPlayback":true*`+file),
		send("audio", "sendMedia", `"mediatype":"audio","media":"aGVsbG8=","mimetype":"audio/mp4"`, "audioMessage", `"audioMessage":{*"mimetype":"audio/mp4"*`),
		send("a document", "sendMedia", `"mediatype":"document","media":"aGVsbG8=","fileName":"a.pdf","mimetype":"text/plain","caption":"c"`, "documentMessage", `"documentMessage":{*"caption":"c"*"fileName":"a.pdf"*"mimetype":"application/pdf"*`),
		send("a round video", "sendPtv", `"video":"aGVsbG8="`, "ptvMessage", `"ptvMessage":{*`),
		send("a voice note", "sendWhatsAppAudio", `"audio":"T2dnUyBhcyBpdCBpcw==","encoding":false`, "audioMessage", `"audioMessage":{*"mimetype":"audio/ogg; codecs=opus"*"ptt":true*`),
		send("a sticker", "sendSticker", `"sticker":"{picture}"`, "stickerMessage", `"stickerMessage":{*"mimetype":"image/webp"*`),
		send("a place", "sendLocation", `"latitude":-33.5,"longitude":151.25,"name":"n","address":"a"`, "locationMessage", `"locationMessage":{"address":"a","degreesLatitude":-33.5,"degreesLongitude":151.25,"name":"n"}*`),
		send("a card", "sendContact", `"contact":[{"fullName":"A","phoneNumber":"+49 151 0000009"}]`, "contactMessage", `"contactMessage":{"displayName":"A","vcard":"BEGIN:VCARD*waid=491510000009:+49 151 0000009*"}*`),
		send("cards", "sendContact", `"contact":[{"fullName":"A","phoneNumber":"491510000008"},{"fullName":"B","phoneNumber":"491510000009"}]`, "contactsArrayMessage", `"contactsArrayMessage":{"contacts":[{"displayName":"A",*},{"displayName":"B",*}],"displayName":"2 contacts"}*`),
		send("a poll", "sendPoll", `"name":"Q","selectableCount":1,"values":["a","b"]`, "pollCreationMessageV3", `"messageContextInfo":{*"messageSecret":"*"*"pollCreationMessageV3":{"name":"Q","options":[{"optionName":"a"*},{"optionName":"b"*}],"selectableOptionsCount":1*`),
		send("a list", "sendList", `"title":"T","description":"D","footerText":"F","buttonText":"B","sections":[{"title":"S","rows":[{"title":"R","description":"d","rowId":"r1"}]}]`, "listMessage",
			`"listMessage":{"buttonText":"B","description":"D","footerText":"F","listType":"SINGLE_SELECT","sections":[{"rows":[{"description":"d","rowId":"r1","title":"R"}],"title":"S"}],"title":"T"}*`),
		send("a reply button", "sendButtons", `"title":"T","buttons":[{"type":"reply","displayText":"Yes","id":"y"}]`, "viewOnceMessage", button("quick_reply", `{\"display_text\":\"Yes\",\"id\":\"y\"}`)),
		send("a button that copies", "sendButtons", `"title":"T","buttons":[{"type":"copy","displayText":"C","copyCode":"42"}]`, "viewOnceMessage", button("cta_copy", `{\"copy_code\":\"42\",\"display_text\":\"C\"}`)),
		send("a link", "sendButtons", `"title":"T","buttons":[{"type":"url","displayText":"L","url":"https://a.example"}]`, "viewOnceMessage", button("cta_url", `{\"display_text\":\"L\",\"merchant_url\":\"https://a.example\",\"url\":\"https://a.example\"}`)),
		send("a button that calls", "sendButtons", `"title":"T","buttons":[{"type":"call","displayText":"C","phoneNumber":"+49151"}]`, "viewOnceMessage", button("cta_call", `{\"display_text\":\"C\",\"phone_number\":\"+49151\"}`)),
		send("PIX", "sendButtons", `"buttons":[{"type":"pix","currency":"BRL","name":"N","keyType":"cnpj","key":"k"}]`, "viewOnceMessage", button("payment_info", `{\"currency\":\"BRL\",\"order\":{\"items\":[{\"amount\":{\"offset\":100,\"value\":0},\"name\":\"\",\"quantity\":0,\"sale_amount\":{\"offset\":100,\"value\":0}}],\"order_type\":\"ORDER\",\"status\":\"pending\",\"subtotal\":{\"offset\":100,\"value\":0}},`+
			`\"payment_settings\":[{\"pix_static_code\":{\"key\":\"k\",\"key_type\":\"CNPJ\",\"merchant_name\":\"N\"},\"type\":\"pix_static_code\"}],\"reference_id\":\"*\",\"share_payment_status\":false,\"total_amount\":{\"offset\":100,\"value\":0},\"type\":\"physical-goods\"}`)),
	})

	// While a delay lasts, its receiver sees why.
	_, err := bob.Send(w.alice.PN(), content.Text("hello")) // makes it known here
	w.must(err)
	w.next(event.MessageReceived)
	for state, body := range map[string][2]string{
		"composing": {"sendText", `"text":"slow"`}, "recording": {"sendWhatsAppAudio", `"audio":"T2dnUyBhcyBpdCBpcw==","encoding":false`},
	} {
		w.run(nil, []step{{name: "slowly " + state, method: "POST", path: "/message/" + body[0] + "/a", body: `{` + to + `,"delay":1,` + body[1] + `}`, status: 201, want: `{*}`, then: func() string {
			if _, err := bob.AwaitChatState(w.ctx, func(s simulator.ChatState) bool { return s.State == state }); err != nil {
				return "nobody sees it"
			}
			return ""
		}}})
	}

	// A status for all contacts is for those in the address book.
	const status = `{"type":"text","content":"news","backgroundColor":"#102030","font":2,"allContacts":true}`
	w.run(nil, []step{{name: "to strangers", method: "POST", path: "/message/sendStatus/a", body: status, status: 400, want: `{*["Contacts not found"]*}`}})
	w.must(w.alice.SetContactName(bob.PN(), "Bob the Builder", "Bob"))
	w.told("contacts.update", `[{*"pushName":"Bob the Builder",*}]`)
	w.run(nil, []step{{
		name: "to all", method: "POST", path: "/message/sendStatus/a", body: status, status: 201,
		want: `{"key":{"remoteJid":"status@broadcast","fromMe":true,"id":"*"},"pushName":"Você","status":"PENDING","message":{"conversation":"news"},"messageType":"conversation",*}`,
		then: func() string {
			if _, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "news" && e.Chat == "status@broadcast" }); err != nil {
				return "Bob does not see it"
			}
			return ""
		},
	}})
}

// TestFilesThatCome: getBase64FromMediaMessage of what people send, by the key
// and by the whole message.
func TestFilesThatCome(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	for _, c := range []struct {
		file simulator.File
		want string
	}{
		{simulator.File{Kind: "image", Caption: "look", Width: 20, Height: 10}, `{"mediaType":"imageMessage","fileName":"{id}.jpeg","caption":"look","size":{"fileLength":"{size}","height":10,"width":20},"mimetype":"image/jpeg","base64":"{file}","buffer":null}`},
		{simulator.File{Kind: "video", Seconds: 3}, `{"mediaType":"videoMessage","fileName":"{id}.mp4","size":{"fileLength":"{size}"*},"mimetype":"video/mp4","base64":"{file}","buffer":null}`},
		{simulator.File{Kind: "voice", Seconds: 3}, `{"mediaType":"audioMessage","fileName":"{id}.ogg","size":{"fileLength":"{size}"},"mimetype":"audio/ogg; codecs=opus","base64":"{file}","buffer":null}`},
		{simulator.File{Kind: "document", FileName: "a.txt", Mimetype: "text/plain"}, `{"mediaType":"documentMessage","fileName":"a.txt",*"size":{"fileLength":"{size}"},"mimetype":"text/plain","base64":"{file}","buffer":null}`},
		{simulator.File{Kind: "sticker"}, `{"mediaType":"stickerMessage","fileName":"{id}.webp","size":{"fileLength":"{size}"*},"mimetype":"image/webp","base64":"{file}","buffer":null}`},
	} {
		c.file.Data = []byte("the " + c.file.Kind + " itself")
		id, err := bob.Say(simulator.Saying{To: "491510000001", Media: &c.file})
		w.must(err)
		w.next(event.MessageReceived)
		names := map[string]string{"id": id, "file": base64.StdEncoding.EncodeToString(c.file.Data), "size": "15"}
		names["size"] = strconv.Itoa(len(c.file.Data))
		w.run(names, []step{
			{name: c.file.Kind, method: "POST", path: "/chat/getBase64FromMediaMessage/a", body: `{"message":{"key":{"id":"{id}"}}}`, status: 201, want: c.want},
			{name: c.file.Kind + ", whole", method: "POST", path: "/chat/getBase64FromMediaMessage/a", body: `{"message":{"key":{"id":"{id}","remoteJid":"491510000002@s.whatsapp.net","fromMe":false},"message":{"imageMessage":{}},"messageTimestamp":1},"convertToMp4":true}`, status: 201, want: c.want},
		})
	}
	w.run(nil, []step{{name: "another chat", method: "POST", path: "/chat/getBase64FromMediaMessage/a", body: `{"message":{"key":{"id":"X","remoteJid":"491510000003@s.whatsapp.net"}}}`, status: 400, want: `{*["Message not found"]*}`}})
}

// TestDeletionsInGroups: an admin takes back what others have said.
func TestDeletionsInGroups(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob, carl := w.contact("491510000002", "Bob"), w.contact("491510000003", "Carl")
	choir := w.Sim.Group("Choir", w.alice, bob, carl) // Alice has made it
	said, err := bob.Send(choir.JID(), content.Text("nonsense"))
	w.must(err)
	w.next(event.MessageReceived)
	w.run(map[string]string{"said": said, "group": choir.JID().String(), "bob": bob.LID().String()}, []step{{
		name: "of Bob", method: "DELETE", path: "/chat/deleteMessageForEveryone/a", body: `{"id":"{said}","remoteJid":"{group}","fromMe":false,"participant":"{bob}"}`, status: 201,
		want: `{"key":{"remoteJid":"{group}","fromMe":true,"id":"*"},"message":{"protocolMessage":{"key":{*"id":"{said}",*"participant":"{bob}"*},"type":"REVOKE"}*},"messageTimestamp":*,"status":"PENDING"}`,
		then: func() string {
			if _, err := carl.Await(w.ctx, func(e content.Entry) bool { return e.Kind == content.KindRevoke && e.Target == said }); err != nil {
				return "Carl still sees it"
			}
			return ""
		},
	}})
	w.told("messages.delete", `{"id":"`+said+`","remoteJid":"`+choir.JID().String()+`","fromMe":false,"participant":"*","status":"DELETED","instanceId":"*","key":{"remoteJid":"`+choir.JID().String()+`","fromMe":false,"id":"`+said+`","participant":"*"}}`)
}
