package simulator_test

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// call does one call of the control API and returns its status and body.
func (w *world) call(method, path, body string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, w.base+path, strings.NewReader(body))
	must(w.t, err)
	response, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	must(w.t, err)
	return response.StatusCode, strings.TrimSuffix(string(b), "\n")
}

// ask does a call that must answer with the status, and decodes the answer.
func (w *world) ask(status int, into any, method, path, body string) {
	w.t.Helper()
	got, answer := w.call(method, path, body)
	if got != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, got, answer, status)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// TestControlCalls is the contract by examples: each call and its exact answer,
// in this order, on a simulator without clients.
func TestControlCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.Knobs = nil })
	elsewhere := newWorld(t) // LIDs are the same everywhere
	lids := strings.NewReplacer(
		"ALICE", elsewhere.phone("491510000001", "").LID().User, "BOB", elsewhere.phone("491510000002", "").LID().User)
	const alice, bob = `{"number":"491510000001","lid":"ALICE@lid"}`, `{"number":"491510000002","lid":"BOB@lid"}`
	knobs, err := json.Marshal(simulator.DefaultKnobs())
	must(t, err)
	with := func(old, changed string) string { return strings.Replace(string(knobs), old, changed, 1) }
	for _, step := range []struct {
		call, body string
		status     int
		want       string
	}{
		{"POST /simulator/phones", `{"number":"491510000001","name":"Alice"}`, 201, alice},
		{"POST /simulator/phones", `{"number":"+491510000001"}`, 201, alice},
		{"POST /simulator/contacts", `{"number":"491510000002","name":"Bob"}`, 201, bob},
		{"POST /simulator/contacts", `{"number":"491510000002","name":"Robert"}`, 201, bob},
		{"GET /simulator/phones", ``, 200, `[{"number":"491510000001","lid":"ALICE@lid","name":"Alice","companions":[]}]`},
		{"GET /simulator/contacts", ``, 200, `[{"number":"491510000002","lid":"BOB@lid","name":"Robert","companions":[]}]`},
		{"GET /simulator/phones/+491510000001", ``, 200, `{"number":"491510000001","lid":"ALICE@lid","name":"Alice","companions":[]}`},
		{"GET /simulator/phones/ALICE", ``, 200, `{"number":"491510000001","lid":"ALICE@lid","name":"Alice","companions":[]}`},
		{"GET /simulator/contacts/491510000002@s.whatsapp.net", ``, 200, `{"number":"491510000002","lid":"BOB@lid","name":"Robert","companions":[]}`},

		{"POST /simulator/phones", `{"number":"0151"}`, 400, `{"error":"\"0151\": a phone number is 7 to 15 digits in international form, without + and leading zeros"}`},
		{"POST /simulator/phones", `{"number":""}`, 400, `{"error":"\"\": a phone number is 7 to 15 digits in international form, without + and leading zeros"}`},
		{"POST /simulator/phones", ``, 400, `{"error":"the body is empty; it must be a JSON object"}`},
		{"POST /simulator/phones", `[]`, 400, `{"error":"the body must be a JSON object"}`},
		{"POST /simulator/phones", `null`, 400, `{"error":"the body must be a JSON object"}`},
		{"POST /simulator/phones", `{"number":491510000001}`, 400, `{"error":"field \"number\" must be a text, not number"}`},
		{"POST /simulator/phones", `{"number":"491510000001","lid":"x"}`, 400, `{"error":"unknown field \"lid\""}`},
		{"POST /simulator/phones", `{"number":"491510000001"}{}`, 400, `{"error":"the body goes on after its JSON object"}`},
		{"POST /simulator/phones", `{"number":`, 400, `{"error":"the body is not valid JSON: unexpected EOF"}`},

		{"GET /simulator/phones/491510000009", ``, 404, `{"error":"491510000009: no such addressee"}`},
		{"GET /simulator/nothing", ``, 404, `{"error":"there is no /simulator/nothing"}`},
		{"GET /simulator/phones/", ``, 404, `{"error":"there is no /simulator/phones/"}`},
		{"PUT /simulator/phones", `{}`, 405, `{"error":"PUT is not among the methods of /simulator/phones: GET, HEAD, POST"}`},
		{"GET /simulator/phones/491510000001/scan", ``, 405, `{"error":"GET is not among the methods of /simulator/phones/491510000001/scan: POST"}`},

		{"POST /simulator/phones/491510000001/scan", `{"qr":"hello"}`, 409, `{"error":"malformed code: not a linking code: 1 parts, want 5"}`},
		{"POST /simulator/phones/491510000001/scan", `{"qr":""}`, 409, `{"error":"malformed code: not a linking code: 1 parts, want 5"}`},
		{"POST /simulator/phones/491510000001/scan", `{}`, 400, `{"error":"qr is missing: the text of a QR code"}`},
		{"POST /simulator/phones/491510000009/scan", `{"qr":"hello"}`, 404, `{"error":"491510000009: no such addressee"}`},
		{"POST /simulator/phones/491510000001/code", `{"code":"ABCD-EFGH"}`, 409, `{"error":"no code is on offer for 491510000001: stale code"}`},
		{"POST /simulator/phones/491510000001/code", `{}`, 400, `{"error":"code is missing: the pairing code that the client shows"}`},
		{"POST /simulator/phones/491510000001/unlink", ``, 200, `{}`},
		{"POST /simulator/phones/491510000001/unlink", `{"device":7}`, 404, `{"error":"companion 7 of 491510000001: no such addressee"}`},
		{"POST /simulator/phones/491510000001/passkey", `{}`, 400, `{"error":"request is missing: the WebAuthn request that the client got"}`},

		{"POST /simulator/contacts/491510000002/send", `{"to":"491510000001","text":"one","id":"ID1"}`, 201, `{"id":"ID1"}`},
		{"POST /simulator/contacts/491510000002/send", `{"to":"491510000009","text":"one"}`, 404, `{"error":"491510000009: no such addressee"}`},
		{"POST /simulator/contacts/491510000002/send", `{"to":"123@g.us","text":"one"}`, 404, `{"error":"123@g.us: no such addressee"}`},
		{"POST /simulator/contacts/491510000002/send", `{"text":"one"}`, 400, `{"error":"invalid message: to is missing"}`},
		{"POST /simulator/contacts/491510000002/send", `{"to":"491510000001"}`, 400, `{"error":"invalid message: it needs one of text, media, location, contact, poll, vote, reaction, edit and revoke"}`},
		{"POST /simulator/contacts/491510000002/send", `{"to":"491510000001","media":{"kind":"image","base64":"?"}}`, 400, `{"error":"a field is not standard base64, from byte 0 on"}`},
		{"POST /simulator/contacts/491510000002/send", `{"to":"491510000001","media":{"kind":7}}`, 400, `{"error":"field \"media.kind\" must be a text, not number"}`},
		{"POST /simulator/contacts/491510000002/send", `{"reaction":{"id":"nope","emoji":"x"}}`, 404, `{"error":"message nope: no such message"}`},

		{"GET /simulator/contacts/491510000002/inbox", ``, 200, `[]`},
		{"GET /simulator/phones/491510000001/inbox?after=ID1", ``, 200, `[]`},
		{"GET /simulator/phones/491510000001/inbox?after=ID2", ``, 404, `{"error":"message ID2: no such message"}`},
		{"GET /simulator/phones/491510000001/inbox?wait=soon", ``, 400, `{"error":"wait must be a number of seconds"}`},
		{"GET /simulator/phones/491510000001/inbox?since=1", ``, 400, `{"error":"unknown query parameter \"since\""}`},
		{"GET /simulator/phones/491510000001/inbox/ID1/media", ``, 404, `{"error":"message ID1 has no file: no such message"}`},
		{"GET /simulator/phones/491510000001/inbox/ID2/media", ``, 404, `{"error":"message ID2: no such message"}`},
		{"GET /simulator/phones/491510000001/mirror", ``, 200, `[]`},
		{"GET /simulator/phones/491510000001/settings", ``, 200, `{"pushName":"Alice","chats":{},"contacts":{},"labels":{},"starred":[]}`},
		{"GET /simulator/phones/491510000001/receipts", ``, 200, `[]`},
		{"POST /simulator/phones/491510000001/read", `{"id":"ID1"}`, 200, `{}`},
		{"POST /simulator/phones/491510000001/read", `{"id":"ID2"}`, 404, `{"error":"message ID2: no such message"}`},
		{"POST /simulator/phones/491510000001/read", `{}`, 400, `{"error":"id is missing: a message in the inbox"}`},
		{"POST /simulator/phones/491510000001/typing", `{"to":"491510000002"}`, 200, `{}`},
		{"POST /simulator/phones/491510000001/typing", `{}`, 400, `{"error":"to is missing: the chat to type in"}`},
		{"POST /simulator/phones/491510000001/typing", `{"to":"491510000002","state":"thinking"}`, 400, `{"error":"\"thinking\": state of a chat is composing, recording or paused"}`},

		{"GET /simulator/knobs", ``, 200, string(knobs)},
		{"POST /simulator/knobs", `{"refreshAfterScan":false}`, 200, with(`"refreshAfterScan":true`, `"refreshAfterScan":false`)},
		{"POST /simulator/knobs", `{"refreshAfterScan":true,"passkey":true}`, 200, with(`"passkey":false`, `"passkey":true`)},
		{"POST /simulator/knobs", `{"passkey":false}`, 200, string(knobs)},
		{"POST /simulator/knobs", `{}`, 200, string(knobs)},
		{"POST /simulator/knobs", ``, 400, `{"error":"the body is empty; it must be a JSON object"}`},
		{"POST /simulator/knobs", `{"noise":0.5,"refresh":true}`, 400, `{"error":"unknown field \"refresh\""}`},
		{"POST /simulator/knobs", `{"passkey":"yes"}`, 400, `{"error":"field \"passkey\" must be true or false, not string"}`},
		{"POST /simulator/knobs", `{"noise":2}`, 400, `{"error":"noise and dropRate must be 0 to 1"}`},
		{"POST /simulator/knobs", `{"qrCodes":7}`, 400, `{"error":"qrCodes must be 1 to 6"}`},
		{"GET /simulator/knobs", ``, 200, string(knobs)},

		{"GET /simulator/faults", ``, 200, `[]`},
		{"POST /simulator/faults", `{"fault":"refuse_login","number":"+491510000001","code":503,"times":2}`, 200, `{"fault":"refuse_login","number":"491510000001","times":2,"code":503}`},
		{"GET /simulator/faults", ``, 200, `[{"fault":"refuse_login","number":"491510000001","times":2,"code":503}]`},
		{"POST /simulator/faults", `{"fault":"clear"}`, 200, `{"fault":"clear"}`},
		{"GET /simulator/faults", ``, 200, `[]`},
		{"POST /simulator/faults", `{"fault":"earthquake"}`, 400, `{"error":"\"earthquake\": invalid fault"}`},
		{"POST /simulator/faults", `{"fault":"refuse_dial","code":99}`, 400, `{"error":"code of refuse_dial must be an HTTP status, 400 to 599: invalid fault"}`},
		{"POST /simulator/faults", `{"fault":"cut","number":"491510000009"}`, 404, `{"error":"491510000009: no such addressee"}`},
		{"DELETE /simulator/violations", ``, 200, `{}`},

		{"GET /simulator/groups", ``, 200, `[]`},
		{"POST /simulator/groups", `{"subject":"x"}`, 400, `{"error":"subject and creator are needed"}`},
		{"POST /simulator/groups", `{"subject":"x","creator":"491510000009"}`, 404, `{"error":"491510000009: no such addressee"}`},
		{"POST /simulator/groups/1@g.us/participants", `{}`, 404, `{"error":"1@g.us: no such addressee"}`},
	} {
		method, path, _ := strings.Cut(lids.Replace(step.call), " ")
		want := lids.Replace(step.want)
		status, got := w.call(method, path, step.body)
		if status != step.status || got != want {
			t.Errorf("%s %s\n got %d %s\nwant %d %s", step.call, step.body, status, got, step.status, want)
		}
	}
}

func TestControlOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pair("491510000001", "Alice")
	status, got := w.call("GET", "/simulator", "")
	key := w.RootPublicKey()
	host := strings.TrimPrefix(w.base, "http://")
	want := `{"websocketURL":"ws://` + host + `/ws/chat","mediaURL":"http://` + host + `","rootPublicKey":"` + hex.EncodeToString(key[:]) + `","connections":1,"violations":[]}`
	if status != 200 || got != want {
		t.Errorf("got %d %s\nwant %s", status, got, want)
	}
}

func TestControlOverviewURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simulator.Config) { c.URL = "https://wa.example" })
	var got struct{ WebsocketURL, MediaURL string }
	w.ask(200, &got, "GET", "/simulator", "")
	if got.WebsocketURL != "wss://wa.example/ws/chat" || got.MediaURL != "https://wa.example" {
		t.Errorf("got %+v", got)
	}
}

func TestControlViolations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.expect(simulator.WrongReceipt)
	c, u := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	for range 2 {
		must(t, c.DangerousInternals().SendNode(w.ctx, waBinary.Node{
			Tag: "receipt", Attrs: waBinary.Attrs{"id": "NEVER-SENT", "to": bob.LID()},
		}))
	}
	_, err := bob.Send(u.LID(), text("after"))
	must(t, err)
	await[*events.Message](w, c)
	must(t, w.Settle(w.ctx))
	var got struct {
		Violations []map[string]string `json:"violations"`
	}
	w.ask(200, &got, "GET", "/simulator", "")
	if len(got.Violations) != 2 {
		t.Fatalf("violations %v, want 2", got.Violations)
	}
	v := got.Violations[0]
	if v["at"] == "" || v["detail"] == "" {
		t.Errorf("violation %v lacks at or detail", v)
	}
	delete(v, "at")
	delete(v, "detail")
	if diff := cmp.Diff(map[string]string{"kind": "wrong_receipt", "device": "491510000001:1@s.whatsapp.net"}, v); diff != "" {
		t.Error(diff)
	}
	w.ask(200, nil, "DELETE", "/simulator/violations", "")
	w.ask(200, &got, "GET", "/simulator", "")
	if len(got.Violations) != 0 {
		t.Errorf("violations %v after they were forgotten", got.Violations)
	}
}

func TestControlHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ method, path, allow string }{
		{"GET", "/simulator", ""},
		{"GET", "/simulator/nothing", ""},
		{"PATCH", "/simulator/knobs", "GET, HEAD, POST"},
	} {
		r, err := http.NewRequestWithContext(w.ctx, c.method, w.base+c.path, nil)
		must(t, err)
		response, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, response.Body.Close())
		if got := response.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("%s %s: Content-Type %q", c.method, c.path, got)
		}
		if got := response.Header.Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, got, c.allow)
		}
	}
}

func TestControlBodyLimit(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	defer s.Close()
	const limit = 64 << 20
	for _, c := range []struct {
		name     string
		size     int
		declared bool
		status   int
		answer   string
	}{
		{"at the limit", limit, true, 400, `{"error":"the body is not valid JSON: invalid character 'x' looking for beginning of value"}`},
		{"over it", limit + 1, false, 413, `{"error":"the body has more than 64 MiB"}`},
		{"over it and declared", limit + 1, true, 413, `{"error":"the body has more than 64 MiB"}`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/simulator/phones", strings.NewReader(strings.Repeat("x", c.size)))
		if !c.declared {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.answer+"\n" {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, w.Body, c.status, c.answer)
		}
	}
}

func TestControlKnobsUnchangedByFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.Knobs()
	w.ask(400, nil, "POST", "/simulator/knobs", `{"passkey":true,"qrCodes":-1}`)
	w.ask(400, nil, "POST", "/simulator/knobs", `{"passkey":true,"dropRate":"x"}`)
	if diff := cmp.Diff(before, w.Knobs()); diff != "" {
		t.Error(diff)
	}
}

func TestControlFaultStrikes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice", companion.WithoutAutoReconnect())
	var got struct {
		Companions []struct {
			Device      int
			JID, LID    string
			Online      bool
			PasskeyCode string
		}
	}
	w.ask(200, &got, "GET", "/simulator/phones/491510000001", "")
	if len(got.Companions) != 1 || !got.Companions[0].Online || got.Companions[0].JID != "491510000001:1@s.whatsapp.net" {
		t.Fatalf("got %+v, want one companion online", got)
	}
	w.ask(200, nil, "POST", "/simulator/faults", `{"fault":"cut","number":"491510000001"}`)
	await[*events.Disconnected](w, c)
}

// FuzzControlBodies sends anything as the body of every call that takes one:
// the answer is a JSON object with a status that is no server error.
func FuzzControlBodies(f *testing.F) {
	paths := []string{
		"/simulator/phones", "/simulator/contacts", "/simulator/knobs", "/simulator/faults", "/simulator/groups",
		"/simulator/phones/491510000001/scan", "/simulator/phones/491510000001/code", "/simulator/phones/491510000001/passkey",
		"/simulator/phones/491510000001/unlink", "/simulator/phones/491510000001/send", "/simulator/phones/491510000001/read",
		"/simulator/phones/491510000001/typing", "/simulator/contacts/491510000002/send", "/simulator/contacts/491510000002/played",
	}
	for i, body := range []string{
		`{"number":"491510000003","name":"x"}`, `{"fault":"duplicate","times":1,"tag":"message"}`, `{"qr":"a,b,c,d,e","follow":true}`,
		`{"code":"ABCD-EFGH"}`, `{"request":{"challenge":"eA","rpId":"whatsapp.com","allowCredentials":[{"id":"eA","type":"public-key"}]}}`,
		`{"device":1}`, `{"to":"491510000002","text":"x","reply":{"id":"A","chat":"491510000002"},"mentions":["491510000001"]}`,
		`{"media":{"kind":"image","base64":"AAAA"},"to":"status@broadcast","viewOnce":true}`,
		`{"vote":{"id":"P","options":["a"]}}`, `{"poll":{"question":"q","options":["a","b"],"selectable":1},"to":"491510000001","id":"P"}`,
		`{"reaction":{"id":"A","chat":"491510000001","emoji":"x"}}`, `{"edit":{"id":"A","chat":"491510000001","fromMe":true,"text":"y"}}`,
		`{"location":{"latitude":1e3,"longitude":0}}`, `{"contact":{"name":"x","number":"491510000001"}}`,
		`{"passkey":true,"noise":0.1}`, `{"subject":"s","creator":"491510000001","members":["491510000002"]}`, `{`, `null`, `[[`, `{"to":"@"}`,
	} {
		f.Add(i, body)
	}
	f.Fuzz(func(t *testing.T, n int, body string) {
		s := simulator.New(simulator.Config{})
		defer s.Close()
		for _, number := range []string{"491510000001", "491510000002"} {
			_, err := s.Contact(number, "x")
			must(t, err)
		}
		for range 2 { // the second may refer to what the first made
			n %= len(paths)
			if n < 0 {
				n = -n
			}
			status, answer := serve(t, s, "POST", paths[n], body)
			if status >= 500 || !json.Valid([]byte(answer)) || !strings.HasPrefix(answer, "{") {
				t.Errorf("POST %s %q: %d %q", paths[n], body, status, answer)
			}
			if status >= 400 && !strings.HasPrefix(answer, `{"error":"`) {
				t.Errorf("POST %s %q: %d without a sentence: %s", paths[n], body, status, answer)
			}
			n++
		}
	})
}

// serve asks a simulator without a network in between.
func serve(t *testing.T, s *simulator.Simulator, method, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}
