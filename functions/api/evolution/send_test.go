package evolution_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// linked is a world with one instance that is ready.
func linked(tb testing.TB, o apitest.Options) (*apitest.World, instance.Instance) {
	tb.Helper()
	w := apitest.New(tb, o)
	i := w.Create(tb, "a", "t")
	w.Link(tb, i)
	return w, i
}

// last is the message that the host was given last.
func last(tb testing.TB, w *apitest.World) apitest.Sent {
	tb.Helper()
	sent := w.Host.Sent()
	if len(sent) == 0 {
		tb.Fatal("nothing was sent")
	}
	return sent[len(sent)-1]
}

func TestSendText(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"+49 151 12345678","text":"a <b> & \"c\"","delay":20000,"linkPreview":false,"mentioned":["49151"]}`)
	want(t, "text", a, 201, `{"key":{"remoteJid":"4915112345678@s.whatsapp.net","fromMe":true,"id":"MESSAGE-ID"},"pushName":"Você","status":"PENDING",`+
		`"message":{"conversation":"a \u003cb\u003e \u0026 \"c\""},"messageType":"conversation","messageTimestamp":1790000000,"instanceId":"UUID","source":"web"}`)
	got := last(t, w).Args
	expect := command.SendArgs{
		MessageID: got.MessageID, To: "4915112345678@s.whatsapp.net", Text: &command.TextArgs{Text: `a <b> & "c"`}, Delay: 15 * time.Second,
	}
	if diff := cmp.Diff(expect, got); diff != "" {
		t.Errorf("the host got (-want +got):\n%s", diff)
	}
}

func TestSendTextForms(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	quoted := &command.Quoted{ID: "Q1", Chat: "4915112345678@s.whatsapp.net", Sender: "4915550001@s.whatsapp.net", FromMe: true}
	for name, c := range map[string]struct {
		body string
		want command.SendArgs
	}{
		"version 1": {
			`{"number":"4915112345678","textMessage":{"text":"hi"},"options":{"delay":5,"linkPreview":false,"presence":"composing","quoted":{"key":{"id":"Q1","fromMe":true}}}}`,
			command.SendArgs{To: "4915112345678@s.whatsapp.net", Text: &command.TextArgs{Text: "hi"}, Delay: 5 * time.Millisecond, Quoted: quoted},
		},
		"version 1 in a group": {
			`{"number":"120363021033254949","textMessage":{"text":"hi"},"options":{"mentions":{"everyOne":true,"mentioned":["4915112345678"]}}}`,
			command.SendArgs{To: "120363021033254949@g.us", Text: &command.TextArgs{Text: "hi"}, Mentions: []string{"4915112345678@s.whatsapp.net"}, MentionAll: true},
		},
		"quoted of another": {
			`{"number":"4915112345678","text":"hi","quoted":{"key":{"id":"Q1"},"message":{"conversation":"x"}}}`,
			command.SendArgs{To: "4915112345678@s.whatsapp.net", Text: &command.TextArgs{Text: "hi"}, Quoted: &command.Quoted{
				ID: "Q1", Chat: "4915112345678@s.whatsapp.net", Sender: "4915112345678@s.whatsapp.net", Content: json.RawMessage(`{"conversation":"x"}`),
			}},
		},
		"nulls": {
			`{"number":"4915112345678","text":"hi","quoted":null,"delay":null,"mentioned":null}`,
			command.SendArgs{To: "4915112345678@s.whatsapp.net", Text: &command.TextArgs{Text: "hi"}},
		},
	} {
		if a := w.Do(t, "POST", "/message/sendText/a", "t", c.body); a.Status != 201 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
			continue
		}
		got := last(t, w).Args
		c.want.MessageID = got.MessageID
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	form := http.Header{"Apikey": {"t"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	a := w.Send(t, "POST", "/message/sendText/a/", form, strings.NewReader("number=4915112345678&text=a+b%26c&delay=7&linkPreview=false&quoted[key][id]=Q2"))
	if got := last(t, w).Args; a.Status != 201 || got.Text.Text != "a b&c" || got.Delay != 7*time.Millisecond || got.Quoted.ID != "Q2" {
		t.Errorf("a form: %d %s, %+v", a.Status, a.Body, got)
	}
}

func TestSendWithIDOfTheClient(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"x","messageId":"3A5F1C9E2B7D4F6081A3"}`)
	if a.Status != 201 || !strings.Contains(a.Body, `"id":"3A5F1C9E2B7D4F6081A3"`) || !strings.Contains(a.Body, `"source":"ios"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"x","messageId":"x"}`); a.Status != 400 {
		t.Errorf("an odd id: %d %s", a.Status, a.Body)
	}
}

func TestSendOnce(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	send := func(key, text string) apitest.Answer {
		return w.Send(t, "POST", "/message/sendText/a", http.Header{"Apikey": {"t"}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}},
			strings.NewReader(`{"number":"4915112345678","text":"`+text+`"}`))
	}
	w.Host.Tell(func(h *apitest.Host) {
		h.Faults = map[command.Kind]error{command.SendMessage: fault.New(fault.Unavailable, "not now")}
	})
	if a := send("k1", "x"); a.Status != 400 {
		t.Errorf("a failure: %d %s", a.Status, a.Body)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Faults = nil })
	first, second := send("k1", "x"), send("k1", "x") // what has failed may be tried again
	if first.Status != 201 || second.Status != 201 || first.Body != second.Body {
		t.Errorf("the same key gives %d %s and %d %s", first.Status, first.Body, second.Status, second.Body)
	}
	if n := len(w.Host.Sent()); n != 1 {
		t.Errorf("%d messages were sent under one key", n)
	}
	want(t, "another body", send("k1", "y"), 422, `{"status":422,"error":"Unprocessable Entity","response":{"message":["This Idempotency-Key was used for another request within the last 24 hours. Use a new one."]}}`)
	if a := send("k2", "x"); a.Status != 201 || a.Body == first.Body {
		t.Errorf("another key: %d %s", a.Status, a.Body)
	}
	if a := send(strings.Repeat("k", 256), "x"); a.Status != 400 {
		t.Errorf("a long key: %d %s", a.Status, a.Body)
	}
}

func TestSendFaults(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{Limits: core.Limits{Command: 5 * time.Second}})
	for _, c := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"upload", fault.New(fault.Unavailable, "Media upload failed on all hosts"), 400, `{"status":400,"error":"Bad Request","response":{"message":["Error: Media upload failed on all hosts"]}}`},
		{"closed", fault.Coded(fault.Conflict, "connection_closed", "Connection Closed"), 500, `{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`},
		{"refused", fault.New(fault.Forbidden, "WhatsApp refuses the message"), 403, `{"status":403,"error":"Forbidden","response":{"message":["WhatsApp refuses the message"]}}`},
	} {
		w.Host.Tell(func(h *apitest.Host) { h.Faults = map[command.Kind]error{command.SendMessage: c.err} })
		want(t, c.name, w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"x"}`), c.status, c.want)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Silent = true })
	want(t, "no host", w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"x"}`), 503,
		`{"status":503,"error":"Service Unavailable","response":{"message":["no session host has answered in time"]}}`)
}

func TestSendWaitsForAConnectionThatComesBack(t *testing.T) {
	t.Parallel()
	w, i := linked(t, apitest.Options{})
	w.Set(t, i, instance.Connecting, func(i *instance.Instance) { i.Ready = false })
	sent := make(chan apitest.Answer, 1)
	go func() {
		sent <- w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"x"}`)
	}()
	w.Link(t, i)
	if a := <-sent; a.Status != 201 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestNumbersAreRemembered(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	w.Host.Tell(func(h *apitest.Host) { h.Absent["5531987654321"] = true })
	for range 2 { // the host is asked once
		want(t, "both spellings", w.Do(t, "POST", "/chat/whatsappNumbers/a", "t", `{"numbers":["+55 31 98765-4321","4915112345678","status@broadcast"]}`), 200,
			`[{"jid":"status@broadcast","exists":false,"number":"status@broadcast"},`+
				`{"jid":"553187654321@s.whatsapp.net","exists":true,"number":"+55 31 98765-4321","lid":"1553187654321@lid"},`+
				`{"jid":"4915112345678@s.whatsapp.net","exists":true,"number":"4915112345678","lid":"14915112345678@lid"}]`)
	}
	if got := w.Host.Commands(); len(got) != 1 {
		t.Errorf("the host was asked %v", got)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Absent["4930123456"] = true })
	for range 2 { // one that is not there is asked about again
		want(t, "absent", w.Do(t, "POST", "/chat/whatsappNumbers/a", "t", `{"numbers":["4930123456"]}`), 200,
			`[{"jid":"4930123456@s.whatsapp.net","exists":false,"number":"4930123456"}]`)
	}
	if got := w.Host.Commands(); len(got) != 3 {
		t.Errorf("the host was asked %v", got)
	}
	w.Host.Tell(func(h *apitest.Host) { h.LID = true })
	want(t, "hidden", w.Do(t, "POST", "/chat/whatsappNumbers/a", "t", `{"numbers":["4940123456"]}`), 200,
		`[{"jid":"14940123456@lid","exists":true,"number":"4940123456","lid":"14940123456@lid"}]`)
}

func TestSendMedia(t *testing.T) {
	t.Parallel()
	files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/typed") {
			w.Header().Set("Content-Type", "image/webp")
		}
		_, _ = w.Write([]byte("from " + r.URL.Path))
	})
	w, _ := linked(t, apitest.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Mount: map[string]http.Handler{"/files/": files}})
	large := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB: goes through the bucket
	b64 := base64.StdEncoding.EncodeToString([]byte("hello?>"))
	for name, c := range map[string]struct {
		body string
		want command.MediaArgs
		file string
	}{
		"base64":             {`"mediatype":"image","media":"` + b64 + `","caption":"c"`, command.MediaArgs{Kind: "image", Mimetype: "image/jpeg", FileName: "image.jpg", Caption: "c"}, "hello?>"},
		"base64 for URLs":    {`"mediatype":"image","media":"` + base64.RawURLEncoding.EncodeToString([]byte("hello?>")) + `"`, command.MediaArgs{Kind: "image", Mimetype: "image/jpeg", FileName: "image.jpg"}, "hello?>"},
		"data URI":           {`"mediatype":"video","media":"data:video/webm;base64,` + b64 + `"`, command.MediaArgs{Kind: "video", Mimetype: "video/webm", FileName: "video.mp4"}, "hello?>"},
		"name before type":   {`"mediatype":"document","media":"` + b64 + `","fileName":"a.PDF","mimetype":"x/y"`, command.MediaArgs{Kind: "document", Mimetype: "application/pdf", FileName: "a.PDF"}, "hello?>"},
		"type of the user":   {`"mediatype":"document","media":"` + b64 + `","fileName":"a.xyz","mimetype":"x/y"`, command.MediaArgs{Kind: "document", Mimetype: "x/y", FileName: "a.xyz"}, "hello?>"},
		"URL with name":      {`"mediatype":"audio","media":"` + w.Server.URL + `/files/song.mp3?x=1"`, command.MediaArgs{Kind: "audio", Mimetype: "audio/mpeg", FileName: "song.mp3"}, "from /files/song.mp3"},
		"URL with type":      {`"mediatype":"image","media":"` + w.Server.URL + `/files/typed"`, command.MediaArgs{Kind: "image", Mimetype: "image/webp", FileName: "image.jpg"}, "from /files/typed"},
		"version 1":          {`"mediaMessage":{"mediatype":"image","media":"` + b64 + `","fileName":"p.png","caption":"c"}`, command.MediaArgs{Kind: "image", Mimetype: "image/png", FileName: "p.png", Caption: "c"}, "hello?>"},
		"through the bucket": {`"mediatype":"image","media":"` + base64.StdEncoding.EncodeToString([]byte(large)) + `"`, command.MediaArgs{Kind: "image", Mimetype: "image/jpeg", FileName: "image.jpg"}, large},
	} {
		a := w.Do(t, "POST", "/message/sendMedia/a", "t", `{"number":"4915112345678",`+c.body+`}`)
		if a.Status != 201 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
			continue
		}
		got := last(t, w)
		media := *got.Args.Media
		if (media.Blob != "") != (len(c.file) > 100<<10) {
			t.Errorf("%s: the file is at %q", name, media.Blob)
		}
		media.Bytes, media.Blob = nil, ""
		if diff := cmp.Diff(c.want, media); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if string(got.File) != c.file {
			t.Errorf("%s: the file is %.50q", name, got.File)
		}
	}
	if left, err := w.Bucket.List(t.Context(), "outbox/", ""); err != nil || len(left.Objects) != 0 {
		t.Errorf("files of sent messages stay: %v, %v", left.Objects, err)
	}
	a := w.Do(t, "POST", "/message/sendMedia/a", "t", `{"number":"4915112345678","mediatype":"image","media":"http://169.254.169.254/latest"}`)
	want(t, "metadata service", a, 400,
		`{"status":400,"error":"Bad Request","response":{"message":["the media URL could not be fetched: its address is not a public one"]}}`)
}

func TestSendMultipart(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{
		"number": "4915112345678", "mediatype": "document", "delay": "12", "mentionsEveryOne": "false", "quoted": `{"key":{"id":"Q3"}}`,
	} {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="letter.docx"`}, "Content-Type": {"application/octet-stream"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte("a letter"))
	_ = form.Close()
	a := w.Send(t, "POST", "/message/sendMedia/a", http.Header{"Apikey": {"t"}, "Content-Type": {form.FormDataContentType()}}, &body)
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	got := last(t, w)
	if string(got.File) != "a letter" || got.Args.Media.FileName != "letter.docx" || !strings.Contains(got.Args.Media.Mimetype, "wordprocessing") ||
		got.Args.Delay != 12*time.Millisecond || got.Args.Quoted.ID != "Q3" {
		t.Errorf("the host got %+v, %+v", got.Args, got.Args.Media)
	}
}
