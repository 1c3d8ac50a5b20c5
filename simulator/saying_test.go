package simulator_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
)

const bobSends = "/simulator/contacts/491510000002/send"

// said sends over HTTP as Bob and returns what the client makes of it.
func (w *world) said(c *companion.Client, body string) *events.Message {
	w.t.Helper()
	var sent struct{ ID string }
	w.ask(201, &sent, "POST", bobSends, body)
	return await(w, c, func(e *events.Message) bool {
		_, says := content.Describe(e.RawMessage) // a sender key comes as an event of its own, with the same id
		return e.Info.ID == sent.ID && says
	})
}

func TestSayEveryKind(t *testing.T) { //nolint:tparallel // its cases share one client, one after the other
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	file := bytes.Repeat([]byte("file"), 100)
	attached := func(kind, more string) string {
		return `{"to":"491510000001","media":{"kind":"` + kind + `","base64":"` + base64.StdEncoding.EncodeToString(file) + `"` + more + `}}`
	}
	download := func(t *testing.T, m whatsmeow.DownloadableMessage) {
		t.Helper()
		got, err := c.Download(w.ctx, m)
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("downloaded %d bytes, %v; want the file", len(got), err)
		}
	}
	for _, s := range []struct {
		name, body string
		check      func(t *testing.T, e *events.Message)
	}{
		{"text", `{"to":"491510000001","text":"hello"}`, func(t *testing.T, e *events.Message) {
			if e.Message.GetConversation() != "hello" || e.Info.Sender.ToNonAD() != bob.LID() || e.Info.SenderAlt.ToNonAD() != bob.PN() {
				t.Errorf("got %q from %s (%s)", e.Message.GetConversation(), e.Info.Sender, e.Info.SenderAlt)
			}
			if len(e.Message.GetMessageContextInfo().GetMessageSecret()) != 32 {
				t.Error("no message secret, which phones send")
			}
		}},
		{"to a JID with an id", `{"to":"491510000001@s.whatsapp.net","text":"hello","id":"MYID"}`, func(t *testing.T, e *events.Message) {
			if e.Info.ID != "MYID" {
				t.Errorf("id %s", e.Info.ID)
			}
		}},
		{"to a LID", `{"to":"` + alice.LID().String() + `","text":"hello"}`, func(*testing.T, *events.Message) {}},
		{"image", attached("image", `,"caption":"look","mimetype":"image/png","width":3,"height":2`), func(t *testing.T, e *events.Message) {
			m := e.Message.GetImageMessage()
			download(t, m)
			if m.GetCaption() != "look" || m.GetMimetype() != "image/png" || m.GetWidth() != 3 || m.GetHeight() != 2 {
				t.Errorf("got %v", m)
			}
		}},
		{"video", attached("video", `,"seconds":9`), func(t *testing.T, e *events.Message) {
			download(t, e.Message.GetVideoMessage())
			if e.Message.GetVideoMessage().GetSeconds() != 9 {
				t.Errorf("got %v", e.Message)
			}
		}},
		{"audio", attached("audio", ``), func(t *testing.T, e *events.Message) {
			download(t, e.Message.GetAudioMessage())
			if e.Message.GetAudioMessage().GetPTT() {
				t.Error("audio is a voice message")
			}
		}},
		{"voice", attached("voice", ``), func(t *testing.T, e *events.Message) {
			download(t, e.Message.GetAudioMessage())
			if !e.Message.GetAudioMessage().GetPTT() {
				t.Error("voice is no voice message")
			}
		}},
		{"document", attached("document", `,"fileName":"a.pdf","mimetype":"application/pdf"`), func(t *testing.T, e *events.Message) {
			download(t, e.Message.GetDocumentMessage())
			if e.Message.GetDocumentMessage().GetFileName() != "a.pdf" {
				t.Errorf("got %v", e.Message)
			}
		}},
		{"sticker", attached("sticker", ``), func(t *testing.T, e *events.Message) { download(t, e.Message.GetStickerMessage()) }},
		{"view once", strings.Replace(attached("image", ``), `{`, `{"viewOnce":true,`, 1), func(t *testing.T, e *events.Message) {
			download(t, e.Message.GetImageMessage())
			if !e.IsViewOnce {
				t.Error("not view once")
			}
		}},
		{"disappearing", `{"to":"491510000001","text":"soon gone","expiration":86400}`, func(t *testing.T, e *events.Message) {
			if got := e.Message.GetExtendedTextMessage().GetContextInfo().GetExpiration(); got != 86400 {
				t.Errorf("expires after %d s", got)
			}
		}},
		{"forwarded", `{"to":"491510000001","text":"spread","forwarded":true}`, func(t *testing.T, e *events.Message) {
			if !e.Message.GetExtendedTextMessage().GetContextInfo().GetIsForwarded() {
				t.Error("not forwarded")
			}
		}},
		{"mentions", `{"to":"491510000001","text":"hi @` + alice.LID().User + `","mentions":["491510000001"]}`, func(t *testing.T, e *events.Message) {
			if diff := cmp.Diff([]string{alice.LID().String()}, e.Message.GetExtendedTextMessage().GetContextInfo().GetMentionedJID()); diff != "" {
				t.Error(diff)
			}
		}},
		{"mention by number JID", `{"to":"491510000001","text":"hi @491510000001","mentions":["491510000001@s.whatsapp.net"]}`, func(t *testing.T, e *events.Message) {
			if diff := cmp.Diff([]string{alice.PN().String()}, e.Message.GetExtendedTextMessage().GetContextInfo().GetMentionedJID()); diff != "" {
				t.Error(diff)
			}
		}},
		{"link", `{"to":"491510000001","text":"see https://example.org","link":{"url":"https://example.org","title":"T","description":"D"}}`, func(t *testing.T, e *events.Message) {
			m := e.Message.GetExtendedTextMessage()
			if m.GetMatchedText() != "https://example.org" || m.GetTitle() != "T" || m.GetDescription() != "D" {
				t.Errorf("got %v", m)
			}
		}},
		{"location", `{"to":"491510000001","location":{"latitude":52.5,"longitude":-13.25,"name":"N","address":"A"}}`, func(t *testing.T, e *events.Message) {
			m := e.Message.GetLocationMessage()
			if m.GetDegreesLatitude() != 52.5 || m.GetDegreesLongitude() != -13.25 || m.GetName() != "N" || m.GetAddress() != "A" {
				t.Errorf("got %v", m)
			}
		}},
		{"contact", `{"to":"491510000001","contact":{"name":"Anna","number":"+491510000009"}}`, func(t *testing.T, e *events.Message) {
			m := e.Message.GetContactMessage()
			if m.GetDisplayName() != "Anna" || !strings.Contains(m.GetVcard(), "491510000009") {
				t.Errorf("got %v", m)
			}
		}},
		{"poll", `{"to":"491510000001","poll":{"question":"Q","options":["a","b"],"selectable":1}}`, func(t *testing.T, e *events.Message) {
			m := e.Message.GetPollCreationMessageV3()
			if m.GetName() != "Q" || len(m.GetOptions()) != 2 || m.GetSelectableOptionsCount() != 1 {
				t.Errorf("got %v", m)
			}
		}},
	} {
		t.Run(s.name, func(t *testing.T) { s.check(t, w.said(c, s.body)) })
	}
}

// TestSayAboutOwn is what people do to messages of their own.
func TestSayAboutOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	w.phone("491510000002", "Bob")
	first := w.said(c, `{"to":"491510000001","text":"frist"}`)

	edit := w.said(c, `{"edit":{"id":"`+first.Info.ID+`","text":"first"}}`)
	if !edit.IsEdit || edit.Message.GetProtocolMessage().GetEditedMessage().GetConversation() != "first" || edit.Info.Edit != types.EditAttributeMessageEdit {
		t.Errorf("edit arrives as %v with edit=%q", edit.Message, edit.Info.Edit)
	}
	reaction := w.said(c, `{"reaction":{"id":"`+first.Info.ID+`","emoji":"👍"}}`)
	if r := reaction.Message.GetReactionMessage(); r.GetText() != "👍" || r.GetKey().GetID() != first.Info.ID || !r.GetKey().GetFromMe() {
		t.Errorf("reaction to an own message arrives as %v", r)
	}
	reply := w.said(c, `{"text":"again","reply":{"id":"`+first.Info.ID+`"}}`)
	context := reply.Message.GetExtendedTextMessage().GetContextInfo()
	if context.GetStanzaID() != first.Info.ID || context.GetQuotedMessage().GetConversation() != "frist" {
		t.Errorf("reply arrives as %v", reply.Message)
	}
	revoke := w.said(c, `{"revoke":{"id":"`+first.Info.ID+`"}}`)
	if p := revoke.Message.GetProtocolMessage(); p.GetType() != waE2E.ProtocolMessage_REVOKE || p.GetKey().GetID() != first.Info.ID {
		t.Errorf("revoke arrives as %v", revoke.Message)
	}
	if revoke.Info.Edit != types.EditAttributeSenderRevoke {
		t.Errorf("revoke has edit=%q", revoke.Info.Edit)
	}
}

// TestSayAboutOthers is what people do to messages of a client, by id.
func TestSayAboutOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	sent, err := c.SendMessage(w.ctx, bob.PN(), text("question"))
	must(t, err)
	w.heard(bob, sent.ID)

	reply := w.said(c, `{"text":"answer","reply":{"id":"`+sent.ID+`"}}`)
	context := reply.Message.GetExtendedTextMessage().GetContextInfo()
	if context.GetStanzaID() != sent.ID || context.GetQuotedMessage().GetConversation() != "question" || context.GetParticipant() != alice.LID().String() {
		t.Errorf("reply arrives as %v", reply.Message)
	}
	for _, named := range []string{
		`"id":"` + sent.ID + `"`,
		`"id":"` + sent.ID + `","chat":"491510000001","fromMe":false`,
	} {
		reaction := w.said(c, `{"reaction":{`+named+`,"emoji":"👍"}}`)
		if r := reaction.Message.GetReactionMessage(); r.GetText() != "👍" || r.GetKey().GetID() != sent.ID || r.GetKey().GetFromMe() {
			t.Errorf("reaction arrives as %v", r)
		}
	}
	gone := w.said(c, `{"reaction":{"id":"`+sent.ID+`","emoji":""}}`)
	if r := gone.Message.GetReactionMessage(); r.GetText() != "" || gone.Info.Edit != types.EditAttributeSenderRevoke {
		t.Errorf("a reaction taken back arrives as %v with edit=%q", r, gone.Info.Edit)
	}
	for _, body := range []string{
		`{"edit":{"id":"` + sent.ID + `","text":"mine"}}`,
		`{"revoke":{"id":"` + sent.ID + `"}}`,
	} {
		w.ask(400, nil, "POST", bobSends, body)
	}
}

// heard waits for a message in a person's inbox.
func (w *world) heard(u *simulator.User, id string) content.Entry {
	w.t.Helper()
	e, err := u.Await(w.ctx, func(e content.Entry) bool { return e.ID == id })
	must(w.t, err)
	return e
}

func TestVotes(t *testing.T) { //nolint:tparallel // its cases share one client, one after the other
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	g := w.Group("friends", bob, alice)
	for _, chat := range []struct {
		name     string
		bob      string    // where Bob writes
		toClient types.JID // where the client does
	}{
		{"private", "491510000001", bob.PN()},
		{"private by LID", "491510000001", bob.LID()},
		{"group", g.JID().String(), g.JID()},
	} {
		t.Run(chat.name, func(t *testing.T) {
			poll := w.said(c, `{"to":"`+chat.bob+`","poll":{"question":"Q","options":["a","b","c"]}}`)
			vote, err := c.BuildPollVote(w.ctx, &poll.Info, []string{"c", "a"})
			must(t, err)
			sent, err := c.SendMessage(w.ctx, chat.toClient, vote)
			must(t, err)
			w.heard(bob, sent.ID)
			var inbox []content.Entry
			w.ask(200, &inbox, "GET", "/simulator/contacts/491510000002/inbox", "")
			got := inbox[len(inbox)-1]
			if got.Kind != content.KindVote || got.Target != poll.Info.ID || !cmp.Equal(got.Selected, []string{"c", "a"}) {
				t.Errorf("vote is %+v in the inbox", got)
			}

			asked, err := c.SendMessage(w.ctx, chat.toClient, c.BuildPollCreation("Q2", []string{"x", "y"}, 1))
			must(t, err)
			w.heard(bob, asked.ID)
			_, err = alice.AwaitMirrored(w.ctx, func(e content.Entry) bool { return e.ID == asked.ID })
			must(t, err)
			answer := w.said(c, `{"vote":{"id":"`+asked.ID+`","options":["y"]}}`)
			opened, err := c.DecryptPollVote(w.ctx, answer)
			must(t, err)
			if diff := cmp.Diff(whatsmeow.HashPollOptions([]string{"y"}), opened.GetSelectedOptions()); diff != "" {
				t.Errorf("the client opens Bob's vote differently: %s", diff)
			}
			w.ask(400, nil, "POST", bobSends, `{"vote":{"id":"`+asked.ID+`","options":["z"]}}`)
			w.ask(400, nil, "POST", bobSends, `{"vote":{"id":"`+asked.ID+`","options":["x","y"]}}`)
		})
	}
	// Alice's phone has a copy of her companion's poll and hears what Bob votes.
	entries := alice.Inbox()
	if last := entries[len(entries)-1]; last.Kind != content.KindVote || !cmp.Equal(last.Selected, []string{"y"}) {
		t.Errorf("the vote is %+v on the phone", last)
	}
}

func TestInboxOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	const inbox = "/simulator/contacts/491510000002/inbox"

	first, err := c.SendMessage(w.ctx, bob.PN(), text("one"))
	must(t, err)
	var got []map[string]any
	w.ask(200, &got, "GET", inbox+"?wait=20", "")
	if len(got) != 1 {
		t.Fatalf("inbox %v, want one message", got)
	}
	if _, ok := got[0]["t"].(float64); !ok {
		t.Errorf("t is %v", got[0]["t"])
	}
	delete(got[0], "t")
	want := map[string]any{"id": first.ID, "from": "491510000001", "chat": "491510000001", "kind": "text", "text": "one"}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}

	answers := make(chan string, 1)
	go func() {
		_, body := w.call("GET", inbox+"?wait=20&after="+first.ID, "")
		answers <- body
	}()
	file := []byte("a picture")
	uploaded, err := c.Upload(w.ctx, file, whatsmeow.MediaImage)
	must(t, err)
	second, err := c.SendMessage(w.ctx, bob.PN(), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		URL: &uploaded.URL, DirectPath: &uploaded.DirectPath, MediaKey: uploaded.MediaKey, Mimetype: new("image/png"),
		FileEncSHA256: uploaded.FileEncSHA256, FileSHA256: uploaded.FileSHA256, FileLength: &uploaded.FileLength,
	}})
	must(t, err)
	if body := <-answers; !strings.Contains(body, second.ID) || strings.Contains(body, first.ID) {
		t.Errorf("what came after the first: %s", body)
	}
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.base+inbox+"/"+url.PathEscape(second.ID)+"/media", nil)
	must(t, err)
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusOK || !bytes.Equal(body, file) || response.Header.Get("Content-Type") != "image/png" {
		t.Errorf("media: %d %s %q, want the picture", response.StatusCode, response.Header.Get("Content-Type"), body)
	}

	if _, err := alice.AwaitMirrored(w.ctx, func(e content.Entry) bool { return e.ID == second.ID }); err != nil {
		t.Fatal(err)
	}
	w.ask(200, &got, "GET", "/simulator/phones/491510000001/mirror", "")
	if len(got) != 2 || got[0]["id"] != first.ID || got[0]["chat"] != "491510000002" {
		t.Errorf("mirror %v, want both messages to Bob", got)
	}
}

func TestReadOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	g := w.Group("friends", bob, alice)
	for _, chat := range []types.JID{bob.PN(), g.JID()} {
		sent, err := c.SendMessage(w.ctx, chat, text("read me"))
		must(t, err)
		w.heard(bob, sent.ID)
		for _, kind := range []string{"read", "played"} {
			w.ask(200, nil, "POST", "/simulator/contacts/491510000002/"+kind, `{"id":"`+sent.ID+`"}`)
			receipt := await(w, c, func(e *events.Receipt) bool { return string(e.Type) == kind })
			if receipt.MessageIDs[0] != sent.ID || receipt.Sender.ToNonAD() != bob.LID() {
				t.Errorf("%s receipt %+v, want one of Bob for %s", kind, receipt, sent.ID)
			}
		}
	}
}

func TestTypingOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	w.phone("491510000002", "Bob")
	await(w, c, func(e *events.AppStateSyncComplete) bool { // a client without a name may not be available
		return e.Name == appstate.WAPatchCriticalBlock
	})
	must(t, c.SendPresence(w.ctx, types.PresenceAvailable))
	must(t, c.SubscribePresence(w.ctx, w.Lookup("491510000002").LID()))
	must(t, w.Settle(w.ctx))
	w.said(c, `{"to":"491510000001","text":"the presence has arrived"}`)
	w.ask(200, nil, "POST", "/simulator/contacts/491510000002/typing", `{"to":"491510000001","state":"recording"}`)
	got := await[*events.ChatPresence](w, c)
	if got.State != types.ChatPresenceComposing || got.Media != types.ChatPresenceMediaAudio {
		t.Errorf("got %+v, want recording", got)
	}
}

// TestSayMistakes is what nobody can say, and why.
func TestSayMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob := w.phone("491510000001", "Alice"), w.phone("491510000002", "Bob")
	id, err := bob.Say(simulator.Saying{To: "491510000001", Text: "known"})
	must(t, err)
	closed := w.Group("without Bob", alice)
	to := "491510000001"
	png := &simulator.File{Kind: "image", Data: []byte{1}}
	for name, c := range map[string]struct {
		saying simulator.Saying
		want   error
	}{
		"nothing":               {simulator.Saying{To: to}, simulator.ErrSaying},
		"two kinds":             {simulator.Saying{To: to, Text: "x", Media: png}, simulator.ErrSaying},
		"nobody":                {simulator.Saying{To: "491510000009", Text: "x"}, simulator.ErrNobody},
		"nowhere":               {simulator.Saying{Text: "x"}, simulator.ErrSaying},
		"no address":            {simulator.Saying{To: "@", Text: "x"}, simulator.ErrNobody},
		"foreign group":         {simulator.Saying{To: closed.JID().String(), Text: "x"}, simulator.ErrNobody},
		"no group":              {simulator.Saying{To: "120@g.us", Text: "x"}, simulator.ErrNobody},
		"bad id":                {simulator.Saying{To: to, Text: "x", ID: "a b"}, simulator.ErrSaying},
		"unknown kind of file":  {simulator.Saying{To: to, Media: &simulator.File{Kind: "history", Data: []byte{1}}}, simulator.ErrSaying},
		"empty file":            {simulator.Saying{To: to, Media: &simulator.File{Kind: "image"}}, simulator.ErrSaying},
		"caption of a sticker":  {simulator.Saying{To: to, Media: &simulator.File{Kind: "sticker", Data: []byte{1}, Caption: "x"}}, simulator.ErrSaying},
		"view once text":        {simulator.Saying{To: to, Text: "x", ViewOnce: true}, simulator.ErrSaying},
		"link not in text":      {simulator.Saying{To: to, Text: "x", Link: &simulator.Preview{URL: "https://a"}}, simulator.ErrSaying},
		"link with a file":      {simulator.Saying{To: to, Media: png, Link: &simulator.Preview{URL: "https://a"}}, simulator.ErrSaying},
		"beyond the pole":       {simulator.Saying{To: to, Location: &simulator.Spot{Latitude: 91}}, simulator.ErrSaying},
		"contact without name":  {simulator.Saying{To: to, Contact: &simulator.Card{Number: to}}, simulator.ErrSaying},
		"contact of nobody":     {simulator.Saying{To: to, Contact: &simulator.Card{Name: "x"}}, simulator.ErrSaying},
		"poll of one":           {simulator.Saying{To: to, Poll: &simulator.Poll{Question: "q", Options: []string{"a"}}}, simulator.ErrSaying},
		"poll of twins":         {simulator.Saying{To: to, Poll: &simulator.Poll{Question: "q", Options: []string{"a", "a"}}}, simulator.ErrSaying},
		"poll to choose three":  {simulator.Saying{To: to, Poll: &simulator.Poll{Question: "q", Options: []string{"a", "b"}, Selectable: 3}}, simulator.ErrSaying},
		"unknown target":        {simulator.Saying{Revoke: &simulator.Reference{ID: "NOPE"}}, simulator.ErrNoMessage},
		"unknown quote":         {simulator.Saying{To: to, Text: "x", Reply: &simulator.Reference{ID: "NOPE"}}, simulator.ErrNoMessage},
		"target without id":     {simulator.Saying{Revoke: &simulator.Reference{}}, simulator.ErrSaying},
		"vote on no poll":       {simulator.Saying{Vote: &simulator.Vote{Reference: simulator.Reference{ID: id}, Options: []string{"a"}}}, simulator.ErrNoMessage},
		"edit to nothing":       {simulator.Saying{Edit: &simulator.Edit{Reference: simulator.Reference{ID: id}}}, simulator.ErrSaying},
		"reaction with mention": {simulator.Saying{Reaction: &simulator.Reaction{Reference: simulator.Reference{ID: id}, Emoji: "x"}, Mentions: []string{to}}, simulator.ErrSaying},
		"mention of nobody":     {simulator.Saying{To: to, Text: "x", Mentions: []string{"491510000009"}}, simulator.ErrNobody},
		"explicit, no sender":   {simulator.Saying{Reaction: &simulator.Reaction{Reference: simulator.Reference{ID: "X", Chat: "status@broadcast"}, Emoji: "x"}}, simulator.ErrSaying},
	} {
		if _, err := bob.Say(c.saying); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got := len(alice.Inbox()); got != 1 {
		t.Errorf("Alice has heard %d messages, want only the good one", got)
	}
}

func TestPhoneSpeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	w.phone("491510000002", "Bob")
	var sent struct{ ID string }
	w.ask(201, &sent, "POST", "/simulator/phones/491510000001/send", `{"to":"491510000002","text":"from the phone"}`)
	copied := await(w, c, func(e *events.Message) bool { return e.Info.ID == sent.ID })
	if !copied.Info.IsFromMe || copied.Info.Chat.User != w.Lookup("491510000002").LID().User {
		t.Errorf("the companion's copy is %+v", copied.Info)
	}
	var inbox []content.Entry
	w.ask(200, &inbox, "GET", "/simulator/contacts/491510000002/inbox?wait=20", "")
	if len(inbox) != 1 || inbox[0].Text != "from the phone" {
		t.Errorf("Bob's inbox is %+v", inbox)
	}
}
