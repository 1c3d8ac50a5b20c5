package simulator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// What somebody does in a chat.
const (
	Composing = "composing" // writes a text
	Recording = "recording" // records a voice message
	Paused    = "paused"    // does neither any more
)

// ErrTyping means that there is no such state of a chat.
var ErrTyping = errors.New("state of a chat is composing, recording or paused")

// ChatState is what a client told a person of its user: that they write.
type ChatState struct {
	From  string    `json:"from"`  // phone number
	Chat  string    `json:"chat"`  // phone number of the other side, or JID of the group
	State string    `json:"state"` // Composing, Recording or Paused
	At    time.Time `json:"at"`
}

// Type makes the person write, record or pause in a chat with a user or a
// group. Companions get it while they are available; it is not kept for
// others. It returns ErrTyping for another state and ErrNobody when there is
// nobody to see it.
func (u *User) Type(to types.JID, state string) error {
	child := wire.Node{Tag: state}
	switch state {
	case Composing, Paused:
	case Recording:
		child = wire.Node{Tag: Composing, Attrs: wire.Attrs{"media": "audio"}}
	default:
		return fmt.Errorf("%q: %w", state, ErrTyping)
	}
	receivers := u.sim.hearers(u, to)
	if receivers == nil {
		return fmt.Errorf("%s: %w", to, ErrNobody)
	}
	u.showTyping(to, receivers, child)
	return nil
}

// hearers are who sees what u does in a chat, nil when u is not in it.
func (s *Simulator) hearers(u *User, chat types.JID) []*User {
	if chat.Server != types.GroupServer {
		if peer := s.findUser(chat); peer != nil {
			return []*User{peer}
		}
		return nil
	}
	members := s.members(chat)
	if !slices.Contains(members, u) {
		return nil
	}
	return slices.DeleteFunc(members, func(m *User) bool { return m == u })
}

// showTyping tells the receivers, who do not hear it from whom they block.
func (u *User) showTyping(chat types.JID, receivers []*User, child wire.Node) {
	inGroup := chat.Server == types.GroupServer
	seen := ChatState{From: u.pn.User, Chat: u.pn.User, State: child.Tag, At: time.Now()}
	if media, _ := child.Attrs["media"].(string); media == "audio" {
		seen.State = Recording
	}
	if inGroup {
		seen.Chat = chat.String()
	}
	for _, receiver := range receivers {
		if receiver == u || !inGroup && receiver.blocks(u) {
			continue
		}
		receiver.mu.Lock()
		receiver.profile.typing.add(seen)
		receiver.mu.Unlock()
		for _, d := range receiver.companions() {
			st := d.online()
			if st == nil || !st.available.Load() {
				continue
			}
			attrs := wire.Attrs{"from": u.lid, "sender_pn": u.pn}
			if inGroup {
				attrs = wire.Attrs{"from": chat, "participant": u.lid, "participant_pn": u.pn, "addressing_mode": "lid"}
			}
			st.push(wire.Node{Tag: "chatstate", Attrs: attrs, Content: []wire.Node{child}})
		}
	}
}

// receiveChatState is a client whose user writes.
func (st *stream) receiveChatState(n *wire.Node) {
	to, ok := jidAttr(n, "to")
	children := n.GetChildren()
	if !ok || len(children) != 1 {
		st.violate(Malformed, "chatstate without to, or with %d states", len(children))
		return
	}
	child := children[0]
	if child.Tag != Composing && child.Tag != Paused {
		st.violate(Malformed, "chatstate %s", child.Tag)
		return
	}
	u := st.device.Load().user
	u.showTyping(to, st.sim.hearers(u, to), child)
}

// ChatStates lists what the person saw others do in their chats, oldest first.
func (u *User) ChatStates() []ChatState {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.profile.typing.list)
}

// AwaitChatState is Await for ChatStates.
func (u *User) AwaitChatState(ctx context.Context, match func(ChatState) bool) (ChatState, error) {
	return awaitEntry(ctx, u, &u.profile.typing, match)
}
