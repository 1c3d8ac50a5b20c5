package evolution_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// TestFilesInAnswers: where the instance's webhook wants files, answers to sends
// have them too, as they have gone out: fileSha256 is theirs.
func TestFilesInAnswers(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	w.contact("491510000002", "Bob")
	webhook := func(body string) {
		t.Helper()
		w.run(nil, []step{{name: "webhook", method: "POST", path: "/webhook/set/a", body: `{"webhook":{"url":"https://hook.example",` + body + `}}`, status: 201, want: `{*}`}})
	}
	type sent struct {
		Message map[string]json.RawMessage
		Type    string `json:"messageType"`
	}
	send := func(route, body string) (sent, string) {
		t.Helper()
		a := w.Do(t, "POST", "/message/"+route+"/a", "t", `{"number":"491510000002",`+body+`}`)
		var out sent
		if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != 201 {
			t.Fatalf("%s: %d %.300s", route, a.Status, a.Body)
		}
		var file string
		if raw, has := out.Message["base64"]; has {
			w.must(json.Unmarshal(raw, &file))
		}
		return out, file
	}
	png := picture(t)
	image := `"mediatype":"image","media":"` + png + `"`
	for _, none := range []string{`"enabled":true`, `"enabled":true,"base64":false`, `"enabled":false,"base64":true`} {
		webhook(none)
		if _, file := send("sendMedia", image); file != "" {
			t.Errorf("with a webhook of %s: %.50s", none, file)
		}
	}
	webhook(`"enabled":true,"base64":true`)
	for _, c := range []struct{ route, body, kind string }{
		{"sendMedia", image, "imageMessage"},
		{"sendMedia", `"mediatype":"document","media":"aGVsbG8=","fileName":"a.txt"`, "documentMessage"},
		{"sendPtv", `"video":"aGVsbG8="`, "ptvMessage"},
		{"sendWhatsAppAudio", `"audio":"T2dnUyBhcyBpdCBpcw==","encoding":false`, "audioMessage"},
		{"sendSticker", `"sticker":"` + png + `"`, "stickerMessage"},
		{"sendText", `"text":"no file"`, "conversation"},
		{"sendLocation", `"latitude":1,"longitude":1,"name":"n","address":"a"`, "locationMessage"},
	} {
		got, file := send(c.route, c.body)
		if got.Type != c.kind {
			t.Errorf("%s: a %s", c.route, got.Type)
		}
		var content struct{ FileSHA256 string }
		if json.Unmarshal(got.Message[c.kind], &content) != nil || content.FileSHA256 == "" {
			if file != "" {
				t.Errorf("%s has a file: %.50s", c.kind, file)
			}
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(file)
		sum := sha256.Sum256(raw)
		if said := base64.StdEncoding.EncodeToString(sum[:]); err != nil || said != content.FileSHA256 {
			t.Errorf("%s: the file is %.50s, with the sum %s, not %s", c.kind, file, said, content.FileSHA256)
		}
	}
	if got, file := send("sendMedia", `"mediatype":"document","fileName":"a.bin","media":"`+base64.StdEncoding.EncodeToString(make([]byte, 3<<20+1))+`"`); file != "" {
		t.Errorf("a large %s: %.50s", got.Type, file)
	}

	w.set("", `,"storeMedia":true`)
	got, file := send("sendMedia", image)
	if link := string(got.Message["mediaUrl"]); !strings.HasPrefix(link, `"http`) || file == "" {
		t.Errorf("kept as %s: %.50s", link, file)
	}
}
