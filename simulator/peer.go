package simulator

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"roost/simulator/appstate"
	"roost/simulator/history"
	"roost/simulator/wire"
)

// maxTold bounds how many peer messages a phone can send again.
const maxTold = 256

// welcome sends a companion that has just been linked what it needs to know:
// the app state key, with which it reads names and settings, and the history.
func (u *User) welcome(d *device) {
	_, phone := u.settings.open()
	share := u.sim.messageID()
	d.feed.startAfter(share)
	u.tell(d, share, appstate.ShareMessage(phone.Share()))
	d.work(func() { d.feed.begin(d, u.history()) })
}

// tell sends a peer message: from the phone to one of its companions, about
// the account itself. Phones address these by phone number.
func (u *User) tell(d *device, id types.MessageID, m *waE2E.Message) {
	u.mu.Lock()
	u.settings.told.add(id, sentMessage{chat: u.pn, message: m, peer: true}, maxTold)
	u.mu.Unlock()
	enc, err := u.home.encrypt(d, m)
	if err != nil {
		u.sim.log.Warn("cannot encrypt peer message", "to", d.pn(), "err", err)
		return
	}
	d.deliver(u.peerNode(id, enc))
}

func (u *User) peerNode(id types.MessageID, enc wire.Node) wire.Node {
	return wire.Node{
		Tag: "message",
		Attrs: wire.Attrs{
			"from": u.pn, "id": id, "type": "text", "category": "peer", "t": now(),
		},
		Content: []wire.Node{{Tag: "meta", Attrs: wire.Attrs{"appdata": "default"}}, enc},
	}
}

// answerPeer does what a companion asks the phone for. It runs on the
// companion's read loop; id is the stanza's.
func (u *User) answerPeer(from *device, id types.MessageID, m *waE2E.Message) {
	if from == nil || from.handset != nil || from.user != u {
		return
	}
	if copied := m.GetDeviceSentMessage().GetMessage(); copied != nil {
		m = copied // Baileys wraps what it asks as it wraps any message to its own account
	}
	if ids, ok := appstate.RequestedKeyIDs(m); ok {
		_, phone := u.settings.open()
		share := appstate.Share()
		if len(ids) > 0 {
			share = phone.Share(ids...)
		}
		u.tell(from, u.sim.messageID(), appstate.ShareMessage(share))
		return
	}
	if m.GetProtocolMessage().GetAppStateFatalExceptionNotification() != nil {
		u.startOver()
		return
	}
	request := m.GetProtocolMessage().GetPeerDataOperationRequestMessage()
	if request == nil {
		return
	}
	from.work(func() { u.operate(from, id, m, request) })
}

// startOver is what a phone does that hears that its app state is broken: new
// app state, and every companion has to be linked again.
func (u *User) startOver() {
	u.settings.forget()
	for _, d := range u.companions() {
		d.unlink()
	}
}

// operate answers a request for data that only the phone has.
func (u *User) operate(from *device, id types.MessageID, m *waE2E.Message, request *waE2E.PeerDataOperationRequestMessage) {
	var results []*result
	switch request.GetPeerDataOperationRequestType() {
	case waE2E.PeerDataOperationRequestType_PLACEHOLDER_MESSAGE_RESEND:
		results = u.resendPlaceholders(request.GetPlaceholderMessageResendRequest())
	case waE2E.PeerDataOperationRequestType_HISTORY_SYNC_ON_DEMAND:
		if demand, ok := history.ParseRequest(id, m); ok {
			u.tellHistory(from, u.sim.messageID(), u.onDemand(demand))
			return
		}
	case waE2E.PeerDataOperationRequestType_COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY:
		name := appstate.Name(request.GetSyncdCollectionFatalRecoveryRequest().GetCollectionName())
		_, phone := u.settings.open()
		recovery, err := phone.Recovery(name, id)
		if err == nil {
			u.tell(from, u.sim.messageID(), recovery)
			return
		}
		u.sim.log.Warn("no app state recovery", "collection", name, "err", err)
	default: // gets an answer without results
	}
	u.tell(from, u.sim.messageID(), response(request, id, results))
}

type result = waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult

func response(request *waE2E.PeerDataOperationRequestMessage, id types.MessageID, results []*result) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE.Enum(),
		PeerDataOperationRequestResponseMessage: &waE2E.PeerDataOperationRequestResponseMessage{
			PeerDataOperationRequestType: request.PeerDataOperationRequestType,
			StanzaID:                     new(id),
			PeerDataOperationResult:      results,
		},
	}}
}

// resendPlaceholders finds the messages that a companion could not read. What
// the phone does not know either gets an empty result.
func (u *User) resendPlaceholders(asked []*waE2E.PeerDataOperationRequestMessage_PlaceholderMessageResendRequest) []*result {
	var out []*result
	for _, a := range asked {
		r := &result{}
		if m, chat, ok := u.known(a.GetMessageKey().GetID()); ok {
			if named, err := types.ParseJID(a.GetMessageKey().GetRemoteJID()); err == nil && !named.IsEmpty() {
				chat = named // the companion looks for it under the name it used
			}
			if raw, err := proto.Marshal(m.Proto(chat)); err == nil {
				r.PlaceholderMessageResendResponse = &waE2E.PeerDataOperationRequestResponseMessage_PeerDataOperationResult_PlaceholderMessageResendResponse{
					WebMessageInfoBytes: raw,
				}
			}
		}
		out = append(out, r)
	}
	return out
}

// work runs what takes a phone some time, away from the read loop of the
// companion it is for. Settle waits for it.
func (d *device) work(do func()) {
	done := d.beginWork()
	d.sim.idle.Go(func() {
		defer done()
		do()
	})
}

// beginWork makes Settle wait until the result is called.
func (d *device) beginWork() func() {
	d.busy.Add(1)
	return func() {
		d.busy.Add(-1)
		if st := d.online(); st != nil {
			st.stir()
		}
	}
}
