package evolution_test

import (
	"encoding/json"
	"strings"
	"testing"

	"roost/functions/api/apitest"
)

// TestUnserved: what Evolution has and this server has not is refused with a
// sentence that says why or what to use instead; sinks that can not be set are
// found as not set.
func TestUnserved(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "X", "token")
	type row struct {
		key    string
		routes string // method and path, several in a line
		status int
		says   string // a part of the sentence, "" for null
	}
	rows := []row{
		{"token", "POST /message/sendCarousel/X", 400, "POST /message/sendMedia"},
		{"token", "POST /chat/findChannels/X", 400, "does not serve channels"},
		{"token", "POST /chatwoot/set/X, GET /chatwoot/find/X", 400, "Chatwoot is not built into this server"},
		{"", "POST /chatwoot/webhook/X", 400, "Chatwoot is not built into this server"},
		{"", "GET /webhook/meta, POST /webhook/meta/, POST /webhook/Evolution", 400, "cloud API"},
		{"token", "POST /business/getCatalog/X, POST /business/getCollections/X", 400, "catalogues"},
		{"token", "POST /template/create/X, POST /template/edit/X, DELETE /template/delete/X, GET /template/find/X", 400, "cloud API"},
		{"token", "POST /s3/getMedia/X, POST /s3/getMediaUrl/X", 400, "POST /chat/getBase64FromMediaMessage"},
		{"token", "POST /baileys/onWhatsapp/X, POST /baileys/getAuthState/X, POST /baileys/sendNode/X/", 400, "POST /chat/whatsappNumbers"},
		{"token", "POST /typebot/start/X, POST /openai/creds/X, GET /openai/creds/X, DELETE /openai/creds/1/X, GET /openai/getModels/X", 400, "as a program of its own"},
		{"", "GET /rabbitmq/find/X, POST /typebot/create/X, GET /typebot/fetch/1/X", 401, "Unauthorized"},
		{"token", "GET /rabbitmq/find/Y, GET /typebot/fetch/X/Y", 404, `The "Y" instance does not exist`},
		{"token", "POST /rabbitmq/find/X, GET /typebot/fetch/X, POST /dify/start/X, GET /nothing/find/X, GET /typebot/fetch/1/X/2", 404, "Cannot "},
	}
	for _, sink := range []string{"websocket", "rabbitmq", "nats", "sqs", "kafka", "pusher"} {
		rows = append(rows,
			row{"token", "GET /" + sink + "/find/X", 200, ""},
			row{"token", "POST /" + sink + "/set/X", 400, "by webhooks, not by " + sink + ": use POST /webhook/set"})
	}
	for _, bot := range []string{"typebot", "openai", "dify", "flowise", "n8n", "evoai", "evolutionBot"} {
		rows = append(rows, row{"token", strings.ReplaceAll("POST /b/create/X, GET /b/find/X, GET /b/fetch/1/X, PUT /b/update/1/X, DELETE /b/delete/1/X, POST /b/settings/X, "+
			"GET /b/fetchSettings/X, POST /b/changeStatus/X, GET /b/fetchSessions/1/X, POST /b/ignoreJid/X", "/b/", "/"+bot+"/"), 400, "POST /message/sendText"})
	}
	for _, r := range rows {
		for asked := range strings.SplitSeq(r.routes, ", ") {
			method, path, _ := strings.Cut(asked, " ")
			a := w.Do(t, method, path, r.key, "")
			if a.Status != r.status {
				t.Errorf("%s: status %d, want %d", asked, a.Status, r.status)
			}
			if r.says == "" {
				if a.Body != "null" {
					t.Errorf("%s: %s, want null", asked, a.Body)
				}
				continue
			}
			var envelope struct {
				Status   int
				Response struct{ Message any }
			}
			if err := json.Unmarshal([]byte(a.Body), &envelope); err != nil || envelope.Status != r.status {
				t.Errorf("%s: no envelope: %s", asked, a.Body)
			}
			sentence, _ := envelope.Response.Message.(string)
			if list, isList := envelope.Response.Message.([]any); isList && len(list) == 1 {
				sentence, _ = list[0].(string)
			}
			if !strings.Contains(sentence, r.says) || strings.HasSuffix(sentence, "yet") {
				t.Errorf("%s: %q, want something of %q", asked, sentence, r.says)
			}
		}
	}
}
