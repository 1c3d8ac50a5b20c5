package aspx_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/group"
	"roost/shared/instance"
	"roost/shared/message"
)

func person(digits string) message.Address {
	return message.Address{PN: digits + "@s.whatsapp.net"}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	const failed = `{"success":false,"sucesso":false,"message":null,"mensagem":null,"error":"`
	want(t, "closed", ask(t, w, "POST", "group_create.aspx", `{"name":"team","participants":"4915550002"}`), 200, failed+`Connection Closed"}`)
	w.Link(t, i)
	at := time.Unix(1790000000, 0).UTC()
	team := group.Group{
		ID: "120363041234567890@g.us", Subject: "Team Sales", SubjectBy: person("4915550001"), SubjectAt: at, Owner: person("4915550001"), Created: at,
		Members: []group.Member{{Address: person("4915550001"), Rank: group.SuperAdmin}, {Address: person("4915550002"), Rank: group.Admin}, {Address: person("4915550003")}},
	}
	w.Host.Tell(func(h *apitest.Host) {
		h.Absent["4915550009"] = true
		h.Answers = map[command.Kind]any{command.CreateGroup: team, command.ShowGroup: team, command.MoveMembers: command.Moved{Members: []command.MovedMember{
			{Address: person("4915550003"), Status: 200}, {Address: person("4915550004"), Status: 403},
		}}}
	})
	const about = `{\"id\":\"120363041234567890@g.us\",\"subject\":\"Team Sales\",\"subjectOwner\":\"4915550001@s.whatsapp.net\",\"subjectTime\":1790000000,` +
		`\"owner\":\"4915550001@s.whatsapp.net\",\"creation\":1790000000,\"participants\":[{\"id\":\"4915550001@s.whatsapp.net\",\"isAdmin\":true,\"isSuperAdmin\":true},` +
		`{\"id\":\"4915550002@s.whatsapp.net\",\"isAdmin\":true,\"isSuperAdmin\":false},{\"id\":\"4915550003@s.whatsapp.net\",\"isAdmin\":false,\"isSuperAdmin\":false}]}`
	contact := `{"jid":"120363041234567890@g.us","notify":"","verify":"","vname":"","short":"Team","name":"Team Sales","picture":"URL","Lastupdate":"NOW",` +
		`"LastMessageTime":0,"biz":false,"status":200,"tag":"","Count":0,"Mute":"","Spam":false,"Archive":false,"isGroup":true,` +
		`"OriginalPicture":"URL","LastPresenceTime":0,"GroupInformation":"` + about + `"}`
	done := `{"success":true,"sucesso":true,"message":` + contact + `,"mensagem":` + contact
	for _, c := range []struct {
		command, body string
		status        int
		want          string
	}{
		{"group_create", `{"name":"Team Sales","participants":"4915550002@s.whatsapp.net, 4915550003@s.whatsapp.net"}`, 200, done + `}`},
		{"group_create", `{"name":"Team Sales","participants":"4915550009"}`, 200, failed + `the number is not on WhatsApp"}`},
		{"group_create", `{"participants":"4915550002"}`, 400, failed + `name is missing"}`},
		{"group_create", `{"name":" ","participants":","}`, 400, failed + `name and participants must not be empty"}`},
		{"group_create", `{"name":"a","participants":["4915550002"]}`, 400, failed + `participants: is no string"}`},
		{"group_add", `{"jid":"120363041234567890@g.us","participants":"4915550003,4915550004"}`, 200, done + `,"error":"4915550004@s.whatsapp.net: does not let others add them"}`},
		{"group_remove", `{"jid":"120363041234567890","participants":"4915550003,4915550004"}`, 200, done + `,"error":"4915550004@s.whatsapp.net: does not let others add them"}`},
		{"group_add", `{"jid":"120363041234567890@g.us","participants":"4915550009"}`, 200, failed + `4915550009@s.whatsapp.net: is not there"}`},
		{"group_add", `{"participants":"4915550003"}`, 400, failed + `jid is missing"}`},
		{"group_remove", `{"jid":"1@g.us","participants":" , "}`, 400, failed + `participants must not be empty"}`},
	} {
		a := unlinked(ask(t, w, "POST", c.command+".aspx", c.body))
		a.Body = lastUpdate.ReplaceAllString(a.Body, `"Lastupdate":"NOW"`)
		want(t, c.command+" "+c.body, a, c.status, c.want)
	}
	w.Host.Tell(func(h *apitest.Host) {
		h.Faults = map[command.Kind]error{command.MoveMembers: fault.New(fault.Forbidden, "The account is no admin of the group.")}
	})
	want(t, "no admin", ask(t, w, "POST", "group_add.aspx", `{"jid":"1@g.us","participants":"4915550003"}`), 200, failed+`The account is no admin of the group."}`)
}

// TestPicture gets a picture with the key and with the pass that a contact's
// picture has, which opens nothing else.
func TestPicture(t *testing.T) {
	t.Parallel()
	const png = "\x89PNG\r\n\x1a\npicture"
	w, i := shop(t)
	want(t, "closed", ask(t, w, "GET", "get_picture.aspx?jid=4915550002", ""), 200, `{"status":0,"error":"Connection Closed"}`)
	w.Link(t, i)
	w.Host.Tell(func(h *apitest.Host) {
		h.Answers = map[command.Kind]any{command.FetchPicture: command.PictureFile{Bytes: []byte(png)}}
	})
	if a := ask(t, w, "GET", "get_picture.aspx?JID=4915550002", ""); a.Status != 200 || a.Body != png || a.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %v %q", a.Status, a.Header, a.Body)
	}
	want(t, "no jid", ask(t, w, "GET", "get_picture.aspx", ""), 400, `{"status":0,"error":"jid is missing"}`)

	var found struct{ Mensagem struct{ Picture string } }
	a := ask(t, w, "POST", "query_profile.aspx", `{"number":"4915550002"}`)
	if err := json.Unmarshal([]byte(a.Body), &found); err != nil || strings.Contains(found.Mensagem.Picture, key) {
		t.Fatalf("%s: %v", a.Body, err)
	}
	target := strings.TrimPrefix(found.Mensagem.Picture, w.Server.URL)
	if a := send(t, w, "GET", target, http.Header{}, ""); a.Status != 200 || a.Body != png {
		t.Errorf("with the pass: %d %s", a.Status, a.Body)
	}
	_, query, _ := strings.Cut(target, "?")
	want(t, "another command", send(t, w, "GET", "/status.aspx?"+query, http.Header{}, ""), 401, `{"status":0,"error":"invalid wid"}`)
	want(t, "a spoilt pass", send(t, w, "GET", strings.Replace(target, "WID=", "WID=A", 1), http.Header{}, ""), 401, `{"status":0,"error":"invalid wid"}`)

	w.Host.Tell(func(h *apitest.Host) { h.Answers[command.FetchPicture] = command.PictureFile{} })
	want(t, "none", ask(t, w, "GET", "get_picture.aspx?jid=4915550002", ""), 404, `{"status":0,"error":"there is no picture"}`)
}

var lastUpdate = regexp.MustCompile(`"Lastupdate":"[^"]+"`)

// keep puts a message into the transcript.
func keep(t *testing.T, w *apitest.World, i instance.Instance, m message.Message) {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Transcripts.Store(t.Context(), event.Event{
		ID: "event-" + m.ID, Tenant: i.Tenant, Instance: i.ID, Kind: event.MessageSent, Chat: m.Chat.Key(), At: m.Timestamp, Body: body,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFile gets the file of a message by the URL that its send has answered.
func TestFile(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	var sent struct {
		Message struct{ MessageID, URL string }
	}
	a := ask(t, w, "POST", "send_message_file.aspx", `{"number":"4915550002","mimetype":"image/png","base64":"iVBORw0KGgo="}`)
	if err := json.Unmarshal([]byte(a.Body), &sent); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	target := strings.TrimPrefix(sent.Message.URL, w.Server.URL)
	if !strings.HasPrefix(target, "/static/"+string(i.ID)+"/media/"+sent.Message.MessageID+"?wid=") {
		t.Fatalf("the file is at %s", target)
	}
	want(t, "unknown yet", send(t, w, "GET", target, http.Header{}, ""), 400, `{"status":0,"error":"Message not found"}`)
	keep(t, w, i, message.Message{
		ID: sent.Message.MessageID, Chat: person("4915550002"), FromMe: true, Timestamp: time.Unix(1790000000, 0), Kind: "imageMessage",
		Content: json.RawMessage(`{"imageMessage":{}}`), Media: &message.Media{Kind: "image", Mimetype: "image/png"},
	})
	if a := send(t, w, "GET", target, http.Header{}, ""); a.Status != 200 || a.Body != "file of "+sent.Message.MessageID || a.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %v %q", a.Status, a.Header, a.Body)
	}
	for _, wrong := range []string{
		strings.Replace(target, "?wid=", "?wid=A", 1), "/static/" + string(i.ID) + "/media/OTHER?" + target[strings.Index(target, "wid="):],
		strings.Replace(target, string(i.ID), "other", 1), "/static/" + string(i.ID) + "/media/" + sent.Message.MessageID + "?wid=" + key,
	} {
		want(t, wrong, send(t, w, "GET", wrong, http.Header{}, ""), 401, `{"status":0,"error":"invalid wid"}`)
	}
	want(t, "no file", send(t, w, "GET", "/static/x", http.Header{}, ""), 404, `{"status":0,"error":"there is no such file"}`)
}
