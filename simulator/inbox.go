package simulator

import (
	"context"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/content"
)

// maxInbox bounds what a person remembers of each side of their chats.
const maxInbox = 100_000

// inbox is what a person has been told, and what became of what they said.
// Guarded by User.mu.
type inbox struct {
	heard    []content.Entry // from others
	mirrored []content.Entry // by the person's own companions
	receipts []Receipt
	changed  chan struct{} // closed and replaced at each change; nil while nobody waits
}

// Receipt is what a companion reported of a message of this person.
type Receipt struct {
	ID   string    `json:"id"`   // the message
	Type string    `json:"type"` // "" delivered, inactive, read, played
	By   types.JID `json:"by"`   // the device that sent it
	At   time.Time `json:"at"`
}

// hear takes a message that a simulated device has decrypted. It reports
// whether it said something to a person. Only the phone writes the inbox: the
// other devices of a contact read the same.
func (u *User) hear(h *handset, r received, m *waE2E.Message) bool {
	e, ok := content.Describe(m)
	if !ok {
		return false
	}
	if h.device.id != 0 {
		return true
	}
	e.ID, e.T = r.id, time.Now().Unix()
	e.From, e.Chat = u.sim.numberOf(r.sender), u.sim.nameChat(r.chat)
	if own := u.sim.findUser(r.sender) == u; own {
		if recipient, ok := jidAttr(r.node, "recipient"); ok {
			e.Chat = u.sim.nameChat(recipient)
		}
		u.openVote(&e, u)
		u.note(func(i *inbox) { i.mirrored = append(i.mirrored, e) })
		return true
	}
	u.openVote(&e, u.sim.findUser(r.sender))
	u.note(func(i *inbox) { i.heard = append(i.heard, e) })
	return true
}

// hearFrom takes a message of another simulated person, who needs no Signal to
// be understood.
func (u *User) hearFrom(from *User, chat types.JID, id string, m *waE2E.Message) {
	e, ok := content.Describe(m)
	if !ok {
		return
	}
	e.ID, e.T, e.From, e.Chat = id, time.Now().Unix(), from.pn.User, u.sim.nameChat(chat)
	if chat == u.lid {
		e.Chat = from.pn.User
	}
	u.openVote(&e, from)
	u.note(func(i *inbox) { i.heard = append(i.heard, e) })
}

func (u *User) noteReceipt(id, kind string, by *device) {
	u.note(func(i *inbox) {
		i.receipts = append(i.receipts, Receipt{ID: id, Type: kind, By: by.pn(), At: time.Now()})
	})
}

func (u *User) note(change func(*inbox)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := &u.inbox
	change(i)
	i.heard, i.mirrored, i.receipts = bound(i.heard), bound(i.mirrored), bound(i.receipts)
	if i.changed != nil {
		close(i.changed)
		i.changed = nil
	}
}

func bound[T any](list []T) []T {
	if len(list) > maxInbox {
		return slices.Clone(list[maxInbox/2:])
	}
	return list
}

// Inbox lists what others have said to the person, oldest first.
func (u *User) Inbox() []content.Entry {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.inbox.heard)
}

// Mirrored lists the copies of what the person's own companions have sent,
// oldest first.
func (u *User) Mirrored() []content.Entry {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.inbox.mirrored)
}

// Receipts lists what companions reported of the person's messages, oldest
// first.
func (u *User) Receipts() []Receipt {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.inbox.receipts)
}

// Await returns the first message in the inbox, past or coming, that match
// accepts, or ctx's error.
func (u *User) Await(ctx context.Context, match func(content.Entry) bool) (content.Entry, error) {
	return await(ctx, u, func(i *inbox) []content.Entry { return i.heard }, match)
}

// AwaitMirrored is Await for Mirrored.
func (u *User) AwaitMirrored(ctx context.Context, match func(content.Entry) bool) (content.Entry, error) {
	return await(ctx, u, func(i *inbox) []content.Entry { return i.mirrored }, match)
}

// AwaitReceipt is Await for Receipts.
func (u *User) AwaitReceipt(ctx context.Context, match func(Receipt) bool) (Receipt, error) {
	return await(ctx, u, func(i *inbox) []Receipt { return i.receipts }, match)
}

func await[T any](ctx context.Context, u *User, list func(*inbox) []T, match func(T) bool) (T, error) {
	for {
		u.mu.Lock()
		all := list(&u.inbox)
		if i := slices.IndexFunc(all, match); i >= 0 {
			found := all[i]
			u.mu.Unlock()
			return found, nil
		}
		if u.inbox.changed == nil {
			u.inbox.changed = make(chan struct{})
		}
		changed := u.inbox.changed
		u.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}

// numberOf is how people are named in an inbox: by phone number.
func (s *Simulator) numberOf(j types.JID) string {
	if u := s.findUser(j); u != nil {
		return u.pn.User
	}
	return j.User
}

// nameChat names a chat: a person by number, anything else by its JID.
func (s *Simulator) nameChat(j types.JID) string {
	if u := s.findUser(j); u != nil {
		return u.pn.User
	}
	return j.String()
}
