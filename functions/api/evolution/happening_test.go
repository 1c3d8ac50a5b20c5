package evolution_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	webhooks "roost/functions/webhook/evolution"
	"roost/shared/event"
	"roost/simulator/content"
)

// told waits for events until one says, in the words of webhooks, what want has,
// in which a * stands for anything, and returns what it says.
func (w *live) told(name, want string) string {
	w.t.Helper()
	pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), `\*`, ".*") + "$")
	for {
		for len(w.untold) == 0 {
			var err error
			w.untold, err = webhooks.Translate(w.any())
			w.must(err)
		}
		p := w.untold[0]
		w.untold = w.untold[1:]
		data, err := json.Marshal(p.Data)
		w.must(err)
		if p.Event == name && pattern.Match(data) {
			return string(data)
		}
		w.t.Logf("waiting for %s %s, heard %s %.500s", name, want, p.Event, data)
	}
}

// TestHappenings is what webhooks are told beside messages, of what people do and
// of what the account does: section 3.3 of the contract. LID and phone number
// are both there.
func TestHappenings(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob, carl := w.contact("491510000002", "Bob"), w.contact("491510000003", "Carl")
	names := strings.NewReplacer("{alice}", w.alice.LID().String(), "{bob}", bob.LID().String(), "{carl}", carl.LID().String())
	told := func(name, want string) {
		t.Helper()
		w.told(name, names.Replace(want))
	}

	_, err := bob.Send(w.alice.PN(), content.Text("hello"))
	w.must(err)
	told("contacts.upsert", `[{"remoteJid":"491510000002@s.whatsapp.net","remoteJidAlt":"{bob}","pushName":"Bob","profilePicUrl":null,"instanceId":"*"}]`)
	bob.Rename("Robert")
	_, err = bob.Send(w.alice.PN(), content.Text("my name is Robert"))
	w.must(err)
	told("contacts.update", `[{"remoteJid":"491510000002@s.whatsapp.net","remoteJidAlt":"{bob}","pushName":"Robert",*}]`)

	g := w.Sim.Group("Choir", bob, w.alice)
	id := g.JID().String()
	told("groups.upsert", `[{"id":"`+id+`",*"subject":"Choir",*"owner":"{bob}","ownerPn":"491510000002@s.whatsapp.net",*}]`)
	w.must(g.SetSubject(bob, "Band"))
	told("groups.update", `[{"id":"`+id+`","author":"{bob}","authorPn":"491510000002@s.whatsapp.net","subject":"Band","subjectTime":*}]`)
	w.must(g.Add(bob, carl))
	told("group-participants.update", `{"id":"`+id+`","author":"{bob}","authorPn":"491510000002@s.whatsapp.net","participants":["{carl}"],"action":"add","participantsData":[{"jid":"{carl}","phoneNumber":"491510000003@s.whatsapp.net","lid":"{carl}"}]}`)
	_, err = carl.Send(g.JID(), content.Text("I am Carl"))
	w.must(err)
	told("contacts.upsert", `[{"remoteJid":"491510000003@s.whatsapp.net",*"pushName":"Carl",*}]`)
	w.must(g.Promote(bob, carl))
	told("group-participants.update", `{*"participants":["{carl}"],"action":"promote","participantsData":[{"jid":"{carl}","phoneNumber":"491510000003@s.whatsapp.net","name":"Carl","lid":"{carl}"}]}`)
	w.must(g.Promote(bob, w.alice))
	told("group-participants.update", `{*"participants":["{alice}"],"action":"promote",*"phoneNumber":"491510000001@s.whatsapp.net"*}`)
	w.run(map[string]string{"id": id}, []step{{name: "own change", method: "POST", path: "/group/updateGroupDescription/a?groupJid={id}", body: `{"description":"loud"}`, status: 201, want: `{"update":"success"}`}})
	told("groups.update", `[{"id":"`+id+`","author":"{alice}","authorPn":"491510000001@s.whatsapp.net","desc":"loud"}]`)

	w.run(nil, []step{
		{name: "archive", method: "POST", path: "/chat/archiveChat/a", body: `{"archive":true,"chat":"491510000002"}`, status: 201, want: `{*}`},
		{name: "available", method: "POST", path: "/instance/setPresence/a", body: `{"presence":"available"}`, status: 201, want: `{*}`},
	})
	told("chats.update", `[{"remoteJid":"491510000002@s.whatsapp.net","remoteJidAlt":"{bob}","instanceId":"*","archived":true}]`)
	w.must(w.alice.MarkUnread(bob.PN()))
	told("chats.update", `[{*"markedAsUnread":true}]`)
	w.must(bob.Type(w.alice.PN(), "composing"))
	told("presence.update", `{"id":"491510000002@s.whatsapp.net","idAlt":"{bob}","presences":{"491510000002@s.whatsapp.net":{"lastKnownPresence":"composing","lid":"{bob}"}}}`)

	w.must(w.alice.SetLabel("5", "Paid", 4))
	told("labels.edit", `{"id":"5","name":"Paid","color":4,"deleted":false,"instance":"a"}`)
	w.run(nil, []step{{name: "label", method: "POST", path: "/label/handleLabel/a", body: `{"number":"491510000002","labelId":"5","action":"add"}`, status: 200, want: `{*}`}})
	told("labels.association", `{"instance":"a","type":"add","chatId":"491510000002@s.whatsapp.net","labelId":"5"}`)
	w.run(nil, []step{
		{name: "findLabels", method: "GET", path: "/label/findLabels/a", status: 200, want: `[{"id":"5","name":"Paid","color":"4","predefinedId":null}]`},
		{name: "labels of a chat", method: "GET", path: "/chat/findChatByRemoteJid/a?remoteJid=491510000002@s.whatsapp.net", status: 200, want: `{*"labels":["5"],*}`},
	})

	call, err := bob.Call(w.alice.PN(), true)
	w.must(err)
	told("call", `{"chatId":"491510000002@s.whatsapp.net","from":"491510000002@s.whatsapp.net","fromAlt":"{bob}","id":"`+call+`","date":"*","offline":false,"status":"offer","isVideo":true,"isGroup":false}`)
	w.must(bob.Hangup(call))
	told("call", `{*"id":"`+call+`",*"status":"timeout",*}`)
	elsewhere, err := bob.Call(w.alice.PN(), false)
	w.must(err)
	w.must(w.alice.AcceptCall(elsewhere)) // on the phone
	told("call", `{*"id":"`+elsewhere+`",*"status":"terminate","isVideo":false,*}`)
	for status, answer := range map[string]func(string) error{"accept": bob.AcceptCall, "reject": bob.RejectCall} {
		own, err := w.alice.Call(bob.PN(), false)
		w.must(err)
		w.must(answer(own))
		told("call", `{*"id":"`+own+`",*"status":"`+status+`",*}`)
	}
	all, err := bob.Call(g.JID(), true)
	w.must(err)
	told("call", `{"chatId":"`+id+`","from":"491510000002@s.whatsapp.net","fromAlt":"{bob}","id":"`+all+`","date":"*","offline":false,"status":"offer","isVideo":true,"isGroup":true,"groupJid":"`+id+`"}`)
	w.must(w.alice.DeleteChat(bob.PN()))
	told("chats.delete", `["491510000002@s.whatsapp.net"]`)
}

// TestBookBeforeLinking: what the phone had before it was linked is told too.
func TestBookBeforeLinking(t *testing.T) {
	t.Parallel()
	w := newLive(t, func(w *live) {
		bob := w.contact("491510000002", "Bob")
		w.must(w.alice.SetContactName(bob.PN(), "Bob the Builder", "Bob"))
		w.must(w.alice.SetLabel("7", "Old", 1))
		w.must(w.alice.LabelChat(bob.PN(), "7", true))
		w.must(w.alice.Archive(bob.PN()))
	})
	w.told("contacts.upsert", `[{"remoteJid":"491510000002@s.whatsapp.net","remoteJidAlt":"*@lid","pushName":"Bob the Builder",*}]`)
	w.next(event.ChatLabelled)
	w.run(nil, []step{
		{name: "findLabels", method: "GET", path: "/label/findLabels/a", status: 200, want: `[{"id":"7","name":"Old","color":"1","predefinedId":null}]`},
		{name: "findContacts", method: "POST", path: "/chat/findContacts/a", body: `{}`, status: 200, want: `[{*"pushName":"Bob the Builder",*"isSaved":true,"type":"contact"}]`},
	})
}
