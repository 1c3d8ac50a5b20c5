package history

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// names is a contact store that remembers push names only.
type names struct {
	store.ContactStore
	got map[types.JID]string
}

func (n names) PutPushName(_ context.Context, user types.JID, name string) (bool, string, error) {
	n.got[user] = name
	return true, "", nil
}

type mappings struct {
	store.LIDStore
	got *[]store.LIDMapping
}

func (m mappings) PutManyLIDMappings(_ context.Context, all []store.LIDMapping) error {
	*m.got = append(*m.got, all...)
	return nil
}

func (m mappings) GetLIDForPN(context.Context, types.JID) (types.JID, error) {
	return types.EmptyJID, nil
}

type secrets struct {
	store.MsgSecretStore
	got *int
}

func (s secrets) PutMessageSecrets(_ context.Context, all []store.MessageSecretInsert) error {
	*s.got += len(all)
	return nil
}

func TestWhatsmeowReadsTheHistory(t *testing.T) {
	t.Parallel()
	pushNames, lids, secretCount := map[types.JID]string{}, []store.LIDMapping{}, 0
	device := *store.NoopDevice
	device.ID = &own
	device.NCTSalt = &store.NoopStore{}
	device.Contacts, device.LIDs, device.MsgSecrets = names{got: pushNames}, mappings{got: &lids}, secrets{got: &secretCount}
	client := whatsmeow.NewClient(&device, waLog.Noop)

	plan := bigPlan()
	messages := 0
	for chunk, err := range plan.Chunks() {
		if err != nil {
			t.Fatal(err)
		}
		notification := Notification(chunk, nil).GetProtocolMessage().GetHistorySyncNotification()
		sync, err := client.DownloadHistorySync(t.Context(), notification, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range sync.GetConversations() {
			chat, err := types.ParseJID(c.GetID())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range c.GetMessages() {
				event, err := client.ParseWebMessage(chat, m.GetMessage())
				if err != nil {
					t.Fatal(err)
				}
				if event.Info.Sender.IsEmpty() || event.Info.Timestamp.Before(plan.Newest) || event.Info.ID == "" || event.Message == nil {
					t.Errorf("message %+v", event.Info)
				}
				messages++
			}
		}
	}
	if messages != 30*101+250 || secretCount != 30*101 || len(lids) != 25 || len(pushNames) != 26 {
		t.Errorf("%d messages, %d secrets, %d LIDs, %d push names", messages, secretCount, len(lids), len(pushNames))
	}
}

func TestNotification(t *testing.T) {
	t.Parallel()
	chunk := Chunk{Type: Recent, Order: 3, Progress: 40, Oldest: when, SessionID: "REQ", Payload: []byte("payload")}
	message := Notification(chunk, &BlobRef{DirectPath: "/p?x=1", MediaKey: []byte("k"), FileSHA256: []byte("h"), FileEncSHA256: []byte("e"), EncHandle: "handle"})
	if message.GetProtocolMessage().GetType() != waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION {
		t.Errorf("type %v", message.GetProtocolMessage().GetType())
	}
	want := &waE2E.HistorySyncNotification{
		SyncType: waE2E.HistorySyncType_RECENT.Enum(), ChunkOrder: proto.Uint32(3), Progress: proto.Uint32(40),
		OldestMsgInChunkTimestampSec: new(when.Unix()), PeerDataRequestSessionID: new("REQ"),
		DirectPath: new("/p?x=1"), MediaKey: []byte("k"), FileSHA256: []byte("h"), FileEncSHA256: []byte("e"),
		FileLength: proto.Uint64(7), EncHandle: new("handle"),
	}
	got := message.GetProtocolMessage().GetHistorySyncNotification()
	if !proto.Equal(want, got) {
		t.Errorf("notification %v, want %v", got, want)
	}
	if whatsmeow.GetMediaType(got) != whatsmeow.MediaHistory {
		t.Errorf("media type %q", whatsmeow.GetMediaType(got))
	}
}

// The two enumerations of parts must go on having the same numbers.
func TestTypeNumbers(t *testing.T) {
	t.Parallel()
	for number, name := range waHistorySync.HistorySync_HistorySyncType_name {
		if got := waE2E.HistorySyncType_name[number]; got != name {
			t.Errorf("%d is %s and %s", number, name, got)
		}
	}
}

func TestOnDemand(t *testing.T) {
	t.Parallel()
	plan := Plan{
		Chats: 3, Groups: 1, MessagesPerChat: 20, OlderPerChat: 15,
		Conversations: []Conversation{{
			Chat: alice, Alt: aliceLID,
			Older: transcript(3, "OLD", when), Messages: transcript(4, "NEW", when.Add(time.Hour)),
		}},
	}
	const more, none = waHistorySync.Conversation_COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY, waHistorySync.Conversation_COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
	tests := map[string]struct {
		req  Request
		want []string
		end  waHistorySync.Conversation_EndOfHistoryTransferType
	}{
		"within":     {Request{Chat: alice, OldestID: "NEW3", Count: 2}, []string{"NEW2", "NEW1"}, more},
		"over":       {Request{Chat: alice, OldestID: "NEW1", Count: 3}, []string{"NEW0", "OLD2", "OLD1"}, more},
		"to the end": {Request{Chat: alice, OldestID: "NEW0", Count: 9}, []string{"OLD2", "OLD1", "OLD0"}, none},
		"no count":   {Request{Chat: alice, OldestID: "OLD1"}, []string{"OLD0"}, none},
		"at the end": {Request{Chat: alice, OldestID: "OLD0", Count: 5}, nil, none},
		"by LID":     {Request{Chat: aliceLID, OldestID: "OLD1", Count: 5}, []string{"OLD0"}, none},
		"by time":    {Request{Chat: alice, OldestID: "?", Oldest: when.Add(time.Minute), Count: 5}, []string{"OLD0"}, none},
		"by no time": {Request{Chat: alice, OldestID: "?", Count: 5}, nil, none},
	}
	for title, test := range tests {
		test.req.SessionID = "REQ"
		chunk, err := plan.OnDemand(test.req)
		if err != nil {
			t.Fatalf("%s: %v", title, err)
		}
		sync, err := Decode(chunk.Payload)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range sync.GetConversations()[0].GetMessages() {
			got = append(got, m.GetMessage().GetKey().GetID())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
		if end := sync.GetConversations()[0].GetEndOfHistoryTransferType(); end != test.end {
			t.Errorf("%s: ends with %s", title, end)
		}
		if chunk.Type != OnDemand || sync.GetSyncType() != OnDemand || chunk.SessionID != "REQ" || chunk.Messages != len(test.want) {
			t.Errorf("%s: chunk %+v", title, chunk)
		}
	}
	if _, err := plan.OnDemand(Request{Chat: own}); !errors.Is(err, ErrNoChat) {
		t.Errorf("unknown chat: %v", err)
	}
}

// Walking back through a generated chat by requests meets every message that the
// history did not bring.
func TestOnDemandWalk(t *testing.T) {
	t.Parallel()
	plan := Plan{Seed: 3, Types: []Type{InitialBootstrap}, Chats: 2, Groups: 1, MessagesPerChat: 7, OlderPerChat: 30}
	client := whatsmeow.NewClient(store.NoopDevice, waLog.Noop)
	for _, c := range collect(t, plan)[0].sync.GetConversations() {
		chat, err := types.ParseJID(c.GetID())
		if err != nil {
			t.Fatal(err)
		}
		oldest := c.GetMessages()[len(c.GetMessages())-1].GetMessage()
		found := 0
		// One more request than needed, so that a chat without an end is seen.
		for range 30/7 + 2 {
			request := client.BuildHistorySyncRequest(&types.MessageInfo{
				MessageSource: types.MessageSource{Chat: chat}, ID: oldest.GetKey().GetID(), Timestamp: time.Unix(int64(oldest.GetMessageTimestamp()), 0),
			}, 7)
			req, ok := ParseRequest("REQ", request)
			want := Request{SessionID: "REQ", Chat: chat, OldestID: oldest.GetKey().GetID(), Oldest: time.Unix(int64(oldest.GetMessageTimestamp()), 0), Count: 7}
			if diff := cmp.Diff(want, req); diff != "" || !ok {
				t.Fatalf("request, ok %v (-want +got):\n%s", ok, diff)
			}
			chunk, err := plan.OnDemand(req)
			if err != nil {
				t.Fatal(err)
			}
			sync, err := Decode(chunk.Payload)
			if err != nil {
				t.Fatal(err)
			}
			messages := sync.GetConversations()[0].GetMessages()
			for _, m := range messages {
				if m.GetMessage().GetMessageTimestamp() >= oldest.GetMessageTimestamp() {
					t.Errorf("%s is not older", m.GetMessage().GetKey().GetID())
				}
				oldest = m.GetMessage()
				found++
			}
		}
		if found != 30 {
			t.Errorf("%s: %d messages on demand, want 30", chat, found)
		}
	}
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	demand := func(chat string, at int64) *waE2E.Message {
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{PeerDataOperationRequestMessage: &waE2E.PeerDataOperationRequestMessage{
			PeerDataOperationRequestType: waE2E.PeerDataOperationRequestType_HISTORY_SYNC_ON_DEMAND.Enum(),
			HistorySyncOnDemandRequest:   &waE2E.PeerDataOperationRequestMessage_HistorySyncOnDemandRequest{ChatJID: &chat, OldestMsgTimestampMS: &at},
		}}}
	}
	for _, at := range []int64{when.Unix(), when.UnixMilli()} {
		if req, ok := ParseRequest("X", demand(alice.String(), at)); !ok || !req.Oldest.Equal(when) {
			t.Errorf("time %d read as %v, %v", at, req.Oldest, ok)
		}
	}
	for title, message := range map[string]*waE2E.Message{
		"nil": nil, "text": text("hello"), "no chat": demand("", 1), "bad chat": demand("a.b:c@s.whatsapp.net", 1),
	} {
		if req, ok := ParseRequest("X", message); ok {
			t.Errorf("%s read as %+v", title, req)
		}
	}
}
