package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/content"
	"roost/simulator/history"
)

// past is what a phone has from before its companions were linked. Guarded by
// User.mu.
type past struct {
	plan   *history.Plan // explicit; nil means one that follows from the knobs
	people []*User       // who generated chats are with, chosen once
}

// maxRemembered bounds how many messages of each side, sent while the simulator
// ran, a phone hands to a new companion.
const maxRemembered = 1000

// SetHistory says what the phone holds from before: what companions linked from
// now on get and what they may ask for later. It replaces Knobs.HistoryChats
// and HistoryMessages for this account. The own name and addresses, the people
// of generated chats and a Seed of 0 are filled in. What is said while the
// simulator runs is added by itself.
func (u *User) SetHistory(plan history.Plan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settings.past = past{plan: &plan}
}

// history is all that the phone hands to a new companion.
func (u *User) history() history.Plan {
	plan := u.oldHistory()
	for _, c := range u.recent(plan.LIDChats) {
		same := func(o history.Conversation) bool { return u.sim.canonical(o.Chat) == u.sim.canonical(c.Chat) }
		if i := slices.IndexFunc(plan.Conversations, same); i >= 0 {
			plan.Conversations[i].Messages = slices.Concat(plan.Conversations[i].Messages, c.Messages)
			continue
		}
		plan.Conversations = append(plan.Conversations, c)
	}
	if len(plan.Types) == 0 && len(plan.Conversations) == 0 && plan.Chats == 0 && plan.Statuses == 0 {
		// A phone without chats has no older parts to send.
		plan.Types = []history.Type{history.InitialBootstrap, history.PushName, history.NonBlockingData}
	}
	return plan
}

// oldHistory is what was there before the simulator ran: the plan as it was
// set, or one that follows from the knobs.
func (u *User) oldHistory() history.Plan {
	knobs := u.sim.Knobs()
	u.mu.Lock()
	plan := history.Plan{Chats: knobs.HistoryChats, MessagesPerChat: knobs.HistoryMessages}
	if u.settings.past.plan != nil {
		plan = *u.settings.past.plan
	}
	people, name := u.settings.past.people, u.name
	u.mu.Unlock()
	plan.Conversations = slices.Clone(plan.Conversations)
	if plan.OwnPN.IsEmpty() {
		plan.OwnPN, plan.OwnLID = u.pn, u.lid
	}
	plan.OwnName = cmp.Or(plan.OwnName, name)
	plan.Seed = cmp.Or(plan.Seed, u.seed())
	if plan.Contacts != nil || plan.Chats == 0 {
		return plan
	}
	if people == nil {
		people = u.acquaintances(plan)
		u.mu.Lock()
		u.settings.past.people = people
		u.mu.Unlock()
	}
	plan.Contacts = contactsOf(people)
	return plan
}

// seed makes the histories of two accounts differ and one account's repeatable.
func (u *User) seed() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(u.pn.User)) // never fails
	return h.Sum64() ^ u.sim.cfg.Seed
}

// acquaintances are the users of the simulator whom generated chats are with:
// those without an exact chat, in order of their number.
func (u *User) acquaintances(plan history.Plan) []*User {
	taken := map[*User]bool{u: true}
	for _, c := range slices.Concat(plan.Conversations, u.recent(false)) {
		taken[u.sim.findUser(c.Chat)] = true
	}
	people := slices.DeleteFunc(u.sim.everybody(), func(other *User) bool { return taken[other] })
	slices.SortFunc(people, func(a, b *User) int { return cmp.Compare(a.pn.User, b.pn.User) })
	return slices.Clip(people[:min(len(people), plan.Chats)])
}

// contactsOf gives people first, then made-up ones.
func contactsOf(people []*User) history.Contacts {
	return func(i int) (pn, lid types.JID, name string) {
		if i < len(people) {
			return people[i].pn, people[i].lid, people[i].Name()
		}
		number := fmt.Sprintf("49155%08d", i)
		return types.NewJID(number, types.DefaultUserServer), types.NewJID(lidFor(number), types.HiddenUserServer),
			fmt.Sprintf("Contact %d", i+1)
	}
}

// recent are the messages that were sent and received while the simulator ran,
// as chats.
func (u *User) recent(byLID bool) []history.Conversation {
	u.mu.Lock()
	heard, mirrored := slices.Clone(tail(u.inbox.heard)), slices.Clone(tail(u.inbox.mirrored))
	sent := slices.Clone(tail(u.sent.ring))
	u.mu.Unlock()
	chats := map[types.JID]*history.Conversation{}
	var order []types.JID
	add := func(m history.Message, chat types.JID, ok bool) {
		if !ok || chat.Server == types.BroadcastServer {
			return
		}
		c := chats[chat]
		if c == nil {
			c = u.newConversation(chat, byLID)
			chats[chat] = c
			order = append(order, chat)
		}
		c.Messages = append(c.Messages, m)
	}
	for _, e := range heard {
		if !passing[e.Kind] {
			add(u.entryMessage(e, false))
		}
	}
	for _, e := range mirrored {
		if !passing[e.Kind] {
			add(u.entryMessage(e, true))
		}
	}
	for _, id := range sent {
		m, chat, ok := u.sentMessage(id)
		e, says := content.Describe(m.Message)
		add(m, chat, ok && says && !passing[e.Kind])
	}
	var out []history.Conversation
	for _, chat := range order {
		c := chats[chat]
		slices.SortStableFunc(c.Messages, func(a, b history.Message) int { return a.Time.Compare(b.Time) })
		out = append(out, *c)
	}
	return out
}

// passing are the kinds of messages that change others and are none of their
// own in a history.
var passing = map[content.Kind]bool{
	content.KindReaction: true, content.KindVote: true, content.KindEdit: true, content.KindRevoke: true, content.KindTimer: true,
}

func tail[T any](list []T) []T { return list[max(0, len(list)-maxRemembered):] }

func (u *User) newConversation(chat types.JID, byLID bool) *history.Conversation {
	if other := u.sim.findUser(chat); other != nil {
		c := &history.Conversation{Chat: other.pn, Alt: other.lid, Name: other.Name()}
		if byLID {
			c.Chat, c.Alt = c.Alt, c.Chat
		}
		return c
	}
	c := &history.Conversation{Chat: chat}
	if g := u.sim.findGroup(chat); g != nil {
		c.Name = g.Subject()
		for _, member := range g.Members() {
			c.Participants = append(c.Participants, member.lid)
		}
	}
	return c
}

// known finds a message of the account by its id: one of a chat that is going
// on, or of an exact chat of the history.
func (u *User) known(id types.MessageID) (history.Message, types.JID, bool) {
	if m, chat, ok := u.sentMessage(id); ok {
		return m, chat, true
	}
	u.mu.Lock()
	entry, mine := latest(u.inbox.mirrored, id), true
	if entry == nil {
		entry, mine = latest(u.inbox.heard, id), false
	}
	u.mu.Unlock()
	if entry != nil {
		return u.entryMessage(*entry, mine)
	}
	u.mu.Lock()
	plan := u.settings.past.plan
	u.mu.Unlock()
	if plan == nil {
		return history.Message{}, types.EmptyJID, false
	}
	for _, c := range plan.Conversations {
		for _, list := range [][]history.Message{c.Messages, c.Older} {
			if i := slices.IndexFunc(list, func(m history.Message) bool { return m.ID == id }); i >= 0 {
				return list[i], c.Chat, true
			}
		}
	}
	return history.Message{}, types.EmptyJID, false
}

// entryMessage is what stands in an inbox as it stands in a history.
func (u *User) entryMessage(e content.Entry, mine bool) (history.Message, types.JID, bool) {
	chat, err := u.sim.chat(e.Chat)
	author := u.sim.Lookup(e.From)
	if err != nil || author == nil || e.Raw == nil {
		return history.Message{}, chat, false
	}
	return u.asHistory(author, chat, e.ID, e.Raw, time.Unix(e.T, 0), mine), chat, true
}

// sentMessage is what the phone itself has sent as it stands in a history.
func (u *User) sentMessage(id types.MessageID) (history.Message, types.JID, bool) {
	u.mu.Lock()
	sent, ok := u.sent.byID[id]
	u.mu.Unlock()
	chat := u.sim.canonical(sent.chat)
	if !ok {
		return history.Message{}, chat, false
	}
	return u.asHistory(u, chat, id, sent.message, sent.at, true), chat, true
}

func (u *User) asHistory(author *User, chat types.JID, id types.MessageID, said *waE2E.Message, at time.Time, mine bool) history.Message {
	if copied := said.GetDeviceSentMessage().GetMessage(); copied != nil {
		said = copied
	}
	m := history.Message{
		ID: id, FromMe: mine, Time: at, Message: said,
		Secret: said.GetMessageContextInfo().GetMessageSecret(),
	}
	if !private(chat) {
		m.Participant = author.lid
	}
	if !mine {
		m.PushName = author.Name()
	}
	return m
}

// onDemand finds the messages before one. A phone without the chat has nothing
// to send and says so.
func (u *User) onDemand(request history.Request) history.Chunk {
	for _, plan := range []history.Plan{u.oldHistory(), u.history()} {
		chunk, err := plan.OnDemand(request)
		if err == nil {
			return chunk
		}
		if !errors.Is(err, history.ErrNoChat) {
			u.sim.log.Warn("no history on demand", "err", err)
		}
	}
	only := history.Plan{Conversations: []history.Conversation{{Chat: request.Chat.ToNonAD()}}}
	chunk, err := only.OnDemand(request)
	if err != nil {
		u.sim.log.Warn("no history on demand", "err", err)
	}
	return chunk
}
