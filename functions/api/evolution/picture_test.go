package evolution_test

import (
	"strings"
	"testing"

	"roost/functions/api/apitest"
	"roost/simulator/content"
)

// TestPictures: the account's picture, and those of people who write to it, are
// told and found, and what becomes of them.
func TestPictures(t *testing.T) {
	t.Parallel()
	w := newLive(t, func(w *live) { w.alice.SetPicture([]byte{0xff, 0xd8, 0xff, 1}) })
	bob, carl := w.contact("491510000002", "Bob"), w.contact("491510000003", "Carl")
	bob.SetPicture([]byte{0xff, 0xd8, 0xff, 2})
	hello := func() {
		t.Helper()
		_, err := bob.Send(w.alice.PN(), content.Text("hello"))
		w.must(err)
	}
	w.await("the account's own picture", func() bool {
		a := w.Do(t, "GET", "/instance/fetchInstances", apitest.AdminKey, "")
		return strings.Contains(a.Body, `"profileName":"Alice","profilePicUrl":"http`)
	})

	_, err := carl.Send(w.alice.PN(), content.Text("I am Carl"))
	w.must(err)
	w.told("contacts.upsert", `[{"remoteJid":"491510000003@s.whatsapp.net",*"pushName":"Carl","profilePicUrl":null,*}]`)
	hello()
	w.told("contacts.upsert", `[{"remoteJid":"491510000002@s.whatsapp.net",*"pushName":"Bob","profilePicUrl":null,*}]`)
	first := w.told("contacts.update", `[{"remoteJid":"491510000002@s.whatsapp.net","remoteJidAlt":"*@lid","pushName":"Bob","profilePicUrl":"http*","instanceId":"*"}]`)
	choir := w.Sim.Group("Choir", bob, w.alice, carl)
	found := func(url string) []step {
		contact := `{"id":"*","remoteJid":"491510000002@s.whatsapp.net","pushName":"Bob","profilePicUrl":` + url + `,"createdAt":"*"isSaved":true,"type":"contact"}`
		return []step{
			{name: "the contact", method: "POST", path: "/chat/findContacts/a", body: `{"where":{"remoteJid":"491510000002@s.whatsapp.net"}}`, status: 200, want: `[` + contact + `]`},
			{name: "who has none", method: "POST", path: "/chat/findContacts/a", body: `{"where":{"remoteJid":"491510000003@s.whatsapp.net"}}`, status: 200, want: `[{*"pushName":"Carl","profilePicUrl":null,*}]`},
			{name: "the chat", method: "POST", path: "/chat/findChats/a", body: `{"where":{"remoteJid":"491510000002@s.whatsapp.net"}}`, status: 200, want: `[{*"pushName":"Bob","profilePicUrl":` + url + `,*}]`},
		}
	}
	w.run(nil, found(`"http*"`))
	w.run(nil, []step{{
		name: "in a group", method: "GET", path: "/group/participants/a?groupJid=" + choir.JID().String(), status: 200,
		want: `{"participants":[{*"phoneNumber":"491510000002@s.whatsapp.net",*"name":"Bob","imgUrl":"http*"},{*"phoneNumber":"491510000001@s.whatsapp.net",*},{*"phoneNumber":"491510000003@s.whatsapp.net","lid":"*","admin":null,"name":"Carl"}]}`,
	}})

	bob.SetPicture([]byte{0xff, 0xd8, 0xff, 3})
	if second := w.told("contacts.update", `[{"remoteJid":"491510000002@s.whatsapp.net",*"pushName":"Bob","profilePicUrl":"http*","instanceId":"*"}]`); second == first {
		t.Errorf("the new picture is the old one: %s", second)
	}
	w.run(nil, found(`"http*"`))
	bob.RemovePicture()
	w.told("contacts.update", `[{"remoteJid":"491510000002@s.whatsapp.net",*"pushName":"Bob","profilePicUrl":null,*}]`)
	w.run(nil, found(`null`))
}
