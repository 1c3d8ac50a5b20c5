package content_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"roost/simulator/content"
	"roost/simulator/media"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	wrap := func(msg *waE2E.Message) *waE2E.FutureProofMessage { return &waE2E.FutureProofMessage{Message: msg} }
	secret := []byte(strings.Repeat("s", 32))
	extended := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: new("hi")}}
	hi := content.Entry{Kind: content.KindText, Text: "hi"}
	link := content.Link{URL: "https://example.org", Title: "Example", Description: "An example"}
	card := content.Card{Name: "Eve", VCard: "BEGIN:VCARD\nEND:VCARD"}
	tests := []struct {
		name string
		msg  *waE2E.Message
		want content.Entry
	}{
		{"text", content.Text("hi"), hi},
		{"text of Baileys", extended, hi},
		{"empty text", content.Text(""), content.Entry{Kind: content.KindText}},
		{"text with sender key", &waE2E.Message{
			Conversation: new("hi"), SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{},
		}, hi},
		{"own text", &waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{
			DestinationJID: new(bobLID.String()), Message: content.Text("hi"),
		}}, content.Entry{Chat: bobLID.String(), Kind: content.KindText, Text: "hi"}},
		{"ephemeral", &waE2E.Message{EphemeralMessage: wrap(extended)}, hi},
		{
			"expiring", content.Expire(content.Text("hi"), 24*time.Hour, now),
			content.Entry{Kind: content.KindText, Text: "hi", EphemeralSeconds: 86400},
		},
		{
			"link", content.LinkPreview("see https://example.org", link),
			content.Entry{Kind: content.KindText, Text: "see https://example.org", Link: &link},
		},
		{
			"reply", content.Reply(content.Text("hi"), content.Quote{ID: "Q", Sender: bobLID, Message: extended}),
			content.Entry{Kind: content.KindText, Text: "hi", Quoted: &content.Quoted{
				ID: "Q", Sender: bobLID.String(), Kind: content.KindText, Text: "hi",
			}},
		},
		{
			"reply to a picture", content.Reply(content.Text("hi"), content.Quote{
				ID: "Q", Sender: bobLID, Message: content.ViewOnce(content.Image(content.Attachment{Caption: "see"})),
			}),
			content.Entry{Kind: content.KindText, Text: "hi", Quoted: &content.Quoted{
				ID: "Q", Sender: bobLID.String(), Kind: content.KindImage, Text: "see",
			}},
		},
		{
			"mention", content.Mention(content.Text("hi @100000000003"), eveLID),
			content.Entry{Kind: content.KindText, Text: "hi @100000000003", Mentions: []string{eveLID.String()}},
		},
		{"forwarded", content.Forward(content.Text("hi")), content.Entry{Kind: content.KindText, Text: "hi", Forwarded: true}},
		{
			"location", content.Location(content.Place{Latitude: 52.5, Name: "Tor", Address: "Pariser Platz"}),
			content.Entry{Kind: content.KindLocation, Place: &content.Place{Latitude: 52.5, Name: "Tor", Address: "Pariser Platz"}},
		},
		{
			"live location", content.LiveLocation(content.Place{Longitude: 13.4}, "here", 3, time.Minute),
			content.Entry{Kind: content.KindLocation, Caption: "here", Place: &content.Place{Longitude: 13.4, Live: true}},
		},
		{"location nowhere", content.Location(content.Place{Latitude: math.NaN(), Longitude: math.Inf(1)}), content.Entry{
			Kind: content.KindLocation, Place: &content.Place{},
		}},
		{
			"contact", content.ContactCards(card),
			content.Entry{Kind: content.KindContact, VCard: card.VCard, Contacts: []content.Card{card}},
		},
		{
			"contacts", content.ContactCards(card, content.Card{Name: "B", VCard: "b"}),
			content.Entry{Kind: content.KindContact, VCard: card.VCard, Contacts: []content.Card{card, {Name: "B", VCard: "b"}}},
		},
		{
			"poll with one choice", content.Poll(content.Question{Text: "?", Options: []string{"a"}, Selectable: 1, Secret: secret}),
			content.Entry{Kind: content.KindPoll, Text: "?", Options: []string{"a"}, Selectable: 1, Secret: secret},
		},
		{
			"poll from another device", &waE2E.Message{
				MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret},
				DeviceSentMessage: &waE2E.DeviceSentMessage{Message: &waE2E.Message{
					PollCreationMessageV2: &waE2E.PollCreationMessage{Name: new("?")},
				}},
			},
			content.Entry{Kind: content.KindPoll, Text: "?", Secret: secret},
		},
		{
			"edit of Baileys, without wrapper", &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
				Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: extended,
				Key: &waCommon.MessageKey{ID: new("M"), FromMe: new(true)},
			}},
			content.Entry{Kind: content.KindEdit, Target: "M", TargetFromMe: true, Text: "hi"},
		},
		{
			"no more reaction", content.RemoveReaction(content.Key{Chat: bobLID, ID: "M"}, now),
			content.Entry{Kind: content.KindReaction, Target: "M"},
		},
		{
			"timer", content.DisappearingTimer(7*24*time.Hour, now),
			content.Entry{Kind: content.KindTimer, EphemeralSeconds: 604800},
		},
		{"timer off", content.DisappearingTimer(0, now), content.Entry{Kind: content.KindTimer}},
		{"group invite", &waE2E.Message{GroupInviteMessage: &waE2E.GroupInviteMessage{}}, content.Entry{Kind: content.KindUnknown}},
		{"from the future", unmarshal(t, []byte{0xfa, 0x7f, 0x01, 'x'}), content.Entry{Kind: content.KindUnknown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := content.Describe(tt.msg)
			if !ok {
				t.Fatal("not a message")
			}
			if got.Raw != tt.msg {
				t.Error("lost the raw message")
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(content.Entry{}, "Raw")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribeNothing(t *testing.T) {
	t.Parallel()
	protocol := func(kind waE2E.ProtocolMessage_Type) *waE2E.Message {
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: kind.Enum()}}
	}
	skdm := &waE2E.Message{
		SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{GroupID: new(group.String())},
		MessageContextInfo:           &waE2E.MessageContextInfo{MessageSecret: []byte("x")},
	}
	for name, msg := range map[string]*waE2E.Message{
		"nil":                  nil,
		"empty":                {},
		"sender key":           skdm,
		"own sender key":       {DeviceSentMessage: &waE2E.DeviceSentMessage{Message: skdm}},
		"wrapper of nothing":   {EphemeralMessage: &waE2E.FutureProofMessage{}},
		"own nothing":          {DeviceSentMessage: &waE2E.DeviceSentMessage{}},
		"key share":            protocol(waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE),
		"history":              protocol(waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION),
		"peer request":         protocol(waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_MESSAGE),
		"revoke of nothing":    protocol(waE2E.ProtocolMessage_REVOKE),
		"edit of nothing":      protocol(waE2E.ProtocolMessage_MESSAGE_EDIT),
		"protocol of no type":  {ProtocolMessage: &waE2E.ProtocolMessage{}},
		"secret and no number": {MessageContextInfo: &waE2E.MessageContextInfo{}},
	} {
		if got, ok := content.Describe(msg); ok {
			t.Errorf("%s: described as %+v", name, got)
		}
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	store := media.NewStore(media.Config{})
	for _, kind := range []media.Kind{media.Image, media.Video, media.Audio, media.Voice, media.Document, media.Sticker} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			up, err := store.Upload(kind, []byte("file of "+kind))
			if err != nil {
				t.Fatal(err)
			}
			msg, err := content.Attach(content.Attachment{
				Uploaded: up, Mimetype: "x/y", Caption: "look", FileName: "a.bin",
				Seconds: 3, Width: 40, Height: 30, Animated: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			msg = content.Reply(msg, content.Quote{ID: "Q", Sender: bobLID, Message: content.Text("show me")})
			got, ok := content.Describe(msg)
			if !ok {
				t.Fatal("not a message")
			}
			if got.Kind != content.Kind(kind) || got.Media == nil || got.Media.Kind != kind {
				t.Fatalf("described as %+v", got)
			}
			if got.Quoted == nil || got.Quoted.Text != "show me" {
				t.Errorf("quoted %+v", got.Quoted)
			}
			if got.Mimetype != "x/y" || got.Size != uint64(len("file of "+kind)) || got.Media.Size != got.Size {
				t.Errorf("mimetype %q, size %d", got.Mimetype, got.Size)
			}
			type has struct{ Caption, FileName, Seconds, Size, Animated bool }
			want := map[media.Kind]has{
				media.Image:    {Caption: true, Size: true},
				media.Video:    {Caption: true, Size: true, Seconds: true, Animated: true},
				media.Audio:    {Seconds: true},
				media.Voice:    {Seconds: true},
				media.Document: {Caption: true, FileName: true},
				media.Sticker:  {Size: true, Animated: true},
			}[kind]
			if diff := cmp.Diff(want, has{
				Caption: got.Caption == "look", FileName: got.FileName == "a.bin", Seconds: got.Seconds == 3,
				Size: got.Media.Width == 40 && got.Media.Height == 30, Animated: got.Media.Animated,
			}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			plain, err := got.Media.Open(store)
			if err != nil {
				t.Fatal(err)
			}
			if string(plain) != "file of "+string(kind) {
				t.Errorf("opened %q", plain)
			}
			if data, err := json.Marshal(got); err != nil || strings.Contains(strings.ToLower(string(data)), "key") {
				t.Errorf("json %s, %v", data, err)
			}
		})
	}
	if _, err := content.Attach(content.Attachment{Uploaded: media.Uploaded{Encrypted: media.Encrypted{Kind: media.History}}}); !errors.Is(err, media.ErrKind) {
		t.Errorf("history attached: %v", err)
	}
}

func TestOpenChecksWhatTheSenderClaims(t *testing.T) {
	t.Parallel()
	store := media.NewStore(media.Config{})
	up, err := store.Upload(media.Image, []byte("picture"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*content.Media){
		"elsewhere":   func(m *content.Media) { m.DirectPath = "/v/none?ccb=1" },
		"other hash":  func(m *content.Media) { m.SHA256 = m.EncSHA256 },
		"other body":  func(m *content.Media) { m.EncSHA256 = m.SHA256 },
		"other size":  func(m *content.Media) { m.Size++ },
		"other key":   func(m *content.Media) { m.Key = make([]byte, 32) },
		"unencrypted": func(m *content.Media) { m.Key = nil },
	} {
		entry, _ := content.Describe(content.Image(content.Attachment{Uploaded: up}))
		if _, err := entry.Media.Open(store); err != nil {
			t.Fatal(err)
		}
		spoil(entry.Media)
		if _, err := entry.Media.Open(store); !errors.Is(err, content.ErrMedia) && !errors.Is(err, media.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestViewOnce(t *testing.T) {
	t.Parallel()
	for _, msg := range []*waE2E.Message{
		content.Image(content.Attachment{}), content.Video(content.Attachment{}), content.Voice(content.Attachment{}),
	} {
		if got, _ := content.Describe(msg); got.ViewOnce {
			t.Errorf("%s is view once", got.Kind)
		}
		once := content.ViewOnce(msg)
		got, ok := content.Describe(once)
		if !ok || !got.ViewOnce {
			t.Errorf("described as %+v", got)
		}
		if once.ViewOnceMessageV2 == nil && once.ViewOnceMessageV2Extension == nil {
			t.Errorf("%s is not wrapped", got.Kind)
		}
	}
	if got := content.ViewOnce(content.Text("hi")); !proto.Equal(got, content.Text("hi")) {
		t.Errorf("text became %v", got)
	}
}

func TestBuildersChangeNothingTheyAreGiven(t *testing.T) {
	t.Parallel()
	quoted := content.Reply(content.Text("first"), content.Quote{ID: "Z", Sender: bobLID, Message: content.Text("zeroth")})
	msg := content.Document(content.Attachment{Caption: "c"})
	quotedBefore, before := proto.CloneOf(quoted), proto.CloneOf(msg)
	reply := content.Reply(msg, content.Quote{ID: "Q", Sender: bobLID, Message: quoted})
	content.Mention(msg, eveLID)
	content.Expire(msg, time.Hour, now)
	content.Forward(msg)
	content.ViewOnce(msg)
	content.WithSecret(msg, nil)
	if diff := cmp.Diff(before, msg, protocmp.Transform()); diff != "" {
		t.Errorf("message changed:\n%s", diff)
	}
	if diff := cmp.Diff(quotedBefore, quoted, protocmp.Transform()); diff != "" {
		t.Errorf("quoted message changed:\n%s", diff)
	}
	context := reply.GetDocumentWithCaptionMessage().GetMessage().GetDocumentMessage().GetContextInfo()
	if want := (&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: new("first")}}); !proto.Equal(context.GetQuotedMessage(), want) {
		t.Errorf("quotes %v", context.GetQuotedMessage())
	}
	reaction := content.Reaction(content.Key{Chat: bobLID, ID: "M"}, "👍", now)
	if got := content.Mention(reaction, eveLID); !proto.Equal(got, reaction) {
		t.Errorf("reaction became %v", got)
	}
}

func TestVCard(t *testing.T) {
	t.Parallel()
	entry, _ := content.Describe(content.ContactCards(content.Card{Name: "Eve; the, 2nd", Phone: "491510000003"}))
	want := "BEGIN:VCARD\nVERSION:3.0\nN:;Eve\\; the\\, 2nd;;;\nFN:Eve\\; the\\, 2nd\n" +
		"TEL;type=CELL;type=VOICE;waid=491510000003:+491510000003\nEND:VCARD"
	if diff := cmp.Diff(want, entry.VCard); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpenVote(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	key := content.Key{Chat: group, Sender: annaLID, ID: "POLL"}
	ballot := content.Ballot{
		PollID: "POLL", Secret: secret, Options: []string{"yes", "no"},
		Creator: []types.JID{annaLID}, Voter: []types.JID{bobLID},
	}
	vote := func(selected ...string) *waE2E.Message {
		msg, err := content.PollVote(key, bobLID, secret, selected, now)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	for _, selected := range [][]string{{}, {"no"}, {"no", "yes"}} {
		got, err := content.OpenVote(vote(selected...), ballot)
		if err != nil || !slices.Equal(got, selected) {
			t.Errorf("selected %q: %q, %v", selected, got, err)
		}
	}
	if _, err := content.OpenVote(vote("perhaps"), ballot); !errors.Is(err, content.ErrNoOption) {
		t.Errorf("unknown option: %v", err)
	}
	if _, err := content.OpenVote(content.Text("no"), ballot); !errors.Is(err, content.ErrNoVote) {
		t.Errorf("text: %v", err)
	}
	if _, err := content.OpenVote(nil, ballot); !errors.Is(err, content.ErrNoVote) {
		t.Errorf("nil: %v", err)
	}
	for name, spoil := range map[string]func(*content.Ballot){
		"secret":    func(b *content.Ballot) { b.Secret = []byte("other") },
		"poll":      func(b *content.Ballot) { b.PollID = "OTHER" },
		"creator":   func(b *content.Ballot) { b.Creator = []types.JID{eveLID} },
		"voter":     func(b *content.Ballot) { b.Voter = []types.JID{eveLID} },
		"no voters": func(b *content.Ballot) { b.Voter = nil },
	} {
		spoiled := ballot
		spoil(&spoiled)
		if got, err := content.OpenVote(vote("yes"), spoiled); !errors.Is(err, content.ErrSealedVote) {
			t.Errorf("wrong %s: %q, %v", name, got, err)
		}
	}
	cut := vote("yes")
	cut.PollUpdateMessage.Vote.EncIV = nil
	if _, err := content.OpenVote(cut, ballot); !errors.Is(err, content.ErrSealedVote) {
		t.Errorf("no IV: %v", err)
	}
	if _, err := content.PollVote(key, bobLID, nil, nil, now); err == nil {
		t.Error("voted without a secret")
	}
	if _, err := content.PollVote(content.Key{Chat: group, ID: "POLL"}, bobLID, secret, nil, now); err == nil {
		t.Error("voted on a poll of nobody")
	}
}

func TestEntryJSON(t *testing.T) {
	t.Parallel()
	entry, _ := content.Describe(content.Location(content.Place{Name: "Null Island"}))
	entry.ID, entry.From, entry.Chat, entry.T = "M", bobLID.String(), group.String(), now.Unix()
	data, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"M","from":"100000000002@lid","chat":"120363000000000001@g.us","t":1790000000,` +
		`"kind":"location","latitude":0,"longitude":0,"name":"Null Island"}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var back content.Entry
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entry, back, cmpopts.IgnoreFields(content.Entry{}, "Raw")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzDescribe(f *testing.F) {
	poll := content.Poll(content.Question{Text: "?", Options: []string{"a"}, Secret: make([]byte, 32)})
	vote, err := content.PollVote(content.Key{Chat: group, Sender: annaLID, ID: "P"}, bobLID, make([]byte, 32), []string{"a"}, now)
	if err != nil {
		f.Fatal(err)
	}
	reply := content.Reply(content.Text("hi"), content.Quote{ID: "Q", Sender: bobLID, Message: poll})
	for _, msg := range []*waE2E.Message{
		content.Text("hi"), poll, vote, reply,
		content.ViewOnce(content.Image(content.Attachment{Caption: "c"})), content.Document(content.Attachment{Caption: "c"}),
		content.Location(content.Place{Latitude: math.NaN()}), content.ContactCards(content.Card{}, content.Card{}),
		content.Edit(content.Key{Chat: group, FromMe: true, ID: "M"}, reply, now), content.Revoke(content.Key{ID: "M"}),
		content.DisappearingTimer(time.Hour, now),
		{DeviceSentMessage: &waE2E.DeviceSentMessage{Message: reply}},
	} {
		data, err := proto.Marshal(msg)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		msg := &waE2E.Message{}
		if proto.Unmarshal(data, msg) != nil {
			return
		}
		before := proto.CloneOf(msg)
		entry, ok := content.Describe(msg)
		if ok != (entry.Kind != "") {
			t.Errorf("ok = %v, kind = %q", ok, entry.Kind)
		}
		if _, err := json.Marshal(entry); err != nil {
			t.Error(err)
		}
		// What came in can be quoted, forwarded and edited to.
		content.Reply(msg, content.Quote{ID: "Q", Message: msg})
		content.ViewOnce(content.Forward(msg))
		if edited, ok := content.Describe(content.Edit(content.Key{ID: "M", FromMe: true}, msg, now)); !ok || edited.Kind != content.KindEdit {
			t.Errorf("edit described as %q", edited.Kind)
		}
		ballot := content.Ballot{Creator: []types.JID{annaLID}, Voter: []types.JID{bobLID}}
		if _, err := content.OpenVote(msg, ballot); err == nil {
			t.Error("opened a vote without its secret")
		}
		if !proto.Equal(before, msg) {
			t.Error("message changed")
		}
	})
}

func BenchmarkDescribe(b *testing.B) {
	msg := content.Reply(content.Text("hi"), content.Quote{ID: "Q", Sender: bobLID, Message: content.Text("what?")})
	b.ReportAllocs()
	for b.Loop() {
		content.Describe(msg)
	}
}

func unmarshal(t *testing.T, data []byte) *waE2E.Message {
	t.Helper()
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(data, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}
