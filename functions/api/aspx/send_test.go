package aspx_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"roost/functions/api/apitest"
	"roost/shared/message"
)

// link is a URL of ours, with the pass in it.
var link = regexp.MustCompile(`"http://127[^"]+"`)

var messageID = regexp.MustCompile(`"3EB0[0-9A-F]+"`)

func TestSend(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	png := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\nfile"))
	const failed = `{"success":false,"sucesso":false,"message":null,"mensagem":null,"error":"`
	const file = `{"success":true,"sucesso":true,"message":{"MessageID":"ID","Url":"URL","jpegThumbnail":""},"mensagem":{"MessageID":"ID","Url":"URL","jpegThumbnail":""}}`
	w.Host.Tell(func(h *apitest.Host) { h.Absent["4915559999999"] = true })
	for _, c := range []struct {
		command, body string
		status        int
		want          string
	}{
		{"send_message", `{"number":"4915550002@s.whatsapp.net","message":"hi"}`, 200, `{"success":true,"sucesso":true,"message":{"Id":"ID"},"mensagem":{"Id":"ID"}}`},
		{"send_message", `{"number":4915550003,"message":"<hi>"}`, 200, `{"success":true,"sucesso":true,"message":{"Id":"ID"},"mensagem":{"Id":"ID"}}`},
		{"send_message", `{"number":"120363041234567890@g.us","message":"hi all"}`, 200, `{"success":true,"sucesso":true,"message":{"Id":"ID"},"mensagem":{"Id":"ID"}}`},
		{"send_message", `{"number":"4915559999999","message":"hi"}`, 200, failed + `the number is not on WhatsApp"}`},
		{"send_message", `{"number":"4915550004"}`, 400, failed + `message is missing"}`},
		{"send_message", `{{`, 400, failed + `the body is no JSON object"}`},
		{"send_message_file", `{"number":"4915550005","caption":"look","mimetype":"image/png","base64":"` + png + `"}`, 200, file},
		{"send_message_file", `{"number":"4915550006","mimetype":"application/pdf","base64":"` + png + `"}`, 200, file},
		{"send_message_file", `{"number":"4915550007","base64":"` + png + `"}`, 200, file},
		{"send_message_file", `{"number":"4915550008","base64":"!"}`, 400, failed + `base64 cannot be read"}`},
		{"send_message_file", `{"number":"4915550008"}`, 400, failed + `either url or base64 is required"}`},
		{"send_message_file", `{"number":"4915550008","url":"ftp://x.example/a","type":"file"}`, 400, failed + `url cannot be fetched"}`},
		{"send_contact", `{"number":"4915550010","vcard":"BEGIN:VCARD\nVERSION:3.0\nFN;CHARSET=UTF-8:Silva\\, Maria\nTEL:+4915550002\nEND:VCARD\n"}`, 200, `{"success":true,"sucesso":true,"message":{"Id":"ID"},"mensagem":{"Id":"ID"}}`},
		{"send_contact", `{"number":"4915550011","name":"Maria","vcard":"begin:vcard\r\nend:vcard"}`, 200, `{"success":true,"sucesso":true,"message":{"Id":"ID"},"mensagem":{"Id":"ID"}}`},
		{"send_contact", `{"number":"4915550010","vcard":"BEGIN:VCARD\nEND:VCARD"}`, 400, failed + `name is missing, and the vCard has no FN"}`},
		{"send_contact", `{"number":"4915550010","vcard":"FN:Maria"}`, 400, failed + `vcard is no vCard"}`},
		{"send_contact", `{"number":"4915550010"}`, 400, failed + `vcard is missing"}`},
	} {
		a := ask(t, w, "POST", c.command+".aspx", c.body)
		a.Body = link.ReplaceAllString(messageID.ReplaceAllString(a.Body, `"ID"`), `"URL"`)
		want(t, c.command+" "+c.body, a, c.status, c.want)
	}
	var kinds, cards, to []string
	for _, s := range w.Host.Sent() {
		if s.Args.Text != nil {
			to = append(to, s.Args.To+" "+s.Args.Text.Text)
		}
	}
	if diff := cmp.Diff([]string{"4915550002@s.whatsapp.net hi", "4915550003@s.whatsapp.net <hi>", "120363041234567890@g.us hi all"}, to); diff != "" {
		t.Error(diff)
	}
	for _, s := range w.Host.Sent() {
		if s.Args.Media != nil {
			kinds = append(kinds, s.Args.Media.Kind+" "+s.Args.Media.Mimetype+" "+s.Args.Media.FileName)
		}
	}
	for _, s := range w.Host.Sent() {
		for _, card := range s.Args.Contacts {
			cards = append(cards, card.Name)
		}
	}
	if len(cards) != 2 || cards[0] != "Silva, Maria" || cards[1] != "Maria" {
		t.Errorf("cards %q", cards)
	}
	if len(kinds) != 3 || kinds[0] != "image image/png " || kinds[1] != "document application/pdf file" || kinds[2] != "image image/png " {
		t.Errorf("sent %q", kinds)
	}
}

func TestSendWithoutConnection(t *testing.T) {
	t.Parallel()
	w, _ := shop(t)
	want(t, "never linked", ask(t, w, "POST", "send_message.aspx", `{"number":"4915550002","message":"hi"}`), 200,
		`{"success":false,"sucesso":false,"message":null,"mensagem":null,"error":"Connection Closed"}`)
	want(t, "lookup", ask(t, w, "POST", "query_profile.aspx", `{"number":"4915550002"}`), 200, `{"sucesso":false,"mensagem":null,"error":"Connection Closed"}`)
	want(t, "no chats", ask(t, w, "GET", "chats.aspx", ""), 200, `[]`)
	want(t, "no contacts", ask(t, w, "GET", "contacts.aspx", ""), 200, `[]`)
}

// unlinked is an answer without its URLs.
func unlinked(a apitest.Answer) apitest.Answer {
	a.Body = link.ReplaceAllString(a.Body, `"URL"`)
	return a
}

func TestContacts(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	w.Link(t, i)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	if err := w.Transcripts.StoreContact(t.Context(), i.ID, message.Address{PN: "4915550002@s.whatsapp.net"}, "maria", "Maria Silva", at); err != nil {
		t.Fatal(err)
	}
	const maria = `{"jid":"4915550002@s.whatsapp.net","notify":"maria","verify":"","vname":"","short":"Maria","name":"Maria Silva","picture":"URL",` +
		`"Lastupdate":"2026-11-22T10:00:00Z","LastMessageTime":0,"biz":false,"status":200,"tag":"","Count":0,"Mute":"","Spam":false,"Archive":false,"isGroup":false}`
	want(t, "contacts", unlinked(ask(t, w, "GET", "contacts.aspx", "")), 200, `[`+maria+`]`)
	want(t, "get", unlinked(ask(t, w, "POST", "get_profile.aspx", `{"number":"4915550002"}`)), 200, `{"sucesso":true,"mensagem":`+maria+`}`)
	want(t, "query", unlinked(ask(t, w, "POST", "query_profile.aspx", `{"number":"4915550002"}`)), 200, `{"sucesso":true,"mensagem":`+maria+`}`)
	want(t, "get a stranger", ask(t, w, "POST", "get_profile.aspx", `{"number":"4915550003"}`), 200, `{"sucesso":false,"mensagem":null}`)
	var found struct {
		Sucesso  bool
		Mensagem struct{ JID string }
	}
	a := ask(t, w, "POST", "query_profile.aspx", `{"number":"4915550003"}`)
	if json.Unmarshal([]byte(a.Body), &found) != nil || !found.Sucesso || found.Mensagem.JID != "4915550003@s.whatsapp.net" {
		t.Errorf("query a stranger: %s", a.Body)
	}
	w.Host.Tell(func(h *apitest.Host) { h.Absent["4915550004"] = true })
	want(t, "query nobody", ask(t, w, "POST", "query_profile.aspx", `{"number":"4915550004"}`), 200, `{"sucesso":false,"mensagem":null}`)
	want(t, "no number", ask(t, w, "POST", "query_profile.aspx", `{}`), 400, `{"status":0,"error":"number is missing"}`)
}
