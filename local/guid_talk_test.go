package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"roost/simulator"
)

// fetch gets what is behind a URL.
func fetch(t *testing.T, link string) (status int, mimetype, body string) {
	t.Helper()
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(all)
}

// message waits for the callback of a message.
func (c *callbacks) message(w *world, id string) (m map[string]any) {
	w.t.Helper()
	w.poll("the callback of message "+id, func() bool {
		for _, one := range c.of("message") {
			all, _ := one.Payload["messages"].([]any)
			if m, _ = all[0].(map[string]any); m["msgId"] == id {
				return true
			}
		}
		return false
	})
	return m
}

// TestClientTalk is what a client hears: groups, receipts, contacts, files that
// nobody keeps and one that is kept; and its end, in the order that the contract
// has.
func TestClientTalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2*time.Minute)
	w.start()
	c, told := newClient(w), newCallbacks(t)
	secret, _ := c.ask(0, "POST", "/client/setNotifyUrl", map[string]any{"notifyUrl": told.URL})["secret"].(string)
	signed, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatalf("the secret %q: %v", secret, err)
	}
	person := func(number, name string, make func(string, string) (*simulator.User, error)) *simulator.User {
		t.Helper()
		u, err := make(number, name)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	alice := person("491510000041", "Alice", w.Phone)
	bob, carol := person("491510000042", "Bob", w.Contact), person("491510000043", "Carol", w.Contact)
	alice.SetPicture([]byte("\xff\xd8\xff\xe0 Alice"))
	id := c.create()
	c.link(id, alice)
	w.poll("the callbacks of a login", func() bool { // name and picture follow, when WhatsApp tells them
		all := told.about(id, "client.online")
		last := len(all) - 1
		return last > 0 && lacks(tree(t, `{"wxId":"491510000041","name":"Alice","avatar":"*","reused":true}`), any(all[last])) == ""
	})
	if lack := lacks(tree(t, `{"wxId":"491510000041","reused":false}`), any(told.about(id, "client.online")[0])); lack != "" {
		t.Errorf("online: %v: %s", told.about(id, "client.online"), lack)
	}
	if lack := lacks(tree(t, `{"status":1,"wxId":"491510000041","error":null}`), any(told.about(id, "login.result")[0])); lack != "" {
		t.Errorf("linked: %v: %s", told.about(id, "login.result"), lack)
	}

	team := w.Group("Team", bob, alice)
	gid := team.JID().String()
	for _, do := range []error{team.SetSubject(bob, "Sales"), team.SetDescription(bob, "of all"), team.Add(bob, carol), team.Promote(bob, carol), team.Remove(bob, carol)} {
		if do != nil {
			t.Fatal(do)
		}
	}
	w.poll("the callbacks of a group", func() bool { return len(told.about(id, "group")) >= 6 })
	for n, want := range []string{
		`{"groupId":"` + gid + `","change":"joined","subject":"Team","userIds":["491510000042","491510000041"]}`,
		`{"groupId":"` + gid + `","change":"changed","subject":"Sales","by":"491510000042"}`,
		`{"groupId":"` + gid + `","change":"changed","notice":"of all","by":"491510000042"}`,
		`{"groupId":"` + gid + `","change":"add","userIds":["491510000043"],"by":"491510000042"}`,
		`{"groupId":"` + gid + `","change":"promote","userIds":["491510000043"],"by":"491510000042"}`,
		`{"groupId":"` + gid + `","change":"remove","userIds":["491510000043"],"by":"491510000042"}`,
	} {
		if lack := lacks(tree(t, want), any(told.about(id, "group")[n])); lack != "" {
			t.Errorf("group %d is told as %v: %s", n, told.about(id, "group")[n], lack)
		}
	}

	jpeg := []byte("\xff\xd8\xff\xe0 a photo")
	photo := func(caption string) string {
		t.Helper()
		sent, err := bob.Say(simulator.Saying{To: "491510000041", Media: &simulator.File{Kind: "image", Data: jpeg, Caption: caption}})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	m := told.message(w, photo("look"))
	link, _ := m["mediaUrl"].(string)
	if m["content"] != "look" || m["msgType"] != "imageMessage" || m["fromUserId"] != "491510000042" || !strings.HasPrefix(link, w.base+"/static/"+id+"/media/") {
		t.Errorf("told of %v", m)
	}
	if status, mimetype, body := fetch(t, link); status != 200 || mimetype != "image/jpeg" || body != string(jpeg) {
		t.Errorf("the file at %s: %d %s %q", link, status, mimetype, body)
	}
	if status, said := w.call("POST", "/settings/set/"+id, map[string]any{
		"rejectCall": false, "groupsIgnore": false, "alwaysOnline": false, "readMessages": false, "readStatus": false, "syncFullHistory": false, "storeMedia": true,
	}); status != http.StatusCreated {
		t.Fatalf("settings: %d %v", status, said)
	}
	m = told.message(w, photo("keep this"))
	kept, _ := m["mediaUrl"].(string)
	w.poll("the callback of a contact", func() bool {
		for _, one := range told.about(id, "contact") {
			people, _ := one["contacts"].([]any)
			for _, person := range people {
				if lacks(tree(t, `{"userId":"491510000042","name":"Bob"}`), person) == "" {
					return true
				}
			}
		}
		return false
	})
	w.poll("the file that is kept", func() bool {
		status, _, body := fetch(t, kept)
		return strings.HasPrefix(kept, w.base+"/blob/media/") && status == 200 && body == string(jpeg)
	})
	status, said := w.call("POST", "/message/sendText/"+id, map[string]any{"number": "491510000042", "text": "hi Bob"})
	if status != 201 {
		t.Fatalf("send: %d %v", status, said)
	}
	w.poll("the callback of a receipt", func() bool {
		for _, one := range told.about(id, "receipt") {
			if ids, _ := one["msgIds"].([]any); one["type"] == "DELIVERY_ACK" && len(ids) == 1 {
				return true
			}
		}
		return false
	})

	gone := c.ask(0, "DELETE", "/client/"+id, nil)
	text := func(name string) string { s, _ := gone[name].(string); return s }
	if gone["guid"] != id || gone["objects"] != 4.0 || text("signedURL") != text("manifestURL") || gone["bytes"] == 0.0 || gone["jobId"] != nil {
		t.Errorf("deleted: %v", gone)
	}
	var manifest struct {
		Media      []struct{ Bytes int }
		Transcript struct{ Bytes float64 }
		Kinds      map[string]int
	}
	if _, _, body := fetch(t, text("signedURL")); json.Unmarshal([]byte(body), &manifest) != nil || len(manifest.Media) != 1 || manifest.Media[0].Bytes != len(jpeg) || manifest.Transcript.Bytes != gone["bytes"] {
		t.Errorf("the manifest: %s", body)
	}
	if lines := fetchTranscript(t, text("transcriptURL")); !strings.Contains(lines, "keep this") || !strings.Contains(lines, "hi Bob") {
		t.Errorf("the transcript: %s", lines)
	}
	if len(alice.Companions()) != 0 || alice.Online() != 0 {
		t.Error("the phone has a companion when its end is answered")
	}
	if expires, err := time.Parse(time.RFC3339Nano, text("expiresAt")); err != nil || time.Until(expires) > time.Hour || time.Until(expires) < 59*time.Minute {
		t.Errorf("the URLs end at %v", gone["expiresAt"])
	}
	for path, body := range map[string]map[string]any{"/client/getClientStatus": {"guid": id}, "/login/getLoginQrcode": {"guid": id}} {
		c.ask(10013, "POST", path, body)
	}
	w.poll("the last callback", func() bool { return len(told.about(id, "client.deleted")) == 1 })
	all := told.all()
	last, before := all[len(all)-1], map[string]any{}
	for _, one := range all {
		if err := signed.Verify(one.body, one.header); err != nil {
			t.Errorf("%s: %v", one.Event, err)
		}
		if one.Event == "client.offline" {
			before = one.Payload
		}
	}
	if last.Event != "client.deleted" || last.NotifyType != 2 || last.Payload["objects"] != 4.0 || last.Payload["scene"] != 8.0 || last.CustomerParam != "tenant=acme&env=prod" {
		t.Errorf("at last %+v", last)
	}
	if before["scene"] != 8.0 || before["reason"] != "deleted" || before["wxId"] != "491510000041" {
		t.Errorf("before: %v", before)
	}
}
