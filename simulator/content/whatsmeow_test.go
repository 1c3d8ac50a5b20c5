package content_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/testing/protocmp"

	"roost/simulator/content"
)

var (
	now     = time.UnixMilli(1_790_000_000_123)
	group   = types.NewJID("120363000000000001", types.GroupServer)
	annaPN  = types.NewJID("491510000001", types.DefaultUserServer)
	annaLID = types.NewJID("100000000001", types.HiddenUserServer)
	bobPN   = types.NewJID("491510000002", types.DefaultUserServer)
	bobLID  = types.NewJID("100000000002", types.HiddenUserServer)
	eveLID  = types.NewJID("100000000003", types.HiddenUserServer)
)

// secrets is a whatsmeow store for the secret of one message.
type secrets struct {
	secret []byte
	sender types.JID
}

func (secrets) PutMessageSecrets(context.Context, []store.MessageSecretInsert) error { return nil }

func (secrets) PutMessageSecret(context.Context, types.JID, types.JID, types.MessageID, []byte) error {
	return nil
}

func (s secrets) GetMessageSecret(context.Context, types.JID, types.JID, types.MessageID) ([]byte, types.JID, error) {
	return s.secret, s.sender, nil
}

// anna returns a whatsmeow client of that name, which needs no connection to
// build and open messages. sender is who sent the message with the secret.
func anna(secret []byte, sender types.JID) *whatsmeow.Client {
	device := *store.NoopDevice
	id := annaPN
	id.Device = 7
	device.ID, device.LID = &id, annaLID
	device.MsgSecrets = secrets{secret: secret, sender: sender}
	return whatsmeow.NewClient(&device, nil)
}

func TestWhatsmeowOpensVotes(t *testing.T) {
	t.Parallel()
	options := []string{"yes", "no", "ünklar"}
	tests := []struct {
		name    string
		chat    types.JID // as Anna sees it
		key     content.Key
		voter   types.JID
		creator types.JID
	}{
		{"private, Anna's poll", bobLID, content.Key{Chat: annaLID, ID: "POLL"}, bobLID, annaLID},
		{"private by phone number", bobPN, content.Key{Chat: annaPN, ID: "POLL"}, bobPN, annaPN},
		{"private, Bob's poll", bobLID, content.Key{Chat: annaLID, ID: "POLL", FromMe: true}, bobLID, bobLID},
		{"group, Anna's poll", group, content.Key{Chat: group, Sender: annaLID, ID: "POLL"}, bobLID, annaLID},
		{"group, Eve's poll", group, content.Key{Chat: group, Sender: eveLID, ID: "POLL"}, bobLID, eveLID},
		{"group, Bob's poll", group, content.Key{Chat: group, ID: "POLL", FromMe: true}, bobLID, bobLID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			secret := content.PollSecret(content.Poll(content.Question{Text: "?", Options: options}))
			vote, err := content.PollVote(tt.key, tt.voter, secret, []string{"ünklar", "yes"}, now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := anna(secret, tt.creator).DecryptPollVote(t.Context(), &events.Message{
				Info:    types.MessageInfo{MessageSource: types.MessageSource{Chat: tt.chat, Sender: tt.voter, IsGroup: tt.chat == group}},
				Message: vote,
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := whatsmeow.HashPollOptions([]string{"ünklar", "yes"}); !cmp.Equal(got.GetSelectedOptions(), want) {
				t.Errorf("selected %x, want %x", got.GetSelectedOptions(), want)
			}
		})
	}
}

func TestWhatsmeowVotesOpen(t *testing.T) {
	t.Parallel()
	options := []string{"red", "green", "blue"}
	tests := []struct {
		name   string
		source types.MessageSource
	}{
		{"private by LID", types.MessageSource{Chat: bobLID, Sender: bobLID}},
		{"private by phone number", types.MessageSource{Chat: bobPN, Sender: bobPN}},
		{"group", types.MessageSource{Chat: group, Sender: bobLID, IsGroup: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			poll := content.Poll(content.Question{Text: "colour", Options: options, Selectable: 1})
			client := anna(content.PollSecret(poll), tt.source.Sender)
			vote, err := client.BuildPollVote(t.Context(), &types.MessageInfo{MessageSource: tt.source, ID: "POLL"}, []string{"blue"})
			if err != nil {
				t.Fatal(err)
			}
			entry, ok := content.Describe(vote)
			if !ok || entry.Kind != content.KindVote || entry.Target != "POLL" {
				t.Fatalf("described as %+v, %v", entry, ok)
			}
			ballot := content.Ballot{
				PollID: entry.Target, Secret: content.PollSecret(poll), Options: options,
				Creator: []types.JID{bobPN, bobLID}, Voter: []types.JID{annaPN, annaLID},
			}
			got, err := content.OpenVote(vote, ballot)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, []string{"blue"}) {
				t.Errorf("selected %q", got)
			}
		})
	}
}

// ignoreTimes are the stamps that whatsmeow takes from the clock.
var ignoreTimes = cmp.Options{
	protocmp.Transform(),
	protocmp.IgnoreFields(&waE2E.ReactionMessage{}, "senderTimestampMS"),
	protocmp.IgnoreFields(&waE2E.ProtocolMessage{}, "timestampMS"),
	protocmp.IgnoreFields(&waE2E.MessageContextInfo{}, "messageSecret"),
}

func TestBuildersEqualWhatsmeow(t *testing.T) {
	t.Parallel()
	client := anna(nil, types.EmptyJID)
	tests := []struct {
		name      string
		got, want *waE2E.Message
	}{
		{
			"reaction in private", content.Reaction(content.Key{Chat: bobLID, Sender: bobLID, ID: "M"}, "👍", now),
			client.BuildReaction(bobLID, bobLID, "M", "👍"),
		},
		{
			"reaction in a group", content.Reaction(content.Key{Chat: group, Sender: bobLID, ID: "M"}, "👍", now),
			client.BuildReaction(group, bobLID, "M", "👍"),
		},
		{
			"reaction to oneself", content.Reaction(content.Key{Chat: group, FromMe: true, ID: "M"}, "👍", now),
			client.BuildReaction(group, annaLID, "M", "👍"),
		},
		{
			"no more reaction", content.RemoveReaction(content.Key{Chat: bobPN, ID: "M"}, now),
			client.BuildReaction(bobPN, bobPN, "M", whatsmeow.RemoveReactionText),
		},
		{
			"edit", content.Edit(content.Key{Chat: bobLID, FromMe: true, ID: "M"}, content.Text("better"), now),
			client.BuildEdit(bobLID, "M", &waE2E.Message{Conversation: new("better")}),
		},
		{
			"revoke", content.Revoke(content.Key{Chat: group, FromMe: true, ID: "M"}),
			client.BuildRevoke(group, types.EmptyJID, "M"),
		},
		{
			"revoke by an admin", content.Revoke(content.Key{Chat: group, Sender: eveLID, ID: "M"}),
			client.BuildRevoke(group, eveLID, "M"),
		},
		{
			"poll", content.Poll(content.Question{Text: "which?", Options: []string{"a", "b", "c"}, Selectable: 2}),
			client.BuildPollCreation("which?", []string{"a", "b", "c"}, 2),
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got, ignoreTimes); diff != "" {
			t.Errorf("%s (-whatsmeow +content):\n%s", tt.name, diff)
		}
	}
}

func TestDescribeWhatsmeow(t *testing.T) {
	t.Parallel()
	client := anna(nil, types.EmptyJID)
	tests := []struct {
		name string
		msg  *waE2E.Message
		want content.Entry
	}{
		{
			"reaction", client.BuildReaction(group, bobLID, "M", "👍"),
			content.Entry{Kind: content.KindReaction, Target: "M", TargetSender: bobLID.String(), Emoji: "👍"},
		},
		{
			"edit", client.BuildEdit(bobLID, "M", &waE2E.Message{Conversation: new("better")}),
			content.Entry{Kind: content.KindEdit, Target: "M", TargetFromMe: true, Text: "better"},
		},
		{
			"revoke", client.BuildRevoke(group, types.EmptyJID, "M"),
			content.Entry{Kind: content.KindRevoke, Target: "M", TargetFromMe: true},
		},
		{
			"revoke by an admin", client.BuildRevoke(group, eveLID, "M"),
			content.Entry{Kind: content.KindRevoke, Target: "M", TargetSender: eveLID.String()},
		},
		{
			"poll", client.BuildPollCreation("which?", []string{"a", "b"}, 1),
			content.Entry{Kind: content.KindPoll, Text: "which?", Options: []string{"a", "b"}, Selectable: 1},
		},
	}
	for _, tt := range tests {
		got, ok := content.Describe(tt.msg)
		if !ok {
			t.Errorf("%s: not a message", tt.name)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(content.Entry{}, "Raw", "Secret")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for _, msg := range []*waE2E.Message{
		client.BuildUnavailableMessageRequest(bobLID, bobLID, "M"),
		client.BuildHistorySyncRequest(&types.MessageInfo{ID: "M"}, 50),
	} {
		if got, ok := content.Describe(msg); ok {
			t.Errorf("peer request described as %+v", got)
		}
	}
}
