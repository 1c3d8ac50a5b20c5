package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// TestCommands is the life of an instance through the .aspx commands alone, on
// the built program: PostBack set, linked by its QR code, a message, closed,
// restored without a code, unlinked.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	const wid = "6D6307C3-2973-4468-85FA-D047CB8E1F2E"
	ask := func(method, command string, body any) map[string]any {
		t.Helper()
		status, answer := w.call(method, "/"+command+".aspx?wid="+wid, body)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", command, status, answer)
		}
		return answer
	}
	inner := func(answer map[string]any) (code float64) {
		t.Helper()
		var s struct{ Status float64 }
		text, _ := answer["Status"].(string)
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%v: %v", answer, err)
		}
		return s.Status
	}
	w.call(http.MethodPost, "/instance/create", map[string]any{"instanceName": "shop", "integration": "WHATSAPP-BAILEYS", "token": wid})
	if a := ask("POST", "set_config", map[string]any{"webhook": w.hook.URL, "APIVersionCanBulk": false}); a["Webhook"] != w.hook.URL {
		t.Errorf("set_config: %v", a)
	}
	alice, err := w.Phone("491510000001", "Alice")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.Contact("491510000002", "Bob")
	if err != nil {
		t.Fatal(err)
	}

	a := ask("POST", "generate_qrcode", map[string]any{"user_agent": "Opera"})
	text, _ := a["qr_text"].(string)
	if a["status"] != 1.0 || text == "" {
		t.Fatalf("generate_qrcode: %v", a)
	}
	scanned := ""
	w.poll("a scan that the phone takes", func() bool { // it may ask for a code that is newer
		if code := w.qr("shop"); code != "" && code != scanned {
			scanned = code
			if _, err := alice.Scan(w.ctx, code); err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
				t.Fatal(err)
			}
		}
		return len(alice.Companions()) > 0
	})
	var codes []float64
	w.poll("PostBack of a login", func() bool {
		codes = nil
		for _, e := range w.hook.of("status") {
			code, _ := e.Data["status"].(float64)
			codes = append(codes, code)
		}
		return len(codes) > 0 && codes[len(codes)-1] == 10
	})
	if conn := w.hook.of("Conn"); len(conn) == 0 || conn[0].Data["wid"] != "491510000001@s.whatsapp.net" {
		t.Errorf("PostBack of the connection %v, after %v", conn, codes)
	}

	sent := ask("POST", "send_message", map[string]any{"number": "491510000002", "message": "hi Bob"})
	said, _ := sent["message"].(map[string]any)
	if _, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == said["Id"] && e.Text == "hi Bob" }); err != nil {
		t.Fatalf("%v: %v", sent, err)
	}

	carol, err := w.Contact("491510000003", "Carol")
	if err != nil {
		t.Fatal(err)
	}
	card := "BEGIN:VCARD\nVERSION:3.0\nFN:Carol\nTEL;waid=491510000003:+49 151 0000003\nEND:VCARD"
	sent = ask("POST", "send_contact", map[string]any{"number": "491510000003", "vcard": card})
	said, _ = sent["message"].(map[string]any)
	got, err := carol.Await(w.ctx, func(e content.Entry) bool { return e.ID == said["Id"] })
	if err != nil || got.Raw.GetContactMessage().GetVcard() != card || got.Raw.GetContactMessage().GetDisplayName() != "Carol" {
		t.Errorf("send_contact: %v %v, %v", sent, got, err)
	}
	made := ask("POST", "group_create", map[string]any{"name": "Team", "participants": "491510000002"})
	group, _ := made["message"].(map[string]any)
	gid, _ := group["jid"].(string)
	members := func(answer map[string]any) []string {
		t.Helper()
		var about struct{ Participants []struct{ ID string } }
		group, _ := answer["message"].(map[string]any)
		text, _ := group["GroupInformation"].(string)
		if err := json.Unmarshal([]byte(text), &about); err != nil {
			t.Fatalf("%v: %v", answer, err)
		}
		var out []string
		for _, p := range about.Participants {
			user, _, _ := strings.Cut(p.ID, "@")
			out = append(out, user)
		}
		slices.Sort(out)
		return out
	}
	if got := members(made); made["success"] != true || !slices.Equal(got, []string{"491510000001", "491510000002"}) {
		t.Errorf("group_create: %v", made)
	}
	if a := ask("POST", "group_add", map[string]any{"jid": gid, "participants": "491510000003"}); len(members(a)) != 3 {
		t.Errorf("group_add: %v", a)
	}
	if a := ask("POST", "group_remove", map[string]any{"jid": gid, "participants": "491510000002"}); !slices.Equal(members(a), []string{"491510000001", "491510000003"}) {
		t.Errorf("group_remove: %v", a)
	}
	jpeg := []byte("\xff\xd8\xff\xe0 Carol")
	carol.SetPicture(jpeg)
	profile := ask("POST", "query_profile", map[string]any{"number": "491510000003"})
	about, _ := profile["mensagem"].(map[string]any)
	picture, _ := about["picture"].(string)
	if response, err := http.Get(picture); err != nil {
		t.Error(err)
	} else {
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !bytes.Equal(got, jpeg) || response.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("the picture of %v: %s %q, %v", profile, response.Status, got, err)
		}
	}

	if a := ask("GET", "close_session", nil); a["sucesso"] != true || inner(a) != 0 {
		t.Errorf("close_session: %v", a)
	}
	if a := ask("GET", "restore_session", nil); a["sucesso"] != true || inner(a) != 10 {
		t.Errorf("restore_session: %v", a)
	}
	if a := ask("POST", "generate_qrcode", nil); a["error"] != "Connection already established" {
		t.Errorf("generate_qrcode: %v", a)
	}
	for range 2 {
		if a := ask("GET", "disconnect", nil); a["status"] != 0.0 || a["CanRestoreConnection"] != false {
			t.Errorf("disconnect: %v", a)
		}
	}
	if left := alice.Companions(); len(left) != 0 {
		t.Errorf("the phone still lists %v", left)
	}
	if a := ask("GET", "restore_session", nil); a["sucesso"] != false {
		t.Errorf("restore_session without keys: %v", a)
	}
	if strings.Contains(w.output.String(), wid) {
		t.Error("the log shows the key")
	}
}
