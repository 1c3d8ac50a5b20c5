package aspx_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/qrcode"
	"roost/functions/webhook/postback"
	"roost/shared/command"
	"roost/shared/egress"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/webhook"
)

// commands are all that there are, with the methods that each takes, and whether
// a browser must not ask for it before its user does.
var commands = []struct {
	name, allow string
	acts        bool
}{
	{"generate_qrcode", "POST", true},
	{"status", "GET", false},
	{"disconnect", "GET, POST", true},
	{"close_session", "GET, POST", true},
	{"save_session", "GET, POST", true},
	{"restore_session", "GET, POST", true},
	{"clear", "GET, POST", true},
	{"set_config", "POST", true},
	{"chats", "GET", false},
	{"send_message", "POST", true},
	{"send_message_file", "POST", true},
	{"send_contact", "POST", true},
	{"subscribe", "POST", true},
	{"send_presence", "POST", true},
	{"mark_read", "POST", true},
	{"contacts", "GET", false},
	{"get_profile", "POST", false},
	{"query_profile", "POST", false},
	{"get_picture", "GET", false},
	{"group_create", "POST", true},
	{"group_add", "POST", true},
	{"group_remove", "POST", true},
}

// TestMethods asks for each command by each method, without a key, with another
// case of its name, and ahead of its user.
func TestMethods(t *testing.T) {
	t.Parallel()
	w, _ := shop(t)
	for _, c := range commands {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			header := http.Header{"Content-Type": {"application/json"}}
			a := w.Send(t, method, "/"+strings.ToUpper(c.name)+".aspx", header, strings.NewReader("{}"))
			if strings.Contains(c.allow, method) {
				want(t, method+" "+c.name, a, 401, `{"status":0,"error":"invalid wid"`+map[bool]string{true: `,"ttl":0`}[c.name == "generate_qrcode"]+`}`)
				continue
			}
			if a.Status != 405 || a.Header.Get("Allow") != c.allow || !strings.HasPrefix(a.Body, `{"status":0,"error":"wrong method"`) {
				t.Errorf("%s %s: %d %q %s", method, c.name, a.Status, a.Header.Get("Allow"), a.Body)
			}
		}
		method, _, _ := strings.Cut(c.allow, ",")
		for _, name := range []string{"Purpose", "Sec-Purpose"} {
			a := w.Send(t, method, "/"+c.name+".aspx", http.Header{name: {"prefetch"}}, nil)
			if status := map[bool]int{true: 403, false: 401}[c.acts]; a.Status != status {
				t.Errorf("%s with %s: %d %s", c.name, name, a.Status, a.Body)
			}
		}
	}
}

// TestQRPicture looks at the picture itself, and at how long it is good.
func TestQRPicture(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Set(t, i, instance.Pairing, nil)
	for left, ttl := range map[time.Duration][2]int{time.Minute: {20, 20}, 7500 * time.Millisecond: {0, 7}} {
		offer := instance.Offer{Instance: i.ID, QR: apitest.QR, QRUntil: time.Now().Add(left), Until: time.Now().Add(time.Minute)}
		if err := w.Instances.PutOffer(t.Context(), offer); err != nil {
			t.Fatal(err)
		}
		var got struct {
			QR  string
			TTL int
		}
		a := ask(t, w, "POST", "generate_qrcode.aspx", "")
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || got.TTL < ttl[0] || got.TTL > ttl[1] {
			t.Errorf("for %v: ttl %d, %v", left, got.TTL, err)
		}
		drawn, err := qrcode.Encode(apitest.QR)
		if err != nil {
			t.Fatal(err)
		}
		encoded, whole := strings.CutPrefix(got.QR, "data:image/svg+xml;base64,")
		svg, err := base64.StdEncoding.DecodeString(encoded)
		if !whole || err != nil || string(svg) != string(drawn.SVG()) {
			t.Errorf("the picture is %.60s: %v", got.QR, err)
		}
	}
}

// TestTooOften counts how often a key may do what, on a clock that the test moves.
func TestTooOften(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := apitest.New(t, apitest.Options{Now: func() time.Time { return now }})
	w.Link(t, w.Create(t, "shop", key))
	w.Link(t, w.Create(t, "other", "other-key"))
	let := func(most int, method, command, body string) (passed int, last apitest.Answer) {
		t.Helper()
		for range most {
			if last = ask(t, w, method, command, body); last.Status == 429 {
				return passed, last
			}
			passed++
		}
		return passed, last
	}
	refused := func(name string, a apitest.Answer, seconds string) {
		t.Helper()
		want(t, name, a, 429, `{"status":0,"error":"rate limit","ttl":`+seconds+`}`)
		if got := a.Header.Get("Retry-After"); got != seconds {
			t.Errorf("%s: Retry-After %q", name, got)
		}
	}
	for _, command := range []string{"generate_qrcode.aspx", "restore_session.aspx"} {
		n, last := let(9, "POST", command, "{}")
		if refused(command, last, "10"); n != 6 {
			t.Errorf("%d of %s pass", n, command)
		}
	}
	now = now.Add(10 * time.Second)
	for _, command := range []string{"generate_qrcode.aspx", "restore_session.aspx"} {
		if n, _ := let(9, "POST", command, "{}"); n != 1 {
			t.Errorf("%d of %s pass ten seconds later", n, command)
		}
	}
	now = now.Add(time.Minute)
	const hi = `{"number":"4915550002","message":"hi"}`
	n, last := let(3, "POST", "send_message.aspx", hi)
	if refused("a second message to a chat", last, "1"); n != 1 {
		t.Errorf("%d messages to a chat pass", n)
	}
	if n, _ := let(1, "POST", "send_message.aspx", `{"number":"4915550003","message":"hi"}`); n != 1 {
		t.Error("no message to another chat passes")
	}
	now = now.Add(time.Second)
	if n, _ := let(3, "POST", "send_message.aspx", hi); n != 1 {
		t.Errorf("%d messages to a chat pass a second later", n)
	}
	now = now.Add(time.Minute)
	n, last = let(60, "GET", "save_session.aspx", "")
	if refused("all commands", last, "1"); n != 40 {
		t.Errorf("%d commands pass", n)
	}
	if a := send(t, w, "GET", "/save_session.aspx?wid=other-key", nil, ""); a.Status != 200 {
		t.Errorf("another key: %d %s", a.Status, a.Body)
	}
	now = now.Add(time.Second)
	if n, _ := let(60, "GET", "save_session.aspx", ""); n != 20 {
		t.Errorf("%d commands pass a second later", n)
	}
}

// TestSendFileByURL has Roost fetch what is sent, and look at how large it is.
func TestSendFileByURL(t *testing.T) {
	t.Parallel()
	files := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/photo":
			rw.Header().Set("Content-Type", "image/jpeg")
			_, _ = rw.Write([]byte("\xff\xd8\xff photo"))
		case "/large":
			_, _ = rw.Write(make([]byte, 16<<20+1))
		default:
			http.NotFound(rw, r)
		}
	}))
	t.Cleanup(files.Close)
	w := apitest.New(t, apitest.Options{Networks: egress.Loopback})
	w.Link(t, w.Create(t, "shop", key))
	const failed = `{"success":false,"sucesso":false,"message":null,"mensagem":null,"error":"`
	const done = `{"success":true,"sucesso":true,"message":{"MessageID":"ID","Url":"URL","jpegThumbnail":""},"mensagem":{"MessageID":"ID","Url":"URL","jpegThumbnail":""}}`
	for _, c := range []struct {
		body   string
		status int
		want   string
		sent   command.MediaArgs
	}{
		{`{"number":"4915550002","caption":"look","url":"` + files.URL + `/photo","type":"image/jpeg"}`, 200, done, command.MediaArgs{Kind: "image", Mimetype: "image/jpeg", Caption: "look"}},
		{`{"number":"4915550003","url":"` + files.URL + `/photo"}`, 200, done, command.MediaArgs{Kind: "image", Mimetype: "image/jpeg"}},
		{`{"number":"4915550004","url":"` + files.URL + `/photo","type":"file","filename":"photo.jpg"}`, 200, done, command.MediaArgs{Kind: "document", Mimetype: "image/jpeg", FileName: "photo.jpg"}},
		{`{"number":"4915550005","url":"` + files.URL + `/photo","type":"audio/ogg; codecs=opus"}`, 200, done, command.MediaArgs{Kind: "voice", Mimetype: "audio/ogg; codecs=opus"}},
		{`{"number":"4915550006","url":"` + files.URL + `/none","type":"file"}`, 400, failed, command.MediaArgs{}},
		{`{"number":"4915550007","url":"` + files.URL + `/large","type":"file"}`, 413, failed + `a file has at most 16 MiB"}`, command.MediaArgs{}},
		{`{"number":"4915550008","url":"` + files.URL + `/photo","base64":"AA=="}`, 400, failed + `either url or base64 is required"}`, command.MediaArgs{}},
		{`{"number":"4915550009","base64":"` + strings.Repeat("A", 16<<20/3*4+4) + `"}`, 413, failed + `a file has at most 16 MiB"}`, command.MediaArgs{}},
	} {
		before := len(w.Host.Sent())
		a := ask(t, w, "POST", "send_message_file.aspx", c.body)
		a.Body = link.ReplaceAllString(messageID.ReplaceAllString(a.Body, `"ID"`), `"URL"`)
		if a.Status != c.status || !strings.HasPrefix(a.Body, c.want) {
			t.Errorf("%.120s: %d %s", c.body, a.Status, a.Body)
		}
		sent := w.Host.Sent()[before:]
		if len(sent) != map[int]int{200: 1}[c.status] {
			t.Fatalf("%.120s: %d messages", c.body, len(sent))
		}
		if len(sent) == 1 {
			got := sent[0].Args.Media
			if got.Kind != c.sent.Kind || got.Mimetype != c.sent.Mimetype || got.FileName != c.sent.FileName || got.Caption != c.sent.Caption || string(sent[0].File) != "\xff\xd8\xff photo" {
				t.Errorf("%s: sent %+v %q", c.body, got, sent[0].File)
			}
		}
	}
}

// TestConfigIsTold sets things, and reads what PostBack says of that.
func TestConfigIsTold(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	next := func() string {
		t.Helper()
		for {
			got, err := w.Events.Receive(t.Context(), 1, 20*time.Second, 0)
			if err != nil || len(got) == 0 {
				t.Fatalf("nothing is told: %v", err)
			}
			e, err := event.Read(t.Context(), w.Bucket, got[0].Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Events.Delete(t.Context(), got[0].Receipt); err != nil {
				t.Fatal(err)
			}
			if e.Kind != event.ConfigChanged {
				continue
			}
			calls, err := postback.Formats(w.Table, w.Sealer)[webhook.FormatPostback](e)
			if err != nil || e.Instance != i.ID || e.Tenant != i.Tenant {
				t.Fatalf("%+v: %v", e, err)
			}
			_, data, _ := strings.Cut(built(t, calls)[0], `"data":`)
			return strings.TrimSuffix(data, "}")
		}
	}
	for _, c := range []struct{ body, want string }{
		{`{"webhook":"https://my-erp.example/hook?a=1&b=2"}`, `{"Webhook":"https://my-erp.example/hook?a=1&b=2","UserAgent":"Chrome","APIVersion":"1.1"}`},
		{`{"user_agent":"Opera"}`, `{"Webhook":"https://my-erp.example/hook?a=1&b=2","UserAgent":"Opera","APIVersion":"1.1"}`},
		{`{"APIVersion":"1.0","APIVersionCanBulk":true}`, `{"Webhook":"https://my-erp.example/hook?a=1&b=2","UserAgent":"Opera","APIVersion":"1.0"}`},
	} {
		if a := ask(t, w, "POST", "set_config.aspx", c.body); a.Status != 200 {
			t.Fatalf("%s: %d %s", c.body, a.Status, a.Body)
		}
		if got := next(); got != c.want {
			t.Errorf("%s is told as %s", c.body, got)
		}
	}
	ask(t, w, "POST", "set_config.aspx", `{}`) // says nothing
	ask(t, w, "POST", "set_config.aspx", `{"user_agent":"Firefox"}`)
	if got := next(); !strings.Contains(got, `"UserAgent":"Firefox"`) {
		t.Errorf("then %s", got)
	}
}
