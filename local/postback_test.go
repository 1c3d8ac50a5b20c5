package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/history"
)

// postbacks is a receiver as programs for the original have it.
type postbacks struct {
	*httptest.Server
	mu    sync.Mutex
	calls [][]posted // what came together
	wrong []string
}

// posted is one event.
type posted struct {
	Way        string // what the body begins with: BULK, BULKGZ or ""
	Event      string
	ID         string
	WID        string
	T          int64
	APIVersion string
	Data       map[string]any
}

func newPostbacks(t *testing.T) *postbacks {
	t.Helper()
	p := &postbacks{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		together, readErr := readPosted(body)
		if err != nil || readErr != nil {
			p.wrong = append(p.wrong, string(body))
			return
		}
		for _, one := range together {
			if one.WID != r.URL.Query().Get("wid") || r.URL.Query().Get("shop") != "1" || r.Header.Get("webhook-signature") == "" || r.Header.Get("webhook-id") == "" {
				p.wrong = append(p.wrong, r.URL.String()+": "+string(body))
			}
		}
		p.calls = append(p.calls, together)
	}))
	t.Cleanup(p.Close)
	return p
}

// readPosted reads a body as the original's sample does.
func readPosted(body []byte) (out []posted, err error) {
	way, packed, bulk := strings.Cut(string(body), ",")
	if !bulk || way != "BULK" && way != "BULKGZ" {
		out = make([]posted, 1)
		return out, json.Unmarshal(body, &out[0])
	}
	array := []byte(packed)
	if way == "BULKGZ" {
		raw, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		if array, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	var texts [][]byte // base64 each
	if err := json.Unmarshal(array, &texts); err != nil {
		return nil, err
	}
	out = make([]posted, len(texts))
	for n, text := range texts {
		if err := json.Unmarshal(text, &out[n]); err != nil {
			return nil, err
		}
		out[n].Way = way
	}
	return out, nil
}

// all are the events so far, in order.
func (p *postbacks) all() []posted {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Concat(p.calls...)
}

// await waits for an event that is as want says: fields of its data.
func (p *postbacks) await(w *world, event, want string) (found posted) {
	w.t.Helper()
	wanted := tree(w.t, want)
	w.poll(event+" "+want, func() bool {
		for _, one := range p.all() {
			if one.Event == event && lacks(wanted, any(one.Data)) == "" {
				found = one
				return true
			}
		}
		return false
	})
	return found
}

// commander speaks the dialect of commands to a running program.
type commander struct {
	*world
	wid string
}

func (a *commander) ask(method, command string, body any) map[string]any {
	a.t.Helper()
	status, answer := a.call(method, "/"+command+".aspx?wid="+a.wid, body)
	if status != http.StatusOK {
		a.t.Fatalf("%s: %d %v", command, status, answer)
	}
	return answer
}

// link has a phone scan the pictures' text until it agrees, and waits until the
// instance is open.
func (a *commander) link(phone *simulator.User) {
	a.t.Helper()
	scanned := ""
	a.poll("a scan that the phone takes", func() bool {
		said := a.ask("POST", "generate_qrcode", map[string]any{"user_agent": "Opera"})
		code, _ := said["qr_text"].(string)
		for code == scanned || code == "" { // 6 pictures a minute
			if code = a.qr("shop"); code == "" && len(phone.Companions()) > 0 {
				return true
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-a.ctx.Done():
				a.t.Fatal("never linked")
			}
		}
		scanned = code
		_, err := phone.Scan(a.ctx, code)
		if err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
			a.t.Fatal(err)
		}
		return err == nil
	})
	a.code(10)
}

// code waits for a status code.
func (a *commander) code(want float64) {
	a.t.Helper()
	for {
		object := a.ask("GET", "status", nil)
		if object["status"] == want {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond): // 20 commands a second are let through
		case <-a.ctx.Done():
			a.t.Fatalf("waited in vain for status %v: %v", want, object)
		}
	}
}

// TestPostBack hears what the dialect tells, in each of its ways, on the built
// program: a linking with its history, messages with files, receipts, presence,
// settings, and how a connection ends.
func TestPostBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	a, told := &commander{w, "6D6307C3-2973-4468-85FA-D047CB8E1F2E"}, newPostbacks(t)
	if status, said := w.call("POST", "/instance/create", map[string]any{
		"instanceName": "shop", "integration": "WHATSAPP-BAILEYS", "token": a.wid, "syncFullHistory": true,
	}); status != http.StatusCreated {
		t.Fatalf("create: %d %v", status, said)
	}
	const number = "491510000051"
	alice, err := w.Phone(number, "Alice")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.Contact("491510000052", "Bob")
	if err != nil {
		t.Fatal(err)
	}
	alice.SetHistory(history.Plan{Chats: 2, MessagesPerChat: 3})

	hook := told.URL + "/hook?shop=1"
	said := a.ask("POST", "set_config", map[string]any{"webhook": hook, "user_agent": "Opera", "APIVersionCanBulk": true, "APIVersion": "1.1"})
	webID, _ := said["WebID"].(string)
	set := told.await(w, "config", `{"Webhook":"`+hook+`","UserAgent":"Opera","APIVersion":"1.1"}`)
	if set.Way != "BULKGZ" || set.APIVersion != "1.1" || set.WID != webID || len(set.ID) != 36 || time.Since(time.UnixMilli(set.T)) > time.Minute {
		t.Errorf("set: %+v", set)
	}
	a.link(alice)
	qr := told.await(w, "qr", `{"index":1,"of":6,"ttl":20}`)
	if picture, _ := qr.Data["qr"].(string); !strings.HasPrefix(picture, "data:image/svg+xml;base64,") {
		t.Errorf("a code: %.80v", qr.Data)
	}
	told.await(w, "history", `{"progress":100}`)
	told.await(w, "Conn", `{"wid":"`+number+`@s.whatsapp.net","pushname":"Alice","connected":true}`) // her name is told later
	// The order after a scan; the last two come together.
	var names []string
	for _, one := range told.all() {
		code, _ := one.Data["status"].(float64)
		switch {
		case one.Event == "Conn":
			names = append(names, "Conn "+one.Data["wid"].(string))
		case one.Event == "status" && (code == 3 || code == 4 || code == 10):
			names = append(names, one.Data["statusString"].(string))
		}
	}
	if want := []string{"waitForQRAuthentication", "Starting", "Conn " + number + "@s.whatsapp.net", "WhatsAppAuthenticated"}; !slices.Equal(names[:min(len(names), len(want))], want) {
		t.Errorf("told %q, want %q", names, want)
	}
	told.mu.Lock()
	if !slices.ContainsFunc(told.calls, func(call []posted) bool {
		return len(call) == 2 && call[0].Event == "Conn" && call[1].Event == "status"
	}) {
		t.Error("no bulk holds more than one event")
	}
	told.mu.Unlock()

	a.ask("POST", "set_config", map[string]any{"APIVersion": "1.0"})
	if set = told.await(w, "config", `{"APIVersion":"1.0"}`); set.Way != "BULK" || set.APIVersion != "1.0" {
		t.Errorf("set: %+v", set)
	}
	photo := []byte("\xff\xd8\xff\xe0 a photo")
	id, err := bob.Say(simulator.Saying{To: number, Media: &simulator.File{Kind: "image", Data: photo, Caption: "look"}})
	if err != nil {
		t.Fatal(err)
	}
	m := told.await(w, "msg", `{"Id":"`+id+`","jid":"491510000052@s.whatsapp.net","from":"491510000052@s.whatsapp.net","fromMe":false,"pushname":"Bob","type":"image","text":"","caption":"look","mimetype":"image/jpeg"}`)
	link, _ := m.Data["Url"].(string)
	if status, mimetype, body := fetch(t, link); m.Way != "BULK" || status != 200 || mimetype != "image/jpeg" || body != string(photo) {
		t.Errorf("the file at %s: %d %s %q", link, status, mimetype, body)
	}
	a.ask("POST", "set_config", map[string]any{"APIVersionCanBulk": false, "APIVersion": "1.1"})
	a.ask("POST", "subscribe", map[string]any{"number": "491510000052"})
	a.ask("POST", "send_presence", map[string]any{"presence": "available"})
	w.poll("presence", func() bool { // companions get it while they are available
		if err := bob.Type(alice.PN(), simulator.Composing); err != nil && !errors.Is(err, simulator.ErrNobody) {
			t.Fatal(err)
		}
		return slices.ContainsFunc(told.all(), func(p posted) bool { return p.Event == "presence" })
	})
	if p := told.await(w, "presence", `{"jid":"491510000052@s.whatsapp.net","state":"composing"}`); p.Way != "" || p.APIVersion != "1.1" {
		t.Errorf("presence: %+v", p)
	}
	sent, _ := a.ask("POST", "send_message", map[string]any{"number": "491510000052", "message": "hi Bob"})["message"].(map[string]any)
	told.await(w, "msg", `{"Id":"`+sent["Id"].(string)+`","fromMe":true,"type":"text","text":"hi Bob"}`)
	for _, how := range []string{"sent", "delivered"} {
		told.await(w, "ack", `{"Id":["`+sent["Id"].(string)+`"],"jid":"491510000052@s.whatsapp.net","ack":"`+how+`"}`)
	}

	status := func(answer map[string]any) (object map[string]any) {
		t.Helper()
		text, _ := answer["Status"].(string)
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatalf("%v: %v", answer, err)
		}
		return object
	}
	closed := status(a.ask("GET", "close_session", nil))
	counted, _ := closed["stats"].(map[string]any)
	if counted["SentBytes"].(float64) < 1000 || counted["ReceveidBytes"].(float64) < 1000 {
		t.Errorf("counted %v", counted)
	}
	told.await(w, "status", `{"status":0,"statusString":"noConnection","connected":false,"CanRestoreConnection":true,"reason":"disconnected"}`)
	if cleared := a.ask("GET", "clear", nil); cleared["message"] != "clear ok" {
		t.Errorf("clear: %v", cleared)
	}
	if counted, _ = a.ask("GET", "status", nil)["stats"].(map[string]any); counted["SentBytes"] != 0.0 || counted["ReceveidBytes"] != 0.0 || counted["Chats"] == 0.0 {
		t.Errorf("after clear %v", counted)
	}
	for _, end := range []struct {
		fault simulator.Fault
		code  float64
		want  string
	}{
		{simulator.Fault{Fault: simulator.Replace}, 11, `{"status":11,"statusString":"WhatsAppAuthenticatedConnectionClosed","connected":false,"CanRestoreConnection":true,"reason":"replaced"}`},
		{simulator.Fault{Fault: simulator.Ban, Seconds: 2}, 11, `{"status":11,"connected":false,"CanRestoreConnection":false,"reason":"banned"}`},
		{simulator.Fault{Fault: simulator.Outdated}, 11, `{"status":11,"connected":false,"CanRestoreConnection":true,"reason":"outdated"}`},
		{simulator.Fault{Fault: simulator.Logout}, 13, `{"status":13,"statusString":"WhatsAppNotAuthenticated","connected":false,"CanRestoreConnection":false,"reason":"logged_out"}`},
	} {
		w.poll("restored", func() bool {
			if again := a.ask("GET", "restore_session", nil); again["sucesso"] == true {
				return status(again)["status"] == 10.0
			}
			select {
			case <-time.After(10 * time.Second): // 6 a minute
			case <-w.ctx.Done():
			}
			return false
		})
		end.fault.Number = number
		if err := w.Inject(end.fault); err != nil {
			t.Fatal(err)
		}
		a.code(end.code)
		told.await(w, "status", end.want)
		if err := w.Inject(simulator.Fault{Fault: simulator.Clear, Number: number}); err != nil {
			t.Fatal(err)
		}
		if end.fault.Fault == simulator.Ban {
			if refused := a.ask("GET", "restore_session", nil); refused["sucesso"] != false || !strings.HasPrefix(refused["error"].(string), "Temporarily banned until ") {
				t.Errorf("restored while banned: %v", refused)
			}
			if refused := a.ask("POST", "generate_qrcode", nil); refused["status"] != 0.0 || refused["ttl"] != 0.0 || !strings.HasPrefix(refused["error"].(string), "Temporarily banned until ") {
				t.Errorf("a code while banned: %v", refused)
			}
		}
	}
	if refused := a.ask("GET", "restore_session", nil); refused["sucesso"] != false || status(refused)["status"] != 13.0 {
		t.Errorf("restored without keys: %v", refused)
	}
	if about, _ := a.ask("GET", "status", nil)["ConnectionInfo"].(map[string]any); about["connected"] != false || about["pushname"] != "Alice" { // as it was last
		t.Errorf("after its end: %v", about)
	}
	if err := w.Inject(simulator.Fault{Fault: simulator.BreakHMAC, Number: number}); err != nil {
		t.Fatal(err)
	}
	text := ""
	w.poll("a pairing that fails", func() bool {
		if text == "" {
			text, _ = a.ask("POST", "generate_qrcode", nil)["qr_text"].(string)
		}
		if code := w.qr("shop"); code != "" {
			_, _ = alice.Scan(w.ctx, code) // the phone does not know that it fails
		}
		return slices.ContainsFunc(told.all(), func(p posted) bool { return p.Event == "status" && p.Data["reason"] == "pairing_failed" })
	})
	told.await(w, "status", `{"status":13,"statusString":"WhatsAppNotAuthenticated","CanRestoreConnection":false,"reason":"pairing_failed"}`)
	a.code(13)

	told.mu.Lock()
	defer told.mu.Unlock()
	for _, wrong := range told.wrong {
		t.Errorf("told %s", wrong)
	}
}
