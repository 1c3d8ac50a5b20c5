package simulator_test

import (
	"bytes"
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
	"roost/simulator/history"
	"roost/simulator/media"
)

// The sender's message cannot be read, however often it comes: the own phone
// has it.
func TestPlaceholderResend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob := w.phone("491510000001", "Alice"), w.phone("491510000002", "Bob")
	c := w.client(companion.WithEventBuffer())
	c.AutomaticMessageRerequestFromPhone = true
	w.linkClient(alice, c)
	w.send(bob, alice.PN(), text("before"))
	await(w, c, said("before"))
	must(t, w.Settle(w.ctx))
	// The message and its four repetitions.
	w.inject(simulator.Fault{Fault: simulator.Corrupt, Number: alice.Number(), Times: 5})
	id := w.send(bob, alice.PN(), text("unreadable"))
	m := await(w, c, said("unreadable"))
	if m.Info.ID != id || m.UnavailableRequestID == "" || m.Info.Chat.User != bob.LID().User && m.Info.Chat != bob.PN() || m.Info.PushName != "Bob" {
		t.Errorf("message %+v", m.Info)
	}
}

// The same for a message of a group, asked for at once, and for one that the
// phone does not know either.
func TestPlaceholderOfGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	g := w.Group("Sailing", bob, alice)
	id := w.send(bob, g.JID(), text("ahoy"))
	await(w, c, said("ahoy"))
	_, err := c.SendPeerMessage(w.ctx, c.BuildUnavailableMessageRequest(g.JID(), bob.LID(), id))
	must(t, err)
	m := await(w, c, func(m *events.Message) bool { return m.UnavailableRequestID != "" })
	if m.Info.ID != id || m.Info.Sender != bob.LID() || m.Info.Chat != g.JID() || m.Message.GetConversation() != "ahoy" {
		t.Errorf("message %+v", m.Info)
	}
	sent, err := c.SendPeerMessage(w.ctx, c.BuildUnavailableMessageRequest(g.JID(), bob.LID(), "3EB0NEVER"))
	must(t, err)
	_, err = companion.Await(w.ctx, c, func(m *events.Message) bool {
		r := m.Message.GetProtocolMessage().GetPeerDataOperationRequestResponseMessage()
		return r.GetStanzaID() == sent.ID && len(r.GetPeerDataOperationResult()) == 1
	})
	must(t, err)
}

// What the phone itself tells the companion may get lost on the way, too.
func TestPeerMessageAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	must(t, w.Settle(w.ctx))
	w.inject(simulator.Fault{Fault: simulator.Corrupt, Number: alice.Number(), Times: 1})
	alice.RotateSettingsKey(true)
	await[*events.UndecryptableMessage](w, c)
	_, err := companion.Await(w.ctx, c, func(m *events.Message) bool {
		return m.RetryCount > 0 && m.Message.GetProtocolMessage().GetAppStateSyncKeyShare() != nil && m.Info.Category == "peer"
	})
	must(t, err)
}

// A picture, new or of the history, is gone from the servers when the companion
// wants it: the phone uploads it again.
func TestMediaRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob := w.phone("491510000001", "Alice"), w.phone("491510000002", "Bob")
	plain := bytes.Repeat([]byte("jpeg"), 1000)
	old := w.upload(plain)
	alice.SetHistory(history.Plan{Conversations: []history.Conversation{{
		Chat: bob.PN(), Alt: bob.LID(), Messages: []history.Message{{ID: "3EB0OLDPICTURE", Message: old}},
	}}})
	c := w.link(alice)
	h := w.collect(c)
	id := w.send(bob, alice.PN(), w.upload(plain))
	live := await(w, c, func(m *events.Message) bool { return m.Info.ID == id })
	past, err := c.ParseWebMessage(bob.PN(), h.chats[bob.PN().String()]["3EB0OLDPICTURE"].GetMessage())
	must(t, err)
	for _, m := range []*events.Message{live, past} {
		image := m.Message.GetImageMessage()
		w.Media().Gone(image.GetDirectPath(), 410)
		if _, err := c.Download(w.ctx, image); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) {
			t.Fatalf("download of what is gone: %v", err)
		}
		must(t, c.SendMediaRetryReceipt(w.ctx, &m.Info, image.GetMediaKey()))
		e := await(w, c, func(e *events.MediaRetry) bool { return e.MessageID == m.Info.ID })
		retry, err := whatsmeow.DecryptMediaRetryNotification(e, image.GetMediaKey())
		must(t, err)
		if retry.GetResult() != waMmsRetry.MediaRetryNotification_SUCCESS || retry.GetStanzaID() != m.Info.ID || e.ChatID != m.Info.Chat || e.FromMe {
			t.Errorf("answer %v in %+v", retry, e)
		}
		image.DirectPath = retry.DirectPath
		image.URL = nil
		got, err := c.Download(w.ctx, image)
		must(t, err)
		if !bytes.Equal(got, plain) {
			t.Error("another picture came back")
		}
	}
	// A message that the phone does not know.
	live.Info.ID = "3EB0NEVER"
	must(t, c.SendMediaRetryReceipt(w.ctx, &live.Info, live.Message.GetImageMessage().GetMediaKey()))
	e := await(w, c, func(e *events.MediaRetry) bool { return e.MessageID == "3EB0NEVER" })
	if _, err := whatsmeow.DecryptMediaRetryNotification(e, live.Message.GetImageMessage().GetMediaKey()); !errors.Is(err, whatsmeow.ErrMediaNotAvailableOnPhone) {
		t.Errorf("answer for an unknown message: %v", err)
	}
}

// A request with the key of another file is no request.
func TestForgedMediaRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	id := w.send(bob, alice.PN(), w.upload([]byte("picture")))
	m := await(w, c, func(m *events.Message) bool { return m.Info.ID == id })
	must(t, c.SendMediaRetryReceipt(w.ctx, &m.Info, make([]byte, 32)))
	if e := await[*events.MediaRetry](w, c); e.Error == nil {
		t.Errorf("answer %+v", e)
	}
	w.expect(simulator.Malformed)
	if len(w.Violations()) == 0 {
		t.Error("no violation")
	}
}

// A chunk of history that is gone comes again.
func TestHistoryChunkAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withHistory(20, 100))
	alice := w.phone("491510000001", "Alice")
	c := w.client()
	c.ManualHistorySyncDownload = true
	w.linkClient(alice, c)
	chunk := func(m *events.Message) bool {
		return m.Message.GetProtocolMessage().GetHistorySyncNotification().GetDirectPath() != ""
	}
	first, err := companion.Await(w.ctx, c, chunk)
	must(t, err)
	n := first.Message.GetProtocolMessage().GetHistorySyncNotification()
	w.Media().Gone(n.GetDirectPath(), 410)
	if _, err := c.DownloadHistorySync(w.ctx, n, true); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) {
		t.Fatalf("download of what is gone: %v", err)
	}
	must(t, c.SendHistorySyncServerErrorReceipt(w.ctx, first.Info.ID, n.GetMediaKey()))
	again, err := companion.Await(w.ctx, c, chunk, func(m *events.Message) bool {
		return m.Info.ID != first.Info.ID && bytes.Equal(m.Message.GetProtocolMessage().GetHistorySyncNotification().GetMediaKey(), n.GetMediaKey())
	})
	must(t, err)
	_, err = c.DownloadHistorySync(w.ctx, again.Message.GetProtocolMessage().GetHistorySyncNotification(), true)
	must(t, err)
}

// Other requests get an answer, be it an empty one.
func TestOtherPeerRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	for _, kind := range []waE2E.PeerDataOperationRequestType{
		waE2E.PeerDataOperationRequestType_GENERATE_LINK_PREVIEW, waE2E.PeerDataOperationRequestType_UPLOAD_STICKER,
	} {
		sent, err := c.SendPeerMessage(w.ctx, &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
			Type:                            waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_MESSAGE.Enum(),
			PeerDataOperationRequestMessage: &waE2E.PeerDataOperationRequestMessage{PeerDataOperationRequestType: kind.Enum()},
		}})
		must(t, err)
		_, err = companion.Await(w.ctx, c, func(m *events.Message) bool {
			r := m.Message.GetProtocolMessage().GetPeerDataOperationRequestResponseMessage()
			return r.GetStanzaID() == sent.ID && r.GetPeerDataOperationRequestType() == kind
		})
		must(t, err)
	}
}

// upload puts a picture onto the media servers as a phone does.
func (w *world) upload(plain []byte) *waE2E.Message {
	w.t.Helper()
	up, err := w.Media().Upload(media.Image, plain)
	must(w.t, err)
	m := content.Image(content.Attachment{Uploaded: up})
	m.ImageMessage.URL = new(up.URL)
	return m
}
