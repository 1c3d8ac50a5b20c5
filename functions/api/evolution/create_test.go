package evolution_test

import (
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/tenant"
)

// TestCreateFields is the body of POST /instance/create, field by field: what
// each does to the instance that is made, or why none is.
func TestCreateFields(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{Limits: core.Limits{QR: 50 * time.Millisecond}})
	const row = "/instance/fetchInstances?instanceName="
	for _, c := range []struct {
		name, body string
		look, has  string // a GET of the instance and what it answers a part of; for a refusal "" and its message
	}{
		{"defaults", ``, "/settings/find/", noSettings},
		{"defaults of the row", ``, row, `"ownerJid":null,"profileName":null,"profilePicUrl":null,"integration":"WHATSAPP-BAILEYS","number":null,"businessId":null,`},
		{"no webhook", ``, "/webhook/find/", `null`},
		{"no proxy", ``, "/proxy/find/", `null`},
		{"a token", `"token":"mine"`, row, `"token":"mine"`},
		{"a null token and number", `"token":null,"number":null`, row, `"number":null`},
		{"a number", `"number":"4915112345678"`, row, `"number":"4915112345678"`},
		{"a number with a plus", `"number":"+4915112345678"`, row, `"number":"4915112345678"`},
		{"a JID as number", `"number":"4915112345678@s.whatsapp.net"`, row, `"number":"4915112345678"`},
		{"what WhatsApp tells itself", `"businessId":"1","status":"open","ownerJid":"x","profileName":"x","profilePicUrl":"x"`, row, `"connectionStatus":"close","ownerJid":null,"profileName":null,"profilePicUrl":null,`},
		{"settings", `"rejectCall":true,"msgCall":"m","groupsIgnore":true,"alwaysOnline":true,"readMessages":true,"readStatus":true,"syncFullHistory":true,"wavoipToken":"v"`, "/settings/find/", `{"rejectCall":true,"msgCall":"m","groupsIgnore":true,"alwaysOnline":true,"readMessages":true,"readStatus":true,"syncFullHistory":true,"wavoipToken":"v"}`},
		{"a webhook", `"webhook":{"url":"https://a.example","headers":{"x":"y"},"byEvents":true,"base64":true,"events":["CALL"]}`, "/webhook/find/", `"url":"https://a.example","headers":{"x":"y"},"enabled":true,"events":["CALL"],"webhookByEvents":true,"webhookBase64":true,`},
		{"a webhook without events", `"webhook":{"url":"https://a.example"}`, "/webhook/find/", `"enabled":true,"events":` + allNames},
		{"a webhook with no events", `"webhook":{"enabled":false,"url":"https://a.example","events":[]}`, "/webhook/find/", `"enabled":true,"events":` + allNames}, // its presence turns it on
		{"a proxy", `"proxyHost":"p.example","proxyPort":"1080","proxyProtocol":"socks5","proxyUsername":"u","proxyPassword":"p"`, "/proxy/find/", `"enabled":true,"host":"p.example","port":"1080","protocol":"socks5","username":"u","password":"p"`},
		{"half a proxy", `"proxyHost":"p.example"`, "/proxy/find/", `null`},
		{"half a Chatwoot", `"chatwootAccountId":"1","chatwootToken":"","chatwootUrl":null,"chatwootSignMsg":true`, row, `"Chatwoot":null`},
		{"sinks that are off", `"rabbitmq":{"enabled":false,"events":[]},"websocket":{},"sqs":null`, row, `"Rabbitmq":null,"Nats":null,"Sqs":null,"Websocket":null`},
		{"unknown fields", `"chatwootLogo":"x","foo":{"bar":[1]}`, row, `"name"`},

		{"another integration", `"integration":"x"`, "", `["Invalid integration"]`},
		{"the cloud's", `"integration":"WHATSAPP-BUSINESS","token":"x","number":"4915112345678"`, "", `["This server has no WHATSAPP-BUSINESS instances, only WHATSAPP-BAILEYS"]`},
		{"types", `"token":1,"qrcode":"yes","rejectCall":"true","msgCall":true,"webhook":{"byEvents":1}`, "", `[["token is not of a type(s) string","qrcode is not of a type(s) boolean","rejectCall is not of a type(s) boolean","msgCall is not of a type(s) string","webhook.byEvents is not of a type(s) boolean"]]`},
		{"an event that is none", `"webhook":{"url":"https://a.example","events":["CALL","NONE"]}`, "", `[["webhook.events[1] is not one of enum values: {events}"]]`},
		{"a webhook inside", `"webhook":{"url":"https://10.0.0.1/x"}`, "", `["Invalid \"url\" property: its address is not a public one"]`},
		{"Chatwoot", `"chatwootAccountId":1,"chatwootToken":"t","chatwootUrl":"https://chat.example"`, "", `["Chatwoot is not built into this server: connect it by a program of its own, which receives messages by webhook (POST /webhook/set) and answers them by POST /message/sendText"]`},
		{"RabbitMQ", `"rabbitmq":{"enabled":true,"events":[]}`, "", `["This server tells events by webhooks, not by rabbitmq: use POST /webhook/set, or POST /webhook/endpoints for more than one"]`},
		{"SQS", `"sqs":{"events":["CALL"]}`, "", `["This server tells events by webhooks, not by sqs: use POST /webhook/set, or POST /webhook/endpoints for more than one"]`},
	} {
		name := strings.NewReplacer(" ", "%20", "'", "%27").Replace(c.name)
		body := `{"instanceName":"` + c.name + `","integration":"WHATSAPP-BAILEYS"`
		if strings.Contains(c.body, `"integration"`) {
			body = `{"instanceName":"` + c.name + `"`
		}
		if c.body != "" {
			body += "," + c.body
		}
		a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, body+"}")
		if c.look == "" {
			message := strings.Replace(c.has, "{events}", strings.Join(eventList(), ","), 1)
			want(t, c.name, a, 400, `{"status":400,"error":"Bad Request","response":{"message":`+message+`}}`)
			if _, err := w.Instances.ByName(t.Context(), tenant.Default, c.name); err == nil {
				t.Errorf("%s: the refused instance is there", c.name)
			}
			continue
		}
		if found := w.Do(t, "GET", c.look+name, apitest.AdminKey, ""); a.Status != 201 || found.Status != 200 || !strings.Contains(found.Body, c.has) {
			t.Errorf("%s: %d %s\n%s answers %s\nwant %s", c.name, a.Status, a.Body, c.look, found.Body, c.has)
		}
	}
	if n := len(w.Host.Commands()); n != 1 { // the proxy's test: nothing connects without qrcode
		t.Errorf("the host got %v", w.Host.Commands())
	}

	w.Host.Tell(func(h *apitest.Host) { h.NoQR = true })
	a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"slow","integration":"WHATSAPP-BAILEYS","qrcode":true}`)
	if !strings.HasSuffix(a.Body, `"qrcode":{"pairingCode":null,"code":null,"base64":null,"count":0}}`) || !strings.Contains(a.Body, `"status":"connecting"`) {
		t.Errorf("without a code in time: %d %s", a.Status, a.Body)
	}
	for _, name := range []string{"", " ", "..", strings.Repeat("x", 300), "a\u0000b"} {
		if a := w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"`+name+`","integration":"WHATSAPP-BAILEYS"}`); a.Status != 400 {
			t.Errorf("the name %q: %d %s", name, a.Status, a.Body)
		}
	}
}

// eventList are the names that a webhook may ask for, with those that Evolution
// does not list.
func eventList() []string {
	return append(strings.Split(strings.Trim(strings.ReplaceAll(allNames, `"`, ""), "[]"), ","), "MESSAGING_HISTORY_SET", "GROUPS_UPDATE")
}
