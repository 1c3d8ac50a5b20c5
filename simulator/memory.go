package simulator

import (
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/content"
)

// remembered is an earlier message as one person sees it.
type remembered struct {
	content.Key

	message *waE2E.Message // nil when the person knows only that it exists
}

// target finds the message that a saying does something to or answers; it is
// empty when there is none.
func (u *User) target(s Saying) (remembered, error) {
	ref := s.targetReference()
	if ref == nil {
		ref = s.Reply
	}
	if ref == nil {
		return remembered{}, nil
	}
	known, ok := u.recall(ref.ID)
	switch {
	case ref.Chat != "":
		return u.explicit(*ref, known)
	case !ok:
		return remembered{}, fmt.Errorf("message %s: %w", ref.ID, ErrNoMessage)
	}
	return known, nil
}

// explicit believes what a reference says of a message.
func (u *User) explicit(ref Reference, known remembered) (remembered, error) {
	chat, err := u.sim.chat(ref.Chat)
	if err != nil {
		return remembered{}, err
	}
	r := remembered{Key: content.Key{ID: ref.ID, Chat: chat, FromMe: ref.FromMe}, message: known.message}
	switch {
	case ref.FromMe:
		r.Sender = u.lid
	case ref.Sender != "":
		sender, err := u.sim.person(ref.Sender)
		if err != nil {
			return remembered{}, err
		}
		r.Sender = sender.lid
	case chat.Server == types.HiddenUserServer:
		r.Sender = chat
	case !known.Sender.IsEmpty():
		r.Sender = known.Sender
	default:
		return remembered{}, invalid("sender is missing: who sent message " + ref.ID + " to " + ref.Chat)
	}
	return r, nil
}

// recall finds a message by its id: what the person or a companion of theirs
// has sent, or what others have said, the latest first.
func (u *User) recall(id string) (remembered, bool) {
	u.mu.Lock()
	sent, ok := u.sent.byID[id]
	entry, mine := latest(u.inbox.mirrored, id), true
	if entry == nil {
		entry, mine = latest(u.inbox.heard, id), false
	}
	u.mu.Unlock()
	if ok {
		return remembered{
			Key:     content.Key{ID: id, Chat: u.sim.canonical(sent.chat), Sender: u.lid, FromMe: true},
			message: sent.message,
		}, true
	}
	if entry == nil {
		return remembered{}, false
	}
	chat, err := u.sim.chat(entry.Chat)
	if err != nil {
		return remembered{}, false
	}
	sender, err := u.sim.person(entry.From)
	if err != nil {
		return remembered{}, false
	}
	return remembered{Key: content.Key{ID: id, Chat: chat, Sender: sender.lid, FromMe: mine}, message: entry.Raw}, true
}

// latest finds the last message with this id. The caller holds User.mu;
// entries never change once they are in a list.
func latest(list []content.Entry, id types.MessageID) *content.Entry {
	if i := lastIndex(list, id); i >= 0 {
		return &list[i]
	}
	return nil
}

// quote is how a reply to a chat shows the message.
func (r remembered) quote(to types.JID) content.Quote {
	q := content.Quote{ID: r.ID, Sender: r.Sender, Message: r.message}
	if r.Chat != to {
		q.Chat = r.Chat
	}
	return q
}

// openVote reads a vote on a poll that the person knows.
func (u *User) openVote(e *content.Entry, voter *User) {
	if e.Kind != content.KindVote || voter == nil {
		return
	}
	poll, ok := u.recall(e.Target)
	if !ok {
		return
	}
	asked, ok := content.Describe(poll.message)
	if !ok || asked.Kind != content.KindPoll {
		return
	}
	creator := u.sim.findUser(poll.Sender)
	selected, err := content.OpenVote(e.Raw, content.Ballot{
		PollID: e.Target, Secret: asked.Secret, Options: asked.Options,
		Creator: []types.JID{creator.lid, creator.pn}, Voter: []types.JID{voter.lid, voter.pn},
	})
	switch {
	case err == nil:
		e.Selected = selected
	case errors.Is(err, content.ErrNoOption):
		u.sim.violations.add(Malformed, voter.pn, "vote "+e.ID+" on poll "+e.Target+": "+err.Error())
	default:
		u.sim.violations.add(Undecryptable, voter.pn, "vote "+e.ID+" on poll "+e.Target+": "+err.Error())
	}
}
