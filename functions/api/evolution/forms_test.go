package evolution_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"roost/functions/api/apitest"
	"roost/shared/command"
)

// TestBothForms is section 2.0 of the contract: where Evolution's code differs
// from its documentation, version 1 or its clients, both are taken and do the same.
func TestBothForms(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	allSix := map[string]string{}
	for _, name := range []string{"readreceipts", "profile", "status", "online", "last", "groupadd"} {
		allSix[name] = "all"
	}
	w.Host.Tell(func(h *apitest.Host) {
		h.Answers = map[command.Kind]any{command.Block: command.Status{}, command.SetPrivacy: command.Privacy{Settings: allSix}}
	})
	const (
		hook  = `"url":"https://a.example/x"`
		group = `"number":"120363021033254949@g.us"`
		rows  = `[{"title":"S","rows":[{"title":"R","rowId":"1"}]}]`
		list  = `"number":"4915112345678","title":"T","footerText":"F","buttonText":"B"`
		six   = `"readreceipts":"all","profile":"all","status":"all","online":"all","last":"all","groupadd":"all"`
	)
	type form struct{ route, body string }
	for _, c := range []struct {
		topic string
		code  form
		other []form
	}{
		{"restart", form{"POST /instance/restart", ``}, []form{{"PUT /instance/restart", ``}}},
		{"webhook", form{"POST /webhook/set", `{"webhook":{"enabled":true,` + hook + `,"byEvents":true,"base64":true,"events":["CALL"]}}`}, []form{
			{"POST /webhook/set", `{"enabled":true,` + hook + `,"webhookByEvents":true,"webhookBase64":true,"events":["CALL"]}`},
			{"POST /webhook/set", `{"enabled":true,` + hook + `,"webhook_by_events":true,"webhook_base64":true,"events":["CALL"]}`},
			{"POST /webhook/set", `{"webhook":{"enabled":true,` + hook + `,"webhookByEvents":true,"webhookBase64":true,"events":["CALL"]}}`},
		}},
		{"all events", form{"POST /webhook/set", `{"webhook":{"enabled":true,` + hook + `,"events":[]}}`}, []form{{"POST /webhook/set", `{"webhook":{"enabled":true,` + hook + `}}`}}},
		{"websocket", form{"POST /websocket/set", `{"websocket":{"enabled":true,"events":[]}}`}, []form{{"POST /websocket/set", `{"enabled":true,"events":[]}`}}},
		{"presence", form{"POST /chat/sendPresence", `{"number":"4915112345678","presence":"composing","delay":1}`}, []form{
			{"POST /chat/sendPresence", `{"number":"4915112345678","options":{"presence":"composing","delay":1,"number":"4915112345678"}}`},
		}},
		{"text", form{"POST /message/sendText", `{"number":"4915112345678","text":"x","delay":5,"linkPreview":false}`}, []form{
			{"POST /message/sendText", `{"number":"4915112345678","textMessage":{"text":"x"},"options":{"delay":5,"linkPreview":false}}`},
			{"POST /message/sendText", `{"number":"4915112345678","text":"x","delay":5,"linkPreview":false,"quoted":null,"unknown":{"field":1}}`},
		}},
		{"media", form{"POST /message/sendMedia", `{"number":"4915112345678","mediatype":"image","media":"aGVsbG8=","caption":"c"}`}, []form{
			{"POST /message/sendMedia", `{"number":"4915112345678","mediaMessage":{"mediatype":"image","media":"aGVsbG8=","caption":"c"}}`},
			{"POST /message/sendMedia", `{"number":"4915112345678","mediaType":"image","media":"data:image/jpeg;base64,aGVsbG8=","caption":"c"}`},
		}},
		{"voice", form{"POST /message/sendWhatsAppAudio", `{"number":"4915112345678","audio":"aGVsbG8="}`}, []form{
			{"POST /message/sendWhatsAppAudio", `{"number":"4915112345678","audioMessage":{"audio":"aGVsbG8="},"options":{"encoding":true}}`},
		}},
		{"list", form{"POST /message/sendList", `{` + list + `,"sections":` + rows + `}`}, []form{
			{"POST /message/sendList", `{` + list + `,"values":` + rows + `}`}, {"POST /message/sendList", `{"number":"4915112345678","listMessage":{` + list + `,"sections":` + rows + `}}`},
		}},
		{"contact", form{"POST /message/sendContact", `{"number":"4915112345678","contact":[{"fullName":"A","phoneNumber":"4915112345679"}]}`}, []form{
			{"POST /message/sendContact", `{"number":"4915112345678","contactMessage":[{"fullName":"A","phoneNumber":"4915112345679"}]}`},
			{"POST /message/sendContact", `{"number":"4915112345678","contact":{"fullName":"A","phoneNumber":"4915112345679"}}`},
		}},
		{"mention all", form{"POST /message/sendText", `{` + group + `,"text":"x","mentionsEveryOne":true}`}, []form{
			{"POST /message/sendText", `{` + group + `,"text":"x","everyOne":true}`},
			{"POST /message/sendText", `{` + group + `,"text":"x","mentionsEveryOne":true,"mentioned":[]}`},
			{"POST /message/sendText", `{` + group + `,"textMessage":{"text":"x"},"options":{"mentions":{"everyOne":true}}}`},
		}},
		{"block", form{"POST /chat/updateBlockStatus", `{"number":"4915112345678","status":"block"}`}, []form{{"POST /message/updateBlockStatus", `{"number":"4915112345678","status":"block"}`}}},
		{"numbers", form{"POST /chat/whatsappNumbers", `{"numbers":["4915112345678"]}`}, []form{{"POST /chat/checkIsWhatsappNumber", `{"numbers":["4915112345678"]}`}}},
		{"privacy", form{"POST /chat/updatePrivacySettings", `{` + six + `}`}, []form{{"POST /chat/updatePrivacySettings", `{"privacySettings":{` + six + `}}`}}},
		{"read", form{"POST /chat/markMessageAsRead", `{"readMessages":[{"id":"M","fromMe":false,"remoteJid":"4915112345678@s.whatsapp.net"}]}`}, []form{
			{"POST /chat/markMessageAsRead", `{"read_messages":[{"id":"M","fromMe":false,"remoteJid":"4915112345678@s.whatsapp.net"}]}`},
		}},
		{"paging", form{"POST /chat/findMessages", `{"where":{},"offset":2,"page":1}`}, []form{{"POST /chat/findMessages", `{"offset":"2","page":"1"}`}}},
	} {
		do := func(f form) (answer string, sent command.SendArgs) {
			method, path, _ := strings.Cut(f.route, " ")
			before := len(w.Host.Sent())
			a := w.Do(t, method, path+"/a", "t", f.body)
			if a.Status >= 300 && c.topic != "websocket" {
				t.Errorf("%s: %d %s", c.topic, a.Status, a.Body)
			}
			if all := w.Host.Sent(); len(all) > before {
				sent = all[len(all)-1].Args
			}
			sent.MessageID = ""
			return plain(a.Body), sent
		}
		answer, sent := do(c.code)
		for _, f := range c.other {
			said, went := do(f)
			if diff := cmp.Diff(answer, said); diff != "" {
				t.Errorf("%s as %s (-code +other):\n%s", c.topic, f.body, diff)
			}
			if diff := cmp.Diff(sent, went); diff != "" {
				t.Errorf("%s as %s is sent otherwise (-code +other):\n%s", c.topic, f.body, diff)
			}
		}
	}
	var made struct{ Hash any }
	a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"z","integration":"WHATSAPP-BAILEYS","token":"the-token"}`)
	if err := json.Unmarshal([]byte(a.Body), &made); err != nil || made.Hash != "the-token" { // a string, not the documentation's object
		t.Errorf("hash: %s", a.Body)
	}
}
