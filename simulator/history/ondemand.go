package history

import (
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/types"
)

// DefaultOnDemand is how many messages a request without a count gets; whatsmeow
// recommends asking for 50.
const DefaultOnDemand = 50

// ErrNoChat means that the phone has no such chat.
var ErrNoChat = errors.New("no such chat")

// Request asks the phone for the messages before one that the client has.
type Request struct {
	// SessionID is the stanza id of the request.
	SessionID string
	Chat      types.JID
	OldestID  string
	FromMe    bool
	// Oldest is the time of that message, in case the phone does not know its id.
	Oldest time.Time
	Count  int
}

// ParseRequest reads a HISTORY_SYNC_ON_DEMAND request, such as whatsmeow's
// BuildHistorySyncRequest makes; ok is false for every other message and for an
// unreadable chat. id is the stanza id.
func ParseRequest(id string, message *waE2E.Message) (req Request, ok bool) {
	operation := message.GetProtocolMessage().GetPeerDataOperationRequestMessage()
	demand := operation.GetHistorySyncOnDemandRequest()
	if operation.GetPeerDataOperationRequestType() != waE2E.PeerDataOperationRequestType_HISTORY_SYNC_ON_DEMAND || demand == nil {
		return Request{}, false
	}
	chat, err := types.ParseJID(demand.GetChatJID())
	if err != nil || chat.IsEmpty() {
		return Request{}, false
	}
	// The field is named MS, whatsmeow sends seconds, Baileys what its caller gives.
	oldest := time.Unix(demand.GetOldestMsgTimestampMS(), 0)
	if demand.GetOldestMsgTimestampMS() > 1e11 {
		oldest = time.UnixMilli(demand.GetOldestMsgTimestampMS())
	}
	return Request{
		SessionID: id,
		Chat:      chat,
		OldestID:  demand.GetOldestMsgID(),
		FromMe:    demand.GetOldestMsgFromMe(),
		Oldest:    oldest,
		Count:     int(demand.GetOnDemandMsgCount()),
	}, true
}

// OnDemand answers a request with the messages right before the named one, at
// most ChunkMessages of them, whether the history sent them or not. If the id is
// unknown, the time decides. It returns ErrNoChat for a chat that is not in the
// plan, and ErrPlan.
func (p Plan) OnDemand(req Request) (Chunk, error) {
	plan, err := p.withDefaults()
	if err != nil {
		return Chunk{}, err
	}
	chat := req.Chat.ToNonAD()
	for t := range plan.threads(newGenerator(plan)) {
		if chat == t.jid || chat == t.alt {
			return plan.before(t, req)
		}
	}
	return Chunk{}, fmt.Errorf("%w: %s", ErrNoChat, req.Chat)
}

func (p Plan) before(t thread, req Request) (Chunk, error) {
	from := t.position(req)
	count := req.Count
	if count <= 0 {
		count = DefaultOnDemand
	}
	to := min(t.total, from+min(count, p.ChunkMessages))

	conversation := &waHistorySync.Conversation{
		ID:                       new(t.jid.String()),
		EndOfHistoryTransfer:     new(true),
		EndOfHistoryTransferType: waHistorySync.Conversation_COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY.Enum(),
	}
	if to < t.total {
		conversation.EndOfHistoryTransferType = waHistorySync.Conversation_COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY.Enum()
	}
	var oldest time.Time
	for i := from; i < to; i++ {
		conversation.Messages = append(conversation.Messages, historyMessage(t, i))
		oldest = t.stamp(i)
	}
	return (&packer{}).pack(
		&waHistorySync.HistorySync{Conversations: []*waHistorySync.Conversation{conversation}},
		Chunk{Type: OnDemand, Order: 1, Progress: 100, Messages: to - from, Oldest: oldest, SessionID: req.SessionID},
	)
}

// position is the index of the message after (older than) the one the client has.
func (t thread) position(req Request) int {
	for i := range t.total {
		if t.id(i) == req.OldestID {
			return i + 1
		}
	}
	for i := range t.total {
		if t.stamp(i).Unix() < req.Oldest.Unix() {
			return i
		}
	}
	return t.total
}
